/*
 * sync/write_merge.c: what Central said of forwarded writes into the store.
 *
 * A write's answer names quantity and version, but neither name nor price.  What
 * can be merged exactly is (rules/doubt.h), in one commit for all answers of one
 * turn of the loop; for the rest Central is asked for the whole product, and the
 * client is answered after that: as soon as there is one that was asked for since,
 * whatever else is to be asked by then.  Where that can't be had in time, the numbers
 * stand over what else is known of the product, marked as partial, and any full
 * product of that version takes their place.  But not where the version went down
 * meanwhile: that is another life of the product, and the numbers are none of its.
 */
#include <string.h>

#include "base/mutant.h"
#include "sync/writes.h"

static void put(struct change *c, const struct product *p)
{
	struct product coming;

	store_txn_put(c->running, p);
	known_changed(c->engine, p->id.data, p->id.len);
	if (mutant("write-lost-over-the-flip"))
		return;
	if (change_covers(c, p->id.data, p->id.len) &&
	    (!store_txn_get(c->coming, p->id.data, p->id.len, &coming) ||
		coming.version < p->version))
		store_txn_put(c->coming, p);
	full_sync_touched(c->engine, p->id.data, p->id.len);
}

static bool is_same_json(const struct product *a, const struct product *b)
{
	return a->json.len == b->json.len && memcmp(a->json.data, b->json.data, a->json.len) == 0;
}

/* True: the product is to be looked up before the client is answered.  cached: its version. */
static bool merge(
    struct change *c, const struct update *u, const struct update_result *r, int64_t *cached)
{
	enum update_verdict verdict = update_verdict_of(r);
	struct span id = u->product_id;
	struct product was, merged;
	bool there = store_txn_get(c->running, id.data, id.len, &was), can_merge, asks = true;
	struct doubt_product p = { there, there ? was.version : -1, there && was.partial };
	struct doubt_write w = { r->applied, u->version, r->new_version, false };
	struct buf storage;

	*cached = p.version;
	if (verdict != UPDATE_APPLIED && verdict != UPDATE_CONFLICT) {
		if (verdict != UPDATE_REFUSED && there)
			change_owe(c, id);
		return false;
	}
	buf_init(&storage, SIZE_MAX / 2);
	can_merge = there && update_merge(&was, r, &storage, &merged) == ST_OK;
	w.shown = can_merge && is_same_json(&was, &merged);
	switch (doubt_write(&p, known_doubt(known_find(c->engine, id.data, id.len)), &w)) {
	case DOUBT_WRITE_NONE: asks = false; break;
	case DOUBT_WRITE_ASK: break;
	case DOUBT_WRITE_MERGE:
		if (can_merge)
			put(c, &merged);
		asks = !can_merge;
		break;
	}
	buf_free(&storage);
	if (asks)
		change_owe(c, id);
	return asks;
}

static void merge_partly(struct change *c, const struct write *w, size_t item)
{
	const struct update_result *r = &w->end.results.items[item];
	struct span id = w->updates.items[item].product_id;
	struct product was, merged;
	struct buf storage;

	change_owe(c, id);
	if (!store_txn_get(c->running, id.data, id.len, &was) || r->new_version <= was.version ||
	    was.version < w->cached[item])
		return;
	buf_init(&storage, SIZE_MAX / 2);
	if (update_merge(&was, r, &storage, &merged) == ST_OK) {
		merged.partial = true;
		put(c, &merged);
	}
	buf_free(&storage);
}

/* Before the first full sync has ended: what it reads from now on will show it. */
static void leave_to_full_sync(struct engine *e, const struct span *id)
{
	full_sync_touched(e, id->data, id->len);
	if (e->full_sync.phase >= FULL_SYNC_PAGES)
		known_owe(e, id->data, id->len, false);
}

static void merge_items(struct change *c, struct write *w)
{
	for (size_t i = 0; i < w->end.results.n; i++) {
		const struct update *u = &w->updates.items[i];

		w->waits[i] = false;
		if (c->running)
			w->waits[i] = merge(c, u, &w->end.results.items[i], &w->cached[i]);
		else
			leave_to_full_sync(c->engine, &u->product_id);
	}
}

static void store_failed(struct engine *e, enum st_err err)
{
	struct central_outcome failure = storage_outcome(e, err);

	report_write_failure(e, "answered writes not stored", &failure);
}

enum st_err write_merge_all(struct engine *e)
{
	bool was_open = e->record.state == SYNC_FALLBACK;
	struct sync_record next = e->record;
	struct change c;
	struct write *w;
	enum st_err err = change_begin(e, &c);

	if (err) {
		store_failed(e, err);
		return err;
	}
	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry)) {
		if (w->phase != WRITE_ANSWERED)
			continue;
		merge_items(&c, w);
		if (!w->counted)
			next.writes_forwarded += w->updates.n;
	}
	record_reached(&next);
	mutant_dies("die-before-commit");
	err = change_commit(&c, &next);
	if (err) {
		store_failed(e, err);
		return err;
	}
	report_adopt(e, &next);
	if (was_open)
		e->follow.next = mono_now();
	return ST_OK;
}

void write_merge_partly(struct engine *e, struct write *w, const struct span *id)
{
	struct sync_record next = e->record;
	struct change c;
	enum st_err err = change_begin(e, &c);

	if (err) {
		store_failed(e, err);
		return;
	}
	for (size_t i = 0; i < w->end.results.n; i++)
		if (w->waits[i] && c.running &&
		    walk_order(&w->updates.items[i].product_id, id) == 0)
			merge_partly(&c, w, i);
	err = change_commit(&c, &next);
	if (err)
		store_failed(e, err);
	else
		report_adopt(e, &next);
}
