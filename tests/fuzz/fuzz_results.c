/*
 * Central's answers to updates: single and batch, refusals, errors.
 *
 * What is taken has one result for each item that was asked for, under its name,
 * applied or with a reason; through a control message it comes out the same.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/update.h"

#define NODES_MAX 200000

static struct update items[] = {
	{ .product_id = { "PROD-001", 8 }, .key = { "k1", 2 }, .delta = -2, .version = 6 },
	{ .product_id = { "PROD-002", 8 }, .key = { "k2", 2 }, .delta = -1, .version = 1 },
};

static const struct update_list asked[] = {
	{ .batch = false, .items = items, .n = 1 },
	{ .batch = true, .items = items, .n = 1 },
	{ .batch = true, .items = items, .n = 2 },
};

static void check_result(const struct update_list *l, size_t i, const struct update_result *r)
{
	HOLDS(fuzz_same(r->product_id, l->items[i].product_id));
	HOLDS(r->new_version >= 0 && r->new_version <= PRODUCT_VERSION_MAX);
	HOLDS(!r->applied || (r->new_version > 0 && r->error_type.len == 0));
	HOLDS(r->applied || r->error_type.len > 0);
	HOLDS((update_verdict_of(r) == UPDATE_APPLIED) == r->applied);
}

static void check_passing_on(const struct update_results *r)
{
	struct update_results again;
	struct buf written, twice;
	struct doc d;

	buf_init(&written, SIZE_MAX / 4);
	buf_init(&twice, SIZE_MAX / 4);
	update_results_write_items(r, &written);
	HOLDS(doc_parse(written.data, written.len, NODES_MAX, &d, NULL) == ST_OK);
	HOLDS(update_results_read_items(&d, doc_root(&d), &again) == ST_OK);
	HOLDS(again.n == r->n);
	update_results_write_items(&again, &twice);
	HOLDS(twice.len == written.len && memcmp(twice.data, written.data, written.len) == 0);
	update_results_free(&again);
	doc_free(&d);
	buf_free(&written);
	buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
		struct update_results r;
		const char *why = NULL;

		if (update_results_read((const char *)data, size, &asked[k], &r, &why)) {
			HOLDS(why && why[0]);
			continue;
		}
		HOLDS(r.n == asked[k].n);
		for (size_t i = 0; i < r.n; i++)
			check_result(&asked[k], i, &r.items[i]);
		check_passing_on(&r);
		update_results_free(&r);
	}
	return 0;
}
