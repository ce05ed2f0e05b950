/*
 * metrics/pages.h: the two shared pages, for the files of src/metrics/.
 *
 * Slots are 64-bit atomics, added to without locks.  Places in the arrays are
 * those of the tables in src/metrics/names.c.
 */
#ifndef METRICS_PAGES_H
#define METRICS_PAGES_H

#include "base/clock.h"
#include "metrics/metrics.h"

#define METRICS_METHODS 5
#define METRICS_CODES   17
#define METRICS_BUCKETS 11
#define METRICS_SLOTS   65 /* the supervisor and up to 64 workers */
#define METRICS_FILE    "metrics"
#define METRICS_MAGIC   0x53746f4d65747231u /* "StoMetr1": with the layout's version */

typedef _Atomic uint64_t metric;

struct metrics_pool {
	struct mono opened; /* written once, before there are workers */
	metric requests[METRICS_ROUTE_COUNT][METRICS_METHODS][METRICS_CODES];
	metric buckets[METRICS_ROUTE_COUNT]
		      [METRICS_BUCKETS + 1]; /* not cumulative; last: above all */
	metric microseconds[METRICS_ROUTE_COUNT];
	metric response_bytes;
	metric workers, worker_restarts;
	metric resident[METRICS_SLOTS];
};

struct metrics_daemon {
	uint64_t magic;
	metric events[METRICS_EVENT_COUNT];
	metric failures[FAILURE_CLASS_COUNT];
	metric full_syncs[FULL_SYNC_REASON_COUNT][2]; /* failed, ok */
	metric writes[METRICS_WRITE_COUNT];
	metric resident;
};

/*
 * What a route is described to answer: each route and method in one row.
 * Requests are counted under their true code, and rendered under `other` where
 * the row doesn't have it.
 */
struct metrics_answers {
	enum metrics_route route;
	unsigned methods; /* bits: 1 << place in metrics_methods */
	const int *codes; /* 0 ends them */
};
extern const struct metrics_answers metrics_answers[];
extern const size_t metrics_n_answers;

extern const char *const metrics_routes[METRICS_ROUTE_COUNT];
extern const char *const metrics_methods[METRICS_METHODS]; /* the last one: other */
extern const int metrics_codes[METRICS_CODES];             /* the last one: 0, other */
extern const int64_t metrics_bucket_us[METRICS_BUCKETS];   /* upper bounds */
extern const char *const metrics_bucket_seconds[METRICS_BUCKETS];
extern const char *const metrics_events[METRICS_EVENT_COUNT];
extern const char *const metrics_writes[METRICS_WRITE_COUNT];

/* A copy of the daemon's page; all zero where there is none that can be read, or another version's. */
void metrics_daemon_read(const char *run_dir, struct metrics_daemon *out);

#endif
