/*
 * sync/engine.h: the daemon's one loop.
 *
 * Owns, for as long as it runs, everything that changes the store: polls of
 * the event feed, full syncs, forwarded writes, their failures and their pace.
 * One thread.
 */
#ifndef SYNC_ENGINE_H
#define SYNC_ENGINE_H

#include <stdint.h>

#include "central/client.h"
#include "metrics/metrics.h"
#include "store/write.h"

#define ENGINE_STORE_ID_MAX    64
#define ENGINE_RUN_DIR_MAX     107 /* no socket's path may be longer */
#define ENGINE_VERIFY_PAUSE_MS 5000

/* What a reload may change. */
struct engine_settings {
	struct central_options central;
	int64_t interval_ms;          /* from start to start of idle polls; 0: at once */
	int64_t wait_seconds;         /* of a long poll */
	int64_t batch_limit;          /* events */
	int64_t fallback_interval_ms; /* between full syncs in fallback mode */
	unsigned failures_max;        /* in a row, then fallback mode */
	int64_t verify_interval_ms;   /* from one comparing with Central to the next; 0: never */
	int64_t verify_pause_ms;   /* ENGINE_VERIFY_PAUSE_MS: for the feed to tell what differs */
	unsigned max_drop_percent; /* of the products, that a full sync may take away at once */
	int64_t write_budget_ms;   /* of one forwarded write, all its tries */
};

struct engine_options {
	struct engine_settings settings;
	struct store_writer *store;     /* the caller's */
	struct metrics_daemon *metrics; /* the caller's */
	const char *run_dir;            /* up to ENGINE_RUN_DIR_MAX, copied */
	const char
	    *store_id; /* in front of each idempotency key; up to ENGINE_STORE_ID_MAX, copied */
	int signal_fd; /* of base/signals */

	/*
	 * Load the settings again (SIGHUP).  false: the old ones stay; the
	 * callee has said why in the log.
	 */
	bool (*reload)(void *arg, struct engine_settings *out);
	void *reload_arg;
};

/*
 * Runs until SIGTERM or SIGINT, and then until forwarded writes have ended.  Fails only before it has begun: ST_BUSY or
 * another failure of the control socket, with one clear line in *why; ST_NOMEM.
 */
enum st_err engine_run(const struct engine_options *options, struct buf *why);

#endif
