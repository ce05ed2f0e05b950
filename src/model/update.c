/*
 * model/update.c: updates as they go out, and a write's numbers in a product.
 *
 * Reading what clients ask is update_request.c, what Central answers
 * update_results.c.
 */
#include "model/update.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"

#define PRODUCT_NODES_MAX 1000000

static void write_item(struct json_writer *w, const struct update *u, const char *key_prefix)
{
	struct buf key;

	jw_name(w, "productId");
	jw_string(w, u->product_id.data, u->product_id.len);
	jw_name(w, "delta");
	jw_int(w, u->delta);
	jw_name(w, "version");
	jw_int(w, u->version);
	jw_name(w, "idempotencyKey");
	if (!key_prefix) {
		jw_string(w, u->key.data, u->key.len);
		return;
	}
	buf_init(&key, SIZE_MAX / 4);
	buf_adds(&key, key_prefix);
	buf_addc(&key, '-');
	buf_add(&key, u->key.data, u->key.len);
	jw_string(w, buf_text(&key), key.len);
	if (key.err && !w->out->err)
		w->out->err = key.err;
	buf_free(&key);
}

static void write_items(struct json_writer *w, const struct update_list *l, const char *key_prefix)
{
	jw_begin_array(w);
	for (size_t i = 0; i < l->n; i++) {
		jw_begin_object(w);
		write_item(w, &l->items[i], key_prefix);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void update_list_write_items(const struct update_list *l, struct buf *out)
{
	struct json_writer w;

	jw_init(&w, out);
	write_items(&w, l, NULL);
}

void update_list_write_request(const struct update_list *l, const char *store_id, struct buf *out)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_begin_object(&w);
	jw_name(&w, "storeId");
	jw_text(&w, store_id);
	if (l->batch) {
		jw_name(&w, "updates");
		write_items(&w, l, store_id);
	} else {
		write_item(&w, &l->items[0], store_id);
	}
	jw_end_object(&w);
}

void update_list_free(struct update_list *l)
{
	if (!l)
		return;
	free(l->items);
	buf_free(&l->storage);
	*l = (struct update_list){ 0 };
}

/* ---- merging ---- */

enum number { AVAILABLE, VERSION, UPDATED, NUMBER_COUNT };

static const char *const number_names[NUMBER_COUNT] = { "available", "version", "lastUpdated" };

static void write_number(
    struct json_writer *w, enum number which, const struct update_result *result)
{
	jw_name(w, number_names[which]);
	if (which == AVAILABLE)
		jw_int(w, result->new_quantity);
	else if (which == VERSION)
		jw_int(w, result->new_version);
	else
		jw_string(w, result->last_updated.data, result->last_updated.len);
}

/* Which of the write's numbers this member is; NUMBER_COUNT: none of them. */
static enum number number_of(const struct doc *d, const struct doc_node *name)
{
	enum number i = AVAILABLE;

	while (i < NUMBER_COUNT && !doc_is_text(d, name, number_names[i]))
		i++;
	return i;
}

/* The members in no special order: product_read() sorts them. */
static void write_merged(const struct doc *d, const struct update_result *result, struct buf *out)
{
	bool wanted[NUMBER_COUNT] = { true, true, result->last_updated.len > 0 };
	struct json_writer w;

	jw_init(&w, out);
	jw_begin_object(&w);
	for (enum number i = AVAILABLE; i < NUMBER_COUNT; i++)
		if (wanted[i])
			write_number(&w, i, result);
	for (const struct doc_node *n = doc_first(d, doc_root(d)); n;
	     n = doc_next(d, doc_root(d), n)) {
		enum number i = number_of(d, n);
		struct span name = doc_span(d, n), value = doc_span(d, doc_value(d, n));

		if (i < NUMBER_COUNT && wanted[i])
			continue;
		jw_raw(&w, name.data, name.len);
		buf_addc(out, ':');
		buf_add(out, value.data, value.len);
	}
	jw_end_object(&w);
}

static enum st_err read_merged(const struct buf *json, struct buf *storage, struct product *out)
{
	struct doc d;
	const char *why;
	enum st_err err = doc_parse(json->data, json->len, PRODUCT_NODES_MAX, &d, NULL);

	if (err)
		return err;
	err = buf_room(storage, PRODUCT_ROOM(json->len)) ? ST_OK : ST_NOMEM;
	if (!err)
		err = product_read(&d, doc_root(&d), storage, out, &why);
	doc_free(&d);
	return err;
}

enum st_err update_merge(const struct product *was, const struct update_result *result,
    struct buf *storage, struct product *out)
{
	struct product p = { 0 };
	struct buf json;
	struct doc d;
	enum st_err err = doc_parse(was->json.data, was->json.len, PRODUCT_NODES_MAX, &d, NULL);

	if (err)
		return err == ST_NOMEM ? err : ST_CORRUPT;
	buf_init(&json, SIZE_MAX / 4);
	err = doc_root(&d)->type == DOC_OBJECT ? ST_OK : ST_INVALID;
	if (!err) {
		write_merged(&d, result, &json);
		err = json.err;
	}
	doc_free(&d);
	if (!err)
		err = read_merged(&json, storage, &p);
	buf_free(&json);
	if (err)
		return err == ST_INVALID ? ST_CORRUPT : err;
	p.partial = was->partial;
	*out = p;
	return ST_OK;
}
