/*
 * pool/worker.h: one process of the pool.
 */
#ifndef POOL_WORKER_H
#define POOL_WORKER_H

#include "pool/pool.h"

/*
 * Serve until SIGTERM, then finish what is under way.  Called in the child
 * after fork(); its result is the exit code.  slot: 1 to processes, of the
 * counters.
 */
int worker_run(const struct pool_options *options, int listener, unsigned slot);

/* How long a stop waits for requests under way: all of the pool ends within ten seconds. */
#define WORKER_STOP_MS 9600

#endif
