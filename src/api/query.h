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

#include "base/err.h"
#include "base/text.h"

#define QUERY_NUMBER_MAX (UINT64_C(1) << 53)

/*
 * The value of the parameter with that name as it stands in the query, not
 * decoded yet.  ST_NOT_FOUND: missing; ST_INVALID: given twice.
 */
enum st_err query_find(struct span query, const char *name, struct span *raw);

struct query_number {
	const char *name;
	uint64_t min, max;   /* of what is asked for */
	uint64_t value;      /* in: what counts where it is missing; out: what was asked for */
	const char *allowed; /* for people */
	bool given;          /* out */
};

/*
 * Read these parameters.  The one that can't be used, or NULL where all is
 * well.  Other members than `value` and `given` are untouched.
 */
const struct query_number *query_read_numbers(
    struct span query, struct query_number *numbers, size_t n);

#endif
