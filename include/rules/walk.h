/*
 * rules/walk.h: reading a list, page by page, that changes while it is read.
 *
 * Central computes each page anew, so products slide over page borders.  Pages
 * overlap: the next one is asked for from a little before the end of the last,
 * and is used only if its first id is at or below the last one held; else some
 * product may have slipped through, and the walk steps back.
 *
 *   held  … D E F │         asked again from E: page E F G H  → use G H
 *                           page begins with G: something was deleted before
 *                           it; G may not be the one behind F: step back
 *
 * So the pages used cover all ids from the lowest to the highest without a
 * hole, each as it was when its own page was asked for.  Dialects without
 * offsets (cursor, one array) can't overlap and name no order.
 */
#ifndef RULES_WALK_H
#define RULES_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/page.h"

#define WALK_OVERLAP_MAX 64

struct walk {
	int64_t offset;  /* of the next page */
	int64_t overlap; /* products asked for again; grows where the list slides */
	size_t held_len; /* the highest id so far; 0: none */
	char held[PRODUCT_ID_MAX];
	bool ordered; /* the list has an order that overlapping can rely on */
	bool done;
	uint64_t pages, products; /* used so far */
	int64_t total;            /* as the last page said, -1: not said */
};

enum walk_verdict {
	WALK_USE,  /* use the products from *first on */
	WALK_BACK, /* not a good continuation: ask again, further back */
	WALK_BAD,  /* not the page that was asked for */
};

void walk_begin(struct walk *w);

/* An answer to the question for w->offset (or for the cursor of the page before). */
enum walk_verdict walk_page(struct walk *w, const struct page *p, size_t *first);

/* True if the pages used so far say of this id whether it is there. */
bool walk_covers(const struct walk *w, const char *id, size_t id_len);

/* Byte order of ids: below 0, 0, above 0. */
int walk_compare(const char *a, size_t a_len, const char *b, size_t b_len);
int walk_order(const void *a, const void *b); /* the same of two struct span, for tsearch(3) */

#endif
