/*
 * model/update_results.c: what Central says of updates.
 *
 * Central leaves zero and false members out of a single answer and writes them
 * all in a batch.  So a member that is missing is its zero: `applied` false,
 * `newQuantity` 0 (which counts only beside a newVersion).
 */
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "model/update.h"

#define ANSWER_NODES_MAX 100000
#define QUANTITY_MAX     (INT64_C(1) << 53)

/* A string decoded into the storage, which has the room; "" where it is missing. */
static enum st_err read_text(
    const struct doc *d, const struct doc_node *node, struct buf *storage, struct span *out)
{
	size_t from = storage->len;
	enum st_err err;

	*out = (struct span){ "", 0 };
	if (!node)
		return ST_OK;
	err = doc_string(d, node, storage);
	if (!err && storage->len > from)
		*out = (struct span){ storage->data + from, storage->len - from };
	return err;
}

static enum st_err read_number(
    const struct doc *d, const struct doc_node *node, int64_t min, int64_t max, int64_t *out)
{
	return node ? doc_int(d, node, min, max, out) : ST_OK;
}

/* The members as they are, whether they make sense together or not. */
static enum st_err read_members(
    const struct doc *d, const struct doc_node *node, struct buf *storage, struct update_result *r)
{
	const struct doc_node *applied = doc_member(d, node, "applied");
	const struct {
		const char *name;
		struct span *to;
	} texts[] = {
		{ "productId", &r->product_id },
		{ "lastUpdated", &r->last_updated },
		{ "errorType", &r->error_type },
		{ "errorMessage", &r->error_message },
	};
	enum st_err err = node->type == DOC_OBJECT ? ST_OK : ST_INVALID;

	if (!err && applied)
		err = doc_bool(d, applied, &r->applied);
	if (!err)
		err = read_number(d, doc_member(d, node, "newQuantity"), -QUANTITY_MAX,
		    QUANTITY_MAX, &r->new_quantity);
	if (!err)
		err = read_number(
		    d, doc_member(d, node, "newVersion"), 0, PRODUCT_VERSION_MAX, &r->new_version);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !err; i++)
		err = read_text(d, doc_member(d, node, texts[i].name), storage, texts[i].to);
	return err;
}

static bool same(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static enum st_err read_result(const struct doc *d, const struct doc_node *node,
    struct span asked_id, struct buf *storage, struct update_result *out, const char **why)
{
	struct update_result r = { 0 };
	enum st_err err = read_members(d, node, storage, &r);

	*why = "a result is no object, or a member of it has the wrong type";
	if (err)
		return err;
	*why = "a result is of another product than was asked for";
	if (!same(r.product_id, asked_id))
		return ST_INVALID;
	*why = "a result is applied and refused at once";
	if (r.applied && r.error_type.len > 0)
		return ST_INVALID;
	*why = "an applied result has no newVersion";
	if (r.applied && r.new_version == 0)
		return ST_INVALID;
	*why = "a refusal has no errorType";
	if (!r.applied && r.error_type.len == 0)
		return ST_INVALID;
	if (r.applied)
		r.error_message = (struct span){ "", 0 };
	*out = r;
	return ST_OK;
}

static bool make_room(struct update_results *r, size_t n, size_t text_len)
{
	buf_init(&r->storage, SIZE_MAX / 4);
	r->items = calloc(n, sizeof(*r->items));
	/* Decoding never makes a string longer: what is read stays where it is. */
	return r->items && buf_room(&r->storage, text_len);
}

static enum st_err read_list(const struct doc *d, const struct update_list *asked,
    struct update_results *r, const char **why)
{
	const struct doc_node *list = doc_member(d, doc_root(d), "results");
	enum st_err err = ST_OK;

	*why = "no list of results, or another number of them than was asked for";
	if (!list || list->type != DOC_ARRAY || list->count != asked->n)
		return ST_INVALID;
	for (const struct doc_node *n = doc_first(d, list); n && !err; n = doc_next(d, list, n)) {
		err = read_result(
		    d, n, asked->items[r->n].product_id, &r->storage, &r->items[r->n], why);
		r->n++;
	}
	return err;
}

static enum st_err read_single(const struct doc *d, const struct update_list *asked,
    struct update_results *r, const char **why)
{
	struct span id = asked->items[0].product_id;
	bool nameless = !doc_member(d, doc_root(d), "productId");
	enum st_err err = read_result(
	    d, doc_root(d), nameless ? (struct span){ "", 0 } : id, &r->storage, &r->items[0], why);

	if (err)
		return err;
	*why = "an applied result names no product";
	if (nameless && r->items[0].applied)
		return ST_INVALID;
	r->n = 1;
	r->items[0].product_id = (struct span){ r->storage.data + r->storage.len, id.len };
	buf_add(&r->storage, id.data, id.len);
	return r->storage.err;
}

enum st_err update_results_read(const char *text, size_t len, const struct update_list *asked,
    struct update_results *out, const char **why)
{
	struct update_results r = { 0 };
	struct doc_error broken = { "", 0 };
	struct doc d;
	enum st_err err = doc_parse(text, len, ANSWER_NODES_MAX, &d, &broken);

	if (err) {
		*why = broken.what;
		return err == ST_NOMEM ? err : ST_INVALID;
	}
	*why = "out of memory";
	if (!make_room(&r, asked->n, len + PRODUCT_ID_MAX))
		err = ST_NOMEM;
	else
		err = asked->batch ? read_list(&d, asked, &r, why)
		                   : read_single(&d, asked, &r, why);
	doc_free(&d);
	if (err)
		update_results_free(&r);
	else
		*out = r;
	return err;
}

void update_results_free(struct update_results *r)
{
	if (!r)
		return;
	free(r->items);
	buf_free(&r->storage);
	*r = (struct update_results){ 0 };
}

static void write_text(struct json_writer *w, const char *name, struct span text)
{
	jw_name(w, name);
	jw_string(w, text.data, text.len);
}

void update_results_write_items(const struct update_results *r, struct buf *out)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_begin_array(&w);
	for (size_t i = 0; i < r->n; i++) {
		const struct update_result *u = &r->items[i];

		jw_begin_object(&w);
		write_text(&w, "productId", u->product_id);
		jw_name(&w, "newQuantity");
		jw_int(&w, u->new_quantity);
		jw_name(&w, "newVersion");
		jw_int(&w, u->new_version);
		jw_name(&w, "applied");
		jw_bool(&w, u->applied);
		write_text(&w, "lastUpdated", u->last_updated);
		write_text(&w, "errorType", u->error_type);
		write_text(&w, "errorMessage", u->error_message);
		jw_end_object(&w);
	}
	jw_end_array(&w);
}

enum st_err update_results_read_items(
    const struct doc *d, const struct doc_node *items, struct update_results *out)
{
	struct update_results r = { 0 };
	enum st_err err = ST_OK;

	if (!items || items->type != DOC_ARRAY)
		return ST_INVALID;
	if (!make_room(&r, items->count ? items->count : 1, items->stop - items->start))
		err = ST_NOMEM;
	for (const struct doc_node *n = doc_first(d, items); n && !err; n = doc_next(d, items, n))
		err = read_members(d, n, &r.storage, &r.items[r.n++]);
	if (err)
		update_results_free(&r);
	else
		*out = r;
	return err;
}
