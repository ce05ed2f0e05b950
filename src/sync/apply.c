/*
 * sync/apply.c: what came from Central into both generations, with the record
 * and the position that speak of it, in one transaction of each.
 *
 * The running generation decides (rules/doubt.h).  The coming one follows it as
 * far as its pages are read; what lies beyond will be in a page that is yet to
 * be asked for.  Where no generation runs yet, the coming one decides.
 */
#include "base/mutant.h"
#include "sync/state.h"

enum st_err change_begin(struct engine *e, struct change *c)
{
	enum st_err err = ST_OK;

	*c = (struct change){
		.engine = e, .now = stamp_now(), .top = offsets_top(&e->follow.position.offsets)
	};
	if (engine_has_running(e))
		err = store_txn_begin(e->store, STORE_RUNNING, &c->running);
	if (!err && e->full_sync.phase >= FULL_SYNC_PAGES)
		err = store_txn_begin(e->store, STORE_COMING, &c->coming);
	if (err)
		change_abort(c);
	return err;
}

void change_abort(struct change *c)
{
	store_txn_abort(c->running);
	store_txn_abort(c->coming);
	c->running = c->coming = NULL;
}

static struct doubt_product cached(struct store_txn *t, const char *id, size_t len)
{
	struct product p;

	if (!store_txn_get(t, id, len, &p))
		return (struct doubt_product){ .version = -1 };
	return (struct doubt_product){ .there = true, .version = p.version, .partial = p.partial };
}

bool change_covers(const struct change *c, const char *id, size_t len)
{
	return c->coming && full_sync_covers(c->engine, id, len) &&
	       !mutant("nothing-over-the-flip");
}

/* A full product of this version takes its place. */
static bool is_older(const struct doubt_product *p, int64_t version)
{
	return !p->there || version > p->version || (version == p->version && p->partial);
}

/*
 * Into the coming generation what readers see from now on, where it has read that
 * page already and doesn't hold a newer state.  True: a look-up has to tell what the
 * product is there.
 *
 * Its pages were asked for after the head: they hold whatever lies below it.  An
 * update from there that is newer than its page is of a life that is over; or Central
 * lost the end of its log after it had named the head, and has handed those offsets
 * out again: where we had received none of what was lost, nothing that we remember
 * of the log shows that.  It goes in, since nothing that readers have seen may go
 * back when this is published, unless the page says that there is no such product.
 * (Creates and deletes are looked up anyhow, when their doubt ends.)
 */
static bool follow_into_coming(struct change *c, const struct event *event)
{
	struct span id = event->product_id;
	bool below = event->offset < c->engine->full_sync.head;
	struct doubt_product p;

	if (!c->running || !change_covers(c, id.data, id.len))
		return false;
	p = cached(c->coming, id.data, id.len);
	if (!is_older(&p, event->version) || (below && event->kind != EVENT_UPDATED))
		return false;
	if (!below || p.there)
		store_txn_put(c->coming, &event->product);
	return below;
}

/*
 * The first full sync has not read this product's page yet: that will hold
 * what the event tells.  But that it was created or deleted must be known.
 */
static void note_ahead(struct change *c, const struct event *event, struct doubt *doubt)
{
	if (event->kind == EVENT_CREATED || event->kind == EVENT_DELETED) {
		doubt->since = c->now;
		doubt->brief = 0;
		doubt->by_lookup = 1;
	}
}

static enum doubt_trust trust_in(const struct change *c, const struct event *event)
{
	const struct engine *e = c->engine;

	if (event->offset < e->follow.position.ran_ahead || event->offset < c->top)
		return DOUBT_TRUST_NO_YOUNG;
	/* The running generation has missed events: any of its products may live anew. */
	if (c->running && !e->follow.attached)
		return DOUBT_TRUST_NO_YOUNG;
	return full_sync_runs(e) || !mono_reached(e->trust_deletes_from, mono_now())
	           ? DOUBT_TRUST_NO_DELETE
	           : DOUBT_TRUST_ALL;
}

static enum doubt_action decide(struct change *c, const struct event *event, struct doubt *doubt)
{
	struct span id = event->product_id;
	struct store_txn *t = c->running ? c->running : c->coming;
	struct doubt_product p = cached(t, id.data, id.len);
	enum doubt_action action = doubt_event(&p, doubt, event, trust_in(c, event), &c->now);

	switch (action) {
	case DOUBT_PUT:
		store_txn_put(t, &event->product);
		doubt->owed |= follow_into_coming(c, event);
		break;
	/* Not while there is a coming one: trust_in(). */
	case DOUBT_DELETE: store_txn_delete(t, id.data, id.len); break;
	case DOUBT_STALE: c->stale++; return action;
	case DOUBT_ASK: c->owed++; return action;
	}
	c->applied++;
	return action;
}

/* Stale for what readers see; but a page has brought another life already. */
static bool is_news_for_coming(struct change *c, const struct event *event)
{
	struct span id = event->product_id;
	struct doubt_product p;

	if (!c->running || event->kind != EVENT_UPDATED || !change_covers(c, id.data, id.len))
		return false;
	p = cached(c->coming, id.data, id.len);
	return p.there && event->version > p.version;
}

static void keep_doubt(struct change *c, struct span id, const struct doubt *doubt)
{
	if (!known_note(c->engine, id.data, id.len, doubt))
		return;
	if (c->running)
		store_txn_put_doubt(
		    c->running, id.data, id.len, doubt_is_kept(doubt) ? doubt : NULL);
}

void change_owe(struct change *c, struct span id)
{
	struct doubt doubt = *known_doubt(known_find(c->engine, id.data, id.len));

	doubt.owed = 1;
	keep_doubt(c, id, &doubt);
}

void change_event(struct change *c, const struct event *event)
{
	struct engine *e = c->engine;
	struct span id = event->product_id;
	struct known *k = known_find(e, id.data, id.len);
	struct doubt doubt = *known_doubt(k);
	enum doubt_action action = DOUBT_PUT;

	if (!c->running && !change_covers(c, id.data, id.len))
		note_ahead(c, event, &doubt);
	else
		action = decide(c, event, &doubt);
	full_sync_touched(e, id.data, id.len);
	if (action == DOUBT_STALE) {
		if (!is_news_for_coming(c, event))
			return;
		doubt.owed = 1;
	}
	if (k || doubt_is_kept(&doubt))
		keep_doubt(c, id, &doubt);
	if (action == DOUBT_PUT || action == DOUBT_DELETE)
		known_changed(e, id.data, id.len);
}

static bool is_same(struct store_txn *t, struct span id, const struct product *found)
{
	struct product p;
	bool there = store_txn_get(t, id.data, id.len, &p);

	if (!there || !found)
		return !there && !found;
	return p.json.len == found->json.len &&
	       walk_compare(p.json.data, p.json.len, found->json.data, found->json.len) == 0;
}

bool change_has(const struct change *c, const struct known *k)
{
	struct span id = known_id(k);

	return cached(c->running ? c->running : c->coming, id.data, id.len).there;
}

static void settle_in(struct store_txn *t, struct span id, const struct product *found)
{
	if (found)
		store_txn_put(t, found);
	else
		store_txn_delete(t, id.data, id.len);
}

void change_settle(struct change *c, struct known *k, uint64_t asked, const struct product *found)
{
	struct span id = known_id(k);
	struct store_txn *t = c->running ? c->running : c->coming;
	struct doubt doubt = *known_doubt(k);
	struct doubt_product p = cached(t, id.data, id.len);
	struct doubt_product is = { found != NULL, found ? found->version : -1, false };
	bool same = is_same(t, id, found);
	struct doubt before = doubt;
	struct stamp told = follow_stamp(c->engine);

	doubt_settled(&p, &doubt, &is, same, &c->now);
	/* Something newer was wanted meanwhile: that stays owed. */
	doubt.owed = known_is_wanted_after(k, asked);
	/* What an earlier look-up found is still ahead of the feed. */
	if (!doubt_is_open(&doubt) && found && before.brief && doubt_left_ms(&before, &told) > 0) {
		doubt.since = before.since;
		doubt.brief = doubt.by_lookup = 1;
	}
	/* The first full sync has its page still to come. */
	if ((!same || p.partial) && (c->running || change_covers(c, id.data, id.len))) {
		c->repaired += !same;
		settle_in(t, id, found);
	}
	if (c->running && change_covers(c, id.data, id.len))
		settle_in(c->coming, id, found);
	full_sync_touched(c->engine, id.data, id.len);
	keep_doubt(c, id, &doubt);
}

static void put_position(struct change *c, struct sync_record *record)
{
	const struct position *p = &c->engine->follow.position;
	struct buf bytes;

	if (!c->engine->follow.attached)
		return;
	record->event_offset = p->offsets.next;
	buf_init(&bytes, SIZE_MAX / 2);
	position_write(p, &bytes);
	if (!bytes.err)
		store_txn_put_position(c->running, bytes.data, bytes.len);
	buf_free(&bytes);
}

static void count_events(const struct change *c)
{
	struct metrics_daemon *m = c->engine->metrics;

	metrics_daemon_events(m, METRICS_EVENT_APPLIED, c->applied);
	metrics_daemon_events(m, METRICS_EVENT_STALE, c->stale);
	metrics_daemon_events(m, METRICS_EVENT_REPAIRED, c->repaired);
}

enum st_err change_commit(struct change *c, struct sync_record *record)
{
	struct engine *e = c->engine;
	struct store_txn *coming = c->coming;
	bool alone = c->running == NULL;
	enum st_err err = ST_OK;

	record->events_applied += c->applied;
	record->events_stale += c->stale;
	record->events_repaired += c->repaired;
	if (c->rejected >= 0 || record->products_rejected >= (uint64_t)-c->rejected)
		record->products_rejected += (uint64_t)c->rejected;
	else
		record->products_rejected = 0;
	if (c->running) {
		put_position(c, record);
		store_txn_put_record(c->running, record);
		err = store_txn_commit(c->running);
	}
	c->running = c->coming = NULL;
	if (err) {
		store_txn_abort(coming);
		/* What was decided in memory is as if it had not been. */
		if (e->follow.attached)
			follow_reload(e);
		else
			full_sync_store_failed(e, err);
		known_reload(e);
		return err;
	}
	err = coming ? store_txn_commit(coming) : ST_OK;
	if (err) {
		full_sync_store_failed(e, err);
		record->full_sync_failures = e->record.full_sync_failures;
	}
	if (!err || !alone)
		count_events(c);
	return alone ? err : ST_OK;
}
