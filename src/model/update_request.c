/*
 * model/update_request.c: what clients ask for, read so strictly that nothing
 * invalid is left for Central to judge, and every mistake named at once.
 *
 * A text in which a member stands twice is refused by doc_parse() as a whole.
 * It is then scanned once more without that check, so that the member and all
 * the other mistakes can be named.
 */
#include <stdlib.h>
#include <string.h>

#include "model/scan.h"
#include "model/update.h"

/* So many values hold a batch of 100 many times over; a hostile body costs no more. */
#define REQUEST_NODES_MAX 65536
#define FIELD_MAX         64 /* bytes of an unknown member's name that are shown */

enum member { PRODUCT_ID, DELTA, VERSION, KEY, MEMBER_COUNT };

static const char *const member_names[MEMBER_COUNT] = {
	[PRODUCT_ID] = "productId",
	[DELTA] = "delta",
	[VERSION] = "version",
	[KEY] = "idempotencyKey",
};

static const char missing[] = "is missing";
static const char twice[] = "stands twice";

/* One reading.  Without `faults` the mistakes are only counted. */
struct reading {
	const struct doc *d;
	struct update_list list; /* in the making */
	struct update_faults *faults;
	size_t bad;
	enum st_err err; /* ST_NOMEM */
};

static struct span constant(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static void fault_span(struct reading *r, int64_t index, struct span field, const char *issue)
{
	r->bad++;
	if (r->faults && r->faults->n < UPDATE_FAULTS_MAX)
		r->faults->list[r->faults->n++] = (struct update_fault){ index, field, issue };
}

static void fault(struct reading *r, int64_t index, const char *field, const char *issue)
{
	fault_span(r, index, constant(field), issue);
}

/* A string decoded into the storage, which has the room; false if it can't be. */
static bool read_text(struct reading *r, const struct doc_node *node, struct span *out)
{
	struct buf *storage = &r->list.storage;
	size_t from = storage->len;
	enum st_err err = doc_string(r->d, node, storage);

	if (err) {
		r->err = err == ST_NOMEM ? err : r->err;
		return false;
	}
	*out = (struct span){ storage->data + from, storage->len - from };
	return true;
}

/* A string of 1 to max bytes without control bytes. */
static bool read_name(struct reading *r, const struct doc_node *node, size_t max, struct span *out)
{
	return read_text(r, node, out) && out->len >= 1 && out->len <= max &&
	       !text_has_control(out->data, out->len);
}

/* NULL, or what is wrong with this member. */
static const char *read_member(
    struct reading *r, enum member which, const struct doc_node *node, struct update *u)
{
	switch (which) {
	case PRODUCT_ID:
		return read_name(r, node, PRODUCT_ID_MAX, &u->product_id)
		           ? NULL
		           : "must be a string of 1 to 511 bytes without control characters";
	case DELTA:
		if (doc_int(r->d, node, INT64_MIN + 1, INT64_MAX, &u->delta) || u->delta == 0)
			return "must be an integer other than 0";
		return u->delta >= -UPDATE_DELTA_MAX && u->delta <= UPDATE_DELTA_MAX
		           ? NULL
		           : "must be from -2147483647 to 2147483647";
	case VERSION:
		return doc_int(r->d, node, 1, UPDATE_VERSION_MAX, &u->version)
		           ? "must be an integer from 1 to 9007199254740992"
		           : NULL;
	case KEY:
		return read_name(r, node, UPDATE_KEY_MAX, &u->key)
		           ? NULL
		           : "must be a string of 1 to 200 bytes without control characters";
	case MEMBER_COUNT: break;
	}
	return NULL;
}

/* The value of the first member of this name; *n: how often the name stands there. */
static const struct doc_node *find_member(
    const struct doc *d, const struct doc_node *object, const char *name, unsigned *n)
{
	const struct doc_node *found = NULL;

	*n = 0;
	for (const struct doc_node *m = doc_first(d, object); m; m = doc_next(d, object, m)) {
		if (!doc_is_text(d, m, name))
			continue;
		if (!found)
			found = doc_value(d, m);
		++*n;
	}
	return found;
}

/* The four members of one item.  A member that is bad is left zero. */
static void read_item(struct reading *r, const struct doc_node *node, int64_t index)
{
	struct update u = { 0 };

	for (enum member i = PRODUCT_ID; i < MEMBER_COUNT; i++) {
		struct update got = u;
		unsigned n;
		const struct doc_node *value = find_member(r->d, node, member_names[i], &n);
		const char *issue = n == 0  ? missing
		                    : n > 1 ? twice
		                            : read_member(r, i, value, &got);

		if (issue)
			fault(r, index, member_names[i], issue);
		else
			u = got;
	}
	r->list.items[r->list.n++] = u;
}

static bool same(struct span a, struct span b)
{
	return a.len > 0 && a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Central would answer the second with the first one's result. */
static void check_keys(struct reading *r)
{
	const struct update *items = r->list.items;

	for (size_t i = 1; i < r->list.n; i++) {
		size_t j = 0;

		while (j < i && !same(items[i].key, items[j].key))
			j++;
		if (j < i)
			fault(r, (int64_t)i, member_names[KEY], "stands twice in this batch");
	}
}

static bool make_room(struct reading *r, size_t items, size_t text_len)
{
	r->list.items = calloc(items, sizeof(*r->list.items));
	buf_init(&r->list.storage, SIZE_MAX / 4);
	/* Decoding never makes a string longer: what is read stays where it is. */
	if (!r->list.items || !buf_room(&r->list.storage, text_len))
		r->err = ST_NOMEM;
	return r->err == ST_OK;
}

static void read_items(struct reading *r, const struct doc_node *list)
{
	if (!list || list->type != DOC_ARRAY || list->count == 0 ||
	    list->count > UPDATE_BATCH_MAX) {
		fault(r, -1, "updates", list ? "must be a list of 1 to 100 updates" : missing);
		return;
	}
	for (const struct doc_node *n = doc_first(r->d, list); n; n = doc_next(r->d, list, n)) {
		if (n->type == DOC_OBJECT) {
			read_item(r, n, (int64_t)r->list.n);
		} else {
			fault(r, (int64_t)r->list.n, "", "must be an object");
			r->list.items[r->list.n++] = (struct update){ 0 };
		}
	}
	check_keys(r);
}

static void read_store_id(struct reading *r)
{
	unsigned n;
	const struct doc_node *node = find_member(r->d, doc_root(r->d), "storeId", &n);

	if (n > 1)
		fault(r, -1, "storeId", twice);
	else if (node && !read_text(r, node, &r->list.store_id))
		fault(r, -1, "storeId", "must be a string");
}

static void read_root(struct reading *r, bool batch)
{
	const struct doc_node *root = doc_root(r->d);
	const struct doc_node *list;
	unsigned n;

	if (root->type != DOC_OBJECT) {
		fault(r, -1, "", "must be a JSON object");
		return;
	}
	if (!make_room(r, UPDATE_BATCH_MAX, r->d->len))
		return;
	read_store_id(r);
	if (!batch) {
		read_item(r, root, -1);
		return;
	}
	list = find_member(r->d, root, "updates", &n);
	if (n > 1)
		fault(r, -1, "updates", twice);
	else
		read_items(r, list);
}

/* The item of the batch that this byte stands in, -1: in none. */
static int64_t index_of(const struct doc *d, size_t at)
{
	unsigned twice_or_not;
	const struct doc_node *list = find_member(d, doc_root(d), "updates", &twice_or_not);
	int64_t index = 0;

	if (!list || list->type != DOC_ARRAY)
		return -1;
	for (const struct doc_node *n = doc_first(d, list); n; n = doc_next(d, list, n), index++)
		if (at >= n->start && at < n->stop)
			return index;
	return -1;
}

/* What doc_parse() saw twice is none of the members that we know: say at least its name. */
static void fault_unknown_twice(struct reading *r, bool batch, size_t at)
{
	const char *text = r->d->text;
	size_t stop = at + 1;

	while (text[stop] != '"')
		stop += text[stop] == '\\' ? 2 : 1;
	fault_span(r, batch ? index_of(r->d, at) : -1,
	    stop - at - 1 <= FIELD_MAX ? (struct span){ text + at + 1, stop - at - 1 }
				       : constant(""),
	    twice);
}

static void keep_product_id(struct span id, struct update_faults *faults)
{
	if (id.len > 0)
		memcpy(faults->product_id, id.data, id.len);
	faults->product_id_len = id.len;
}

static enum st_err finish(struct reading *r, struct update_list *out)
{
	enum st_err err = r->err ? r->err : r->bad > 0 ? ST_INVALID : ST_OK;

	if (err)
		update_list_free(&r->list);
	else
		*out = r->list;
	return err;
}

/* Broken text, as one mistake. */
static enum st_err refuse_text(struct update_faults *faults, enum st_err err)
{
	if (err == ST_NOMEM)
		return err;
	faults->list[0] = (struct update_fault){ -1, constant(""),
		err == ST_TOO_BIG ? "holds too many values" : "must be valid JSON" };
	faults->n = 1;
	return ST_INVALID;
}

enum st_err update_list_read(
    const char *body, size_t len, bool batch, struct update_list *out, struct update_faults *faults)
{
	struct doc d = { .text = body, .len = len };
	struct doc_error why = { 0 };
	struct reading r = { .d = &d, .faults = faults };
	bool broken;
	enum st_err err = doc_parse(body, len, REQUEST_NODES_MAX, &d, &why);

	faults->n = faults->product_id_len = 0;
	broken = err != ST_OK;
	if (err == ST_INVALID) {
		struct doc_error ignored;

		err = scan_text(&d, REQUEST_NODES_MAX, &ignored);
	}
	if (err) {
		doc_free(&d);
		return refuse_text(faults, err);
	}
	r.list.batch = batch;
	read_root(&r, batch);
	if (broken && r.bad == 0)
		fault_unknown_twice(&r, batch, why.at);
	if (r.bad > 0 && !batch && r.list.n == 1)
		keep_product_id(r.list.items[0].product_id, faults);
	doc_free(&d);
	return finish(&r, out);
}

enum st_err update_list_read_items(
    const struct doc *d, const struct doc_node *items, struct update_list *out)
{
	struct reading r = { .d = d };

	if (!items || items->type != DOC_ARRAY)
		return ST_INVALID;
	if (make_room(&r, UPDATE_BATCH_MAX, items->stop - items->start))
		read_items(&r, items);
	return finish(&r, out);
}
