/*
 * sync/full_sync.c: replacing the store by what Central's list says now.
 *
 * sync/state.h has the phases.  A request that fails is tried again with
 * backoff, in its place; after as many failures in a row as open the breaker
 * the whole is given up and tried again later.  Nothing of it is visible
 * before it is published.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "rules/backoff.h"
#include "rules/feed.h"
#include "sync/state.h"

#define FORCED_SPACING_MS 5000
#define HOLE_PAUSE_MS     200 /* a hole is asked for again after this */

static void head_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);
static void page_arrived(void *arg, const struct central_outcome *outcome, const struct page *page);
static void replay_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);

bool full_sync_runs(const struct engine *e)
{
	return e->full_sync.phase != FULL_SYNC_IDLE;
}

struct mono full_sync_due(const struct engine *e)
{
	const struct full_sync *f = &e->full_sync;

	if (f->call)
		return MONO_NEVER;
	if (full_sync_runs(e))
		return f->next;
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

void full_sync_want(struct engine *e, enum full_sync_reason reason, struct mono now)
{
	struct full_sync *f = &e->full_sync;
	struct mono due = earliest(f, reason, now);

	/* One that runs serves all; of two that wait the earlier one does. */
	if (full_sync_runs(e))
		return;
	if (f->wanted && mono_reached(f->due, due))
		return;
	f->wanted = reason;
	f->due = due;
}

static void forget_progress(struct full_sync *f)
{
	free(f->cursor);
	f->cursor = NULL;
	f->list_offset = 0;
	f->pages_done = f->products_seen = 0;
	f->total = -1;
	f->added = f->changed = f->rejected = 0;
	f->failures = 0;
	f->hole_since = MONO_NEVER;
}

static void begin(struct engine *e, struct mono now)
{
	struct full_sync *f = &e->full_sync;

	forget_progress(f);
	f->reason = f->wanted;
	f->wanted = FULL_SYNC_NONE;
	f->started = now;
	f->next = now;
	f->phase = FULL_SYNC_HEAD;
	if (f->reason == FULL_SYNC_FORCED) {
		f->ever_forced = true;
		f->last_forced = now;
	}
	store_writer_check_readers(e->store);
	log_info(
	    "sync status: full sync begins", log_text("reason", full_sync_reason_text(f->reason)));
}

static enum st_err send_request(struct engine *e)
{
	struct full_sync *f = &e->full_sync;

	switch (f->phase) {
	case FULL_SYNC_HEAD:
		return central_get_events(
		    e->central, CENTRAL_OFFSET_HEAD, 1, 0, head_arrived, e, &f->call);
	case FULL_SYNC_PAGES:
		return central_get_page(
		    e->central, f->list_offset, f->cursor, page_arrived, e, &f->call);
	case FULL_SYNC_REPLAY:
		return central_get_events(
		    e->central, f->offset, e->settings.batch_limit, 0, replay_arrived, e, &f->call);
	case FULL_SYNC_IDLE: break;
	}
	return ST_OK;
}

static void give_up(struct engine *e, struct mono now)
{
	struct full_sync *f = &e->full_sync;
	enum full_sync_reason reason = f->reason;

	log_error("sync status: full sync failed",
	    log_text("reason", full_sync_reason_text(reason)),
	    log_number("pages", (int64_t)f->pages_done),
	    log_text("error", e->record.failure_message));
	store_build_abandon(e->store);
	metrics_daemon_full_sync(e->metrics, reason, false);
	e->record.full_sync_failures++;
	forget_progress(f);
	f->phase = FULL_SYNC_IDLE;
	pace_full_sync_ended(&f->pace, now);
	/*
	 * With a place in the feed the polls go on, and fallback mode comes back
	 * here in its own time.  Without one, only this can help.
	 */
	if (e->poll.place_lost || store_writer_condition(e->store) != STORE_READY) {
		full_sync_want(e, reason, now);
	} else if (e->record.state == SYNC_FALLBACK) {
		f->wanted = FULL_SYNC_BREAKER_OPEN;
		f->due = mono_add_ms(now, e->settings.fallback_interval_ms);
	}
}

static void request_failed(struct engine *e, const struct central_outcome *outcome)
{
	struct full_sync *f = &e->full_sync;
	struct mono now = mono_now();

	report_failure(e, "full sync request failed", &e->full_sync_failures, outcome);
	f->failures++;
	if (f->failures >= e->settings.failures_max && outcome->failure != FAILURE_RATE_LIMITED) {
		give_up(e, now);
		return;
	}
	f->next = mono_add_ms(now, backoff_ms(f->failures, outcome->retry_after_ms, random_bits()));
}

static void store_failed(struct engine *e, enum st_err err)
{
	struct central_outcome failure = storage_outcome(err);

	central_cancel(e->central, e->full_sync.call);
	e->full_sync.call = NULL;
	report_failure(e, "full sync request failed", &e->full_sync_failures, &failure);
	give_up(e, mono_now());
}

static void request_next(struct engine *e)
{
	enum st_err err = send_request(e);

	if (err)
		store_failed(e, err);
}

static void head_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;
	struct full_sync *f = &e->full_sync;
	enum st_err err;

	f->call = NULL;
	if (!batch) {
		request_failed(e, outcome);
		return;
	}
	f->failures = 0;
	f->offset = batch->next_offset;
	err = store_build_begin(e->store);
	if (err) {
		store_failed(e, err);
		return;
	}
	f->phase = FULL_SYNC_PAGES;
	request_next(e);
}

/* A page's products into the coming generation, counted against the running one. */
static enum st_err put_page(struct engine *e, const struct page *page)
{
	struct full_sync *f = &e->full_sync;
	struct store_snapshot running;
	bool compare = store_writer_snapshot(e->store, &running) == ST_OK;
	struct store_txn *t;
	enum st_err err = store_txn_begin(e->store, STORE_COMING, &t);

	for (size_t i = 0; i < page->n && !err; i++) {
		const struct product *p = &page->products[i];
		struct product was;
		bool there = compare &&
		             store_snapshot_product(&running, p->id.data, p->id.len, &was) == ST_OK;

		if (!there)
			f->added++;
		else if (was.json.len != p->json.len ||
			 memcmp(was.json.data, p->json.data, p->json.len) != 0)
			f->changed++;
		store_txn_put(t, p);
	}
	if (compare)
		store_snapshot_end(&running);
	return err ? err : store_txn_commit(t);
}

static void note_page(struct full_sync *f, const struct page *page)
{
	f->failures = 0;
	f->pages_done++;
	f->products_seen += page->n;
	f->rejected += page->rejected;
	f->total = page->total;
	f->list_offset += (int64_t)(page->n + page->rejected);
	free(f->cursor);
	f->cursor = page->cursor ? strdup(page->cursor) : NULL;
}

/* What makes a page useless for the walk; NULL: nothing.  A list must lead on, or end. */
static const char *wrong_page(const struct full_sync *f, const struct page *page)
{
	if (page->dialect == PAGE_PAGES && page->offset != f->list_offset)
		return "Central's page is another one than was asked for";
	if (page->has_more && page->n + page->rejected == 0)
		return "Central's page is empty, but is said not to be the last one";
	if (page->cursor && f->cursor && strcmp(page->cursor, f->cursor) == 0)
		return "Central's cursor leads to itself";
	return NULL;
}

static void refuse_page(struct engine *e, const struct central_outcome *outcome, const char *why)
{
	struct central_outcome refused = *outcome;

	refused.failure = FAILURE_BAD_ANSWER;
	snprintf(refused.message, sizeof(refused.message), "%s", why);
	request_failed(e, &refused);
}

static void page_arrived(void *arg, const struct central_outcome *outcome, const struct page *page)
{
	struct engine *e = arg;
	struct full_sync *f = &e->full_sync;
	const char *wrong;
	enum st_err err;

	f->call = NULL;
	if (!page) {
		request_failed(e, outcome);
		return;
	}
	wrong = wrong_page(f, page);
	if (wrong) {
		refuse_page(e, outcome, wrong);
		return;
	}
	note_page(f, page);
	if (page->dialect == PAGE_CURSOR && page->has_more && !f->cursor) {
		store_failed(e, ST_NOMEM);
		return;
	}
	if (!page->has_more)
		f->phase = FULL_SYNC_REPLAY;
	/* The next answer travels while this one is stored. */
	err = send_request(e);
	if (!err)
		err = put_page(e, page);
	if (err)
		store_failed(e, err);
}

static void fill_record(struct engine *e, uint64_t products, struct sync_record *r)
{
	const struct full_sync *f = &e->full_sync;
	struct store_snapshot running;
	uint64_t before = 0;
	int64_t now = wall_now_ms() / 1000;

	if (store_writer_snapshot(e->store, &running) == ST_OK) {
		before = store_snapshot_count(&running);
		store_snapshot_end(&running);
	}
	r->event_offset = f->offset;
	r->full_syncs++;
	r->products_rejected = f->rejected;
	r->full_sync_reason = f->reason;
	r->full_sync_at = now;
	r->full_sync_ms = mono_ms_between(f->started, mono_now());
	r->full_sync_products = products;
	r->full_sync_added = f->added;
	r->full_sync_changed = f->changed;
	/* What was there, and what came, less what is there. */
	r->full_sync_removed = before + f->added > products ? before + f->added - products : 0;
	if (r->initialized_at == 0)
		r->initialized_at = now;
	record_success(r, true);
}

static enum st_err publish(struct engine *e, struct sync_record *record)
{
	struct store_txn *t;
	enum st_err err = store_txn_begin(e->store, STORE_COMING, &t);

	if (err)
		return err;
	fill_record(e, store_txn_count(t), record);
	store_txn_put_record(t, record);
	err = store_txn_commit(t);
	return err ? err : store_build_publish(e->store);
}

static void finish(struct engine *e)
{
	struct full_sync *f = &e->full_sync;
	struct sync_record next = e->record;
	enum st_err err;

	/* Its answer would speak of an offset that is no longer ours. */
	poll_cancel(e);
	err = publish(e, &next);
	if (err) {
		e->poll.next = mono_now();
		store_failed(e, err);
		return;
	}
	log_info("sync status: full sync done",
	    log_text("reason", full_sync_reason_text(f->reason)),
	    log_number("products", (int64_t)next.full_sync_products),
	    log_number("added", (int64_t)next.full_sync_added),
	    log_number("changed", (int64_t)next.full_sync_changed),
	    log_number("removed", (int64_t)next.full_sync_removed),
	    log_number("rejected", (int64_t)next.products_rejected),
	    log_number("ms", next.full_sync_ms), log_number("offset", next.event_offset));
	metrics_daemon_full_sync(e->metrics, f->reason, true);
	report_adopt(e, &next);
	report_recovered("full sync requests work again", &e->full_sync_failures);
	report_recovered("event sync works again", &e->event_failures);
	pace_full_sync_ended(&f->pace, mono_now());
	forget_progress(f);
	f->phase = FULL_SYNC_IDLE;
	f->wanted = FULL_SYNC_NONE;
	e->poll.place_lost = false;
	e->poll.hole_since = MONO_NEVER;
	e->poll.early = 0;
	e->poll.next = mono_now();
}

/* The feed moved under the sync: it can't be exact any more. */
static void replay_broke(struct engine *e)
{
	struct central_outcome broken = { .failure = FAILURE_BAD_ANSWER,
		.message = "the events that came during the full sync can't be followed" };

	report_failure(e, "full sync request failed", &e->full_sync_failures, &broken);
	give_up(e, mono_now());
}

/* The end of the feed was reached, and the running generation is not ahead of it. */
static bool replay_is_done(const struct engine *e, const struct feed_view *v)
{
	return v->verdict == FEED_FOLLOWS && v->at_end &&
	       (e->poll.place_lost || v->next_offset >= e->record.event_offset);
}

static void replay_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;
	struct full_sync *f = &e->full_sync;
	struct sync_record record = e->record;
	struct apply_counts counts;
	struct mono now = mono_now();
	struct feed_view v;
	enum st_err err;

	f->call = NULL;
	if (!batch) {
		request_failed(e, outcome);
		return;
	}
	f->failures = 0;
	v = feed_look(f->offset, e->settings.batch_limit, batch);
	if (feed_hole_is_gap(&v, now, &f->hole_since) || v.verdict == FEED_RESET ||
	    v.verdict == FEED_UNUSABLE) {
		replay_broke(e);
		return;
	}
	err = apply_events(e, STORE_COMING, v.run, v.n, &record, &counts);
	if (err) {
		store_failed(e, err);
		return;
	}
	f->offset = v.next_offset;
	if (replay_is_done(e, &v))
		finish(e);
	else
		f->next = mono_add_ms(now, v.verdict == FEED_HOLE ? HOLE_PAUSE_MS : 0);
}

void full_sync_tick(struct engine *e, struct mono now)
{
	if (!mono_reached(full_sync_due(e), now))
		return;
	if (!full_sync_runs(e))
		begin(e, now);
	request_next(e);
}

void full_sync_cancel(struct engine *e)
{
	struct full_sync *f = &e->full_sync;

	central_cancel(e->central, f->call);
	f->call = NULL;
	store_build_abandon(e->store);
	forget_progress(f);
	f->phase = FULL_SYNC_IDLE;
}
