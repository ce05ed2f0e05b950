#include "rules/hole.h"

#include <string.h>

#include "base/mutant.h"

void hole_look(struct hole *h, const struct offsets *o, int64_t head, struct mono now)
{
	bool there = o->n > 0 || head > o->next;

	if (!there || !h->there || h->at != o->next) {
		memset(h, 0, sizeof(*h));
		if (!there)
			return;
		h->there = true;
		h->at = o->next;
		h->since = now;
		h->pause_ms = HOLE_PAUSE_MS;
		h->due = mono_add_ms(now, HOLE_PAUSE_MS);
	}
}

struct mono hole_due(const struct hole *h)
{
	return h->there ? h->due : MONO_NEVER;
}

int64_t hole_ask(struct hole *h, struct mono now)
{
	if (!h->in_round) {
		h->in_round = true;
		h->from = h->at;
		h->proves = mono_ms_between(h->since, now) >= HOLE_PATIENCE_MS ||
		            mutant("gap-at-once");
	}
	return h->from;
}

enum hole_verdict hole_answered(
    struct hole *h, const struct offsets *o, size_t n, int64_t highest, struct mono now)
{
	if (!h->there || offsets_has(o, h->at))
		return HOLE_FILLED;
	if (n >= HOLE_LIMIT && highest > h->from) {
		h->from = highest;
		h->due = now;
		return HOLE_OPEN;
	}
	/* A full answer that leads no further is no end of the feed, and would be asked for ever. */
	if (n < HOLE_LIMIT && h->proves)
		return HOLE_GAP;
	h->in_round = false;
	h->due = mono_add_ms(now, h->pause_ms);
	h->pause_ms = h->pause_ms * 2 > HOLE_PAUSE_MAX_MS ? HOLE_PAUSE_MAX_MS : h->pause_ms * 2;
	return HOLE_OPEN;
}

void hole_failed(struct hole *h, struct mono due)
{
	h->in_round = false;
	h->due = due;
}
