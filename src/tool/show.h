/*
 * tool/show.h: text for a person at a terminal.
 *
 * Names and ids of products, Central's messages: all of it may hold anything.
 * What would move the cursor, ring, colour, or turn the direction of writing
 * (text_is_unsafe()) is shown as an escape instead.
 */
#ifndef TOOL_SHOW_H
#define TOOL_SHOW_H

#include "base/buf.h"
#include "model/doc.h"

/* Characters are UTF-8 from here on, whatever the environment says. */
void show_init(void);

/* Harmless, appended to out; control and direction characters become \x1b or \u202e, stray bytes \xff. */
void show_text(const char *s, size_t len, struct buf *out);

/* The columns that text needs which show_text() has written. */
size_t show_width(const char *s, size_t len);

/* Spaces, until the text in out from `from` on is `width` columns wide. */
void show_pad(struct buf *out, size_t from, size_t width);

/* One value: a string without its quotes, "-" for null or none, else as it stands in the JSON. */
void show_value(const struct doc *d, const struct doc_node *node, struct buf *out);

/* "name            " at the beginning of a line. */
void show_label(const char *name, struct buf *out);

/* A whole line of label and value. */
void show_line(const char *name, const struct doc *d, const struct doc_node *node, struct buf *out);

#endif
