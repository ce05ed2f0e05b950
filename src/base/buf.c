#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

void buf_init(struct buf *b, size_t limit)
{
	memset(b, 0, sizeof(*b));
	b->limit = limit;
}

void buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->limit);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = ST_OK;
	if (b->data)
		b->data[0] = '\0';
}

static size_t grown(const struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : FIRST_SIZE;

	while (cap < need)
		cap *= 2;
	/* So whoever finds room in it is below the limit too. */
	return cap <= b->limit ? cap : b->limit + 1;
}

char *buf_grow(struct buf *b, size_t len)
{
	size_t cap;
	char *data;

	if (b->err)
		return NULL;
	if (len > b->limit || b->len > b->limit - len) {
		b->err = ST_TOO_BIG;
		return NULL;
	}
	/* One more for the NUL. */
	cap = grown(b, b->len + len + 1);
	data = realloc(b->data, cap);
	if (!data) {
		b->err = ST_NOMEM;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *room = buf_room(b, len);

	if (!room)
		return;
	if (len)
		memcpy(room, data, len);
	buf_commit(b, len);
}

void buf_addc(struct buf *b, char c)
{
	char *room = buf_room(b, 1);

	if (!room)
		return;
	*room = c;
	buf_commit(b, 1);
}

void buf_add_uint(struct buf *b, uint64_t value)
{
	char digits[20], *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_add_int(struct buf *b, int64_t value)
{
	if (value < 0)
		buf_addc(b, '-');
	/* Negated as unsigned: INT64_MIN has no positive counterpart. */
	buf_add_uint(b, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *room;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || !(room = buf_room(b, (size_t)len)))
		return;
	va_start(ap, fmt);
	vsnprintf(room, (size_t)len + 1, fmt, ap);
	va_end(ap);
	buf_commit(b, (size_t)len);
}

void buf_drop(struct buf *b, size_t len)
{
	if (len > b->len)
		len = b->len;
	if (len == 0)
		return;
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}
