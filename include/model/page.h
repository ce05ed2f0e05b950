/*
 * model/page.h: one page of Central's product list.
 *
 * Three dialects are spoken:
 *   pages   {"products":[…],"pagination":{"offset","limit","total_count","has_more"}}
 *   cursor  {"items":[…],"nextCursor":"…"}       (no or empty nextCursor: the end)
 *   array   […]                                  (everything at once)
 * The first two may carry an integer `eventOffset` at top level.
 */
#ifndef MODEL_PAGE_H
#define MODEL_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/product.h"

enum page_dialect { PAGE_PAGES, PAGE_CURSOR, PAGE_ARRAY };

struct page {
	enum page_dialect dialect;
	struct product *products; /* usable ones, in the order of the answer */
	size_t n;
	size_t rejected;              /* unusable ones, left out */
	int64_t offset, limit, total; /* as echoed (pages dialect), else -1 */
	bool has_more;                /* pages: has_more; cursor: a nextCursor is there */
	char *cursor;                 /* nextCursor decoded, NULL where there is none */
	int64_t event_offset;         /* -1 where there is none */
	struct buf storage;           /* ids and JSON of the products */
};

/*
 * ST_INVALID with *why (a constant text) for anything but one of the dialects:
 * broken JSON, pagination members missing or no integers ≥ 0, and in the pages
 * dialect numbers that contradict each other: products (usable or not) must be
 * min(limit, total - offset) of them, has_more must be offset + number < total.
 * Ids must rise strictly in byte order (pages dialect; for the others that is
 * the caller's affair, since they name no order).  ST_TOO_BIG above 4,000,000
 * JSON values, ST_NOMEM.
 * The text is not needed afterwards.  The caller frees with page_free().
 */
enum st_err page_read(const char *text, size_t len, struct page *out, const char **why);
void page_free(struct page *p);

#endif
