/*
 * rules/feed.h: what an answer of the event feed says about our place in it.
 *
 *   asked ─▶ 7 8 9 10 │   12 13      run: 7-10, next offset 11, then a hole
 *
 * Our offset moves past received events only, along the unbroken run that
 * begins at what was asked.  The `nextOffset` of an answer proves no receipt:
 * an event below it can become readable a moment later.  (A full sync begins at
 * the head that Central names, because a list read after it holds all below.)
 *
 * A hole mends itself within moments where Central publishes out of order; so
 * it is asked for again, and only one that has stayed for FEED_HOLE_PATIENCE_MS
 * is a gap.
 */
#ifndef RULES_FEED_H
#define RULES_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/event.h"

#define FEED_HOLE_PATIENCE_MS 5000

enum feed_verdict {
	FEED_FOLLOWS,  /* everything in the answer is in the run */
	FEED_HOLE,     /* there are events past the run */
	FEED_UNUSABLE, /* the run holds an event that can't be used */
	FEED_RESET,    /* empty, with its head below us: Central started its feed anew */
};

struct feed_view {
	enum feed_verdict verdict;
	const struct event *run; /* the events to apply, in order; some may stand twice */
	size_t n;
	int64_t next_offset; /* ours, after these */
	bool at_end;         /* the answer held less than it might: nothing waits behind it */
};

/*
 * asked: the offset that was asked for, limit: the number of events.  `run`
 * points into the answer.  (`hasMore` isn't looked at: it may be true at the
 * very end.)
 */
struct feed_view feed_look(int64_t asked, int64_t limit, const struct event_batch *answer);

/*
 * Keeps since when there has been a hole right at our offset (MONO_NEVER: there
 * is none).  True once it is a gap.
 */
bool feed_hole_is_gap(const struct feed_view *v, struct mono now, struct mono *since);

#endif
