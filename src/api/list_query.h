/*
 * api/list_query.h: what a request for the list asks for.
 *
 *   ?offset=0&limit=50     a page by position
 *   ?after=ID&limit=50     a page by id: what comes behind it; `after=`: from the start
 *   ?ids=A,B,C             these products
 */
#ifndef API_LIST_QUERY_H
#define API_LIST_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

#define LIST_IDS_MAX 200

enum list_form { LIST_BY_OFFSET, LIST_AFTER, LIST_IDS };

struct list_query {
	enum list_form form;
	uint64_t offset, limit;
	struct span after;             /* decoded; of LIST_AFTER only */
	struct span ids[LIST_IDS_MAX]; /* decoded, each once, in the order asked */
	size_t n_ids;
	struct buf storage; /* of what had to be decoded; the rest points into the query */
};

/* The parameter that can't be used, and what it would have to be; for people. */
struct query_problem {
	const char *parameter, *allowed;
};

/*
 * ST_INVALID: *bad tells why; ST_NOMEM.  The query must stay.  The caller frees
 * with list_query_free() in either case.
 */
enum st_err list_query_read(struct span query, struct list_query *out, struct query_problem *bad);
void list_query_free(struct list_query *q);

#endif
