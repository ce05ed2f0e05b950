/*
 * health/health.h: is this store fit to serve?  Pure judgement, no I/O.
 *
 * Judged from the store's own record by whoever asks, not from the daemon's
 * opinion of itself; only before there is a record its word is all there is.
 * GET /health and the cron check both ask here.
 */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/record.h"

struct health_facts {
	enum st_err store; /* of opening: ST_OK, ST_UNAVAILABLE (no store yet), other */
	const struct sync_record *record; /* NULL unless store is ST_OK */
	struct stamp now;
	bool daemon_answers;
	enum sync_state daemon_state;  /* as it says; believed only where there is no record */
	int64_t max_staleness_seconds; /* 0: never too old */
};

enum health_verdict { HEALTH_HEALTHY, HEALTH_DEGRADED, HEALTH_UNHEALTHY };

/* Words as GET /health shows them. */
struct health {
	enum health_verdict verdict;
	const char *cache;   /* ok, empty, stale, unreadable */
	const char *daemon;  /* ok, unreachable */
	const char *central; /* ok, retrying, fallback, unknown */
	int64_t age_seconds; /* -1: never filled, or unknown */
};

struct health health_judge(const struct health_facts *facts);
const char *health_verdict_text(enum health_verdict v);

/* True if a read must be refused as cache_too_stale. */
bool health_too_stale(
    const struct sync_record *record, const struct stamp *now, int64_t max_staleness_seconds);

#endif
