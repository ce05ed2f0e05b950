/*
 * hostile/bodies.h: request bodies that nobody should send.
 */
#ifndef HOSTILE_BODIES_H
#define HOSTILE_BODIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A stream of numbers that the seed alone decides (xorshift). */
struct dice {
	uint64_t state;
};

uint32_t dice_roll(struct dice *d, uint32_t n); /* 0 to n - 1 */

/* A valid body, of a batch or not. */
void body_valid(struct dice *d, bool batch, struct buf *out);

/*
 * Any body, in out, which was reset: a valid one as it is, or with bytes and
 * tokens changed, members of all types and ranges, or random bytes.  True: it
 * is valid for sure.
 */
bool body_any(struct dice *d, bool batch, struct buf *out);

#endif
