/*
 * pool/reading.h: a deadline for what libfcgi reads: a request's head, and each
 * piece of its body.
 *
 * It reads, and blocks, or answers what isn't part of a request, and blocks.
 * SO_RCVTIMEO wouldn't do: a peer that sends a byte now and then, or takes no
 * answer, would hold the thread for as long as it likes.  So the worker looks at
 * its threads every few seconds, and sends one that is late a signal: its read or
 * write ends with EINTR, which libfcgi takes for the end of the connection.
 * Unlike the number of a descriptor, which libfcgi may just have closed, a thread
 * is never somebody else's; and a signal that comes a moment too late finds it at
 * a lock, where it does nothing.
 */
#ifndef POOL_READING_H
#define POOL_READING_H

#include <pthread.h>

#include "base/clock.h"
#include "base/err.h"

/* One per thread. */
struct reading {
	pthread_mutex_t lock;
	pthread_t thread;
	struct mono deadline; /* MONO_NEVER: it doesn't read */
};

/* Once per process: the signal means nothing but this. */
enum st_err reading_init(void);

/* Before there are others that look at it. */
void reading_open(struct reading *r);

/* By its thread. */
void reading_begin(struct reading *r, struct mono deadline);
void reading_end(struct reading *r);

/* Wakes it if it is late; to be called again, since it may have been between two reads. */
void reading_expire(struct reading *r, struct mono now);

#endif
