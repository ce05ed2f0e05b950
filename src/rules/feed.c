#include "rules/feed.h"

static bool is_unusable(const struct event *events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (events[i].kind == EVENT_UNUSABLE)
			return true;
	return false;
}

struct feed_view feed_look(int64_t asked, int64_t limit, const struct event_batch *answer)
{
	struct feed_view v = { .verdict = FEED_FOLLOWS, .next_offset = asked };
	size_t first = 0, i;

	/* Beside events a low nextOffset means nothing: it follows their order in the list. */
	if (answer->n == 0 && answer->next_offset < asked)
		v.verdict = FEED_RESET;
	while (first < answer->n && answer->events[first].offset < asked)
		first++;
	for (i = first; i < answer->n && answer->events[i].offset <= v.next_offset; i++)
		v.next_offset = answer->events[i].offset + 1;
	v.run = answer->events + first;
	v.n = i - first;
	v.at_end = (int64_t)answer->n < limit;
	if (is_unusable(v.run, v.n))
		v.verdict = FEED_UNUSABLE;
	else if (i < answer->n)
		v.verdict = FEED_HOLE;
	return v;
}

bool feed_hole_is_gap(const struct feed_view *v, struct mono now, struct mono *since)
{
	if (v->verdict != FEED_HOLE || v->n > 0) {
		*since = MONO_NEVER;
		return false;
	}
	if (since->us == MONO_NEVER.us)
		*since = now;
	return mono_ms_between(*since, now) >= FEED_HOLE_PATIENCE_MS;
}
