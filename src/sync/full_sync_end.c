/*
 * sync/full_sync_end.c: all pages are read.  Is the catalogue to be believed?
 * Then the feed is read to its end, and the coming generation is published.
 */

#include "sync/state.h"

static uint64_t running_count(struct engine *e)
{
	struct store_snapshot s;
	uint64_t n;

	if (!engine_has_running(e) || store_writer_snapshot(e->store, &s))
		return 0;
	n = store_snapshot_count(&s);
	store_snapshot_end(&s);
	return n;
}

/* Read it a second time: what somebody asked for at once, else when its time comes. */
static void read_again(struct engine *e, uint64_t before, uint64_t found)
{
	enum full_sync_reason reason = e->full_sync.reason;

	log_warn("sync status: full sync is to be confirmed, since so much is missing",
	    log_text("reason", full_sync_reason_text(reason)),
	    log_number("products", (int64_t)before), log_number("found", (int64_t)found));
	full_sync_run_again(e, reason, reason == FULL_SYNC_FORCED || full_sync_is_waited_for(e));
}

void full_sync_pages_done(struct engine *e)
{
	uint64_t before = running_count(e), found = e->full_sync.walk.products;

	if (!shrink_believes(&e->full_sync.shrink, before, found, e->settings.max_drop_percent)) {
		read_again(e, before, found);
		return;
	}
	e->full_sync.phase = FULL_SYNC_TAIL;
	full_sync_go_on(e);
}

void full_sync_tail_is(struct engine *e, int64_t tail)
{
	e->full_sync.tail = tail;
	e->full_sync.phase = FULL_SYNC_CATCH_UP;
	follow_hurry(e);
}

static void fill_record(struct engine *e, uint64_t products, struct sync_record *r)
{
	const struct full_sync *f = &e->full_sync;
	uint64_t before = running_count(e);
	int64_t now = wall_now_ms() / 1000;

	r->event_offset = e->follow.position.offsets.next;
	r->full_syncs++;
	r->products_rejected = f->rejected;
	r->full_sync_reason = f->reason;
	r->full_sync_owed = f->again;
	r->full_sync_at = now;
	r->full_sync_ms = mono_ms_between(f->started, mono_now());
	r->full_sync_products = products;
	r->full_sync_added = f->added;
	r->full_sync_changed = f->changed;
	/* What was there, and what came, less what is there. */
	r->full_sync_removed = before + f->added > products ? before + f->added - products : 0;
	if (r->initialized_at == 0)
		r->initialized_at = now;
	record_success(r, SYNC_LIVE, true);
}

static enum st_err publish(struct engine *e, struct sync_record *record)
{
	struct position *p = &e->follow.position;
	struct store_txn *t;
	struct buf bytes;
	enum st_err err = store_txn_begin(e->store, STORE_COMING, &t);

	if (err)
		return err;
	/* The pages hold all that was told below the head. */
	offsets_skip_to(&p->offsets, e->full_sync.head);
	p->ran_ahead = e->full_sync.tail;
	fill_record(e, store_txn_count(t), record);
	store_txn_put_record(t, record);
	buf_init(&bytes, SIZE_MAX / 2);
	position_write(p, &bytes);
	store_txn_put_position(t, bytes.data, bytes.len);
	known_put_all(e, t);
	err = bytes.err;
	buf_free(&bytes);
	if (err)
		store_txn_abort(t);
	else
		err = store_txn_commit(t);
	return err ? err : store_build_publish(e->store);
}

static void log_done(const struct full_sync *f, const struct sync_record *r)
{
	log_info("sync status: full sync done",
	    log_text("reason", full_sync_reason_text((enum full_sync_reason)r->full_sync_reason)),
	    log_number("products", (int64_t)r->full_sync_products),
	    log_number("added", (int64_t)r->full_sync_added),
	    log_number("changed", (int64_t)r->full_sync_changed),
	    log_number("removed", (int64_t)r->full_sync_removed),
	    log_number("rejected", (int64_t)r->products_rejected),
	    log_number("ms", r->full_sync_ms), log_number("offset", r->event_offset),
	    full_sync_request_id(f));
}

void full_sync_caught_up(struct engine *e)
{
	struct full_sync *f = &e->full_sync;
	struct sync_record next = e->record;
	enum full_sync_reason again;
	enum st_err err;

	if (f->phase != FULL_SYNC_CATCH_UP)
		return;
	/* Answers to open questions would speak of a position that is no longer ours. */
	follow_cancel(e);
	err = publish(e, &next);
	if (err) {
		full_sync_store_failed(e, err);
		/* Place and doubts were already those of the coming generation. */
		follow_reload(e);
		known_reload(e);
		return;
	}
	log_done(f, &next);
	metrics_daemon_full_sync(e->metrics, f->reason, true);
	report_adopt(e, &next);
	report_recovered("full sync requests work again", &e->full_sync_failures);
	report_recovered("full syncs work again", &f->gave_up);
	report_recovered("event sync works again", &e->event_failures);
	pace_full_sync_ended(&f->pace, mono_now());
	again = f->again;
	full_sync_forget_progress(e);
	f->phase = FULL_SYNC_IDLE;
	f->wanted = f->owed = FULL_SYNC_NONE;
	f->spared = false;
	e->damaged = false;
	e->damage_reports = (struct log_repeat){ 0 };
	e->trust_deletes_from = mono_add_ms(mono_now(), DOUBT_MS);
	follow_published(e);
	writes_store_again(e);
	full_sync_tell(e, FAILURE_NONE, "");
	if (again)
		full_sync_want(e, again, mono_now());
}
