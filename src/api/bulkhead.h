/*
 * api/bulkhead.h: how many threads of a process may wait for anything but the
 * disk, so that reads never queue behind writes.
 *
 * Requests that have a body or wait for the daemon hold at most half of the
 * threads, those that force a full sync at most a quarter of that half; at
 * least one each.  Nobody waits for a place.
 */
#ifndef API_BULKHEAD_H
#define API_BULKHEAD_H

#include <stdatomic.h>
#include <stdbool.h>

enum bulkhead_place { BULKHEAD_WRITE, BULKHEAD_FORCE };

struct bulkhead {
	unsigned most, most_forces;
	atomic_uint held, forces; /* forces are among those that are held */
};

void bulkhead_init(struct bulkhead *b, unsigned threads);

/* False: no place is free. */
bool bulkhead_enter(struct bulkhead *b, enum bulkhead_place place);
void bulkhead_leave(struct bulkhead *b, enum bulkhead_place place);

#endif
