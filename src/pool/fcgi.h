/*
 * pool/fcgi.h: one FastCGI request on one descriptor; the one place that knows
 * libfcgi.
 *
 * libfcgi's own accept loop is not used: it can't be stopped with threads, and
 * a connection that the web server keeps would cost a thread while it is idle.
 */
#ifndef POOL_FCGI_H
#define POOL_FCGI_H

#include <stdbool.h>

#include "api/api.h"
#include "pool/reading.h"

struct fcgi; /* one per thread */

/* Once per process, before its threads. */
enum st_err fcgi_init(void);

/* reading: the thread's own, for as long as this is open. */
enum st_err fcgi_open(struct api *api, struct reading *reading, struct fcgi **out);
void fcgi_close(struct fcgi *f);

/* For all of a request but its body; who looks after `reading` sees to it. */
#define FCGI_HEAD_MS 10000

enum fcgi_end {
	FCGI_CLOSED,  /* fd is closed */
	FCGI_KEPT,    /* the web server keeps the connection, and fd is the caller's again */
	FCGI_LINGERS, /* all is said, but the peer may still be sending; fd is the caller's again */
};

/*
 * Serve the request that waits on fd.  keep: false never ends in FCGI_KEPT.
 * It is one function however all is compiled: its instructions are counted
 * (tests/bench/costs.sh).
 */
enum fcgi_end fcgi_serve(struct fcgi *f, int fd, bool keep) __attribute__((noinline));

#endif
