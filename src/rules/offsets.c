#include "rules/offsets.h"

#include <stdlib.h>
#include <string.h>

void offsets_begin(struct offsets *o, int64_t next)
{
	o->next = next;
	o->n = 0;
	o->above = 0;
}

void offsets_free(struct offsets *o)
{
	free(o->ranges);
	memset(o, 0, sizeof(*o));
}

/* The first range that ends at or behind the offset. */
static size_t find(const struct offsets *o, int64_t offset)
{
	size_t low = 0, high = o->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->ranges[middle].to < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool offsets_has(const struct offsets *o, int64_t offset)
{
	size_t i = find(o, offset + 1);

	return offset < o->next || (i < o->n && o->ranges[i].from <= offset);
}

int64_t offsets_top(const struct offsets *o)
{
	return o->n > 0 ? o->ranges[o->n - 1].to : o->next;
}

static void remove_ranges(struct offsets *o, size_t at, size_t n)
{
	if (n == 0)
		return;
	memmove(o->ranges + at, o->ranges + at + n, (o->n - at - n) * sizeof(*o->ranges));
	o->n -= n;
}

/* Ranges that the run has reached become part of it. */
static void absorb(struct offsets *o)
{
	size_t n = 0;

	while (n < o->n && o->ranges[n].from <= o->next) {
		o->above -= o->ranges[n].to - o->ranges[n].from;
		if (o->ranges[n].to > o->next)
			o->next = o->ranges[n].to;
		n++;
	}
	remove_ranges(o, 0, n);
}

static enum st_err insert(struct offsets *o, size_t at, int64_t offset)
{
	if (o->n == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 16;
		struct offset_range *grown = realloc(o->ranges, cap * sizeof(*grown));

		if (!grown)
			return ST_NOMEM;
		o->ranges = grown;
		o->cap = cap;
	}
	memmove(o->ranges + at + 1, o->ranges + at, (o->n - at) * sizeof(*o->ranges));
	o->ranges[at] = (struct offset_range){ offset, offset + 1 };
	o->n++;
	return ST_OK;
}

static enum st_err add_above(struct offsets *o, int64_t offset)
{
	size_t i = find(o, offset);
	enum st_err err = ST_OK;

	if (o->above >= OFFSETS_ABOVE_MAX)
		return ST_TOO_BIG;
	if (i < o->n && o->ranges[i].to == offset) {
		o->ranges[i].to++;
		if (i + 1 < o->n && o->ranges[i + 1].from == offset + 1) {
			o->ranges[i].to = o->ranges[i + 1].to;
			remove_ranges(o, i + 1, 1);
		}
	} else if (i < o->n && o->ranges[i].from == offset + 1) {
		o->ranges[i].from--;
	} else {
		err = insert(o, i, offset);
	}
	if (!err)
		o->above++;
	return err;
}

enum st_err offsets_add(struct offsets *o, int64_t offset)
{
	if (offsets_has(o, offset))
		return ST_OK;
	if (offset > o->next)
		return add_above(o, offset);
	o->next++;
	absorb(o);
	return ST_OK;
}

void offsets_skip_to(struct offsets *o, int64_t to)
{
	size_t i = find(o, to);

	if (to <= o->next)
		return;
	/* Ranges that end below are wholly skipped. */
	for (size_t k = 0; k < i; k++)
		o->above -= o->ranges[k].to - o->ranges[k].from;
	remove_ranges(o, 0, i);
	o->next = to;
	absorb(o);
}
