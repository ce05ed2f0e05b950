/*
 * rules/offsets.h: which events of the feed were received.
 *
 *   received   … 7 8 9 10 │    12 13    16        next = 11, above: [12,14) [16,17)
 *                         └ next             └ top = 17
 *
 * The saved offset, `next`, is the end of the unbroken run; it moves past
 * received events only, for what Central calls its next offset proves no
 * receipt: an event below it can become readable a moment later.  What was
 * received above a hole has been applied and is remembered as ranges, so that
 * nothing is applied twice when the hole is asked for again.
 */
#ifndef RULES_OFFSETS_H
#define RULES_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define OFFSETS_ABOVE_MAX 100000 /* offsets remembered above a hole; more is a gap */

struct offset_range {
	int64_t from, to; /* from included, to not */
};

struct offsets {
	int64_t next;
	struct offset_range *ranges; /* rising, never touching each other or next */
	size_t n, cap;
	int64_t above; /* offsets in all ranges */
};

/* Nothing received yet; next is the first to ask for. */
void offsets_begin(struct offsets *o, int64_t next);
void offsets_free(struct offsets *o);

bool offsets_has(const struct offsets *o, int64_t offset);

/* ST_TOO_BIG above OFFSETS_ABOVE_MAX, ST_NOMEM: then it isn't remembered. */
enum st_err offsets_add(struct offsets *o, int64_t offset);

/* All below `to` is known by other means (a list that was read later). */
void offsets_skip_to(struct offsets *o, int64_t to);

/* One past the highest that was received; next where nothing is above. */
int64_t offsets_top(const struct offsets *o);

#endif
