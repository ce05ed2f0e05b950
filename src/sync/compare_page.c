/*
 * sync/compare_page.c: a page of Central's list beside the cache.
 *
 * A page in order says of each id between the highest one before it and its own
 * last one whether it is there; one without order only what it holds.
 */
#include <string.h>

#include "sync/compare_page.h"

const struct product *page_find(const struct page *page, struct span id)
{
	size_t low = 0, high = page->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct span *at = &page->products[middle].id;
		int order = walk_compare(at->data, at->len, id.data, id.len);

		if (order == 0)
			return &page->products[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_same(const struct product *a, const struct product *b)
{
	return a->json.len == b->json.len && memcmp(a->json.data, b->json.data, a->json.len) == 0;
}

static enum st_err each_differing(
    struct store_snapshot *s, const struct page_part *part, page_difference *each, void *arg)
{
	enum st_err err = ST_OK;

	for (size_t i = part->first; i < part->page->n && !err; i++) {
		const struct product *central = &part->page->products[i];
		struct product cached;
		struct difference d = { central->id, &cached, central };

		err = store_snapshot_product(s, central->id.data, central->id.len, &cached);
		if (err == ST_NOT_FOUND) {
			d.cached = NULL;
			err = each(arg, &d);
		} else if (!err && !is_same(&cached, central)) {
			err = each(arg, &d);
		}
	}
	return err;
}

/* Of the cache, what the page leaves out. */
static enum st_err each_missing(
    struct store_snapshot *s, const struct page_part *part, page_difference *each, void *arg)
{
	const struct span *to = part->to;
	struct product cached;
	enum st_err err = store_snapshot_seek_after(s, part->from->data, part->from->len);

	while (!err && !(err = store_snapshot_next(s, &cached))) {
		struct difference d = { cached.id, &cached, NULL };

		if (to && walk_compare(cached.id.data, cached.id.len, to->data, to->len) > 0)
			break;
		if (!page_find(part->page, cached.id))
			err = each(arg, &d);
	}
	return err == ST_NOT_FOUND ? ST_OK : err;
}

enum st_err page_compare(
    struct engine *e, const struct page_part *part, page_difference *each, void *arg)
{
	struct store_snapshot s;
	enum st_err err = store_writer_snapshot(e->store, &s);

	if (err)
		return err;
	err = each_differing(&s, part, each, arg);
	if (!err && part->ordered)
		err = each_missing(&s, part, each, arg);
	store_snapshot_end(&s);
	return err;
}
