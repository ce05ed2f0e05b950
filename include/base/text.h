/*
 * base/text.h: small strict readers and writers of text.
 *
 * Text from outside comes with a length and need not end with a NUL.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

/* A piece of somebody else's bytes; valid as long as they are. */
struct span {
	const char *data;
	size_t len;
};

static inline bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool text_is_utf8(const char *s, size_t len);

/* The valid UTF-8 character that s begins with: its length, and what it is.  0: there is none. */
size_t text_character(const char *s, size_t len, uint32_t *code);

/*
 * What a terminal takes for a command or a line's end, what turns the direction of
 * writing, and spaces of no width.  Not the joiner and non-joiner of zero width:
 * names in Indic scripts, Persian and emoji are written with them.
 */
bool text_is_unsafe(uint32_t code);

/* True if a byte 00-1F or 7F is in it. */
bool text_has_control(const char *s, size_t len);

/*
 * Digits only (no sign, no space, at least one), value at most max.
 * ST_INVALID otherwise, ST_TOO_BIG where only the range is wrong.
 */
enum st_err text_to_uint(const char *s, size_t len, uint64_t max, uint64_t *out);

/*
 * Percent-decode once, appending to out; with plus_is_space a `+` becomes a
 * space (query strings).  ST_INVALID for a bad escape.
 */
enum st_err text_percent_decode(const char *s, size_t len, bool plus_is_space, struct buf *out);

/* Percent-encode all but unreserved characters (RFC 3986), appending to out. */
void text_percent_encode(const char *s, size_t len, struct buf *out);

/* The last so many hexadecimal digits of the value, and a NUL. */
void text_hex(uint64_t value, unsigned digits, char *out);

#define TIME_TEXT_SIZE 21 /* "2024-01-15T10:30:00Z" and NUL */

/* Unix seconds as RFC 3339 in UTC with whole seconds. */
void text_time(int64_t unix_seconds, char out[TIME_TEXT_SIZE]);

#define DURATION_TEXT_SIZE 32

/* "350ms", "1.2s", "45s", "2m5s", "1h30m45s"; below 10 s with one digit after the point. */
void text_duration(int64_t milliseconds, char out[DURATION_TEXT_SIZE]);

/* "2.4MB": MB are 2^20 bytes, one digit. */
void text_megabytes(uint64_t bytes, char out[DURATION_TEXT_SIZE]);

/* Compares in a time that depends on the lengths alone. */
bool text_equal_constant_time(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
