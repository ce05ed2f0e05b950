/*
 * api/key.h: the keys that clients may send.
 *
 * How long it takes to look for one tells how many there are and how long they
 * are, and nothing of what they hold or of how near somebody came: neither a
 * branch nor an address depends on their bytes (tests/unit/api/test_key.c shows
 * that under valgrind).
 */
#ifndef API_KEY_H
#define API_KEY_H

#include "base/text.h"

struct api_keys {
	struct span *list; /* of somebody else's texts */
	size_t n;
};

/* The texts must outlive it. */
enum st_err api_keys_open(const char *const *keys, size_t n, struct api_keys *out);
void api_keys_close(struct api_keys *k);

/* True if this is one of them. */
bool api_keys_have(const struct api_keys *k, struct span given);

#endif
