/*
 * sync/state.h: the engine's inside, shared by the files of src/sync/.
 *
 *                    ┌────────────── first answer ───────────────┐
 *                    │                                           ▼
 *   start ──▶ STARTING ── failure ──▶ RETRYING ── success ──▶ LIVE
 *                                      │    ▲                 │  ▲
 *                     failures_max in  │    └──── failure ────┘  │
 *                     a row            ▼                         │
 *                                  FALLBACK ───── success ───────┘
 *
 * Beside that state, which is only about how the last exchanges went, there
 * are two activities, each with at most one request under way:
 *
 *   poll       follows the feed from the running generation's offset.  Rests
 *              while there is no running generation, or while its place in the
 *              feed is lost.
 *   full sync  IDLE → HEAD → PAGES → REPLAY → IDLE
 *              HEAD    asks for the feed's head H
 *              PAGES   reads the list into the coming generation
 *              REPLAY  applies the events from H to the end of the feed, in
 *                      order, then publishes
 *
 * A list read after H holds everything below H, and maybe more; the version
 * guard makes an event harmless that a page holds already.  The poll goes on
 * meanwhile, so readers see changes while a long full sync runs.
 */
#ifndef SYNC_STATE_H
#define SYNC_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/server.h"
#include "rules/pace.h"
#include "sync/engine.h"

enum full_sync_phase { FULL_SYNC_IDLE, FULL_SYNC_HEAD, FULL_SYNC_PAGES, FULL_SYNC_REPLAY };

struct poll {
	struct central_call *call; /* under way, or NULL */
	struct mono started;
	struct mono next;       /* when it may begin; MONO_NEVER: it rests */
	bool place_lost;        /* only a full sync finds a place in the feed again */
	unsigned early;         /* see rules/pace.h */
	struct mono hole_since; /* MONO_NEVER: there is none */
};

struct full_sync {
	enum full_sync_phase phase;
	struct central_call *call;
	struct mono next; /* when the next request may begin */
	struct mono started;
	enum full_sync_reason reason; /* of the one that runs */
	unsigned failures;            /* in a row, of its requests */

	enum full_sync_reason wanted; /* of the one that waits for its time; NONE: none */
	struct mono due;              /* that time */
	struct pace_full_syncs pace;
	struct mono last_forced; /* start of the last one that somebody asked for */
	bool ever_forced;

	int64_t offset;      /* PAGES: the head; REPLAY: the next event */
	int64_t list_offset; /* of the next page */
	char *cursor;        /* of the next page, or NULL */
	uint64_t pages_done, products_seen;
	int64_t total; /* -1: not known */
	uint64_t added, changed, rejected;
	struct mono hole_since;
};

struct apply_counts {
	uint64_t applied, stale;
};

struct engine {
	struct engine_settings settings;
	const struct engine_options *options;
	struct store_writer *store;
	struct central *central;
	struct control_server *control;
	struct metrics_daemon *metrics;

	struct sync_record record; /* as last committed, or to be */
	struct poll poll;
	struct full_sync full_sync;
	struct mono next_housekeeping;
	struct log_repeat event_failures, full_sync_failures;
	bool stopping;
};

/* poll.c */
void poll_tick(struct engine *e, struct mono now);
void poll_cancel(struct engine *e);
struct mono poll_due(const struct engine *e);

/*
 * apply.c: commit a run of events and the record with its new offset to a generation.
 * rules/guard.h decides about each.
 */
enum st_err apply_events(struct engine *e, enum store_target target, const struct event *events,
    size_t n, struct sync_record *record, struct apply_counts *counts);

/* full_sync.c */
void full_sync_tick(struct engine *e, struct mono now);
struct mono full_sync_due(const struct engine *e);
void full_sync_want(struct engine *e, enum full_sync_reason reason, struct mono now);
void full_sync_cancel(struct engine *e);
bool full_sync_runs(const struct engine *e);

/* report.c: the record's words, the log and the counters of what happened. */
void record_success(struct sync_record *r, bool confirmed_current);
void report_adopt(struct engine *e, const struct sync_record *committed);
void report_failure(struct engine *e, const char *what, struct log_repeat *repeat,
    const struct central_outcome *outcome);
void report_recovered(const char *what, struct log_repeat *repeat);
enum st_err report_commit(struct engine *e);
void report_status(const struct engine *e, struct control_status *out);

/* A failure of our own store as an outcome. */
struct central_outcome storage_outcome(enum st_err err);

#endif
