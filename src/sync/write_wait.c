/*
 * sync/write_wait.c: what an answered write waits for before its client is told:
 * look-ups of its products (LOOKING), and a damaged store that is built anew
 * (HELD).  Owns both states' deadlines, and who waits for which product.
 *
 * A look-up counts for a write if it was asked for after the write's answer was
 * stored: one from before may not show it.
 */
#include "sync/writes.h"

#define LOOKUP_LEAST_MS 1000
#define HELD_MS         3000
#define NEVER           UINT64_MAX

void write_stored(struct write *w)
{
	const struct engine *e = w->engine;
	struct mono last = mono_add_ms(w->began, e->settings.write_budget_ms + LOOKUP_LEAST_MS);

	/* One that was never filled shows nothing old. */
	if (engine_has_running(e) || store_writer_condition(e->store) == STORE_EMPTY) {
		w->phase = WRITE_STORED;
		return;
	}
	w->phase = WRITE_HELD;
	w->deadline = mono_earlier(last, mono_add_ms(mono_now(), HELD_MS));
}

void writes_store_again(struct engine *e)
{
	struct write *w;

	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry))
		if (w->phase == WRITE_HELD)
			w->phase = WRITE_ANSWERED;
}

static bool still_waits(const struct write *w)
{
	for (size_t i = 0; i < w->updates.n; i++)
		if (w->waits[i])
			return true;
	return false;
}

static void stop_waiting(struct write *w, const struct span *id)
{
	for (size_t i = 0; i < w->updates.n; i++)
		if (walk_order(&w->updates.items[i].product_id, id) == 0)
			w->waits[i] = false;
}

/* The moment when it was asked for; NEVER: it could not be looked up. */
static void each_waiting(struct engine *e, const struct span *id, uint64_t asked)
{
	struct write *w;

	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry)) {
		if (w->phase != WRITE_LOOKING || w->asks_from >= asked)
			continue;
		if (asked == NEVER)
			write_merge_partly(e, w, id);
		stop_waiting(w, id);
		if (!still_waits(w))
			write_stored(w);
	}
}

void writes_settled(struct engine *e, const struct span *id, uint64_t asked)
{
	each_waiting(e, id, asked);
}

void writes_unsettled(struct engine *e, const struct span *id)
{
	each_waiting(e, id, NEVER);
}

static bool waits_for(const struct write *w, const struct span *id)
{
	for (size_t i = 0; w->phase == WRITE_LOOKING && i < w->updates.n; i++)
		if (w->waits[i] && walk_order(&w->updates.items[i].product_id, id) == 0)
			return true;
	return false;
}

bool writes_wait_on(const struct engine *e, const struct span *id, uint64_t asked)
{
	const struct write *w;

	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry))
		if (w->asks_from >= asked && waits_for(w, id))
			return true;
	return false;
}

const char *writes_who_waits(const struct engine *e, const struct span *id)
{
	const struct write *w;

	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry))
		if (waits_for(w, id))
			return w->id;
	return NULL;
}

/* Where there is no memory for it, nobody waits. */
static void owe_awaited(struct write *w)
{
	for (size_t i = 0; i < w->updates.n; i++) {
		struct span id = w->updates.items[i].product_id;

		if (w->waits[i] && !known_owe_now(w->engine, id.data, id.len))
			w->waits[i] = false;
	}
	if (!still_waits(w))
		write_stored(w);
}

void write_look_up(struct write *w)
{
	struct mono least = mono_add_ms(mono_now(), LOOKUP_LEAST_MS);

	w->phase = WRITE_LOOKING;
	w->asks_from = w->engine->moment;
	w->deadline = mono_later(w->deadline, least);
	owe_awaited(w);
}

void writes_look_again(struct engine *e)
{
	struct write *w;

	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry)) {
		if (w->phase == WRITE_LOOKING)
			owe_awaited(w);
	}
}

void write_give_up_waiting(struct write *w)
{
	for (size_t i = 0; i < w->updates.n; i++)
		if (w->waits[i])
			write_merge_partly(w->engine, w, &w->updates.items[i].product_id);
	write_end(w);
}
