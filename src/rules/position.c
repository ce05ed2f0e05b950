#include "rules/position.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT 2

struct header {
	uint64_t format;
	int64_t next, ran_ahead;
	uint64_t marks, ranges;
};

void position_begin(struct position *p, int64_t next)
{
	offsets_begin(&p->offsets, next);
	p->marks.n = 0;
	p->ran_ahead = p->head = 0;
}

void position_free(struct position *p)
{
	offsets_free(&p->offsets);
}

void position_write(const struct position *p, struct buf *out)
{
	struct header h = { FORMAT, p->offsets.next, p->ran_ahead, p->marks.n, p->offsets.n };

	buf_add(out, &h, sizeof(h));
	buf_add(out, p->marks.marks, p->marks.n * sizeof(p->marks.marks[0]));
	if (p->offsets.n > 0)
		buf_add(out, p->offsets.ranges, p->offsets.n * sizeof(*p->offsets.ranges));
}

static bool is_whole(const struct header *h, size_t len)
{
	return h->format == FORMAT && h->next >= 0 && h->marks <= LOG_MARKS_MAX &&
	       h->ranges <= OFFSETS_ABOVE_MAX &&
	       len == sizeof(*h) + h->marks * sizeof(struct log_mark) +
	                  h->ranges * sizeof(struct offset_range);
}

static enum st_err read_ranges(const char *bytes, size_t n, struct offsets *o)
{
	int64_t end = o->next;

	if (n == 0)
		return ST_OK;
	o->ranges = malloc(n * sizeof(*o->ranges));
	if (!o->ranges)
		return ST_NOMEM;
	memcpy(o->ranges, bytes, n * sizeof(*o->ranges));
	o->n = o->cap = n;
	for (size_t i = 0; i < n; i++) {
		if (o->ranges[i].from <= end || o->ranges[i].to <= o->ranges[i].from)
			return ST_CORRUPT;
		end = o->ranges[i].to;
		o->above += o->ranges[i].to - o->ranges[i].from;
	}
	return ST_OK;
}

enum st_err position_read(const void *bytes, size_t len, struct position *out)
{
	struct position p = { .head = 0 };
	const char *at = bytes;
	struct header h;
	enum st_err err;

	if (len < sizeof(h))
		return ST_CORRUPT;
	memcpy(&h, at, sizeof(h));
	if (!is_whole(&h, len))
		return ST_CORRUPT;
	at += sizeof(h);
	p.offsets.next = h.next;
	p.ran_ahead = h.ran_ahead;
	p.marks.n = h.marks;
	memcpy(p.marks.marks, at, h.marks * sizeof(p.marks.marks[0]));
	at += h.marks * sizeof(p.marks.marks[0]);
	err = read_ranges(at, h.ranges, &p.offsets);
	if (err) {
		offsets_free(&p.offsets);
		return err;
	}
	position_free(out);
	*out = p;
	return ST_OK;
}
