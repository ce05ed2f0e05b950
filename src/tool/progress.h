/*
 * tool/progress.h: how far something is that takes a while, on stderr.
 *
 * On a terminal a bar that is drawn anew in its place, else a plain line at the
 * beginning and every ten seconds.
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

struct progress {
	const char *what; /* "full sync" */
	bool quiet;       /* nothing is shown, as with --json */
	bool terminal;
	bool drawn; /* a bar stands in the last line */
	struct mono began, next;
	uint64_t first, done; /* what was done when it began to be watched, and at last */
	int64_t total;        /* -1: unknown */
};

/* The terminal is looked for here; nothing is shown yet. */
void progress_begin(struct progress *p, const char *what, bool quiet);

/* So many products of so many (-1: not known yet) are done.  As often as you like. */
void progress_show(struct progress *p, uint64_t done, int64_t total, struct mono now);

/* The bar is wiped, so that what is said next stands in a line of its own. */
void progress_end(struct progress *p);

/*
 * "full sync: 400 of 1000 products, 40 %, 80/s, 8s left" in an empty buffer; on a
 * terminal of so many columns (0: it is none) with a bar in it, where that fits.
 */
void progress_text(const struct progress *p, struct mono now, size_t columns, struct buf *out);

#endif
