/*
 * sync/compare_page.h: a page of Central's list held against the running
 * generation, for comparing and for verify.
 */
#ifndef SYNC_COMPARE_PAGE_H
#define SYNC_COMPARE_PAGE_H

#include "sync/state.h"

struct page_part {
	const struct page *page;
	size_t first;                 /* of its products that counts */
	const struct span *from, *to; /* the ids between, `to` included; NULL: no end */
	bool ordered;
};
struct difference {
	struct span id;
	const struct product *cached, *central; /* NULL: it isn't there */
};
/*
 * What it returns but ST_OK ends it, and is what page_compare() returns.  All of
 * it is valid for the call only.
 */
typedef enum st_err page_difference(void *arg, const struct difference *d);
/* Else a failure of the store: ST_CORRUPT where a record is damaged. */
enum st_err page_compare(
    struct engine *e, const struct page_part *part, page_difference *each, void *arg);
/* The product of that id in a page in order; NULL if there is none. */
const struct product *page_find(const struct page *page, struct span id);

#endif
