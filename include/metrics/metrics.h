/*
 * metrics/metrics.h: counters in shared memory and their text for Prometheus.
 *
 * Two pages.  The pool's is anonymous shared memory, made by the supervisor
 * before it forks: all workers add to it, and a worker's death takes nothing
 * away.  The daemon's is the file RUN_DIR/metrics, written by the daemon alone
 * and read by whoever renders.  Counters start at 0 with the program that owns
 * the page; gauges about the cache come from the store itself when rendered.
 * Every series exists from the start, zeros included.  Manual: store-api(7).
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/record.h"

/* The label `route` of a request: an index into the table of src/metrics/names.c. */
enum metrics_route {
	METRICS_ROUTE_INVENTORY,
	METRICS_ROUTE_PRODUCT,
	METRICS_ROUTE_UPDATES,
	METRICS_ROUTE_BATCH_UPDATES,
	METRICS_ROUTE_SYNC_STATUS,
	METRICS_ROUTE_SYNC_FORCE,
	METRICS_ROUTE_CACHE_STATS,
	METRICS_ROUTE_OPENAPI,
	METRICS_ROUTE_HEALTH,
	METRICS_ROUTE_METRICS,
	METRICS_ROUTE_OTHER,
	METRICS_ROUTE_COUNT
};

struct metrics_pool;

/* By the supervisor before it forks; unmapped by metrics_pool_close(). */
enum st_err metrics_pool_open(struct metrics_pool **out);
void metrics_pool_close(struct metrics_pool *m);

struct metrics_request {
	enum metrics_route route;
	const char *method; /* as the client sent it */
	int code;           /* HTTP status */
	int64_t microseconds;
	uint64_t response_bytes; /* of the body */
};
void metrics_pool_request(struct metrics_pool *m, const struct metrics_request *r);
void metrics_pool_workers(struct metrics_pool *m, unsigned running);
void metrics_pool_worker_restarted(struct metrics_pool *m);

/* Each process of the pool in a slot of its own (0 to 64, 0 the supervisor). */
void metrics_pool_resident(struct metrics_pool *m, unsigned slot, uint64_t bytes);

/* Milliseconds since metrics_pool_open(), whichever worker asks. */
int64_t metrics_pool_uptime_ms(const struct metrics_pool *m);

/* Of all its processes, as each of them published its own. */
uint64_t metrics_pool_private_memory(const struct metrics_pool *m);

enum metrics_event {
	METRICS_EVENT_APPLIED,
	METRICS_EVENT_STALE,
	METRICS_EVENT_REPAIRED,
	METRICS_EVENT_COUNT
};
enum metrics_write {
	METRICS_WRITE_APPLIED,
	METRICS_WRITE_REFUSED,
	METRICS_WRITE_NOT_SENT,
	METRICS_WRITE_NOT_APPLIED,
	METRICS_WRITE_UNKNOWN,
	METRICS_WRITE_COUNT
};

struct metrics_daemon;

/* The daemon's page; path: RUN_DIR/metrics, replaced.  Mode 0640. */
enum st_err metrics_daemon_create(const char *run_dir, struct metrics_daemon **out);
/* To be called every few seconds: a file that was removed, or is another user's, is made anew. */
enum st_err metrics_daemon_keep(const char *run_dir, struct metrics_daemon *m);
void metrics_daemon_close(
    struct metrics_daemon *m); /* the file stays: counters of a dead daemon can be read */

void metrics_daemon_events(struct metrics_daemon *m, enum metrics_event result, uint64_t n);
void metrics_daemon_failure(struct metrics_daemon *m, enum failure_class c);
void metrics_daemon_full_sync(struct metrics_daemon *m, enum full_sync_reason reason, bool ok);
void metrics_daemon_writes(struct metrics_daemon *m, enum metrics_write outcome, uint64_t n);
void metrics_daemon_resident(struct metrics_daemon *m, uint64_t bytes);

/* What the daemon published last, also if it was killed since; 0 where it ended or never ran. */
uint64_t metrics_daemon_private_memory(const char *run_dir);

/* What the renderer is told of the cache; all 0 where it can't be read. */
struct metrics_cache {
	int64_t age_ms; /* -1: unknown; then the series has the value NaN */
	struct sync_record record;
	uint64_t products;
	uint64_t used_bytes, limit_bytes;
	uint32_t readers, readers_max;
	const char *state; /* starting, live, retrying, fallback, stopped */
	bool has_daemon;   /* one holds the store: what it published of its memory holds */
};

/* The whole text, format 0.0.4, appended to out. */
void metrics_render(const struct metrics_pool *pool, const char *run_dir,
    const struct metrics_cache *cache, const char *version, struct buf *out);

#endif
