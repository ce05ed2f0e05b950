/*
 * sync/compare.c: walking Central's list beside the cache, page by page, with
 * flat memory.
 *
 * The feed can't show what Central itself lost from it; only this does.  A
 * difference may be a change on its way, so what differs is looked up, and
 * counts only if that still shows it.  Where more than one product in a hundred
 * differs, mending one by one is the wrong tool: a full sync follows.
 *
 * It has the lowest place in the request budget, and waits for its own look-ups.
 * Where more look-ups are owed than the list has pages it stands in for them:
 * each page settles what was owed, and not changed, before it was asked for; but
 * for products that it lacks and the cache has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sync/compare_page.h"

#define OWED_AT_ONCE      32 /* it waits while so many look-ups are owed */
#define DIFFER_LEAST      10 /* so few are always mended one by one */
#define STANDS_IN_LEAST   16
#define STAND_IN_PAUSE_MS 60000 /* what a pass leaves is looked up one by one meanwhile */
#define FAILURES_MAX      5
#define PASS_OVER_MS      60000 /* after a pass that failed */
#define SOON_MS           30000 /* first the feed is to be read on */

/* ---- when ---- */

static uint64_t pages_of(const struct engine *e)
{
	return e->record.full_sync_products / CENTRAL_PAGE_LIMIT + 1;
}

bool compare_stands_in(const struct engine *e)
{
	return e->compare.settles;
}

static bool must_stand_in(const struct engine *e)
{
	return engine_has_running(e) && !full_sync_runs(e) &&
	       mono_reached(e->compare.stand_in_from, mono_now()) &&
	       e->lookups.n_owed > STANDS_IN_LEAST && e->lookups.n_owed > 2 * pages_of(e);
}

/* An hour is between three quarters of one and a whole, so that stores don't keep step. */
static struct mono jittered(struct mono now, int64_t interval_ms)
{
	return mono_add_ms(now, interval_ms - interval_ms / 4 * (random_bits() & 0xff) / 256);
}

static void plan(struct engine *e, struct mono now)
{
	int64_t interval = e->settings.verify_interval_ms;

	e->compare.next = interval > 0 ? jittered(now, interval) : MONO_NEVER;
}

struct mono compare_due(const struct engine *e, struct mono now)
{
	const struct compare *c = &e->compare;

	/* One that somebody waits for stands in its place. */
	if (verify_reads(e) && !c->settles)
		return MONO_NEVER;
	/* After the last page it only waits for its look-ups. */
	if (c->call || (c->running && c->walk.done) || !engine_has_running(e) || full_sync_runs(e))
		return MONO_NEVER;
	if (!c->settles && (e->record.state != SYNC_LIVE || e->lookups.n_owed >= OWED_AT_ONCE))
		return MONO_NEVER;
	return request_when(e, c->settles ? BUDGET_LOOKUP : BUDGET_COMPARE, c->next, now);
}

void compare_soon(struct engine *e, struct mono now)
{
	e->compare.next = mono_add_ms(now, SOON_MS);
}

void compare_cancel(struct engine *e)
{
	struct compare *c = &e->compare;

	central_cancel(e->central, c->call);
	free(c->cursor);
	*c = (struct compare){ .next = c->next, .stand_in_from = c->stand_in_from };
}

static void begin(struct engine *e, bool settles, struct mono now)
{
	compare_cancel(e);
	e->compare.running = true;
	e->compare.settles = settles;
	e->compare.next = now;
	walk_begin(&e->compare.walk);
	log_debug(
	    "comparing with Central's list begins", log_number("owed", (int64_t)e->lookups.n_owed));
}

/* ---- a page ---- */

struct page_work {
	struct engine *engine;
	struct change change;
	const struct page *page;
};

static void settle_one(void *arg, struct known *k)
{
	struct page_work *w = arg;
	struct engine *e = w->engine;
	uint64_t asked = e->compare.asked, before = w->change.repaired;
	bool compared = known_was_compared(k);

	const struct product *found = page_find(w->page, known_id(k));

	/* Who waits for a product gets an answer of its own. */
	if (known_is_urgent(k))
		return;
	/* A list can be short for a moment: by itself it takes nothing away. */
	if (!known_is_settled_by(k, asked) || (!found && change_has(&w->change, k)))
		return;
	change_settle(&w->change, k, asked, found);
	known_settled(k, asked);
	if (compared)
		compare_answered(e, w->change.repaired > before);
}

/* Settle what is owed between the ids that were held before and after this page. */
static enum st_err settle_owed(
    struct engine *e, const struct page *page, const struct span *from, const struct span *to)
{
	struct page_work w = { .engine = e, .page = page };
	struct sync_record next = e->record;
	enum st_err err = change_begin(e, &w.change);

	if (err)
		return err;
	known_in_range(e, from, to, settle_one, &w);
	err = change_commit(&w.change, &next);
	if (!err)
		report_adopt(e, &next);
	return err;
}

static enum st_err owe(void *arg, const struct difference *d)
{
	return known_owe(arg, d->id.data, d->id.len, true) ? ST_OK : ST_NOMEM;
}

static enum st_err compare_page(struct engine *e, const struct page *page, size_t first,
    const struct span *from, const struct span *to)
{
	struct page_part part = { page, first, from, to, e->compare.walk.ordered };

	return page_compare(e, &part, owe, e);
}

/* ---- the end of a pass ---- */

void compare_answered(struct engine *e, bool differed)
{
	if (!differed)
		return;
	e->compare.differed++;
	e->compare.mended++;
	if (e->compare.differed > DIFFER_LEAST &&
	    e->compare.differed * 100 > e->record.full_sync_products)
		full_sync_want(e, FULL_SYNC_VERIFY_MISMATCH, mono_now());
}

void compare_finished(struct engine *e, uint64_t products, uint64_t differed, uint64_t mended)
{
	enum st_err err;

	e->record.compared_at = wall_now_ms() / 1000;
	e->record.compared_products = products;
	e->record.compared_differed = differed;
	e->record.compared_mended = mended;
	err = report_commit(e);
	if (err) {
		struct central_outcome failure = storage_outcome(e, err);

		report_small_failure(e, "comparing failed", &e->compare_failures, &failure);
	}
	log_at(differed > 0 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "compared with Central's list",
	    log_number("products", (int64_t)products), log_number("differed", (int64_t)differed),
	    log_number("mended", (int64_t)mended));
}

static void finish(struct engine *e, struct mono now)
{
	struct compare *c = &e->compare;

	compare_finished(e, c->walk.products, c->differed, c->mended);
	compare_cancel(e);
	plan(e, now);
}

/* Its last look-ups are answered: now the numbers are final. */
static bool is_over(const struct engine *e)
{
	return e->compare.running && e->compare.walk.done && e->lookups.n_owed == 0;
}

/* Meanwhile what is owed is looked up one by one. */
static void give_up(struct engine *e)
{
	compare_cancel(e);
	e->compare.next = e->compare.stand_in_from = mono_add_ms(mono_now(), PASS_OVER_MS);
}

/* A full sync mends what it would have found.  A verify only tells: then it is wanted still. */
static void interrupt(struct engine *e, struct mono now)
{
	compare_cancel(e);
	if (full_sync_runs(e))
		plan(e, now);
	else
		compare_soon(e, now);
}

static void failed(struct engine *e, const struct central_outcome *outcome)
{
	struct compare *c = &e->compare;

	report_small_failure(e, "comparing failed", &e->compare_failures, outcome);
	if (++c->failures < FAILURES_MAX)
		c->next = request_retry(c->failures, outcome);
	else
		give_up(e);
}

static bool use_page(struct engine *e, const struct page *page, size_t first, struct span from)
{
	struct compare *c = &e->compare;
	struct span to = { c->walk.held, c->walk.held_len };
	const struct span *end = c->walk.done ? NULL : &to;
	enum st_err err = ST_OK;

	if (c->walk.ordered && e->lookups.n_owed > 0)
		err = settle_owed(e, page, &from, end);
	if (!err)
		err = compare_page(e, page, first, &from, end);
	if (err) {
		struct central_outcome failure = storage_outcome(e, err);

		/* The walk is past this page: it can't be asked for again. */
		failed(e, &failure);
		give_up(e);
		return false;
	}
	if (c->walk.done && c->settles) {
		c->settles = false;
		c->stand_in_from = mono_add_ms(mono_now(), STAND_IN_PAUSE_MS);
	}
	return true;
}

static void page_answered(void *arg, const struct central_outcome *outcome, const struct page *page)
{
	struct engine *e = arg;
	struct compare *c = &e->compare;
	struct central_outcome bad;
	char held[PRODUCT_ID_MAX];
	struct span from = { held, c->walk.held_len };
	size_t first;

	c->call = NULL;
	request_answered(e, outcome);
	memcpy(held, c->walk.held, sizeof(held));
	if (!page) {
		failed(e, outcome);
		return;
	}
	switch (walk_page(&c->walk, page, &first)) {
	case WALK_BACK: break;
	case WALK_BAD:
		bad = *outcome;
		bad.failure = FAILURE_BAD_ANSWER;
		snprintf(bad.message, sizeof(bad.message), "Central's page is no continuation");
		failed(e, &bad);
		return;
	case WALK_USE:
		free(c->cursor);
		c->cursor = page->cursor ? strdup(page->cursor) : NULL;
		if (!use_page(e, page, first, from))
			return;
		break;
	}
	c->failures = 0;
	report_recovered("comparing works again", &e->compare_failures);
}

void compare_tick(struct engine *e, struct mono now)
{
	struct compare *c = &e->compare;
	enum st_err err;

	if (full_sync_runs(e) || (verify_reads(e) && !c->settles)) {
		if (c->running)
			interrupt(e, now);
		return;
	}
	if (c->next.us == 0)
		plan(e, now);
	if (must_stand_in(e) && !c->settles && !c->call)
		begin(e, true, now);
	if (is_over(e)) {
		finish(e, now);
		return;
	}
	if ((c->running && c->walk.done) || !mono_reached(compare_due(e, now), now))
		return;
	if (!c->running)
		begin(e, false, now);
	c->asked = request_sent(e, now);
	err = central_get_page(e->central, c->walk.offset, c->cursor, page_answered, e, &c->call);
	if (err) {
		struct central_outcome failure = storage_outcome(e, err);

		failed(e, &failure);
	}
}
