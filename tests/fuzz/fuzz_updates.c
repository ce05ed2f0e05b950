/*
 * The bodies of both write endpoints.
 *
 * What is taken is valid item by item, is the same when it came through a
 * control message, and makes valid JSON for Central; what is refused says where.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "hostile/grammar.h"
#include "model/update.h"

#define NODES_MAX 200000

static bool is_name(struct span s, size_t max)
{
	return s.len >= 1 && s.len <= max && text_is_utf8(s.data, s.len) &&
	       !text_has_control(s.data, s.len);
}

static void check_items(const struct update_list *l, bool batch)
{
	HOLDS(l->batch == batch && l->n >= 1 && l->n <= (batch ? UPDATE_BATCH_MAX : 1));
	for (size_t i = 0; i < l->n; i++) {
		const struct update *u = &l->items[i];

		HOLDS(is_name(u->product_id, PRODUCT_ID_MAX) && is_name(u->key, UPDATE_KEY_MAX));
		HOLDS(
		    u->delta != 0 && u->delta >= -UPDATE_DELTA_MAX && u->delta <= UPDATE_DELTA_MAX);
		HOLDS(u->version >= 1 && u->version <= UPDATE_VERSION_MAX);
		for (size_t k = 0; k < i; k++)
			HOLDS(!fuzz_same(l->items[k].key, u->key));
	}
}

/* Through a control message and back. */
static void check_passing_on(const struct update_list *l)
{
	struct update_list again;
	struct buf items, twice, request;
	struct doc d;

	buf_init(&items, SIZE_MAX / 4);
	buf_init(&twice, SIZE_MAX / 4);
	buf_init(&request, SIZE_MAX / 4);
	update_list_write_items(l, &items);
	HOLDS(doc_parse(items.data, items.len, NODES_MAX, &d, NULL) == ST_OK);
	HOLDS(update_list_read_items(&d, doc_root(&d), &again) == ST_OK);
	HOLDS(again.n == l->n);
	update_list_write_items(&again, &twice);
	HOLDS(twice.len == items.len && memcmp(twice.data, items.data, items.len) == 0);
	update_list_write_request(l, "store-s1", &request);
	fuzz_holds_json(&request);
	update_list_free(&again);
	doc_free(&d);
	buf_free(&items);
	buf_free(&twice);
	buf_free(&request);
}

static void check_faults(const struct update_faults *f)
{
	HOLDS(f->n >= 1 && f->n <= UPDATE_FAULTS_MAX);
	HOLDS(
	    f->product_id_len <= PRODUCT_ID_MAX && text_is_utf8(f->product_id, f->product_id_len));
	for (size_t i = 0; i < f->n; i++) {
		HOLDS(f->list[i].issue && f->list[i].issue[0] && f->list[i].index >= -1);
		HOLDS(text_is_utf8(f->list[i].field.data, f->list[i].field.len));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct update_faults faults;
	const char *text = (const char *)data;

	for (int batch = 0; batch <= 1; batch++) {
		struct update_list l;

		faults.n = 0;
		if (update_list_read(text, size, batch, &l, &faults)) {
			check_faults(&faults);
			continue;
		}
		HOLDS(grammar_is_json(text, size) && text_is_utf8(text, size));
		HOLDS(!l.store_id.data || text_is_utf8(l.store_id.data, l.store_id.len));
		check_items(&l, batch);
		check_passing_on(&l);
		update_list_free(&l);
	}
	return 0;
}
