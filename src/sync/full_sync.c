/*
 * sync/full_sync.c: replacing the store by what Central's list says now.
 *
 * sync/state.h has the phases.  A request that fails is tried again with
 * backoff, in its place; after as many failures in a row as open the breaker
 * the whole is given up and tried again later.  Nothing of it is visible
 * before it is published.
 *
 * Pages are not one snapshot; but each product is as it was when its own page
 * was asked for, and what events tell after that moment goes to the coming
 * generation too (full_sync_page.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sync/state.h"

#define FORCED_SPACING_MS 5000
#define MARKS_LIMIT       200

static void head_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);
static void marks_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);
static void tail_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);
static void page_arrived(void *arg, const struct central_outcome *outcome, const struct page *page);

bool full_sync_runs(const struct engine *e)
{
	return e->full_sync.phase != FULL_SYNC_IDLE;
}

bool full_sync_covers(const struct engine *e, const char *id, size_t len)
{
	return e->full_sync.phase >= FULL_SYNC_PAGES && walk_covers(&e->full_sync.walk, id, len);
}

/* ---- when ---- */

struct mono full_sync_due(const struct engine *e, struct mono now)
{
	const struct full_sync *f = &e->full_sync;

	if (f->call || f->phase == FULL_SYNC_CATCH_UP || restore_builds(e))
		return MONO_NEVER;
	if (full_sync_runs(e))
		return request_when(e, BUDGET_PAGE, f->next, now);
	return f->wanted ? f->due : MONO_NEVER;
}

/* When one of this reason may start. */
static struct mono earliest(
    const struct full_sync *f, enum full_sync_reason reason, struct mono now)
{
	if (reason != FULL_SYNC_FORCED)
		return pace_next_full_sync(&f->pace, now);
	if (!f->ever_forced)
		return now;
	return mono_later(now, mono_add_ms(f->last_forced, FORCED_SPACING_MS));
}

/* A store that was never filled, or is to be rebuilt, says so whatever else is wanted. */
static enum full_sync_reason true_reason(const struct engine *e, enum full_sync_reason reason)
{
	if (engine_has_running(e))
		return reason;
	return store_writer_condition(e->store) == STORE_EMPTY ? FULL_SYNC_INITIAL
	                                                       : FULL_SYNC_STORE_REBUILT;
}

/* Something is wrong with the cache, which only a full sync mends. */
static bool is_needed(enum full_sync_reason reason)
{
	return reason != FULL_SYNC_FORCED && reason != FULL_SYNC_BREAKER_OPEN;
}

void full_sync_want(struct engine *e, enum full_sync_reason reason, struct mono now)
{
	struct full_sync *f = &e->full_sync;
	struct mono due = earliest(f, reason, now);

	/* One that runs serves who only wants one; else its pages may be too old. */
	if (full_sync_runs(e)) {
		if (is_needed(reason))
			f->again = reason;
		return;
	}
	if (is_needed(reason))
		f->owed = reason;
	/* Of two that wait the earlier one serves both. */
	if (f->wanted && mono_reached(f->due, due))
		return;
	f->wanted = true_reason(e, reason);
	f->due = due;
}

/* ---- beginning and ending ---- */

void full_sync_forget_progress(struct engine *e)
{
	struct full_sync *f = &e->full_sync;

	free(f->cursor);
	f->cursor = NULL;
	walk_begin(&f->walk);
	f->added = f->changed = f->rejected = 0;
	f->failures = 0;
	f->again = FULL_SYNC_NONE;
	full_sync_free_touched(f->touched);
	f->touched = NULL;
}

struct log_field full_sync_request_id(const struct full_sync *f)
{
	return log_text("request_id", f->request_id[0] ? f->request_id : NULL);
}

static void begin(struct engine *e, struct mono now)
{
	struct full_sync *f = &e->full_sync;

	full_sync_forget_progress(e);
	f->reason = f->wanted;
	f->wanted = FULL_SYNC_NONE;
	memcpy(f->request_id, f->asked_by, sizeof(f->request_id));
	f->asked_by[0] = '\0';
	f->started = now;
	f->next = now;
	f->phase = FULL_SYNC_HEAD;
	if (f->reason == FULL_SYNC_FORCED) {
		f->ever_forced = true;
		f->last_forced = now;
	}
	store_writer_check_readers(e->store);
	log_info("sync status: full sync begins",
	    log_text("reason", full_sync_reason_text(f->reason)), full_sync_request_id(f));
}

/* Nothing of it stays; the feed is followed from where the running generation is. */
void full_sync_drop(struct engine *e)
{
	struct full_sync *f = &e->full_sync;

	central_cancel(e->central, f->call);
	f->call = NULL;
	store_build_abandon(e->store);
	if (f->again)
		f->owed = f->again;
	full_sync_forget_progress(e);
	f->phase = FULL_SYNC_IDLE;
	if (!e->follow.attached) {
		follow_reload(e);
		if (!engine_has_running(e))
			known_forget_all(e);
	}
	e->follow.hurry = false;
}

/* With a place in the feed, fallback mode comes back in its own time; without, only this helps. */
static void want_after_failure(struct engine *e, enum full_sync_reason reason, struct mono now)
{
	struct full_sync *f = &e->full_sync;
	int64_t interval = e->settings.fallback_interval_ms;

	if (e->follow.lost) {
		full_sync_want(e, e->follow.lost_reason, now);
	} else if (f->owed) {
		full_sync_want(e, f->owed, now);
	} else if (!engine_has_running(e)) {
		full_sync_want(e, reason, now);
	} else if (e->record.state == SYNC_FALLBACK) {
		f->wanted = FULL_SYNC_BREAKER_OPEN;
		f->due = mono_add_ms(now, interval - interval / 10 * (random_bits() & 0xff) / 256);
	}
}

static void give_up(struct engine *e, const struct central_outcome *outcome)
{
	struct full_sync *f = &e->full_sync;
	enum full_sync_reason reason = f->reason;
	struct mono now = mono_now();

	if (log_repeat_failed(&f->gave_up, now))
		log_error("sync status: full sync failed",
		    log_text("reason", full_sync_reason_text(reason)),
		    log_number("pages", (int64_t)f->walk.pages),
		    log_text("error", outcome->message),
		    log_number("records", (int64_t)f->gave_up.unlogged), full_sync_request_id(f));
	full_sync_tell(e, outcome->failure, outcome->message);
	metrics_daemon_full_sync(e->metrics, reason, false);
	e->record.full_sync_failures++;
	pace_full_sync_ended(&f->pace, now);
	f->spared = false;
	full_sync_drop(e);
	want_after_failure(e, reason, now);
}

/* The one that takes the place of the running one is wanted by whoever wanted that. */
static void pass_on_name(struct full_sync *f)
{
	memcpy(f->asked_by, f->request_id, sizeof(f->asked_by));
}

void full_sync_run_again(struct engine *e, enum full_sync_reason reason, bool is_waited_for)
{
	struct full_sync *f = &e->full_sync;
	bool at_once = is_waited_for && !f->spared;
	struct mono now = mono_now();

	metrics_daemon_full_sync(e->metrics, f->reason, false);
	e->record.full_sync_failures++;
	pace_full_sync_ended(&f->pace, now);
	full_sync_drop(e);
	pass_on_name(f);
	f->wanted = true_reason(e, reason);
	f->due = at_once ? now : pace_next_full_sync(&f->pace, now);
	f->spared |= at_once;
}

void full_sync_restart(struct engine *e, enum full_sync_reason reason)
{
	log_warn("sync status: full sync begins again",
	    log_text("reason", full_sync_reason_text(reason)));
	full_sync_run_again(e, reason, full_sync_is_waited_for(e));
}

void full_sync_put_off(struct engine *e)
{
	struct full_sync *f = &e->full_sync;

	if (!full_sync_runs(e))
		return;
	full_sync_drop(e);
	pass_on_name(f);
	full_sync_want(e, f->reason, mono_now());
}

void full_sync_superseded(struct engine *e)
{
	struct full_sync *f = &e->full_sync;

	f->owed = FULL_SYNC_NONE;
	if (!is_needed(f->wanted))
		return;
	f->wanted = FULL_SYNC_NONE;
	/* Who asked for one too gets it. */
	if (f->asked_by[0] || full_sync_is_waited_for(e))
		full_sync_want(e, FULL_SYNC_FORCED, mono_now());
}

void full_sync_cancel(struct engine *e)
{
	if (full_sync_runs(e))
		full_sync_drop(e);
}

static void count_failure(struct engine *e, const struct central_outcome *outcome)
{
	struct full_sync *f = &e->full_sync;

	f->failures++;
	/* Who waits learns it now; trying goes on. */
	if (f->phase == FULL_SYNC_HEAD)
		full_sync_tell(e, outcome->failure, outcome->message);
	if (f->failures >= e->settings.failures_max && outcome->failure != FAILURE_RATE_LIMITED)
		give_up(e, outcome);
	else
		f->next = request_retry(f->failures, outcome);
}

static void page_failed(struct engine *e, const struct central_outcome *outcome)
{
	report_failure(e, "full sync request failed", &e->full_sync_failures, outcome);
	count_failure(e, outcome);
}

void full_sync_follow_failed(struct engine *e, const struct central_outcome *outcome)
{
	if (e->full_sync.phase == FULL_SYNC_CATCH_UP)
		count_failure(e, outcome);
}

void full_sync_store_failed(struct engine *e, enum st_err err)
{
	struct central_outcome failure = storage_outcome(e, err);

	report_failure(e, "full sync request failed", &e->full_sync_failures, &failure);
	if (full_sync_runs(e))
		give_up(e, &failure);
}

/* ---- requests ---- */

static enum st_err send_request(struct engine *e)
{
	struct full_sync *f = &e->full_sync;
	int64_t before = f->head > LOG_MARKS_MAX ? f->head - LOG_MARKS_MAX : 0;

	request_sent(e, mono_now());
	switch (f->phase) {
	case FULL_SYNC_HEAD:
		return central_get_events(
		    e->central, CENTRAL_OFFSET_HEAD, 1, 0, head_arrived, e, &f->call);
	case FULL_SYNC_MARKS:
		return central_get_events(
		    e->central, before, MARKS_LIMIT, 0, marks_arrived, e, &f->call);
	case FULL_SYNC_PAGES:
		return central_get_page(
		    e->central, f->walk.offset, f->cursor, page_arrived, e, &f->call);
	case FULL_SYNC_TAIL:
		return central_get_events(
		    e->central, CENTRAL_OFFSET_HEAD, 1, 0, tail_arrived, e, &f->call);
	case FULL_SYNC_CATCH_UP:
	case FULL_SYNC_IDLE: break;
	}
	return ST_OK;
}

static void request_next(struct engine *e)
{
	const char *id = e->full_sync.request_id;
	enum st_err err;

	central_name_requests(e->central, id[0] ? id : NULL);
	err = send_request(e);
	central_name_requests(e->central, NULL);
	if (err)
		full_sync_store_failed(e, err);
}

/* The next one, when the budget has room for it. */
void full_sync_go_on(struct engine *e)
{
	e->full_sync.next = mono_now();
	if (mono_reached(full_sync_due(e, e->full_sync.next), e->full_sync.next))
		request_next(e);
}

static bool arrived(struct engine *e, const struct central_outcome *outcome, bool usable)
{
	e->full_sync.call = NULL;
	request_answered(e, outcome);
	if (!usable)
		page_failed(e, outcome);
	return usable;
}

static void begin_pages(struct engine *e)
{
	enum st_err err = store_build_begin(e->store);

	if (err) {
		full_sync_store_failed(e, err);
		return;
	}
	e->full_sync.phase = FULL_SYNC_PAGES;
	full_sync_go_on(e);
}

static void head_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;
	struct full_sync *f = &e->full_sync;

	if (!arrived(e, outcome, batch != NULL))
		return;
	f->failures = 0;
	f->head = batch->next_offset;
	/* Our own place is good: the feed is followed from there, for both generations. */
	if (e->follow.attached && !e->follow.lost) {
		begin_pages(e);
		return;
	}
	follow_detach(e, f->head);
	f->phase = FULL_SYNC_MARKS;
	full_sync_go_on(e);
}

static void tail_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;

	if (!arrived(e, outcome, batch != NULL))
		return;
	e->full_sync.failures = 0;
	full_sync_tail_is(e, batch->next_offset);
}

static void marks_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;

	if (!arrived(e, outcome, batch != NULL))
		return;
	e->full_sync.failures = 0;
	for (size_t i = 0; i < batch->n; i++)
		if (batch->events[i].offset < e->full_sync.head)
			log_marks_add(&e->follow.position.marks, &batch->events[i]);
	begin_pages(e);
}

static void refuse_page(struct engine *e, const struct central_outcome *outcome)
{
	struct central_outcome refused = *outcome;

	refused.failure = FAILURE_BAD_ANSWER;
	snprintf(refused.message, sizeof(refused.message),
	    "Central's page is not the one that was asked for");
	page_failed(e, &refused);
}

/* True if the cursor leads on; then it is kept. */
static bool keep_cursor(struct full_sync *f, const struct page *page)
{
	char *cursor = page->cursor ? strdup(page->cursor) : NULL;
	bool leads_on = !page->has_more || page->dialect != PAGE_CURSOR ||
	                (cursor && (!f->cursor || strcmp(cursor, f->cursor) != 0));

	free(f->cursor);
	f->cursor = cursor;
	return leads_on;
}

static void page_arrived(void *arg, const struct central_outcome *outcome, const struct page *page)
{
	struct engine *e = arg;
	struct full_sync *f = &e->full_sync;
	char held[PRODUCT_ID_MAX];
	struct span from = { held, f->walk.held_len };
	enum walk_verdict verdict;
	void *touched;
	size_t first = 0;
	enum st_err err = ST_OK;

	if (!arrived(e, outcome, page != NULL))
		return;
	memcpy(held, f->walk.held, from.len);
	verdict = keep_cursor(f, page) ? walk_page(&f->walk, page, &first) : WALK_BAD;
	if (verdict == WALK_BAD) {
		refuse_page(e, outcome);
		return;
	}
	f->failures = 0;
	touched = full_sync_take_touched(e);
	/* The next answer travels while this one is stored. */
	if (!f->walk.done) {
		full_sync_go_on(e);
		central_push(e->central);
	}
	if (verdict == WALK_USE && f->phase == FULL_SYNC_PAGES) {
		f->rejected += page->rejected;
		err = full_sync_put_page(e, page, first, &from, touched);
	}
	full_sync_free_touched(touched);
	if (err)
		full_sync_store_failed(e, err);
	else if (f->walk.done)
		full_sync_pages_done(e);
}

void full_sync_tick(struct engine *e, struct mono now)
{
	if (!mono_reached(full_sync_due(e, now), now))
		return;
	if (!full_sync_runs(e))
		begin(e, now);
	request_next(e);
}
