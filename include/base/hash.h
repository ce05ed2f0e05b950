/*
 * base/hash.h: a fast hash of bytes (XXH3, 64 bits); the one place that knows
 * xxHash.  It shows damage and difference, but holds against no attacker.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

#endif
