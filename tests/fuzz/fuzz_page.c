/*
 * A page of Central's product list, in its three forms.
 *
 * Whatever is taken holds what include/model/page.h promises, and its products
 * as a bare array are a list that is taken as well, with the same products.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/event.h"
#include "model/page.h"

static bool is_above(struct span a, struct span b)
{
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order > 0 || (order == 0 && a.len > b.len);
}

static void check_pages(const struct page *p)
{
	int64_t number = (int64_t)(p->n + p->rejected);

	HOLDS(p->offset >= 0 && p->limit >= 0 && p->total >= 0 && number <= p->limit);
	HOLDS(p->has_more == (number < p->total - p->offset));
	for (size_t i = 1; i < p->n; i++)
		HOLDS(is_above(p->products[i].id, p->products[i - 1].id));
}

static void check_again(const struct page *p)
{
	struct page again;
	struct buf list;
	const char *why;

	buf_init(&list, SIZE_MAX / 4);
	for (size_t i = 0; i < p->n; i++) {
		buf_addc(&list, i ? ',' : '[');
		buf_add(&list, p->products[i].json.data, p->products[i].json.len);
	}
	buf_adds(&list, p->n ? "]" : "[]");
	HOLDS(page_read(list.data, list.len, &again, &why) == ST_OK);
	HOLDS(again.dialect == PAGE_ARRAY && again.n == p->n && again.rejected == 0);
	for (size_t i = 0; i < p->n; i++)
		HOLDS(fuzz_same(again.products[i].json, p->products[i].json));
	page_free(&again);
	buf_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct page p;

	if (page_read((const char *)data, size, &p, &why)) {
		HOLDS(why && why[0]);
		return 0;
	}
	for (size_t i = 0; i < p.n; i++)
		fuzz_holds_product(&p.products[i]);
	HOLDS(p.event_offset >= -1 && p.event_offset <= EVENT_OFFSET_MAX);
	if (p.dialect == PAGE_PAGES)
		check_pages(&p);
	else
		HOLDS(p.has_more == (p.cursor != NULL));
	HOLDS(!p.cursor || (p.cursor[0] && text_is_utf8(p.cursor, strlen(p.cursor))));
	check_again(&p);
	page_free(&p);
	return 0;
}
