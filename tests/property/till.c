/*
 * A till: sells through the daemon while all that happens, as the responders
 * would have it forwarded, and keeps books.
 *
 *   - what it was told is applied it can read at once;
 *   - the stock of P00, which nobody else changes, is in the end what the books
 *     say: each sale that was told applied once, none that was told not applied,
 *     and of those that nobody knows of, some.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "control/client.h"
#include "property/property.h"

#define ITEMS_MAX 3

struct till {
	struct world *world;
	unsigned random, sales;
};

struct sale {
	struct update items[ITEMS_MAX];
	char ids[ITEMS_MAX][8], keys[ITEMS_MAX][32];
	int lives[ITEMS_MAX];
	size_t n;
};

static int64_t roll(struct till *t, int64_t below)
{
	return rand_r(&t->random) % below;
}

/* Life and version of a product as clients read it; false: it is not there. */
static bool read_product(struct till *t, const char *id, int *life, int64_t *version)
{
	char uri[64];
	struct buf body;
	const char *name, *number;
	bool there;

	snprintf(uri, sizeof(uri), "/v1/store/inventory/%s", id);
	buf_init(&body, (size_t)1 << 20);
	there = watch_read(t->world, uri, &body) == 200 &&
	        (name = strstr(buf_text(&body), "life ")) != NULL &&
	        (number = strstr(buf_text(&body), "\"version\":")) != NULL;
	if (there) {
		*life = atoi(name + 5);
		*version = strtoll(number + 10, NULL, 10);
	}
	buf_free(&body);
	return there;
}

static bool add_item(struct till *t, struct sale *s, size_t product)
{
	struct update *u = &s->items[s->n];
	int64_t version;

	snprintf(s->ids[s->n], sizeof(s->ids[0]), "P%02zu", product % 100);
	if (!read_product(t, s->ids[s->n], &s->lives[s->n], &version) || version < 1)
		return false;
	snprintf(s->keys[s->n], sizeof(s->keys[0]), "sale-%u-%zu", t->sales, s->n);
	*u = (struct update){ { s->ids[s->n], strlen(s->ids[s->n]) },
		{ s->keys[s->n], strlen(s->keys[s->n]) }, -1, version };
	s->n++;
	return true;
}

/* Most are of P00; some of others; some are batches. */
static bool make_sale(struct till *t, struct sale *s)
{
	s->n = 0;
	t->sales++;
	if (roll(t, 10) < 6)
		return add_item(t, s, 0);
	if (!add_item(t, s, 1 + (size_t)roll(t, (int64_t)t->world->n - 1)))
		return false;
	if (roll(t, 2))
		add_item(t, s, 0);
	return true;
}

enum told { TOLD_APPLIED, TOLD_NOT_APPLIED, TOLD_UNKNOWN };

static enum told told(const struct control_update *u, size_t item)
{
	if (item < u->results.n && u->results.items[item].applied)
		return TOLD_APPLIED;
	if (u->end == CONTROL_UPDATE_ANSWERED)
		return update_verdict_of(&u->results.items[item]) == UPDATE_OWN_ERROR
		           ? TOLD_UNKNOWN
		           : TOLD_NOT_APPLIED;
	if (u->end == CONTROL_UPDATE_KEY_REUSED)
		return TOLD_NOT_APPLIED;
	return u->outcome == CONTROL_UNKNOWN ? TOLD_UNKNOWN : TOLD_NOT_APPLIED;
}

/* False: the daemon said nothing. */
static bool forward(struct till *t, struct sale *s, enum told said[ITEMS_MAX])
{
	struct update_list list = { .batch = s->n > 1, .items = s->items, .n = s->n };
	struct control_patience patience = { 2000, -1, 0 };
	struct control_update u;
	bool taken;
	enum st_err err = control_forward(t->world->dir, s->keys[0], &list, &patience, &taken, &u);

	for (size_t i = 0; i < s->n; i++)
		said[i] = !err ? told(&u, i) : taken ? TOLD_UNKNOWN : TOLD_NOT_APPLIED;
	if (!err)
		update_results_free(&u.results);
	return !err;
}

static void must_be_shown(struct till *t, const struct sale *s, size_t i)
{
	int life;
	int64_t version;

	if (!read_product(t, s->ids[i], &life, &version))
		return;
	if (life == s->lives[i] && version <= s->items[i].version)
		world_fail(t->world, "%s was sold at version %lld, and shows version %lld still",
		    s->ids[i], (long long)s->items[i].version, (long long)version);
}

/*
 * Once more with the same key.  A daemon that has died meanwhile has forgotten
 * that it didn't know.
 */
static void repeat(struct till *t, struct sale *s, unsigned daemon, enum told said[ITEMS_MAX])
{
	if (!forward(t, s, said) ||
	    (said[0] == TOLD_NOT_APPLIED && daemon != atomic_load(&t->world->daemon_starts)))
		said[0] = TOLD_UNKNOWN;
}

static void sell(struct till *t)
{
	unsigned daemon = atomic_load(&t->world->daemon_starts);
	enum told said[ITEMS_MAX] = { 0 };
	struct sale s;

	if (!make_sale(t, &s))
		return;
	forward(t, &s, said);
	if (said[0] == TOLD_UNKNOWN && s.n == 1 && roll(t, 2))
		repeat(t, &s, daemon, said);
	for (size_t i = 0; i < s.n; i++) {
		if (said[i] == TOLD_APPLIED)
			must_be_shown(t, &s, i);
		if (strcmp(s.ids[i], "P00") == 0) {
			t->world->sold += said[i] == TOLD_APPLIED;
			t->world->maybe_sold += said[i] == TOLD_UNKNOWN;
		}
	}
}

static void *run(void *arg)
{
	struct till *t = arg;

	while (!atomic_load(&t->world->closing)) {
		if (atomic_load(&t->world->filled))
			sell(t);
		world_pause(1 + roll(t, 6));
	}
	free(t);
	return NULL;
}

bool till_begin(struct world *w)
{
	struct till *t = calloc(1, sizeof(*t));

	if (!t)
		return false;
	t->world = w;
	t->random = w->seed + 99;
	if (pthread_create(&w->till, NULL, run, t) == 0)
		return true;
	free(t);
	return false;
}

void till_end(struct world *w)
{
	if (!w->till)
		return;
	atomic_store(&w->closing, true);
	pthread_join(w->till, NULL);
	w->till = 0;
}

void till_check(struct world *w)
{
	const char *stock;
	int64_t gone;

	if (central_request(w, "GET", "/v1/inventory/P00", NULL) != 200 ||
	    !(stock = strstr(buf_text(&w->answer), "\"available\":"))) {
		world_fail(w, "Central's P00 can't be read");
		return;
	}
	gone = TILL_STOCK - strtoll(stock + 12, NULL, 10);
	if (gone < w->sold || gone > w->sold + w->maybe_sold)
		world_fail(w, "%lld are gone, but %lld were sold, and %lld perhaps",
		    (long long)gone, (long long)w->sold, (long long)w->maybe_sold);
}
