/*
 * pool/crashes.h: when deaths of workers look as if the store were damaged.
 *
 * LMDB maps the store's file: where pages are missing or wrong a reader may die
 * of a signal inside, and can tell nobody of it.  One such death may be a fault
 * of ours; several in a row are taken for damage.
 */
#ifndef POOL_CRASHES_H
#define POOL_CRASHES_H

#include <stdbool.h>

#include "base/clock.h"

#define CRASHES_MANY      3
#define CRASHES_WITHIN_MS 60000

/* The last ones; all zero: none. */
struct crashes {
	struct mono at[CRASHES_MANY];
	unsigned n; /* since the last time that they were many */
};

/*
 * A worker has ended, with this status of waitpid(2).  True: that makes so many
 * within the time; they are forgotten then.
 */
bool crashes_add(struct crashes *c, int status, struct mono now);

#endif
