/*
 * control/envelope.h: what all messages have in common, for the files that
 * write and read them.
 */
#ifndef CONTROL_ENVELOPE_H
#define CONTROL_ENVELOPE_H

#include "base/json_writer.h"
#include "control/message.h"
#include "model/doc.h"

/* An answer's first members; its other ones and jw_end_object() must follow. */
void envelope_begin_answer(struct json_writer *w, struct buf *out, const char *id, bool ok);

/* An answer to this id, whatever it says; the caller frees *d after ST_OK. */
enum st_err envelope_open(const char *text, size_t len, const char *id, struct doc *d, bool *ok);

/* The same; ST_INVALID unless it says ok. */
enum st_err envelope_open_ok(const char *text, size_t len, const char *id, struct doc *d);

/* Text for people, cut to the size that it has room for; ST_INVALID where it is no string. */
enum st_err envelope_text(
    const struct doc *d, const struct doc_node *node, char out[CONTROL_TEXT_SIZE]);

#endif
