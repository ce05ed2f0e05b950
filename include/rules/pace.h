/*
 * rules/pace.h: when the next poll and the next full sync begin.
 */
#ifndef RULES_PACE_H
#define RULES_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define PACE_IDLE_LEAST_MS       1000
#define PACE_IDLE_MOST_MS        5000
#define PACE_FULL_SYNC_FIRST_MS  1000
#define PACE_FULL_SYNC_MOST_MS   300000
#define PACE_FULL_SYNC_FORGET_MS 600000

/* A poll that ended well. */
struct pace_poll {
	struct mono started, ended;
	int64_t wait_ms; /* how long Central was asked to wait */
	bool brought_events;
	unsigned
	    early; /* idle answers in a row, this one left out, that came before their wait was over */
};

/* True if the answer was idle and came before its wait was over: a peer that ignores `wait`. */
bool pace_was_early(const struct pace_poll *p);

/*
 * Events: at once.  Else interval_ms from start to start; 0: at once, but idle
 * polls never begin within a second of each other, and up to five seconds
 * apart while answers come early.
 */
struct mono pace_next_poll(const struct pace_poll *p, int64_t interval_ms);

/*
 * The spacing of full syncs that nobody asked for, so that they never follow
 * each other in a tight loop, whatever Central answers: 1 s after the last
 * one's end, then 2 s, doubled up to five minutes; ten quiet minutes forget it.
 *
 * It holds for a damaged store too.  The first damage is mended at once, and
 * five more within those minutes in less than 30 s each; a store that is damaged
 * again and again stands on memory or a disk that is broken, and is not to cost
 * Central its list each time.
 */
struct pace_full_syncs {
	unsigned streak; /* syncs in a row without a quiet time between them */
	struct mono last_end;
};

/* The earliest start of the next one. */
struct mono pace_next_full_sync(const struct pace_full_syncs *p, struct mono now);

/* One has ended, well or not. */
void pace_full_sync_ended(struct pace_full_syncs *p, struct mono now);

#endif
