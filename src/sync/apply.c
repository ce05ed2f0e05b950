/*
 * sync/apply.c: events into a generation, with the record that speaks of them,
 * in one transaction.
 */
#include "rules/guard.h"
#include "sync/state.h"

static void apply_one(struct store_txn *t, const struct event *event, struct apply_counts *counts)
{
	struct product cached;
	bool there = store_txn_get(t, event->product_id.data, event->product_id.len, &cached);

	switch (guard_event(there ? cached.version : -1, event)) {
	case GUARD_PUT: store_txn_put(t, &event->product); break;
	case GUARD_DELETE:
		store_txn_delete(t, event->product_id.data, event->product_id.len);
		break;
	case GUARD_STALE: counts->stale++; return;
	}
	counts->applied++;
}

enum st_err apply_events(struct engine *e, enum store_target target, const struct event *events,
    size_t n, struct sync_record *record, struct apply_counts *counts)
{
	struct store_txn *t;
	enum st_err err = store_txn_begin(e->store, target, &t);

	*counts = (struct apply_counts){ 0, 0 };
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		apply_one(t, &events[i], counts);
	record->events_applied += counts->applied;
	record->events_stale += counts->stale;
	store_txn_put_record(t, record);
	return store_txn_commit(t);
}
