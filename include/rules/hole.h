/*
 * rules/hole.h: an event that is missing below others that are there.
 *
 * Central hands an offset out before the event becomes readable, so holes come
 * and go all day; under many writers an event may stand hundreds of places
 * away from where its offset belongs.  A hole is asked for again, from its own
 * offset, with growing pauses, in rounds: where an answer is full the round
 * goes on from the highest offset in it, until one is shorter than its limit.
 * Only a round that began when the hole was old enough, and reached the end of
 * the feed without it, proves that the event is lost: a gap.
 *
 * The offset at our own end counts as missing as well once Central has said
 * (in an empty answer) that its head is beyond it.
 */
#ifndef RULES_HOLE_H
#define RULES_HOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "rules/offsets.h"

#define HOLE_PATIENCE_MS  5000 /* how old a hole must be when the proving round begins */
#define HOLE_PAUSE_MS     200  /* before the first round; doubled after each */
#define HOLE_PAUSE_MAX_MS 2000
#define HOLE_LIMIT        1000 /* events of one answer */

struct hole {
	bool there;
	int64_t at;        /* the missing offset */
	struct mono since; /* when it was first seen */
	struct mono due;   /* when the next question may be asked */
	int64_t pause_ms;
	bool in_round;
	int64_t from; /* offset of the round's next question */
	bool proves;  /* the round began at the hole when that was old enough */
};

enum hole_verdict { HOLE_OPEN, HOLE_FILLED, HOLE_GAP };

/*
 * After anything was received: is there a hole now, is it another one?
 * head: the highest head that an empty answer has named.
 */
void hole_look(struct hole *h, const struct offsets *o, int64_t head, struct mono now);

/* When to ask; MONO_NEVER where there is no hole. */
struct mono hole_due(const struct hole *h);

/* The offset to ask from, now; limit HOLE_LIMIT, no waiting. */
int64_t hole_ask(struct hole *h, struct mono now);

/*
 * An answer to hole_ask() with n events, the highest offset among them, already
 * added to o.  FILLED: that hole is gone (there may be another one).
 */
enum hole_verdict hole_answered(
    struct hole *h, const struct offsets *o, size_t n, int64_t highest, struct mono now);

/* The question got no answer: the round begins anew later. */
void hole_failed(struct hole *h, struct mono due);

#endif
