/*
 * tool/look.h: one look into the store, as check and doctor take it.
 */
#ifndef TOOL_LOOK_H
#define TOOL_LOOK_H

#include "config/config.h"
#include "model/record.h"
#include "store/read.h"

struct look {
	bool has_writer;  /* some process holds the store as its writer */
	struct stamp now; /* of the look: no earlier than what was committed by then */
	uint64_t products;
	struct sync_record record;
	struct store_stats stats;
};

/*
 * Opens the store with locks, like any reader, and lets it go at once.
 * ST_UNAVAILABLE: never filled; else as store_snapshot_begin().  has_writer and
 * now are there after a failure too.
 */
enum st_err look_into_store(const struct config *c, struct look *out);

#endif
