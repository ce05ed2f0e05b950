/*
 * base/json_writer.h: writes JSON into a buffer, member by member.
 *
 * The writer puts commas and escapes; the caller keeps the order of begin and
 * end.  Errors are those of the buffer (look at out->err once at the end).
 * Strings must be valid UTF-8; they go out raw but for `"`, `\` and control
 * characters.
 */
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_writer {
	struct buf *out;
	bool comma; /* the next value or name needs one before it */
};

void jw_init(struct json_writer *w, struct buf *out);

void jw_begin_object(struct json_writer *w);
void jw_end_object(struct json_writer *w);
void jw_begin_array(struct json_writer *w);
void jw_end_array(struct json_writer *w);

/* A member's name, one of ours that needs no escapes; a value must follow. */
void jw_name(struct json_writer *w, const char *name);

void jw_string(struct json_writer *w, const char *text, size_t len);
void jw_text(struct json_writer *w, const char *text); /* NULL gives null */
void jw_int(struct json_writer *w, int64_t value);
void jw_uint(struct json_writer *w, uint64_t value);
void jw_bool(struct json_writer *w, bool value);
void jw_null(struct json_writer *w);

/* Text that is JSON already: one value. */
void jw_raw(struct json_writer *w, const char *json, size_t len);

/* Unix seconds as an RFC 3339 string, null where negative. */
void jw_time(struct json_writer *w, int64_t unix_seconds);

#endif
