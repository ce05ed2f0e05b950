/*
 * sync/follow_place.c: our place in Central's feed: where it comes from, how it
 * is lost, and what a full sync makes of it.
 *
 * `attached`: it is the running generation's, committed with it.  While a full
 * sync reads for a store whose place is no good, the place is that of the coming
 * generation, and the running one keeps its own until the flip.
 */
#include "sync/state.h"

void follow_cancel(struct engine *e)
{
	struct follow *f = &e->follow;

	central_cancel(e->central, f->call);
	central_cancel(e->central, f->hole_call);
	f->call = f->hole_call = NULL;
}

static void restart(struct engine *e, struct mono now)
{
	struct follow *f = &e->follow;

	follow_cancel(e);
	f->hole = (struct hole){ .there = false };
	f->early = 0;
	f->unchecked.n = 0;
	/* A full sync that waits for the feed's end goes on waiting for it. */
	f->hurry = e->full_sync.phase == FULL_SYNC_CATCH_UP;
	f->next = now;
}

static enum st_err read_position(struct engine *e)
{
	struct store_txn *t;
	struct buf bytes;
	enum st_err err = store_txn_begin(e->store, STORE_RUNNING, &t);

	if (err)
		return err;
	buf_init(&bytes, SIZE_MAX / 2);
	if (store_txn_get_position(t, &bytes))
		err = position_read(bytes.data, bytes.len, &e->follow.position);
	else
		err = ST_CORRUPT;
	store_txn_abort(t);
	buf_free(&bytes);
	return err;
}

void follow_reload(struct engine *e)
{
	struct follow *f = &e->follow;
	enum st_err err;

	restart(e, f->next);
	f->attached = engine_has_running(e);
	if (!f->attached)
		return;
	err = read_position(e);
	/* The offset of the record is as good, but for what lies above it. */
	if (err)
		position_begin(&f->position, e->record.event_offset);
}

void follow_begin(struct engine *e, struct mono now)
{
	e->follow.next = now;
	e->follow.check_owed = true;
	follow_reload(e);
}

struct stamp follow_stamp(const struct engine *e)
{
	int64_t behind = mono_ms_between(e->follow.caught_up, mono_now());
	struct stamp s = stamp_now();

	s.boottime_ms -= behind;
	s.wall_ms -= behind;
	return s;
}

void follow_detach(struct engine *e, int64_t head)
{
	restart(e, mono_now());
	e->follow.attached = false;
	e->follow.check_owed = false;
	position_begin(&e->follow.position, head);
}

void follow_published(struct engine *e)
{
	struct follow *f = &e->follow;

	restart(e, mono_now());
	f->attached = true;
	f->lost = false;
}

void follow_lose(struct engine *e, enum full_sync_reason reason)
{
	struct follow *f = &e->follow;
	int64_t missing = f->position.offsets.next;

	log_warn("event sync lost its place", log_text("reason", full_sync_reason_text(reason)),
	    log_number("offset", missing));
	if (f->attached) {
		f->lost = true;
		f->lost_reason = reason;
	}
	if (!full_sync_runs(e)) {
		restart(e, MONO_NEVER);
		full_sync_want(e, reason, mono_now());
	} else if (reason == FULL_SYNC_EVENT_GAP && e->full_sync.phase >= FULL_SYNC_PAGES &&
		   missing < e->full_sync.head) {
		/* The pages that are being read hold what the lost events told. */
		f->attached = false;
		offsets_skip_to(&f->position.offsets, e->full_sync.head);
		f->hole = (struct hole){ .there = false };
	} else if (e->full_sync.phase >= FULL_SYNC_PAGES || !f->attached) {
		full_sync_restart(e, reason);
	}
}
