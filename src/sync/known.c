/*
 * sync/known.c: the table of what is known about single products: those in
 * doubt, and those that Central is to be asked for.  Few, as a rule.  The store
 * has all of it too, committed with what it speaks of.
 *
 * `moment` numbers questions and changes, so that it can be told whether a
 * product changed after a question was sent (then the answer is too old), or
 * only more questions came up (then it is good, and the next is asked as well).
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "sync/known.h"

#define PAUSE_AGAIN_MS 50 /* before the same product is asked for again */

void known_begin(struct engine *e)
{
	TAILQ_INIT(&e->lookups.all);
	TAILQ_INIT(&e->lookups.by_age[0]);
	TAILQ_INIT(&e->lookups.by_age[1]);
	TAILQ_INIT(&e->lookups.owed);
	TAILQ_INIT(&e->lookups.later);
	known_reload(e);
}

/* The tree holds pointers to ids, each the first member of its struct known. */
struct known *known_find(const struct engine *e, const char *id, size_t len)
{
	struct span probe = { id, len };
	void *found = tfind(&probe, &e->lookups.tree, walk_order);

	return found ? *(struct known **)found : NULL;
}

const struct doubt *known_doubt(const struct known *k)
{
	static const struct doubt nothing;

	return k ? &k->doubt : &nothing;
}

struct span known_id(const struct known *k)
{
	return k->id;
}

bool known_is_owed(const struct known *k)
{
	return k && k->place != PLACE_NONE;
}

static void leave_queue(struct known *k)
{
	struct lookups *l = &k->engine->lookups;

	switch (k->place) {
	case PLACE_OWED: TAILQ_REMOVE(&l->owed, k, queue); break;
	case PLACE_LATER: TAILQ_REMOVE(&l->later, k, queue); break;
	case PLACE_UNDER_WAY: l->under_way--; break;
	case PLACE_NONE: break;
	}
}

/* In the order of their next try. */
static void insert_later(struct lookups *l, struct known *k)
{
	struct known *at = TAILQ_LAST(&l->later, known_list);

	while (at && !mono_reached(at->next, k->next))
		at = TAILQ_PREV(at, known_list, queue);
	if (at)
		TAILQ_INSERT_AFTER(&l->later, at, k, queue);
	else
		TAILQ_INSERT_HEAD(&l->later, k, queue);
}

void known_move(struct known *k, enum place place)
{
	struct lookups *l = &k->engine->lookups;

	leave_queue(k);
	l->n_owed -= known_is_owed(k);
	k->place = place;
	l->n_owed += known_is_owed(k);
	switch (place) {
	case PLACE_OWED:
		if (k->urgent)
			TAILQ_INSERT_HEAD(&l->owed, k, queue);
		else
			TAILQ_INSERT_TAIL(&l->owed, k, queue);
		break;
	case PLACE_LATER: insert_later(l, k); break;
	case PLACE_UNDER_WAY: l->under_way++; break;
	case PLACE_NONE: break;
	}
}

static struct known *add(struct engine *e, const char *id, size_t len)
{
	struct known *k = calloc(1, sizeof(*k) + len);

	if (!k)
		return NULL;
	k->engine = e;
	/* It may have changed a moment ago: nobody could note that. */
	k->changed = ++e->moment;
	k->id = (struct span){ k->bytes, len };
	memcpy(k->bytes, id, len);
	if (!tsearch(&k->id, &e->lookups.tree, walk_order)) {
		free(k);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&e->lookups.all, k, all);
	return k;
}

static void leave_age(struct known *k)
{
	if (k->ages)
		TAILQ_REMOVE(k->ages, k, age);
	k->ages = NULL;
}

static void forget(struct known *k)
{
	struct engine *e = k->engine;

	central_cancel(e->central, k->call);
	known_move(k, PLACE_NONE);
	leave_age(k);
	tdelete(&k->id, &e->lookups.tree, walk_order);
	TAILQ_REMOVE(&e->lookups.all, k, all);
	free(k);
}

static bool is_same_stamp(const struct stamp *a, const struct stamp *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/*
 * Doubts that begin later stand later in the list, so the first ends first.
 * (After a restart they stand by id, and some end later than they might.)
 */
static void set_doubt(struct known *k, const struct doubt *doubt)
{
	if (!is_same_stamp(&k->doubt.since, &doubt->since)) {
		leave_age(k);
		if (doubt_is_open(doubt)) {
			k->ages = &k->engine->lookups.by_age[doubt->brief];
			TAILQ_INSERT_TAIL(k->ages, k, age);
		}
	}
	k->doubt = *doubt;
}

void known_want(struct known *k)
{
	k->wanted = ++k->engine->moment;
	k->doubt.owed = 1;
	if (k->place == PLACE_NONE)
		known_move(k, PLACE_OWED);
}

struct known *known_note(struct engine *e, const char *id, size_t len, const struct doubt *doubt)
{
	struct known *k = known_find(e, id, len);

	if (!k)
		k = add(e, id, len);
	if (!k)
		return NULL;
	set_doubt(k, doubt);
	if (doubt->owed)
		known_want(k);
	return k;
}

void known_changed(struct engine *e, const char *id, size_t len)
{
	struct known *k = known_find(e, id, len);

	if (k)
		k->changed = ++e->moment;
}

bool known_owe(struct engine *e, const char *id, size_t len, bool compared)
{
	struct known *k = known_find(e, id, len);

	if (!k)
		k = add(e, id, len);
	if (!k)
		return false;
	k->compared |= compared;
	known_want(k);
	return true;
}

bool known_owe_now(struct engine *e, const char *id, size_t len)
{
	struct known *k;

	if (!known_owe(e, id, len, false))
		return false;
	k = known_find(e, id, len);
	k->urgent = true;
	if (k->place == PLACE_OWED || k->place == PLACE_LATER)
		known_move(k, PLACE_OWED);
	return true;
}

bool known_is_urgent(const struct known *k)
{
	return k->urgent;
}

bool known_is_settled_by(const struct known *k, uint64_t asked)
{
	return k->changed < asked || mutant("late-look-up-believed");
}

bool known_is_wanted_after(const struct known *k, uint64_t asked)
{
	return k->wanted > asked;
}

bool known_was_compared(const struct known *k)
{
	return k->compared;
}

static void end_doubt(struct known *k)
{
	struct doubt nothing = { .owed = k->doubt.owed };

	set_doubt(k, &nothing);
}

void known_ask_again(struct known *k)
{
	k->next = mono_add_ms(mono_now(), PAUSE_AGAIN_MS);
	known_move(k, k->urgent ? PLACE_OWED : PLACE_LATER);
}

void known_settled(struct known *k, uint64_t asked)
{
	bool again = known_is_wanted_after(k, asked);

	k->compared = false;
	k->failures = 0;
	k->by_list = false;
	if (again) {
		k->doubt.owed = 1;
		known_ask_again(k);
		return;
	}
	k->urgent = false;
	k->doubt.owed = 0;
	known_move(k, PLACE_NONE);
	if (!doubt_is_open(&k->doubt))
		forget(k);
}

void known_in_range(struct engine *e, const struct span *from, const struct span *to,
    known_each_owed *each, void *arg)
{
	struct known *k, *next;
	struct span id;

	for (k = TAILQ_FIRST(&e->lookups.all); k; k = next) {
		next = TAILQ_NEXT(k, all);
		id = known_id(k);
		if (known_is_owed(k) && k->place != PLACE_UNDER_WAY && walk_order(&id, from) > 0 &&
		    (!to || walk_order(&id, to) <= 0))
			each(arg, k);
	}
}

void known_put_all(struct engine *e, struct store_txn *t)
{
	struct product p;
	struct known *k;

	for (k = TAILQ_FIRST(&e->lookups.all); k; k = TAILQ_NEXT(k, all)) {
		struct doubt doubt = k->doubt;

		doubt_overtaken(&doubt, store_txn_get(t, k->id.data, k->id.len, &p));
		known_note(e, k->id.data, k->id.len, &doubt);
		if (doubt_is_kept(&doubt))
			store_txn_put_doubt(t, k->id.data, k->id.len, &doubt);
	}
}

void known_forget_all(struct engine *e)
{
	struct known *k;

	while ((k = TAILQ_FIRST(&e->lookups.all)))
		forget(k);
}

static enum st_err load_one(void *arg, const char *id, size_t len, const struct doubt *doubt)
{
	return known_note(arg, id, len, doubt) ? ST_OK : ST_NOMEM;
}

static void load_all(struct engine *e)
{
	struct store_txn *t;

	if (!engine_has_running(e) || store_txn_begin(e->store, STORE_RUNNING, &t))
		return;
	store_txn_each_doubt(t, load_one, e);
	if (store_txn_error(t))
		log_warn("what is in doubt can't be read",
		    log_text("error", st_err_text(store_txn_error(t))));
	store_txn_abort(t);
}

void known_reload(struct engine *e)
{
	known_forget_all(e);
	load_all(e);
	/* Who waits for a product isn't in the store. */
	writes_look_again(e);
}

static struct known *ended(struct known_list *list, const struct stamp *now)
{
	struct known *k = TAILQ_FIRST(list);

	if (!k || doubt_left_ms(&k->doubt, now) > 0)
		return NULL;
	TAILQ_REMOVE(list, k, age);
	k->ages = NULL;
	return k;
}

/* A brief doubt ends without another word; in the store too. */
static void end_brief(struct known *k, struct store_txn *t)
{
	if (known_is_owed(k))
		end_doubt(k);
	if (t)
		store_txn_put_doubt(t, k->id.data, k->id.len, known_is_owed(k) ? &k->doubt : NULL);
	if (!known_is_owed(k))
		forget(k);
}

/*
 * Each other doubt that ended is settled once more, and then forgotten.  A
 * brief one is about a look-up that ran ahead of the feed: while that can't be
 * read, its time stands still.
 */
void known_end_doubts(struct engine *e)
{
	struct lookups *l = &e->lookups;
	struct stamp now = stamp_now(), told = follow_stamp(e);
	struct store_txn *t = NULL;
	struct known *k;

	while ((k = ended(&l->by_age[0], &now)))
		known_want(k);
	while ((k = ended(&l->by_age[1], &told))) {
		if (!t && engine_has_running(e) &&
		    store_txn_begin(e->store, STORE_RUNNING, &t) != ST_OK)
			t = NULL;
		end_brief(k, t);
	}
	/* What stays there by a failure is over when it is read again. */
	if (t && store_txn_commit(t) != ST_OK)
		log_debug("ended doubts stay in the store");
}
