/*
 * sync/writes.c: stock updates, from the control socket to Central and back.
 *
 *              another has       none has
 *              a key of it       any
 *   TAKEN ──┬──▶ BEHIND ────────▶ READY ──▶ SENT ──▶ ANSWERED
 *           │      │              ▲  │      │  │
 *           │      │ shares       └──┼──────┘  │ fails
 *           ▼      ▼                 ▼  again  ▼
 *          end    TOLD ──▶ end      end       end
 *
 *   ANSWERED ── stored ──▶ LOOKING ── for none any more ──┬── store whole ────▶ STORED ──▶ end
 *      ▲  │                   │                           │
 *      │  └── couldn't be ────┼───────────────────────────┴── store damaged ──▶ HELD ──▶ end
 *      │                      ▼ late                                             │  late
 *      │                     end                                                 │
 *      └──────────────────────── the store was built anew ───────────────────────┘
 *
 * Writes are independent of each other and of everything else that is asked of
 * Central: they run side by side.  Answers that arrive in one turn of the loop
 * are stored in one commit, and only then told to the clients, so that a client
 * that knows of its write can read it.
 *
 * Where the store was found damaged, and readers have an old state of it, that
 * commit has to wait for the store that is built anew: the write is HELD, and
 * ANSWERED once more when that is there.  Not for long, since a large store
 * takes its time: then it is told all the same (write_wait.c).
 *
 * An open breaker lets one write through as its probe, then no other before a
 * pause that grows with each probe that fails.
 */
#include "sync/writes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mutant.h"

#define SLACK_MS      1500 /* beyond the budget: for a look-up and the commit */
#define UNDER_WAY_MAX 256
#define BYTES_MAX     ((size_t)64 << 20)

/* ---- taking one ---- */

/* With the breaker open one at a time may try, after a pause. */
static bool may_try(struct write *w, struct mono now)
{
	struct writes *writes = &w->engine->writes;

	if (w->engine->record.state != SYNC_FALLBACK)
		return true;
	if (writes->probe || !mono_reached(writes->probe_from, now))
		return false;
	writes->probe = w;
	return true;
}

static bool take_keys(struct write *w, struct mono now)
{
	struct keys *keys = w->engine->writes.keys;
	size_t i;

	for (i = 0; i < w->updates.n; i++) {
		const struct update *u = &w->updates.items[i];
		const struct key *key = keys_find(keys, u->key, now);

		w->forward.unknown |= key && keys_state(key) == KEY_UNKNOWN &&
		                      !mutant("unknown-key-forgotten");
		if (keys_take(keys, u, w, now))
			break;
	}
	if (i == w->updates.n)
		return true;
	while (i-- > 0)
		keys_give_back(keys, keys_find(keys, w->updates.items[i].key, now), now);
	return false;
}

static bool is_same_update(const struct update *a, const struct update *b)
{
	return a->delta == b->delta && a->version == b->version &&
	       walk_order(&a->product_id, &b->product_id) == 0 && walk_order(&a->key, &b->key) == 0;
}

static bool is_same_write(const struct write *a, const struct write *b)
{
	if (a->updates.batch != b->updates.batch || a->updates.n != b->updates.n)
		return false;
	for (size_t i = 0; i < a->updates.n; i++)
		if (!is_same_update(&a->updates.items[i], &b->updates.items[i]))
			return false;
	return true;
}

/* The write that has one of its keys under way; NULL: none has. */
static struct write *in_front(struct write *w, struct mono now)
{
	for (size_t i = 0; i < w->updates.n; i++) {
		struct key *key = keys_find(w->engine->writes.keys, w->updates.items[i].key, now);

		if (key && keys_state(key) == KEY_UNDER_WAY)
			return keys_owner(key);
	}
	return NULL;
}

/* The first item whose key was used for something else; n: none was. */
static size_t reused(struct write *w, struct mono now)
{
	size_t i;

	for (i = 0; i < w->updates.n; i++) {
		struct key *key = keys_find(w->engine->writes.keys, w->updates.items[i].key, now);

		if (key && !keys_is_same(key, &w->updates.items[i]))
			break;
	}
	return i;
}

static void end_overloaded(struct write *w)
{
	/* Without keys nobody else counts it. */
	if (!w->has_keys)
		metrics_daemon_writes(w->engine->metrics, METRICS_WRITE_NOT_SENT, w->updates.n);
	write_end_with(w, CONTROL_UPDATE_OVERLOADED, CONTROL_NOT_SENT, 1,
	    "too many writes at once, or too many idempotency keys to remember");
}

/* What an earlier request with this key did is as unknown as before. */
static void end_not_tried(struct write *w)
{
	static const char why[] = "Central can't be reached; it is tried again";

	if (w->forward.unknown)
		write_end_unknown(w, why);
	else
		write_end_with(w, CONTROL_UPDATE_UNAVAILABLE, CONTROL_NOT_SENT,
		    write_next_probe_s(w->engine), why);
}

/* To be sent, or to wait for the one in front; or it ends here. */
static void admit(struct write *w)
{
	struct writes *writes = &w->engine->writes;
	struct mono now = mono_now();
	size_t item = reused(w, now);

	if (item < w->updates.n) {
		w->end.end = CONTROL_UPDATE_KEY_REUSED;
		w->end.index = (int64_t)item;
		w->end.retry_after_s = -1;
		snprintf(w->end.message, sizeof(w->end.message),
		    "this idempotency key was used for another update");
		write_end(w);
		return;
	}
	w->behind = in_front(w, now);
	if (w->behind) {
		w->phase = WRITE_BEHIND;
		w->shares = is_same_write(w, w->behind);
		return;
	}
	if (writes->bytes > BYTES_MAX || !take_keys(w, now)) {
		end_overloaded(w);
		return;
	}
	w->has_keys = true;
	if (!may_try(w, now)) {
		end_not_tried(w);
		return;
	}
	w->phase = WRITE_READY;
	w->next = now;
}

static struct write *new_write(
    struct engine *e, struct control_peer *peer, struct control_request *request, struct mono now)
{
	struct write *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	buf_init(&w->body, CONTROL_MESSAGE_MAX);
	update_list_write_request(&request->updates, e->store_id, &w->body);
	if (w->body.err) {
		buf_free(&w->body);
		free(w);
		return NULL;
	}
	w->engine = e;
	w->peer = peer;
	snprintf(w->id, sizeof(w->id), "%s", request->id);
	w->updates = request->updates;
	request->updates = (struct update_list){ 0 };
	w->began = now;
	w->deadline = mono_add_ms(now, e->settings.write_budget_ms);
	w->end.index = w->end.retry_after_s = -1;
	e->writes.bytes += w->body.len;
	TAILQ_INSERT_TAIL(&e->writes.all, w, entry);
	return w;
}

/* From here on we are responsible for it; false: whoever asked is gone. */
static bool say_taken(struct engine *e, struct control_peer *peer, const char *id)
{
	struct buf json;
	bool said;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_taken_write(id, e->settings.write_budget_ms + SLACK_MS, &json);
	said = control_interim(peer, &json);
	buf_free(&json);
	return said;
}

void writes_take(struct engine *e, struct control_peer *peer, struct control_request *request)
{
	struct write *w;

	w = new_write(e, peer, request, mono_now());
	if (!w) {
		engine_refuse(peer, request->id, "no_memory", "the daemon has no memory for it");
		return;
	}
	if (say_taken(e, peer, w->id)) {
		admit(w);
		return;
	}
	engine_refuse(peer, w->id, "gone", "nobody waits for this");
	write_release(w);
}

/* ---- what Central said ---- */

static bool has_answered(const struct engine *e)
{
	const struct write *w;

	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry)) {
		if (w->phase == WRITE_ANSWERED)
			return true;
	}
	return false;
}

/* On a full disk the client is told all the same: at Central it is done. */
static void store_answers(struct engine *e)
{
	bool merged = write_merge_all(e) == ST_OK;
	struct write *w;

	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry)) {
		if (w->phase != WRITE_ANSWERED)
			continue;
		w->counted |= merged;
		if (merged)
			write_look_up(w);
		else
			write_stored(w);
	}
}

/* ---- the loop's side ---- */

static struct mono send_when(const struct write *w, struct mono now)
{
	if (w->engine->writes.under_way >= UNDER_WAY_MAX)
		return MONO_NEVER;
	return request_when(w->engine, BUDGET_WRITE, w->next, now);
}

/* Send it, or let it wait; or the time that is left is too short for either. */
static void make_ready(struct write *w, struct mono now)
{
	struct mono when = send_when(w, now);
	bool worth = mono_ms_between(now, w->deadline) >= FORWARD_WORTH_MS;

	if (worth && mono_reached(when, now))
		write_send(w, now);
	else if (worth && !mono_reached(mono_add_ms(w->deadline, -FORWARD_WORTH_MS), when))
		return;
	else if (w->forward.unknown)
		write_end_unknown(w, "no answer within the time for it");
	else if (w->engine->writes.under_way >= UNDER_WAY_MAX || mono_reached(when, now))
		end_overloaded(w);
	else
		write_end_with(w, CONTROL_UPDATE_RATE_LIMITED, CONTROL_NOT_SENT,
		    write_seconds_until(when, now), "Central's limit on requests is reached");
}

static void step(struct write *w, struct mono now)
{
	bool late = mono_reached(w->deadline, now);

	switch (w->phase) {
	case WRITE_TAKEN: admit(w); break;
	case WRITE_BEHIND:
		if (late)
			write_end_unknown(w, "one of its keys is still under way");
		break;
	case WRITE_READY: make_ready(w, now); break;
	case WRITE_LOOKING:
		if (late)
			write_give_up_waiting(w);
		break;
	case WRITE_HELD:
		if (late || w->engine->stopping)
			write_end(w);
		break;
	case WRITE_STORED: write_end(w); break;
	case WRITE_TOLD: write_release(w); break;
	case WRITE_SENT:
	case WRITE_ANSWERED: break;
	}
}

void writes_tick(struct engine *e, struct mono now)
{
	struct write *w, *next;

	if (has_answered(e))
		store_answers(e);
	for (w = TAILQ_FIRST(&e->writes.all); w; w = next) {
		next = TAILQ_NEXT(w, entry);
		step(w, now);
	}
}

struct mono writes_due(const struct engine *e, struct mono now)
{
	struct mono due = MONO_NEVER;
	const struct write *w;

	for (w = TAILQ_FIRST(&e->writes.all); w; w = TAILQ_NEXT(w, entry)) {
		switch (w->phase) {
		case WRITE_SENT: break;
		case WRITE_READY:
			due = mono_earlier(due, mono_earlier(w->deadline, send_when(w, now)));
			break;
		case WRITE_BEHIND:
		case WRITE_HELD:
		case WRITE_LOOKING: due = mono_earlier(due, w->deadline); break;
		default: return now;
		}
	}
	return due;
}

bool writes_are_open(const struct engine *e)
{
	return !TAILQ_EMPTY(&e->writes.all);
}

enum st_err writes_begin(struct engine *e)
{
	TAILQ_INIT(&e->writes.all);
	return keys_open(&e->writes.keys);
}

void writes_end(struct engine *e)
{
	struct write *w;

	while ((w = TAILQ_FIRST(&e->writes.all)))
		write_release(w);
	keys_close(e->writes.keys);
}
