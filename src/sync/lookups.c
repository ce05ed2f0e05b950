/*
 * sync/lookups.c: asking Central for single products whose state events can't
 * tell.
 *
 *               ┌──────────── owed ◀───────────┐ its time has come
 *   event,  ────┘              │               │
 *   end of doubt               ▼               │
 *                          under way ──fails──▶ later
 *                              │
 *                              ▼ settled: forgotten, or in doubt until that ends
 *
 * Central can't be asked for some products one by one (an id with a slash gets
 * a 404 that proves nothing): those are looked for in its sorted list, by
 * bisecting the offset.
 */
#include <string.h>

#include "base/mutant.h"
#include "sync/known.h"

#define UNDER_WAY_MAX   4
#define URGENT_MAX      16 /* under way, of which a client waits for some */
#define HTTP_NOT_FOUND  404
#define PAUSE_MISSED_MS 1000

static void product_answered(
    void *arg, const struct central_outcome *outcome, const struct product *product);
static void page_answered(
    void *arg, const struct central_outcome *outcome, const struct page *page);

static void try_later(struct known *k, const struct central_outcome *outcome)
{
	struct lookups *l = &k->engine->lookups;
	char bytes[PRODUCT_ID_MAX];
	struct span id = { bytes, known_id(k).len };
	bool urgent = k->urgent;

	memcpy(bytes, known_id(k).data, id.len);
	report_small_failure(k->engine, "look-up failed", &k->engine->lookup_failures, outcome);
	k->failures++;
	k->by_list = k->urgent = false;
	k->next = request_retry(k->failures, outcome);
	known_move(k, PLACE_LATER);
	/* It says something about this product only, or about Central. */
	if (outcome->failure != FAILURE_BAD_ANSWER)
		l->next = request_retry(++l->failures, outcome);
	if (urgent)
		writes_unsettled(k->engine, &id);
}

/* What was answered is lost; asking goes on when the store may have room again. */
static void not_stored(struct engine *e, enum st_err err)
{
	struct central_outcome failure = storage_outcome(e, err);
	struct lookups *l = &e->lookups;

	report_small_failure(e, "look-up failed", &e->lookup_failures, &failure);
	l->next = request_retry(++l->failures, &failure);
}

static void works_again(struct engine *e)
{
	e->lookups.failures = 0;
	report_recovered("look-ups work again", &e->lookup_failures);
}

static void settle(struct known *k, const struct product *found)
{
	struct engine *e = k->engine;
	struct sync_record next = e->record;
	char bytes[PRODUCT_ID_MAX];
	struct span id = { bytes, known_id(k).len };
	uint64_t asked = k->asked;
	bool compared = k->compared, urgent = k->urgent;
	struct change c;
	enum st_err err;

	if (!known_is_settled_by(k, asked)) {
		known_ask_again(k);
		return;
	}
	memcpy(bytes, known_id(k).data, id.len);
	err = change_begin(e, &c);
	/* The store was found damaged since it was asked. */
	if (!err && !c.running && !c.coming)
		err = ST_UNAVAILABLE;
	if (err) {
		k->urgent = k->by_list = false;
		known_move(k, PLACE_OWED);
		/* This may forget all that is known. */
		not_stored(e, err);
		if (urgent)
			writes_unsettled(e, &id);
		return;
	}
	log_debug("product looked up", log_bytes("product", id.data, id.len),
	    log_number("version", found ? found->version : -1));
	change_settle(&c, k, asked, found);
	/* Whoever waits for no more than this doesn't make a next one urgent. */
	k->urgent = urgent && writes_wait_on(e, &id, asked);
	known_settled(k, asked);
	err = change_commit(&c, &next);
	if (err) {
		/* All that is owed was read again. */
		not_stored(e, err);
		if (urgent)
			writes_unsettled(e, &id);
		return;
	}
	report_adopt(e, &next);
	works_again(e);
	if (compared)
		compare_answered(e, c.repaired > 0);
	if (urgent)
		writes_settled(e, &id, asked);
}

static void look_in_list(struct known *k)
{
	k->by_list = true;
	k->missed = false;
	k->low = 0;
	k->high = -1;
	known_move(k, PLACE_OWED);
}

static void product_answered(
    void *arg, const struct central_outcome *outcome, const struct product *product)
{
	struct known *k = arg;
	struct engine *e = k->engine;

	k->call = NULL;
	request_answered(e, outcome);
	if (product || outcome->gone ||
	    (outcome->status == HTTP_NOT_FOUND && mutant("plain-404-is-gone"))) {
		settle(k, product);
	} else if (outcome->status == HTTP_NOT_FOUND) {
		look_in_list(k);
	} else if (outcome->unusable) {
		/* Central has one that can't be kept: for us it is not there. */
		settle(k, NULL);
	} else {
		try_later(k, outcome);
	}
}

/* The product of that id in a page, NULL if it isn't in it. */
static const struct product *in_page(const struct page *page, const struct known *k)
{
	for (size_t i = 0; i < page->n; i++)
		if (walk_compare(page->products[i].id.data, page->products[i].id.len, k->id.data,
			k->id.len) == 0)
			return &page->products[i];
	return NULL;
}

/* A list can be short for a moment, so that something is missing is looked at twice. */
static void settle_by_list(struct known *k, const struct product *found)
{
	if (found || k->missed) {
		settle(k, found);
		return;
	}
	look_in_list(k);
	k->missed = true;
	k->next = mono_add_ms(mono_now(), PAUSE_MISSED_MS);
	known_move(k, PLACE_LATER);
}

enum bisect { BISECT_HERE, BISECT_BELOW, BISECT_ABOVE };

static enum bisect where(const struct page *page, const struct known *k)
{
	const struct product *first = page->products, *last = page->products + page->n - 1;

	if (page->dialect != PAGE_PAGES)
		return BISECT_HERE;
	if (page->n == 0)
		return page->offset > 0 ? BISECT_BELOW : BISECT_HERE;
	if (walk_compare(k->id.data, k->id.len, first->id.data, first->id.len) < 0)
		return page->offset > 0 ? BISECT_BELOW : BISECT_HERE;
	if (walk_compare(k->id.data, k->id.len, last->id.data, last->id.len) > 0)
		return page->has_more ? BISECT_ABOVE : BISECT_HERE;
	return BISECT_HERE;
}

static void page_answered(void *arg, const struct central_outcome *outcome, const struct page *page)
{
	struct known *k = arg;

	k->call = NULL;
	request_answered(k->engine, outcome);
	/* In a list that comes by cursor nothing can be found by its place. */
	if (!page || (page->dialect == PAGE_CURSOR && page->has_more && !in_page(page, k))) {
		try_later(k, outcome);
		return;
	}
	if (k->high < 0)
		k->high = page->total;
	switch (where(page, k)) {
	case BISECT_HERE: settle_by_list(k, in_page(page, k)); return;
	case BISECT_BELOW: k->high = page->offset; break;
	case BISECT_ABOVE: k->low = page->offset + (int64_t)page->n; break;
	}
	/* The list slid under us: begin again. */
	if (k->low >= k->high)
		look_in_list(k);
	else
		known_move(k, PLACE_OWED);
}

/* ---- the loop's side ---- */

static void ask(struct engine *e, struct known *k, struct mono now)
{
	int64_t middle = k->high < 0 ? 0 : k->low + (k->high - k->low) / 2;
	enum st_err err;

	/* The last page of what is left, rather than one that begins in its middle. */
	if (k->high >= 0 && k->high - k->low <= CENTRAL_PAGE_LIMIT)
		middle = k->low;
	central_name_requests(e->central, k->urgent ? writes_who_waits(e, &k->id) : NULL);
	known_move(k, PLACE_UNDER_WAY);
	k->asked = request_sent(e, now);
	if (k->by_list)
		err = central_get_page(e->central, middle, NULL, page_answered, k, &k->call);
	else
		err = central_get_product(
		    e->central, k->id.data, k->id.len, product_answered, k, &k->call);
	central_name_requests(e->central, NULL);
	if (err) {
		struct central_outcome failure = storage_outcome(e, err);

		try_later(k, &failure);
	}
}

/* A client waits: no queue, and the place in the budget that its write has. */
struct mono lookups_due_urgent(const struct engine *e, struct mono now)
{
	const struct known *first = TAILQ_FIRST(&e->lookups.owed);

	if (!first || !first->urgent || e->lookups.under_way >= URGENT_MAX)
		return MONO_NEVER;
	return request_when(e, BUDGET_WRITE, now, now);
}

/* Without a generation there is nothing yet to be put right. */
static bool can_ask(const struct engine *e)
{
	return (engine_has_running(e) || e->full_sync.phase >= FULL_SYNC_PAGES) &&
	       !compare_stands_in(e) && e->lookups.under_way < UNDER_WAY_MAX;
}

static struct mono ask_when(const struct engine *e, struct mono now)
{
	const struct lookups *l = &e->lookups;
	const struct known *later = TAILQ_FIRST(&l->later);
	struct mono ready = TAILQ_EMPTY(&l->owed) ? MONO_NEVER : l->next;

	if (later)
		ready = mono_earlier(ready, mono_later(l->next, later->next));
	if (!can_ask(e) || ready.us == MONO_NEVER.us)
		return MONO_NEVER;
	return request_when(e, BUDGET_LOOKUP, ready, now);
}

struct mono lookups_due(const struct engine *e, struct mono now)
{
	const struct lookups *l = &e->lookups;
	const struct known *oldest = TAILQ_FIRST(&l->by_age[0]),
			   *brief = TAILQ_FIRST(&l->by_age[1]);
	struct stamp stamp = stamp_now(), told = follow_stamp(e);
	struct mono ends = MONO_NEVER;

	if (oldest)
		ends = mono_add_ms(now, doubt_left_ms(&oldest->doubt, &stamp));
	/* A brief one ends when an answer of the feed says so, and no sooner. */
	if (brief && doubt_left_ms(&brief->doubt, &told) == 0)
		ends = now;
	return mono_earlier(ends, mono_earlier(lookups_due_urgent(e, now), ask_when(e, now)));
}

void lookups_tick_urgent(struct engine *e, struct mono now)
{
	while (mono_reached(lookups_due_urgent(e, now), now))
		ask(e, TAILQ_FIRST(&e->lookups.owed), now);
}

void lookups_tick(struct engine *e, struct mono now)
{
	struct lookups *l = &e->lookups;
	struct known *k;

	known_end_doubts(e);
	lookups_tick_urgent(e, now);
	while ((k = TAILQ_FIRST(&l->later)) && mono_reached(k->next, now))
		known_move(k, PLACE_OWED);
	while ((k = TAILQ_FIRST(&l->owed)) && mono_reached(ask_when(e, now), now))
		ask(e, k, now);
}
