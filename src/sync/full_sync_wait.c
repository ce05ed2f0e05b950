/*
 * sync/full_sync_wait.c: who asked for a full sync, and who waits for its end;
 * and what a daemon that ends leaves to the next one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sync/state.h"

void full_sync_begin(struct engine *e)
{
	STAILQ_INIT(&e->full_sync.waiters);
}

void full_sync_end(struct engine *e)
{
	struct waiter *w;

	full_sync_cancel(e);
	while ((w = STAILQ_FIRST(&e->full_sync.waiters))) {
		STAILQ_REMOVE_HEAD(&e->full_sync.waiters, entry);
		free(w);
	}
}

void full_sync_keep_owed(struct engine *e)
{
	const struct full_sync *f = &e->full_sync;
	uint32_t owed = f->again ? f->again : f->owed;

	if (e->record.full_sync_owed == owed)
		return;
	e->record.full_sync_owed = owed;
	/* Where that fails it goes with the next commit. */
	report_commit(e);
}

void full_sync_take_up_owed(struct engine *e, struct mono now)
{
	uint32_t owed = e->record.full_sync_owed;

	if (owed != FULL_SYNC_NONE && owed < FULL_SYNC_REASON_COUNT)
		full_sync_want(e, (enum full_sync_reason)owed, now);
}

void full_sync_ask(struct engine *e, const char *id)
{
	struct full_sync *f = &e->full_sync;

	full_sync_want(e, FULL_SYNC_FORCED, mono_now());
	/* One that runs already has a name, or none: it isn't this one's. */
	if (f->wanted && f->asked_by[0] == '\0')
		snprintf(f->asked_by, sizeof(f->asked_by), "%s", id);
}

bool full_sync_is_waited_for(const struct engine *e)
{
	return !STAILQ_EMPTY(&e->full_sync.waiters) || e->verify.phase == VERIFY_REPAIR;
}

void full_sync_wait(struct engine *e, struct control_peer *peer, const char *id)
{
	struct waiter *w = calloc(1, sizeof(*w));

	full_sync_ask(e, id);
	if (!w) {
		struct buf nothing = { .err = ST_NOMEM };

		control_answer(peer, &nothing);
		return;
	}
	w->peer = peer;
	snprintf(w->id, sizeof(w->id), "%s", id);
	STAILQ_INSERT_TAIL(&e->full_sync.waiters, w, entry);
}

void full_sync_tell(struct engine *e, enum failure_class failure, const char *message)
{
	struct control_sync how = { .failure = failure };
	struct waiter *w;
	struct buf json;

	snprintf(how.message, sizeof(how.message), "%s", message);
	buf_init(&json, CONTROL_MESSAGE_MAX);
	while ((w = STAILQ_FIRST(&e->full_sync.waiters))) {
		buf_reset(&json);
		control_sync_write(w->id, &how, &json);
		control_answer(w->peer, &json);
		STAILQ_REMOVE_HEAD(&e->full_sync.waiters, entry);
		free(w);
	}
	buf_free(&json);
	verify_synced(e, failure, message);
}
