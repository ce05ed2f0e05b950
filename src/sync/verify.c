/*
 * sync/verify.c: the whole cache beside Central's list, for somebody who waits
 * to be told what differs.
 *
 * It changes nothing.  Only what differs for good is told: what is on its way
 * by the feed is no difference.  So the walk looks twice.
 *
 *            ┌──────────── WINDOW_MS ───────────┐            ┌────────────┐
 *   FIRST ───┼─ a page that differs ── page ─ … ┼── PAUSE ───┤  the feed  │
 *     ▲      │  (mark)                          │ the pause  │ has told   │
 *     │      └──────────────────────────────────┘            └─────┬──────┘
 *     │                                                            ▼
 *     └────────── where the first look had ended ◀── … ── SECOND, from the mark on
 *
 * At the second look a product differs if it differed at the first, and the
 * cache has still what it had then.  A change of it that is on its way comes
 * within the pause and changes the cache; whoever changes it again and again
 * changes the cache all the time.  Of the first look only hashes are kept, of at
 * most SUSPECTS_MAX products: where more than that differ, what differs twice
 * counts.
 *
 * It has the same place in the request budget as comparing, which stands still
 * meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sync/compare_page.h"

#define WINDOW_MS    5000
#define SUSPECTS_MAX 65536 /* a megabyte */
#define FAILURES_MAX 5
#define OPEN_MS      2000  /* a poll open for so long would have told what there is */
#define NUDGE_MS     200   /* between two looks at the feed */
#define FEED_MAX_MS  90000 /* the feed tells nothing for so long: it can't be verified */

bool verify_reads(const struct engine *e)
{
	return e->verify.phase != VERIFY_IDLE && e->verify.phase != VERIFY_REPAIR;
}

void verify_end(struct engine *e, const char *code, const char *message)
{
	struct control_report r = { .done = false };

	if (e->verify.phase == VERIFY_IDLE)
		return;
	log_info("verify ended", log_text("code", code), log_text("error", message),
	    log_text("request_id", e->verify.id));
	snprintf(r.code, sizeof(r.code), "%s", code);
	snprintf(r.message, sizeof(r.message), "%s", message);
	verify_report(e, &r);
}

/* ---- beginning ---- */

static bool central_is_away(const struct engine *e)
{
	return e->record.state == SYNC_RETRYING || e->record.state == SYNC_FALLBACK;
}

static void end_if_gone(struct engine *e)
{
	if (e->verify.phase != VERIFY_IDLE && control_peer_is_gone(e->verify.peer))
		verify_end(e, "gone", "nobody waits for it any more");
}

void verify_take(struct engine *e, struct control_peer *peer, const struct control_request *r)
{
	struct verify *v = &e->verify;

	/* Who gave up and comes again may be heard in one turn. */
	end_if_gone(e);
	if (v->phase != VERIFY_IDLE) {
		engine_refuse(peer, r->id, "busy", "another verify is running");
		return;
	}
	if (!engine_has_running(e)) {
		engine_refuse(peer, r->id, "no_store", "there is nothing yet to be compared");
		return;
	}
	if (central_is_away(e)) {
		engine_refuse(peer, r->id, "central_unavailable",
		    e->record.failed ? e->record.failure_message : "Central can't be reached");
		return;
	}
	log_info("verify begins", log_text("repair", r->repair ? "yes" : "no"),
	    log_text("request_id", r->id));
	*v = (struct verify){ .phase = VERIFY_WAIT, .peer = peer, .repair = r->repair };
	snprintf(v->id, sizeof(v->id), "%s", r->id);
	buf_init(&v->differences, CONTROL_MESSAGE_MAX);
	walk_begin(&v->at.walk);
}

static void begin(struct engine *e, struct mono now)
{
	struct verify *v = &e->verify;

	v->suspects = malloc(SUSPECTS_MAX * sizeof(*v->suspects));
	if (!v->suspects) {
		verify_end(e, "failed", st_err_text(ST_NOMEM));
		return;
	}
	v->phase = VERIFY_FIRST;
	v->next = now;
}

/* ---- what differs ---- */

static struct suspect suspect_of(const struct difference *d)
{
	return (struct suspect){ hash_bytes(d->id.data, d->id.len, 0),
		d->cached ? hash_bytes(d->cached->json.data, d->cached->json.len, 1) : 0 };
}

static enum st_err note(void *arg, const struct difference *d)
{
	struct verify *v = arg;

	if (v->n_suspects == SUSPECTS_MAX)
		v->overflow = true;
	else
		v->suspects[v->n_suspects++] = suspect_of(d);
	return ST_OK;
}

static int by_hashes(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->cached > y->cached) - (x->cached < y->cached);
}

static bool was_noted(const struct verify *v, const struct difference *d)
{
	struct suspect s = suspect_of(d);

	return v->overflow || bsearch(&s, v->suspects, v->n_suspects, sizeof(s), by_hashes);
}

static enum st_err confirm(void *arg, const struct difference *d)
{
	struct engine *e = arg;

	/* What Central is about to be asked for is put right by that. */
	if (was_noted(&e->verify, d) && !known_is_owed(known_find(e, d->id.data, d->id.len)))
		verify_list(e, d);
	return ST_OK;
}

/* ---- the walk ---- */

static bool move(struct verify_place *to, const struct walk *walk, const char *cursor)
{
	char *copy = cursor ? strdup(cursor) : NULL;

	if (cursor && !copy)
		return false;
	free(to->cursor);
	*to = (struct verify_place){ *walk, copy };
	return true;
}

static void forget_suspects(struct verify *v)
{
	v->n_suspects = 0;
	v->overflow = false;
}

static void finish(struct engine *e)
{
	struct verify *v = &e->verify;
	struct control_report r = {
		.done = true, .products = v->at.walk.products, .differed = v->differed
	};

	compare_finished(e, r.products, r.differed, 0);
	if (v->repair && v->differed > 0) {
		v->phase = VERIFY_REPAIR;
		full_sync_want(e, FULL_SYNC_FORCED, mono_now());
		return;
	}
	if (v->n_differences > 0)
		verify_news(e, mono_now());
	r.unlisted = v->unlisted;
	verify_report(e, &r);
}

void verify_synced(struct engine *e, enum failure_class failure, const char *message)
{
	struct verify *v = &e->verify;
	struct control_report r = {
		.done = true, .products = v->products, .differed = v->differed, .repaired = true
	};

	if (v->phase != VERIFY_REPAIR)
		return;
	if (failure) {
		verify_end(e, "sync_failed", message);
		return;
	}
	compare_finished(e, v->products, v->differed, v->differed);
	if (v->n_differences > 0)
		verify_news(e, mono_now());
	r.unlisted = v->unlisted;
	verify_report(e, &r);
}

/* The first look has gone far enough: back to where it first saw a difference. */
static bool is_far_enough(const struct verify *v, struct mono now)
{
	return v->n_suspects > 0 &&
	       (v->at.walk.done || v->overflow || mono_ms_between(v->marked, now) >= WINDOW_MS);
}

static enum st_err pause_first(struct engine *e, struct mono now)
{
	struct verify *v = &e->verify;

	if (!move(&v->end, &v->at.walk, v->at.cursor))
		return ST_NOMEM;
	v->phase = VERIFY_PAUSE;
	v->looked = now;
	v->looked_top = offsets_top(&e->follow.position.offsets);
	v->next = mono_add_ms(now, e->settings.verify_pause_ms);
	qsort(v->suspects, v->n_suspects, sizeof(*v->suspects), by_hashes);
	return ST_OK;
}

static enum st_err first_look_goes_on(struct engine *e, struct mono now)
{
	struct verify *v = &e->verify;

	if (is_far_enough(v, now))
		return pause_first(e, now);
	if (v->at.walk.done)
		finish(e);
	return ST_OK;
}

/* All is seen again that the first look saw; by its id, since the list may have slid. */
static bool is_past(const struct walk *w, const struct walk *end)
{
	if (w->done || !w->ordered)
		return w->done || w->pages >= end->pages;
	return walk_compare(w->held, w->held_len, end->held, end->held_len) >= 0;
}

/* What stands behind the end is yet to be looked at for the first time. */
static enum st_err second_look_goes_on(struct engine *e)
{
	struct verify *v = &e->verify;

	if (!is_past(&v->at.walk, &v->end.walk))
		return ST_OK;
	if (!move(&v->at, &v->end.walk, v->end.cursor))
		return ST_NOMEM;
	forget_suspects(v);
	v->phase = VERIFY_FIRST;
	if (v->at.walk.done)
		finish(e);
	return ST_OK;
}

static enum st_err use_page(
    struct engine *e, const struct page *page, size_t first, const struct walk *walk)
{
	struct verify *v = &e->verify;
	struct span from = { v->at.walk.held, v->at.walk.held_len };
	struct span to = { walk->held, walk->held_len };
	struct page_part part = { page, first, &from, walk->done ? NULL : &to, walk->ordered };
	bool is_first = v->phase == VERIFY_FIRST, had_none = v->n_suspects == 0;
	struct mono now = mono_now();
	enum st_err err = page_compare(
	    e, &part, is_first ? note : confirm, is_first ? (void *)v : (void *)e);

	if (err)
		return err;
	if (is_first && had_none && v->n_suspects > 0) {
		if (!move(&v->mark, &v->at.walk, v->at.cursor))
			return ST_NOMEM;
		v->marked = now;
	}
	if (!move(&v->at, walk, page->cursor))
		return ST_NOMEM;
	if (walk->products > v->products)
		v->products = walk->products;
	return is_first ? first_look_goes_on(e, now) : second_look_goes_on(e);
}

/* ---- requests ---- */

static void failed(struct engine *e, const struct central_outcome *outcome)
{
	struct verify *v = &e->verify;

	report_small_failure(e, "verify failed", &e->verify_failures, outcome);
	if (++v->failures < FAILURES_MAX)
		v->next = request_retry(v->failures, outcome);
	else
		verify_end(e, "central_unavailable", outcome->message);
}

/* What is damaged is no difference: it is built anew, asked or not. */
static void store_failed(struct engine *e, enum st_err err)
{
	(void)storage_outcome(e, err);
	verify_end(e, "failed",
	    e->damaged ? "the store is damaged, and is to be built anew" : st_err_text(err));
}

static void page_answered(void *arg, const struct central_outcome *outcome, const struct page *page)
{
	struct engine *e = arg;
	struct verify *v = &e->verify;
	struct walk walk = v->at.walk;
	struct central_outcome bad = *outcome;
	enum st_err err = ST_OK;
	size_t first;

	v->call = NULL;
	request_answered(e, outcome);
	if (!page) {
		failed(e, outcome);
		return;
	}
	switch (walk_page(&walk, page, &first)) {
	case WALK_BACK: v->at.walk = walk; break;
	case WALK_BAD:
		bad.failure = FAILURE_BAD_ANSWER;
		snprintf(bad.message, sizeof(bad.message), "Central's page is no continuation");
		failed(e, &bad);
		return;
	case WALK_USE: err = use_page(e, page, first, &walk); break;
	}
	if (err) {
		store_failed(e, err);
		return;
	}
	v->failures = 0;
	report_recovered("verify works again", &e->verify_failures);
}

static void ask(struct engine *e, struct mono now)
{
	struct verify *v = &e->verify;
	enum st_err err;

	request_sent(e, now);
	err = central_get_page(
	    e->central, v->at.walk.offset, v->at.cursor, page_answered, e, &v->call);
	if (err)
		verify_end(e, "failed", st_err_text(err));
}

/* ---- the loop's side ---- */

/* What was on its way at the first look has come, or isn't coming. */
static bool feed_has_told(const struct engine *e, struct mono now)
{
	const struct follow *f = &e->follow;

	/* What was missing then, between what had come. */
	if (f->position.offsets.next < e->verify.looked_top)
		return false;
	return mono_reached(e->verify.looked, f->caught_up) ||
	       (f->call && !f->checking && mono_ms_between(f->started, now) >= OPEN_MS);
}

/* Between two polls nobody listens.  Once, and never sooner than a failure allows. */
static void ask_the_feed(struct engine *e, struct mono now)
{
	struct follow *f = &e->follow;

	if (!f->call && !e->record.failed && !mono_reached(e->verify.looked, f->caught_up))
		f->next = mono_earlier(f->next, now);
}

static void go_back(struct engine *e, struct mono now)
{
	struct verify *v = &e->verify;

	if (feed_has_told(e, now)) {
		if (!move(&v->at, &v->mark.walk, v->mark.cursor)) {
			verify_end(e, "failed", st_err_text(ST_NOMEM));
			return;
		}
		v->phase = VERIFY_SECOND;
		v->next = now;
		return;
	}
	if (mono_ms_between(v->looked, now) > FEED_MAX_MS) {
		verify_end(e, "central_unavailable", "the event feed can't be read");
		return;
	}
	ask_the_feed(e, now);
	v->next = mono_add_ms(now, NUDGE_MS);
}

static struct mono page_due(const struct engine *e, struct mono now)
{
	const struct verify *v = &e->verify;

	if (v->call || (v->phase != VERIFY_FIRST && v->phase != VERIFY_SECOND))
		return MONO_NEVER;
	return request_when(e, BUDGET_COMPARE, v->next, now);
}

struct mono verify_due(const struct engine *e, struct mono now)
{
	const struct verify *v = &e->verify;

	if (v->phase == VERIFY_IDLE)
		return MONO_NEVER;
	if (v->phase == VERIFY_PAUSE)
		return mono_earlier(v->next, v->next_news);
	return mono_earlier(page_due(e, now), v->next_news);
}

/* True if it was ended. */
static bool must_end(struct engine *e)
{
	struct verify *v = &e->verify;
	bool synced = full_sync_runs(e) || !engine_has_running(e);

	if (v->phase == VERIFY_WAIT && central_is_away(e))
		verify_end(e, "central_unavailable", e->record.failure_message);
	else if (v->phase != VERIFY_WAIT && v->phase != VERIFY_REPAIR && synced)
		verify_end(e, "interrupted",
		    "the store is being replaced by a full sync; run verify again");
	return v->phase == VERIFY_IDLE;
}

void verify_tick(struct engine *e, struct mono now)
{
	struct verify *v = &e->verify;

	end_if_gone(e);
	if (v->phase == VERIFY_IDLE || must_end(e))
		return;
	if (v->phase == VERIFY_WAIT && !full_sync_runs(e) && e->follow.attached && !e->follow.lost)
		begin(e, now);
	if (v->phase == VERIFY_PAUSE && mono_reached(v->next, now))
		go_back(e, now);
	if (mono_reached(page_due(e, now), now))
		ask(e, now);
	if (v->phase != VERIFY_IDLE && mono_reached(v->next_news, now))
		verify_news(e, now);
}
