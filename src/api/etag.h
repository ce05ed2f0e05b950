/*
 * api/etag.h: entity tags and the conditional requests that name them (RFC 9110).
 */
#ifndef API_ETAG_H
#define API_ETAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define ETAG_SIZE 24 /* W/"0123456789abcdef" and NUL */

/* The tag of what has this hash; a weak one says that what counts in the answer is the same. */
void etag_make(bool weak, uint64_t hash, char out[ETAG_SIZE]);

/*
 * True if If-None-Match is `*` or names this tag, by weak comparison.  A list
 * that breaks the grammar counts up to where it does.
 */
bool etag_matches(struct span if_none_match, const char *etag);

#endif
