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
 * are seven activities:
 *
 *   follow     the event feed: a long poll from the highest event received,
 *              questions for holes, and the check that the log is still ours.
 *   look-ups   single products that Central is asked for, because events alone
 *              can't tell their state (rules/doubt.h).
 *   full sync  IDLE → HEAD → MARKS → PAGES → TAIL → CATCH_UP → IDLE
 *              HEAD      asks for the feed's head H
 *              MARKS     reads the events before H, to know the log again; only
 *                        where our own place in the feed is no good
 *              PAGES     reads the list into the coming generation
 *              TAIL      asks for the head once more: of all events below, the
 *                        pages ran ahead
 *              CATCH_UP  until the feed has been read to its end; then publishes
 *   compare    walks Central's list beside the cache and owes a look-up for
 *              whatever differs.
 *   writes     stock updates that clients want forwarded (writes.c).
 *   verify     the same walk as comparing, for somebody who waits to be told
 *              what differs; puts nothing right (verify.c).
 *   restore    a backup into the coming generation (restore.c); no full sync
 *              runs meanwhile.
 *
 * The feed is followed all the while: what it brings goes to the running
 * generation, and to the coming one as far as its pages are read.  A list read
 * after H holds everything below H, so where our place is no good we follow
 * from H on: the position is then that of the coming generation (`attached` is
 * false), and the running one keeps its own until the flip.
 */
#ifndef SYNC_STATE_H
#define SYNC_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/server.h"
#include "rules/budget.h"
#include "rules/doubt.h"
#include "rules/forward.h"
#include "rules/hole.h"
#include "rules/keys.h"
#include "rules/pace.h"
#include "rules/position.h"
#include "rules/shrink.h"
#include "rules/walk.h"
#include "sync/engine.h"
#include "sync/verify.h"

struct known;

struct follow {
	struct position position;
	bool attached;                     /* the position is the running generation's */
	bool lost;                         /* only a full sync finds a place again, */
	enum full_sync_reason lost_reason; /* for this reason */

	struct central_call *call; /* long poll or check under way */
	bool checking;             /* it is the check */
	int64_t asked_top;         /* offsets_top() when it was sent */
	int64_t wait_seconds;      /* that Central was asked to wait with its answer */
	struct mono started;
	struct mono next;
	unsigned early;        /* see rules/pace.h */
	bool hurry;            /* no waiting: the full sync wants to know where the feed ends */
	struct mono caught_up; /* the feed was read to its end by a question of that time */

	bool check_owed;            /* the log is to be compared before events are applied */
	struct mono checked;        /* when that was last asked */
	bool fresh;                 /* nothing was polled since */
	struct log_marks unchecked; /* of events that were applied all the same */
	unsigned unkept; /* polls right after a check that had a new connection all the same */

	struct hole hole;
	struct central_call *hole_call;
	int64_t hole_top; /* offsets_top() when it was sent */
};

TAILQ_HEAD(known_list, known);

struct lookups {
	void *tree; /* by id: tsearch(3) */
	struct known_list all;
	struct known_list by_age[2]; /* in doubt for long, and briefly; the oldest first */
	struct known_list owed;      /* to be asked for, in this order */
	struct known_list later;     /* failed; in the order of their next try */
	size_t n_owed;               /* in both of these, and under way */
	unsigned under_way;
	struct mono next; /* none before this */
	unsigned failures;
};

enum full_sync_phase {
	FULL_SYNC_IDLE,
	FULL_SYNC_HEAD,
	FULL_SYNC_MARKS,
	FULL_SYNC_PAGES,
	FULL_SYNC_TAIL,
	FULL_SYNC_CATCH_UP
};

/* Somebody who waits for the end of a full sync. */
struct waiter {
	STAILQ_ENTRY(waiter) entry;
	struct control_peer *peer;
	char id[CONTROL_ID_MAX + 1];
};
STAILQ_HEAD(waiter_list, waiter);

struct full_sync {
	enum full_sync_phase phase;
	struct central_call *call;
	struct mono next; /* when the next request may begin */
	struct mono started;
	enum full_sync_reason reason; /* of the one that runs */
	unsigned failures;            /* in a row, of its requests */

	enum full_sync_reason wanted; /* of the one that waits for its time; NONE: none */
	enum full_sync_reason again;  /* wanted while one ran whose pages may be too old */
	struct mono due;              /* that time */
	enum full_sync_reason owed;   /* until one is done: only that mends it */
	struct pace_full_syncs pace;
	bool spared;             /* it has run again at once, for those who wait for it */
	struct mono last_forced; /* start of the last one that somebody asked for */
	bool ever_forced;
	char asked_by[CONTROL_ID_MAX + 1];   /* id of who wants the one that waits; "": nobody */
	char request_id[CONTROL_ID_MAX + 1]; /* of who wanted the one that runs */
	struct log_repeat gave_up;
	struct shrink shrink;

	int64_t head; /* all below is in the pages */
	int64_t tail; /* of all events below the pages ran ahead */
	struct walk walk;
	char *cursor;  /* of the next page, or NULL */
	void *touched; /* ids changed since the page under way was asked for: tsearch(3) */
	uint64_t added, changed, rejected;
	struct waiter_list waiters;
};

struct compare {
	bool running;
	struct central_call *call;
	struct walk walk;
	char *cursor;
	uint64_t asked; /* moment of the page under way */
	struct mono next;
	unsigned failures;
	bool settles;              /* it stands in for many look-ups, and is due at once */
	struct mono stand_in_from; /* it may do so again */
	uint64_t products, differed, mended;
};

struct restore;

struct restore_order {
	struct control_peer *peer; /* who waits; NULL: there is none */
	char id[CONTROL_ID_MAX + 1];
	int file;
	struct restore *work;
	struct mono began, next_news;
};

struct write;
TAILQ_HEAD(write_list, write);

struct writes {
	struct write_list all; /* in the order in which they came */
	struct keys *keys;
	size_t bytes;        /* of all bodies */
	unsigned under_way;  /* requests */
	struct write *probe; /* the one that may try while the breaker is open */
	struct mono probe_from;
	unsigned probe_failures;
};

struct engine {
	struct engine_settings settings;
	const struct engine_options *options;
	char store_id[ENGINE_STORE_ID_MAX + 1];
	char run_dir[ENGINE_RUN_DIR_MAX + 1];
	struct store_writer *store;
	struct central *central;
	struct control_server *control;
	struct metrics_daemon *metrics;

	struct sync_record record; /* of the running generation, as last committed, or to be */
	struct budget budget;
	struct follow follow;
	struct lookups lookups;
	struct full_sync full_sync;
	struct compare compare;
	struct verify verify;
	struct restore_order restore;
	struct writes writes;
	bool damaged;                   /* the running generation can't be changed any more */
	struct mono trust_deletes_from; /* see rules/doubt.h */
	uint64_t moment;                /* counts requests and changes, to tell which was first */
	uint64_t measured;              /* the moment when its memory was */
	struct mono next_housekeeping, settled_from;
	int64_t watchdog_ms; /* between signs of life, 0: none is wanted */
	struct mono next_watchdog;
	uint64_t commits_seen; /* at the last sign of life */
	struct log_repeat event_failures, full_sync_failures, lookup_failures, compare_failures,
	    verify_failures, write_failures, run_dir_failures, store_displaced, damage_reports;
	struct log_limit left_out; /* products */
	bool stopping;
};

/* True if there is a running generation that can be changed. */
bool engine_has_running(const struct engine *e);
/* A request over the control socket that nothing is done for. */
void engine_refuse(
    struct control_peer *peer, const char *id, const char *code, const char *message);

/* follow.c */
void follow_begin(struct engine *e, struct mono now);
void follow_tick(struct engine *e, struct mono now);
struct mono follow_due(const struct engine *e, struct mono now);
void follow_cancel(struct engine *e);
/* Our place in the feed is no good any more. */
void follow_lose(struct engine *e, enum full_sync_reason reason);
/* Follow for the coming generation, from the head on. */
void follow_detach(struct engine *e, int64_t head);
/* Take the running generation's position again; after a failed full sync or a failed commit. */
void follow_reload(struct engine *e);
/* Now, as far as the feed is concerned: the time up to which it has told us all. */
struct stamp follow_stamp(const struct engine *e);
/* The coming generation has become the running one, its position with it. */
void follow_published(struct engine *e);
/* Don't wait for new events: where does the feed end? */
void follow_hurry(struct engine *e);

/* apply.c: one commit of what came from Central, to both generations. */
struct change {
	struct engine *engine;
	struct store_txn *running, *coming; /* NULL where there is none */
	struct stamp now;
	int64_t top; /* events below it come late: later ones were received before */
	uint64_t applied, stale, owed, repaired;
	int64_t rejected; /* products more, or less, that can't be cached */
};
enum st_err change_begin(struct engine *e, struct change *c);
void change_event(struct change *c, const struct event *event);
/* True if the product is cached. */
bool change_has(const struct change *c, const struct known *k);
/* What Central answered for one product when asked at this moment: NULL: it is gone. */
void change_settle(struct change *c, struct known *k, uint64_t asked, const struct product *found);
/* Central is to be asked for it; committed with the rest. */
void change_owe(struct change *c, struct span id);
/* True if it goes to the coming generation too. */
bool change_covers(const struct change *c, const char *id, size_t len);
/*
 * With the record and, where it is attached, the position.  After a failure
 * nothing of it was done.  Where only the coming generation fails, the full
 * sync is given up and the rest was done.
 */
enum st_err change_commit(struct change *c, struct sync_record *record);
void change_abort(struct change *c);

/* known.c */
struct known *known_find(const struct engine *e, const char *id, size_t len);
/* What is known becomes this; returns NULL only without memory. */
struct known *known_note(struct engine *e, const char *id, size_t len, const struct doubt *doubt);
const struct doubt *known_doubt(const struct known *k); /* of NULL: all zero */
struct span known_id(const struct known *k);
/* The product changed: an answer to an earlier question is too old. */
void known_changed(struct engine *e, const char *id, size_t len);
/* Central is to be asked for it; false without memory. */
bool known_owe(struct engine *e, const char *id, size_t len, bool compared);
/*
 * Central is to be asked at once, since a client waits for it: writes_settled()
 * or writes_unsettled() will be told.  False without memory.
 */
bool known_owe_now(struct engine *e, const char *id, size_t len);
bool known_is_urgent(const struct known *k);
bool known_is_owed(const struct known *k); /* of NULL: no */
/* It was settled by what was asked at this moment; forgets it if nothing more is known. */
void known_settled(struct known *k, uint64_t asked);
/* Call for each that is owed and not being asked for, with an id above `from` and not above `to` (NULL: no end). */
typedef void known_each_owed(void *arg, struct known *k);
void known_in_range(struct engine *e, const struct span *from, const struct span *to,
    known_each_owed *each, void *arg);
bool known_is_settled_by(const struct known *k, uint64_t asked);
bool known_is_wanted_after(const struct known *k, uint64_t asked);
bool known_was_compared(const struct known *k);
/* Into the coming generation, whose products they are to speak of from now on. */
void known_put_all(struct engine *e, struct store_txn *t);
void known_begin(struct engine *e);
void known_reload(struct engine *e); /* as the running generation has them */
void known_forget_all(struct engine *e);

/* lookups.c */
void lookups_tick(struct engine *e, struct mono now);
struct mono lookups_due(const struct engine *e, struct mono now);
/* Only those that a client waits for. */
void lookups_tick_urgent(struct engine *e, struct mono now);
struct mono lookups_due_urgent(const struct engine *e, struct mono now);

/* writes.c */
enum st_err writes_begin(struct engine *e);
void writes_end(struct engine *e);
/* Takes over request->updates. */
void writes_take(struct engine *e, struct control_peer *peer, struct control_request *request);
void writes_tick(struct engine *e, struct mono now);
struct mono writes_due(const struct engine *e, struct mono now);
bool writes_are_open(const struct engine *e);
/*
 * A product that some of them wait for was looked up, asked for at this moment,
 * or could not be.
 */
void writes_settled(struct engine *e, const struct span *id, uint64_t asked);
/* The request id of the first one that waits for it; NULL: none does. */
const char *writes_who_waits(const struct engine *e, const struct span *id);
void writes_unsettled(struct engine *e, const struct span *id);
/* True if some go on waiting for it where that is settled. */
bool writes_wait_on(const struct engine *e, const struct span *id, uint64_t asked);
/* The damaged store was built anew: what couldn't be stored can be now. */
void writes_store_again(struct engine *e);
/* What was known of products was read anew: those that some of them wait for are owed at once. */
void writes_look_again(struct engine *e);

/* full_sync.c */
void full_sync_tick(struct engine *e, struct mono now);
struct mono full_sync_due(const struct engine *e, struct mono now);
void full_sync_want(struct engine *e, enum full_sync_reason reason, struct mono now);
/* For the log; nothing where nobody asked. */
struct log_field full_sync_request_id(const struct full_sync *f);
void full_sync_cancel(struct engine *e);
bool full_sync_runs(const struct engine *e);
/* Give the running one up and begin another, for this reason. */
void full_sync_restart(struct engine *e, enum full_sync_reason reason);
/*
 * The same, said by the caller.  One that is waited for doesn't wait for the spacing of
 * full syncs; but only once, or whatever makes it begin again could make a tight loop of it.
 */
void full_sync_run_again(struct engine *e, enum full_sync_reason reason, bool is_waited_for);
/* True if events for this product go to the coming generation too. */
bool full_sync_covers(const struct engine *e, const char *id, size_t len);
void full_sync_touched(struct engine *e, const char *id, size_t len);
/* The feed was read to its end, or could not be. */
void full_sync_caught_up(struct engine *e);
void full_sync_follow_failed(struct engine *e, const struct central_outcome *outcome);
void full_sync_store_failed(struct engine *e, enum st_err err);

/* The generation that was being built, and all that was known of it, is dropped. */
void full_sync_drop(struct engine *e);
void full_sync_forget_progress(struct engine *e);

/* The next request, when the budget has room for it. */
void full_sync_go_on(struct engine *e);

/* Something else wants to build: the one that runs begins anew when its time comes. */
void full_sync_put_off(struct engine *e);
/* A backup took the store's place: what was wanted for what stood there before is not any more. */
void full_sync_superseded(struct engine *e);

/* full_sync_wait.c: who waits for the end. */
void full_sync_begin(struct engine *e);
void full_sync_end(struct engine *e); /* whoever waits is left alone */
/* That one is owed is kept in the store, */
void full_sync_keep_owed(struct engine *e);
/* for the daemon that finds it there at its start. */
void full_sync_take_up_owed(struct engine *e, struct mono now);
/* A forced one, of which the peer wants to know how it ended. */
void full_sync_wait(struct engine *e, struct control_peer *peer, const char *id);
/* Wanted by this request, whose id its own requests to Central have. */
void full_sync_ask(struct engine *e, const char *id);
bool full_sync_is_waited_for(const struct engine *e);
void full_sync_tell(struct engine *e, enum failure_class failure, const char *message);

/* full_sync_end.c: every page is in. */
void full_sync_pages_done(struct engine *e);
void full_sync_tail_is(struct engine *e, int64_t tail);

/* full_sync_page.c: a page's products from the first on into the coming generation. */
enum st_err full_sync_put_page(struct engine *e, const struct page *page, size_t first,
    const struct span *from, const void *touched);
/* What was touched since the page that has arrived was asked for; the caller frees it. */
void *full_sync_take_touched(struct engine *e);
void full_sync_free_touched(void *touched);

/* compare.c */
void compare_tick(struct engine *e, struct mono now);
struct mono compare_due(const struct engine *e, struct mono now);
void compare_cancel(struct engine *e);
/* It settles what look-ups are owed: more than the list has pages. */
bool compare_stands_in(const struct engine *e);
/* A look-up that comparing had asked for is answered. */
void compare_answered(struct engine *e, bool differed);
/* The next pass in half a minute. */
void compare_soon(struct engine *e, struct mono now);
/* A pass came to its end: into record and log. */
void compare_finished(struct engine *e, uint64_t products, uint64_t differed, uint64_t mended);

/* restore.c */
void restore_take(struct engine *e, struct control_peer *peer, const char *id);
void restore_tick(struct engine *e, struct mono now);
struct mono restore_due(const struct engine *e, struct mono now);
bool restore_builds(const struct engine *e);
void restore_cancel(struct engine *e);

/* report.c: the record's words, the log and the counters of what happened. */
void record_success(struct sync_record *r, enum sync_state state, bool confirmed_current);
/* Central answered something else than the feed or a list: it can be reached. */
void record_reached(struct sync_record *r);
void report_adopt(struct engine *e, const struct sync_record *committed);
void report_failure(struct engine *e, const char *what, struct log_repeat *repeat,
    const struct central_outcome *outcome);
/* Of a forwarded write: it may say nothing about whether Central can be reached. */
void report_write_failure(
    struct engine *e, const char *what, const struct central_outcome *outcome);
/* One that says nothing about whether Central can be reached. */
void report_small_failure(struct engine *e, const char *what, struct log_repeat *repeat,
    const struct central_outcome *outcome);
void report_recovered(const char *what, struct log_repeat *repeat);
enum st_err report_commit(struct engine *e);
void report_status(const struct engine *e, struct control_status *out);

/* service.c: what the service manager is told. */
void service_begin(struct engine *e, struct mono now);
void service_state_changed(const struct engine *e);
void service_reload_begins(void);
void service_reload_ended(void);
void service_stopping(void);
/* The sign of life, when it is due and the store commits. */
void service_tick(struct engine *e, struct mono now);

/* requests.c: all requests to Central pass here, for the budget. */
struct mono request_when(
    const struct engine *e, enum budget_kind kind, struct mono wanted, struct mono now);
/* One is sent: the moment of it. */
uint64_t request_sent(struct engine *e, struct mono now);
void request_answered(struct engine *e, const struct central_outcome *outcome);
/* A failure was reported: what a breaker that it opened wants. */
void request_after_failure(struct engine *e, bool was_open);
/* When to try again what has failed so many times in a row. */
struct mono request_retry(unsigned failures, const struct central_outcome *outcome);

/* A failure of our own store as an outcome; notes where the generation is damaged. */
struct central_outcome storage_outcome(struct engine *e, enum st_err err);

#endif
