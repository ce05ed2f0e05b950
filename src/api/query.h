/*
 * api/query.h: the parameters of a query string.
 *
 * A `+` is a space, escapes are decoded once, unknown parameters are ignored.
 * One that is known must stand once at most and be decodable.
 */
#ifndef API_QUERY_H
#define API_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define QUERY_NUMBER_MAX (UINT64_C(1) << 53)

struct query_number {
	const char *name;
	uint64_t min, max;   /* of what is asked for */
	uint64_t value;      /* in: what counts where it is missing; out: what was asked for */
	const char *allowed; /* for people */
};

/*
 * Read these parameters.  The one that can't be used, or NULL where all is
 * well.  Other members than `value` are untouched.
 */
const struct query_number *query_read_numbers(
    struct span query, struct query_number *numbers, size_t n);

#endif
