/*
 * rules/position.h: our place in Central's event feed, as it is stored.
 *
 * Committed in the same transaction as the products that came from there, so
 * that a daemon killed at any instant goes on where it was, and asks for holes
 * without applying again what lies past them.
 */
#ifndef RULES_POSITION_H
#define RULES_POSITION_H

#include "base/buf.h"
#include "rules/log_marks.h"
#include "rules/offsets.h"

struct position {
	struct offsets offsets;
	struct log_marks marks;
	int64_t ran_ahead; /* the list that was read last holds what events below this tell */
	int64_t head;      /* the highest that an empty answer named; not stored */
};

/* Begin at this offset, knowing nothing of the log. */
void position_begin(struct position *p, int64_t next);
void position_free(struct position *p);

/*
 *   u64 format 2 · i64 next · i64 ran ahead · u64 number of marks · u64 number of ranges
 *   marks (i64 offset, u64 identity) · ranges (i64 from, i64 to)
 */
void position_write(const struct position *p, struct buf *out);

/* ST_CORRUPT for anything else, ST_NOMEM. */
enum st_err position_read(const void *bytes, size_t len, struct position *out);

#endif
