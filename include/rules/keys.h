/*
 * rules/keys.h: the memory of forwarded idempotency keys.
 *
 * Central answers a repeated key with the first result, under whatever product
 * it is asked for now.  So a key that a client uses for something else must
 * never reach it; and one whose outcome is unknown stays so when it is repeated
 * and refused (rules/forward.h).
 *
 *               take                 ends                     after KEYS_MS
 *   (free) ───────────▶ UNDER WAY ─────────▶ SETTLED, UNKNOWN ─────────▶ (free)
 *                           │  ▲──── take ────┘
 *                           └──▶ as it was before: never carried out
 */
#ifndef RULES_KEYS_H
#define RULES_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "model/update.h"

#define KEYS_MS  120000 /* as long as Central remembers them */
#define KEYS_MAX 100000

enum key_state {
	KEY_UNDER_WAY,
	KEY_SETTLED, /* applied or refused, and known to be */
	KEY_UNKNOWN, /* it may have been applied */
};

struct keys;
struct key; /* one that is remembered */

enum st_err keys_open(struct keys **out);
void keys_close(struct keys *k); /* NULL is fine */

size_t keys_count(const struct keys *k);

/* NULL: it is free.  Forgets what is too old. */
struct key *keys_find(struct keys *k, struct span key, struct mono now);

enum key_state keys_state(const struct key *key);
void *keys_owner(const struct key *key); /* of one under way */

/* True if it was used for this very update: product, delta and version. */
bool keys_is_same(const struct key *key, const struct update *u);

/* Under way from now on, for this owner.  ST_NOMEM; ST_FULL above KEYS_MAX. */
enum st_err keys_take(struct keys *k, const struct update *u, void *owner, struct mono now);

/* It ended, known or not. */
void keys_end(struct keys *k, struct key *key, enum key_state state, struct mono now);

/* It was never carried out, and never will be: it is what it was before. */
void keys_give_back(struct keys *k, struct key *key, struct mono now);

#endif
