/*
 * pool/linger.h: connections whose request was answered before its body was all
 * there.
 *
 * To close one at once would reset it and could take our answer away: Apache
 * passes a slow client's body on byte by byte, and finds our answer only when it
 * has sent the next one.  So the connection stays for a while, what still comes
 * is thrown away, and no thread waits for it: it lies in the worker's epoll set.
 */
#ifndef POOL_LINGER_H
#define POOL_LINGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

#define LINGER_MS   15000
#define LINGERS_MAX 256 /* more are closed at once */

/* One per worker process; its threads share it. */
struct lingers {
	pthread_mutex_t lock;
	struct {
		int fd;
		struct mono deadline;
	} list[LINGERS_MAX];
	size_t n;
};

/* Ends our direction and takes fd over.  False: there was no room, and it is closed. */
bool lingers_add(struct lingers *l, int fd, struct mono now);

/* Throws away what came.  False: that was the end. */
bool lingers_read(int fd);

/* Closes one of them. */
void lingers_end(struct lingers *l, int fd);

/* Wakes those whose time is over: they then read their end.  Called every few seconds. */
void lingers_expire(struct lingers *l, struct mono now);

#endif
