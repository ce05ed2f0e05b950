/*
 * model/event.c: the answer as a whole is good or refused; within a good one
 * each event is usable or says why not.
 *
 * All text of the events goes into one storage, which gets its room before the
 * first of them is read: an event takes its timestamp, type and id (decoded,
 * never longer than they stood there) and its product (PRODUCT_ROOM of `data`),
 * which together is no more than PRODUCT_ROOM of the list.
 */
#include "model/event.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_NODES_MAX 4000000

static const struct {
	const char *name;
	enum event_kind kind;
} kinds[] = {
	{ "inventory_updated", EVENT_UPDATED },
	{ "product_updated", EVENT_UPDATED },
	{ "product_modified", EVENT_UPDATED },
	{ "product_created", EVENT_CREATED },
	{ "product_deleted", EVENT_DELETED },
};

static enum event_kind kind_of(const struct doc *d, const struct doc_node *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (doc_is_text(d, type, kinds[i].name))
			return kinds[i].kind;
	return EVENT_UNUSABLE;
}

/* A string decoded into the batch's storage; an empty span if it is none. */
static struct span read_text(const struct doc *d, const struct doc_node *node, struct buf *storage)
{
	size_t from = storage->len;

	if (doc_string(d, node, storage) != ST_OK)
		return (struct span){ "", 0 };
	return (struct span){ storage->data + from, storage->len - from };
}

/* The id, if it is one: whoever gets it may look it up and use it as a key. */
static void read_id(
    const struct doc *d, const struct doc_node *node, struct buf *storage, struct event *e)
{
	struct span id = read_text(d, node, storage);

	e->unkeepable = id.len > PRODUCT_ID_MAX;
	e->product_id = e->unkeepable ? (struct span){ "", 0 } : id;
}

/* The product of an event that is an upsert; NULL or why it can't be used. */
static const char *read_product(
    const struct doc *d, const struct doc_node *data, struct buf *storage, struct event *e)
{
	const char *why;

	if (product_read(d, data, storage, &e->product, &why) != ST_OK)
		return why;
	if (e->product.id.len != e->product_id.len ||
	    memcmp(e->product.id.data, e->product_id.data, e->product_id.len) != 0)
		return "its data is of another product";
	if (e->product.version != e->version)
		return "its data is of another version";
	return NULL;
}

/* NULL if the event can be used as its type says, else why not. */
static const char *read_content(
    const struct doc *d, const struct doc_node *node, struct buf *storage, struct event *e)
{
	e->timestamp = read_text(d, doc_member(d, node, "timestamp"), storage);
	e->type = read_text(d, doc_member(d, node, "eventType"), storage);
	read_id(d, doc_member(d, node, "productId"), storage, e);
	e->version = -1;
	if (doc_int(d, doc_member(d, node, "version"), 0, PRODUCT_VERSION_MAX, &e->version))
		e->version = -1;
	if (e->kind == EVENT_UNUSABLE)
		return "its type is unknown";
	if (e->product_id.len == 0)
		return "its productId is missing or not 1 to 511 bytes long";
	if (e->version < 0)
		return "its version is missing or no integer from 0 to 2^53";
	if (e->kind == EVENT_DELETED)
		return NULL;
	return read_product(d, doc_member(d, node, "data"), storage, e);
}

static enum st_err read_event(
    const struct doc *d, const struct doc_node *node, struct buf *storage, struct event *e)
{
	if (doc_int(d, doc_member(d, node, "offset"), 0, EVENT_OFFSET_MAX, &e->offset))
		return ST_INVALID;
	e->kind = kind_of(d, doc_member(d, node, "eventType"));
	e->why = read_content(d, node, storage, e);
	if (e->why) {
		if (!e->unkeepable)
			e->kind = EVENT_UNUSABLE;
		e->product = (struct product){ 0 };
	}
	return storage->err;
}

static int compare_events(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

static enum st_err read_events(
    const struct doc *d, const struct doc_node *list, struct event_batch *b, const char **why)
{
	if (list->count == 0)
		return ST_OK;
	b->events = calloc(list->count, sizeof(*b->events));
	*why = "out of memory";
	if (!b->events || !buf_room(&b->storage, PRODUCT_ROOM(list->stop - list->start)))
		return ST_NOMEM;
	for (const struct doc_node *n = doc_first(d, list); n; n = doc_next(d, list, n)) {
		struct event *e = &b->events[b->n];
		enum st_err err;

		*why = "an event has no usable offset";
		e->place = b->n;
		err = read_event(d, n, &b->storage, e);
		if (err)
			return err;
		b->n++;
	}
	qsort(b->events, b->n, sizeof(*b->events), compare_events);
	return ST_OK;
}

static enum st_err read_batch(const struct doc *d, struct event_batch *b, const char **why)
{
	const struct doc_node *root = doc_root(d);
	const struct doc_node *list = doc_member(d, root, "events");
	const struct doc_node *more = doc_member(d, root, "hasMore");

	*why = "no list of events in the answer";
	if (!list || (list->type != DOC_ARRAY && list->type != DOC_NULL))
		return ST_INVALID;
	*why = "nextOffset is missing or no integer from 0 to 2^53 - 1";
	if (doc_int(d, doc_member(d, root, "nextOffset"), 0, EVENT_OFFSET_MAX, &b->next_offset))
		return ST_INVALID;
	*why = "hasMore is neither true nor false";
	if (more && doc_bool(d, more, &b->has_more))
		return ST_INVALID;
	return list->type == DOC_ARRAY ? read_events(d, list, b, why) : ST_OK;
}

enum st_err event_batch_read(
    const char *text, size_t len, struct event_batch *out, const char **why)
{
	struct event_batch b = { 0 };
	struct doc_error broken;
	struct doc d;
	enum st_err err;

	err = doc_parse(text, len, BATCH_NODES_MAX, &d, &broken);
	if (err) {
		*why = broken.what;
		return err;
	}
	buf_init(&b.storage, SIZE_MAX / 4);
	err = read_batch(&d, &b, why);
	doc_free(&d);
	if (err)
		event_batch_free(&b);
	else
		*out = b;
	return err;
}

void event_batch_free(struct event_batch *b)
{
	if (!b)
		return;
	free(b->events);
	buf_free(&b->storage);
	*b = (struct event_batch){ 0 };
}
