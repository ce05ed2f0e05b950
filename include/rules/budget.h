/*
 * rules/budget.h: the one budget of requests to Central.
 *
 * Central allows so many requests in a window of time, for each client address,
 * and says in the headers of its answers how many remain.  What is more urgent
 * may go lower:
 *
 *   remaining   100 %  everything at once
 *                50 %  from here on all but writes are spread over the rest of the window
 *                40 %  no pages of full syncs, no comparing
 *                30 %  no look-ups
 *                20 %  no events: the rest is kept for writes
 *
 * A Central that sends no such headers has no limit until it answers 429; from
 * then on the limit is half of what was sent in the minute before, growing back
 * by a quarter each minute, and forgotten when it is four times what is sent.
 *
 * After a 429 nothing is sent before the time that Central asked for.
 */
#ifndef RULES_BUDGET_H
#define RULES_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum budget_kind {
	BUDGET_WRITE,
	BUDGET_EVENTS,
	BUDGET_LOOKUP,
	BUDGET_PAGE,
	BUDGET_COMPARE,
	BUDGET_KIND_COUNT
};

/* All zero: nothing is known, nothing is limited. */
struct budget {
	int64_t limit; /* of a window; 0: none known */
	int64_t remaining;
	struct mono ends;          /* of the window */
	int64_t window_ms;         /* its length, as far as we have seen it */
	bool told;                 /* limit and remaining come from headers */
	struct mono refused;       /* nothing is sent before this */
	struct mono spread;        /* no page before this, while requests are spread */
	int64_t sent, sent_before; /* in this window of our own and the one before */
	struct mono sent_ends;
};

/* A request is sent. */
void budget_spent(struct budget *b, struct mono now);

/* The headers of an answer: reset_ms until the window ends. */
void budget_learned(
    struct budget *b, int64_t limit, int64_t remaining, int64_t reset_ms, struct mono now);

/* A 429.  wait_ms: what was asked for, 0: nothing was said. */
void budget_refused(struct budget *b, int64_t wait_ms, struct mono now);

/* When a request of this kind may be sent: `now` or earlier means at once. */
struct mono budget_earliest(const struct budget *b, enum budget_kind kind, struct mono now);

#endif
