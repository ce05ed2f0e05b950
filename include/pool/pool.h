/*
 * pool/pool.h: worker processes that answer FastCGI requests on one socket.
 *
 * A supervisor owns the socket and the counters, and keeps `processes` workers
 * running; each serves with `threads` threads.  Manual: store-api.fcgi(8).
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"

/* What it points to is main's, and stays until the next reload or the end. */
struct pool_options {
	const char *listen; /* unix:PATH, HOST:PORT, [v6]:PORT; not used with an inherited socket */
	unsigned socket_mode;     /* permission bits of a UNIX socket */
	const char *socket_group; /* "": that of its directory */
	unsigned processes, threads;
	struct api_options api; /* `metrics` is filled in by the pool */

	/*
	 * Workers die as of a damaged store, the last of them so long ago: have it
	 * built anew.  False: nobody heard it, and it is called again after a while.
	 * In the supervisor, for which it must not take long.  NULL: there is nobody
	 * to tell.
	 */
	bool (*tell_crashes)(const char *run_dir, int64_t ago_ms);
};

/*
 * SIGHUP: load the settings again.  true: *api is what new workers get; each
 * worker is replaced, one after the other, without a lost request.  false: all
 * stays; the callee has said why in the log.
 */
typedef bool pool_reload(void *arg, struct api_options *api);

/*
 * Runs until SIGTERM or SIGINT.  Fails only before it has begun, with one
 * clear line in *why: ST_BUSY (address in use), ST_DENIED, ST_INVALID, …
 */
enum st_err pool_run(
    const struct pool_options *options, pool_reload *reload, void *arg, struct buf *why);

#endif
