/*
 * pool/keyring.h: all keys that some worker may still accept, as copies.
 *
 * While a reload goes through the workers some have the old keys and some the
 * new ones.  A client that is refused with the one may then be refused with the
 * other too, by another worker.  So a reload that takes a key away first gives
 * every worker both, and only then the new ones alone.
 */
#ifndef POOL_KEYRING_H
#define POOL_KEYRING_H

#include <stdbool.h>
#include <stddef.h>

struct keyring {
	char **keys;
	size_t n;
};

/* Copies those that are not in it yet; false: no memory. */
bool keyring_add(struct keyring *k, const char *const *keys, size_t n);

/* True if each of its keys is among these. */
bool keyring_is_within(const struct keyring *k, const char *const *keys, size_t n);

void keyring_clear(struct keyring *k);

#endif
