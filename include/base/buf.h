/*
 * base/buf.h: a growing byte buffer with a limit and a sticky error.
 *
 * Append as often as you like and look at `err` once at the end: after the
 * first failure (limit reached, no memory) further appends do nothing.
 * The buffer owns `data`; it is followed by a NUL that is not counted.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct buf {
	char *data;      /* NULL while nothing was appended */
	size_t len;      /* bytes in use */
	size_t cap;      /* bytes allocated; never more than the limit and the NUL */
	size_t limit;    /* len never goes above this */
	enum st_err err; /* first failure: ST_NOMEM or ST_TOO_BIG */
};

/* An empty buffer that holds up to limit bytes.  Allocates nothing yet. */
void buf_init(struct buf *b, size_t limit);

/* Free the memory; the buffer is then as after buf_init(). */
void buf_free(struct buf *b);

/* Forget content and error, keep the memory. */
void buf_reset(struct buf *b);

/*
 * Room for len more bytes, to be filled by the caller and then claimed with
 * buf_commit().  NULL on failure (err is set).  These small ones stand here, since
 * an answer is made of hundreds of them; buf_grow() is for buf_room() alone.
 */
char *buf_grow(struct buf *b, size_t len);
static inline char *buf_room(struct buf *b, size_t len)
{
	return !b->err && len < b->cap - b->len ? b->data + b->len : buf_grow(b, len);
}

static inline void buf_commit(struct buf *b, size_t len)
{
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *data, size_t len);

static inline void buf_adds(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_addc(struct buf *b, char c);
/* In decimal; for where buf_addf() would be most of a request's work. */
void buf_add_int(struct buf *b, int64_t value);
void buf_add_uint(struct buf *b, uint64_t value);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Drop the first len bytes (at most all of them). */
void buf_drop(struct buf *b, size_t len);

/* The content as a string; "" while empty. */
const char *buf_text(const struct buf *b);

#endif
