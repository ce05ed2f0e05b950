/*
 * An answer of Central's event feed.
 *
 * Events come sorted; those that can be used carry what their kind needs, the
 * others say why not, and every one keeps its offset.
 */
#include "fuzz/fuzz.h"
#include "model/event.h"

static void check_event(const struct event *e)
{
	HOLDS(e->offset >= 0 && e->offset <= EVENT_OFFSET_MAX);
	HOLDS(e->product_id.len <= PRODUCT_ID_MAX);
	HOLDS(text_is_utf8(e->product_id.data, e->product_id.len));
	HOLDS(text_is_utf8(e->timestamp.data, e->timestamp.len));
	HOLDS(text_is_utf8(e->type.data, e->type.len));
	HOLDS(e->version >= -1 && e->version <= PRODUCT_VERSION_MAX);
	if (e->kind == EVENT_UNUSABLE || e->unkeepable) {
		HOLDS(e->why && e->why[0]);
		return;
	}
	HOLDS(!e->why && e->product_id.len > 0 && e->version >= 0);
	if (e->kind == EVENT_DELETED)
		return;
	fuzz_holds_product(&e->product);
	HOLDS(fuzz_same(e->product.id, e->product_id) && e->product.version == e->version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_batch b;
	const char *why = NULL;

	if (event_batch_read((const char *)data, size, &b, &why)) {
		HOLDS(why && why[0]);
		return 0;
	}
	HOLDS(b.next_offset >= 0 && b.next_offset <= EVENT_OFFSET_MAX);
	for (size_t i = 0; i < b.n; i++) {
		check_event(&b.events[i]);
		if (i == 0)
			continue;
		HOLDS(b.events[i - 1].offset <= b.events[i].offset);
		HOLDS(b.events[i - 1].offset < b.events[i].offset ||
		      b.events[i - 1].place < b.events[i].place);
	}
	event_batch_free(&b);
	return 0;
}
