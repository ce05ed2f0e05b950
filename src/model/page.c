/*
 * model/page.c: the dialect is told by the member that holds the list; then
 * the products, and what the page says of itself.
 */
#include "model/page.h"

#include <stdlib.h>
#include <string.h>

#include "model/event.h"

/* Far more than any list that Central sends: 13 nodes make a product. */
#define PAGE_NODES_MAX 4000000

#define CURSOR_MAX 4096

/* Which member holds the products in each dialect; the array stands for itself. */
static const struct doc_node *find_products(const struct doc *d, struct page *p, const char **why)
{
	const struct doc_node *root = doc_root(d), *list;

	if (root->type == DOC_ARRAY) {
		p->dialect = PAGE_ARRAY;
		return root;
	}
	list = doc_member(d, root, "products");
	p->dialect = PAGE_PAGES;
	if (!list) {
		list = doc_member(d, root, "items");
		p->dialect = PAGE_CURSOR;
	}
	if (list && list->type == DOC_ARRAY)
		return list;
	*why = "no list of products in the answer";
	return NULL;
}

static int compare_ids(struct span a, struct span b)
{
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static enum st_err read_products(
    const struct doc *d, const struct doc_node *list, struct page *p, const char **why)
{
	enum st_err err;

	if (list->count == 0)
		return ST_OK;
	p->products = calloc(list->count, sizeof(*p->products));
	*why = "out of memory";
	if (!p->products || !buf_room(&p->storage, PRODUCT_ROOM(list->stop - list->start)))
		return ST_NOMEM;
	for (const struct doc_node *n = doc_first(d, list); n; n = doc_next(d, list, n)) {
		const char *unusable;

		err = product_read(d, n, &p->storage, &p->products[p->n], &unusable);
		if (err == ST_NOMEM)
			return err;
		if (err)
			p->rejected++;
		else
			p->n++;
	}
	return ST_OK;
}

static enum st_err check_order(const struct page *p, const char **why)
{
	*why = "the ids of a page do not rise";
	for (size_t i = 1; i < p->n; i++)
		if (compare_ids(p->products[i - 1].id, p->products[i].id) >= 0)
			return ST_INVALID;
	return ST_OK;
}

/* What the page says of itself must hold: a list cut on the way looks complete otherwise. */
static enum st_err read_pagination(
    const struct doc *d, int64_t number, struct page *p, const char **why)
{
	const struct doc_node *pagination = doc_member(d, doc_root(d), "pagination");
	int64_t expected;

	*why = "pagination is missing or broken";
	if (doc_int(d, doc_member(d, pagination, "offset"), 0, INT64_MAX, &p->offset) ||
	    doc_int(d, doc_member(d, pagination, "limit"), 0, INT64_MAX, &p->limit) ||
	    doc_int(d, doc_member(d, pagination, "total_count"), 0, INT64_MAX, &p->total) ||
	    doc_bool(d, doc_member(d, pagination, "has_more"), &p->has_more))
		return ST_INVALID;
	*why = "pagination contradicts the list";
	expected = p->offset < p->total ? p->total - p->offset : 0;
	if (expected > p->limit)
		expected = p->limit;
	if (number != expected || p->has_more != (number < p->total - p->offset))
		return ST_INVALID;
	return ST_OK;
}

/* No nextCursor, null or "" say that this was the last page. */
static enum st_err read_cursor(const struct doc *d, struct page *p, const char **why)
{
	const struct doc_node *cursor = doc_member(d, doc_root(d), "nextCursor");
	struct buf text;
	enum st_err err;

	if (!cursor || cursor->type == DOC_NULL)
		return ST_OK;
	buf_init(&text, CURSOR_MAX);
	*why = "nextCursor is no string of up to 4096 bytes without NUL";
	err = doc_string(d, cursor, &text);
	if (err == ST_TOO_BIG || (!err && strlen(buf_text(&text)) != text.len))
		err = ST_INVALID;
	if (err || text.len == 0) {
		buf_free(&text);
		return err;
	}
	p->cursor = text.data;
	p->has_more = true;
	return ST_OK;
}

static enum st_err read_event_offset(const struct doc *d, struct page *p, const char **why)
{
	const struct doc_node *node = doc_member(d, doc_root(d), "eventOffset");

	*why = "eventOffset is no integer from 0 to 2^53 - 1";
	if (!node || node->type == DOC_NULL)
		return ST_OK;
	return doc_int(d, node, 0, EVENT_OFFSET_MAX, &p->event_offset);
}

static enum st_err read_page(const struct doc *d, struct page *p, const char **why)
{
	const struct doc_node *list = find_products(d, p, why);
	enum st_err err = list ? ST_OK : ST_INVALID;

	if (!err)
		err = read_products(d, list, p, why);
	if (!err && p->dialect == PAGE_PAGES)
		err = check_order(p, why);
	if (!err && p->dialect == PAGE_PAGES)
		err = read_pagination(d, list->count, p, why);
	if (!err && p->dialect == PAGE_CURSOR)
		err = read_cursor(d, p, why);
	if (!err)
		err = read_event_offset(d, p, why);
	return err;
}

enum st_err page_read(const char *text, size_t len, struct page *out, const char **why)
{
	struct page p = { .offset = -1, .limit = -1, .total = -1, .event_offset = -1 };
	struct doc_error broken;
	struct doc d;
	enum st_err err;

	err = doc_parse(text, len, PAGE_NODES_MAX, &d, &broken);
	if (err) {
		*why = broken.what;
		return err;
	}
	buf_init(&p.storage, SIZE_MAX / 4);
	err = read_page(&d, &p, why);
	doc_free(&d);
	if (err)
		page_free(&p);
	else
		*out = p;
	return err;
}

void page_free(struct page *p)
{
	if (!p)
		return;
	free(p->products);
	free(p->cursor);
	buf_free(&p->storage);
	*p = (struct page){ 0 };
}
