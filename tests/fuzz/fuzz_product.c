/*
 * One product, as Central sends it.
 *
 * What is taken has all its members with the very bytes that came in, and is the
 * same when it is read once more; with a write's numbers
 * merged in it is still that product, has these numbers, and merging them twice
 * changes nothing.  In the store's layout it comes out as it went in, and with
 * any byte changed not at all.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/update.h"
#include "store/layout.h"

#define NODES_MAX 100000

/* All members are there, with the bytes that came in. */
static void check_members(const struct doc *d, const struct product *p)
{
	const struct doc_node *n, *value;
	struct buf name;
	struct doc e;

	buf_init(&name, d->len);
	HOLDS(doc_parse(p->json.data, p->json.len, NODES_MAX, &e, NULL) == ST_OK);
	HOLDS(doc_root(&e)->count == doc_root(d)->count);
	for (n = doc_first(d, doc_root(d)); n; n = doc_next(d, doc_root(d), n)) {
		buf_reset(&name);
		HOLDS(doc_string(d, n, &name) == ST_OK);
		if (memchr(buf_text(&name), 0, name.len))
			continue;
		value = doc_member(&e, doc_root(&e), buf_text(&name));
		HOLDS(value && fuzz_same(doc_span(&e, value), doc_span(d, doc_value(d, n))));
	}
	doc_free(&e);
	buf_free(&name);
}

static void check_merge(const struct product *p)
{
	const struct update_result result = { .product_id = p->id,
		.applied = true,
		.new_quantity = -7,
		.new_version = 4711,
		.last_updated = fuzz_span("2026-01-02T03:04:05Z") };
	struct product once, twice;
	struct buf storage, storage2;
	enum st_err err;

	buf_init(&storage, SIZE_MAX / 4);
	buf_init(&storage2, SIZE_MAX / 4);
	err = update_merge(p, &result, &storage, &once);
	HOLDS(err == ST_OK || err == ST_TOO_BIG);
	if (err == ST_OK) {
		fuzz_holds_product(&once);
		HOLDS(fuzz_same(once.id, p->id) && once.version == 4711);
		HOLDS(update_merge(&once, &result, &storage2, &twice) == ST_OK);
		HOLDS(fuzz_same(once.json, twice.json));
	}
	buf_free(&storage);
	buf_free(&storage2);
}

static void check_layout(const struct product *p, size_t where)
{
	MDB_val key = { p->id.len, (void *)(uintptr_t)p->id.data };
	MDB_val value = { layout_product_size(p), malloc(layout_product_size(p)) };
	unsigned char *bytes = value.mv_data;
	struct product out;

	HOLDS(bytes != NULL);
	layout_write_product(p, bytes);
	HOLDS(layout_read_product(&key, &value, &out) == ST_OK);
	HOLDS(fuzz_same(out.id, p->id) && fuzz_same(out.json, p->json));
	HOLDS(out.version == p->version && out.partial == p->partial);
	bytes[where % value.mv_size] ^= (unsigned char)(1 + where % 255);
	HOLDS(layout_read_product(&key, &value, &out) == ST_CORRUPT);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct product p;
	struct buf storage;
	const char *why;
	struct doc d;

	if (doc_parse((const char *)data, size, NODES_MAX, &d, NULL))
		return 0;
	buf_init(&storage, SIZE_MAX / 4);
	HOLDS(buf_room(&storage, PRODUCT_ROOM(size)) != NULL);
	if (product_read(&d, doc_root(&d), &storage, &p, &why) == ST_OK) {
		fuzz_holds_product(&p);
		check_members(&d, &p);
		check_merge(&p);
		check_layout(&p, size * 31 + data[size / 2]);
	} else {
		HOLDS(why != NULL);
	}
	buf_free(&storage);
	doc_free(&d);
	return 0;
}
