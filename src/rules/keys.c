#include "rules/keys.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "rules/walk.h"

/* The tree holds pointers to keys, each the first member of its struct key. */
struct key {
	struct span key, product_id; /* of the bytes at the end */
	int64_t delta, version;
	enum key_state state, before;
	bool was_free; /* before it was taken; else it was what `before` says */
	void *owner;
	struct mono until; /* not of one under way */
	TAILQ_ENTRY(key) age;
	char bytes[];
};

TAILQ_HEAD(key_list, key);

struct keys {
	void *tree;            /* tsearch(3) */
	struct key_list ended; /* the oldest first */
	struct key_list open;
	size_t n;
};

enum st_err keys_open(struct keys **out)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (!k)
		return ST_NOMEM;
	TAILQ_INIT(&k->ended);
	TAILQ_INIT(&k->open);
	*out = k;
	return ST_OK;
}

static void leave_list(struct keys *k, struct key *key)
{
	if (key->state == KEY_UNDER_WAY)
		TAILQ_REMOVE(&k->open, key, age);
	else
		TAILQ_REMOVE(&k->ended, key, age);
}

static void forget(struct keys *k, struct key *key)
{
	leave_list(k, key);
	tdelete(&key->key, &k->tree, walk_order);
	k->n--;
	free(key);
}

void keys_close(struct keys *k)
{
	struct key *key;

	if (!k)
		return;
	while ((key = TAILQ_FIRST(&k->ended)))
		forget(k, key);
	while ((key = TAILQ_FIRST(&k->open)))
		forget(k, key);
	free(k);
}

size_t keys_count(const struct keys *k)
{
	return k->n;
}

static void forget_old(struct keys *k, struct mono now)
{
	struct key *oldest;

	while ((oldest = TAILQ_FIRST(&k->ended)) && mono_reached(oldest->until, now))
		forget(k, oldest);
}

struct key *keys_find(struct keys *k, struct span key, struct mono now)
{
	void *found;

	forget_old(k, now);
	found = tfind(&key, &k->tree, walk_order);
	return found ? *(struct key **)found : NULL;
}

enum key_state keys_state(const struct key *key)
{
	return key->state;
}

void *keys_owner(const struct key *key)
{
	return key->owner;
}

bool keys_is_same(const struct key *key, const struct update *u)
{
	return key->delta == u->delta && key->version == u->version &&
	       walk_compare(key->product_id.data, key->product_id.len, u->product_id.data,
		   u->product_id.len) == 0;
}

static struct key *new_key(const struct update *u, void *owner)
{
	struct key *key = calloc(1, sizeof(*key) + u->key.len + u->product_id.len);

	if (!key)
		return NULL;
	memcpy(key->bytes, u->key.data, u->key.len);
	memcpy(key->bytes + u->key.len, u->product_id.data, u->product_id.len);
	key->key = (struct span){ key->bytes, u->key.len };
	key->product_id = (struct span){ key->bytes + u->key.len, u->product_id.len };
	key->delta = u->delta;
	key->version = u->version;
	key->state = KEY_UNDER_WAY;
	key->was_free = true;
	key->owner = owner;
	return key;
}

enum st_err keys_take(struct keys *k, const struct update *u, void *owner, struct mono now)
{
	struct key *key = keys_find(k, u->key, now);

	if (key) {
		leave_list(k, key);
		key->was_free = false;
		key->before = key->state;
		key->state = KEY_UNDER_WAY;
		key->owner = owner;
		TAILQ_INSERT_TAIL(&k->open, key, age);
		return ST_OK;
	}
	if (k->n >= KEYS_MAX)
		return ST_FULL;
	key = new_key(u, owner);
	if (!key)
		return ST_NOMEM;
	if (!tsearch(&key->key, &k->tree, walk_order)) {
		free(key);
		return ST_NOMEM;
	}
	TAILQ_INSERT_TAIL(&k->open, key, age);
	k->n++;
	return ST_OK;
}

void keys_end(struct keys *k, struct key *key, enum key_state state, struct mono now)
{
	leave_list(k, key);
	key->state = state;
	key->owner = NULL;
	key->until = mono_add_ms(now, KEYS_MS);
	TAILQ_INSERT_TAIL(&k->ended, key, age);
}

void keys_give_back(struct keys *k, struct key *key, struct mono now)
{
	if (key->was_free)
		forget(k, key);
	else
		keys_end(k, key, key->before, now);
}
