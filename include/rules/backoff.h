/*
 * rules/backoff.h: how long to wait after a failure.
 *
 * Grows: the ceiling doubles with each failure in a row, from 1 s to 60 s.
 * Jitter: the wait is anywhere between a tenth of the ceiling and the ceiling,
 * so that a thousand stores that lost Central at the same moment don't come
 * back at the same moment; the tenth keeps a lucky draw from being a tight loop.
 * Obedient: what Central asked for (429) is the least, jitter comes on top.
 */
#ifndef RULES_BACKOFF_H
#define RULES_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS   60000

/*
 * failures: in a row, this one included (1 or more).  asked_ms: what the peer
 * asked us to wait, 0 if it didn't.  random: any 32 random bits.
 */
int64_t backoff_ms(unsigned failures, int64_t asked_ms, uint32_t random);

#endif
