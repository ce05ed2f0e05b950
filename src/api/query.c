#include "api/query.h"

#include <string.h>

#define DECODED_MAX 64 /* of a name or number that is one of ours */

/* Decoded into a small place; false if it can't be, or can't be one of ours. */
static bool decode(struct span raw, struct buf *out)
{
	buf_reset(out);
	return text_percent_decode(raw.data, raw.len, true, out) == ST_OK;
}

/* Cut the next name=value off the front. */
static bool next_pair(struct span *query, struct span *name, struct span *value)
{
	const char *end, *equals;
	size_t len;

	if (query->len == 0)
		return false;
	end = memchr(query->data, '&', query->len);
	len = end ? (size_t)(end - query->data) : query->len;
	equals = memchr(query->data, '=', len);
	*name = (struct span){ query->data, equals ? (size_t)(equals - query->data) : len };
	*value = equals ? (struct span){ equals + 1, len - name->len - 1 } : (struct span){ "", 0 };
	query->data += len + (end != NULL);
	query->len -= len + (end != NULL);
	return true;
}

/* Names as good as never have escapes. */
static bool is_named(struct span raw, const char *name, struct buf *decoded)
{
	if (!memchr(raw.data, '%', raw.len))
		return span_is(raw, name);
	return decode(raw, decoded) &&
	       span_is((struct span){ buf_text(decoded), decoded->len }, name);
}

enum st_err query_find(struct span query, const char *name, struct span *raw)
{
	enum st_err err = ST_NOT_FOUND;
	struct span one, value;
	struct buf decoded;

	buf_init(&decoded, DECODED_MAX);
	while (err != ST_INVALID && next_pair(&query, &one, &value)) {
		if (!is_named(one, name, &decoded))
			continue;
		if (err == ST_NOT_FOUND)
			*raw = value;
		err = err == ST_NOT_FOUND ? ST_OK : ST_INVALID;
	}
	buf_free(&decoded);
	return err;
}

static bool read_number(struct span query, struct query_number *number)
{
	struct span raw;
	struct buf decoded;
	enum st_err err = query_find(query, number->name, &raw);
	uint64_t n = 0;

	number->given = err != ST_NOT_FOUND;
	if (err)
		return err == ST_NOT_FOUND;
	buf_init(&decoded, DECODED_MAX);
	if (raw.len <= DECODED_MAX && !memchr(raw.data, '%', raw.len))
		err = text_to_uint(raw.data, raw.len, number->max, &n);
	else if (decode(raw, &decoded))
		err = text_to_uint(buf_text(&decoded), decoded.len, number->max, &n);
	else
		err = ST_INVALID;
	buf_free(&decoded);
	if (err || n < number->min)
		return false;
	number->value = n;
	return true;
}

const struct query_number *query_read_numbers(
    struct span query, struct query_number *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!read_number(query, &numbers[i]))
			return &numbers[i];
	return NULL;
}
