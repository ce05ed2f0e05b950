/*
 * api/inventory.c: products, straight from one snapshot.
 *
 * Nothing stored is parsed: a product is copied from the map into the response
 * as it stands.  The snapshot ends before the response is sent.
 */
#include <string.h>

#include "api/call.h"
#include "api/list_query.h"
#include "base/hash.h"

static void no_product(struct call *c, struct span id)
{
	problem_respond_with(c, PROBLEM_PRODUCT_NOT_FOUND, "productId", id, "suggestion",
	    "Product may not exist or cache may be out of sync");
}

void inventory_product(struct call *c)
{
	struct span id = c->path.segments[c->path.n - 1];
	char etag[ETAG_SIZE];
	struct sync_record record;
	struct store_snapshot s;
	struct product p;
	enum st_err err;

	if (!call_open_snapshot(c, &s, &record))
		return;
	err = store_snapshot_product(&s, id.data, id.len, &p);
	if (!err)
		buf_add(&c->response->body, p.json.data, p.json.len);
	store_snapshot_end(&s);
	if (err == ST_NOT_FOUND) {
		no_product(c, id);
	} else if (err) {
		problem_of_store(c, err);
	} else {
		/* Of its version too, so that equal bytes may have two tags one after the other. */
		etag_make(false, p.hash, etag);
		respond_tagged(c, etag);
	}
}

/* To make one hash of many: any odd number whose bits are as good as random. */
#define HASH_STEP UINT64_C(0x9e3779b97f4a7c15)

/* What a list has of products so far; the store has hashed each of them already. */
struct shown {
	uint64_t n, hash;
	size_t end; /* in the body */
};

static void add_product(struct buf *out, const struct product *p, struct shown *shown)
{
	size_t comma = shown->n++ > 0;
	char *at = buf_room(out, comma + p->json.len);

	if (!at)
		return;
	*at = ',';
	memcpy(at + comma, p->json.data, p->json.len);
	buf_commit(out, comma + p->json.len);
	/* Their order counts too. */
	shown->hash = shown->hash * HASH_STEP + p->hash;
	shown->end = out->len;
}

/*
 * `total_count` and `has_more` are what deployed front ends read.  next: the
 * last product of this page, NULL where no page follows.
 */
static void add_pagination(
    struct buf *out, const struct list_query *q, uint64_t total, const struct span *next)
{
	struct json_writer w;

	buf_adds(out, "],\"pagination\":");
	jw_init(&w, out);
	jw_begin_object(&w);
	jw_name(&w, "offset");
	if (q->form == LIST_AFTER)
		jw_null(&w);
	else
		jw_uint(&w, q->offset);
	jw_name(&w, "limit");
	jw_uint(&w, q->limit);
	jw_name(&w, "total");
	jw_uint(&w, total);
	jw_name(&w, "hasMore");
	jw_bool(&w, next);
	jw_name(&w, "total_count");
	jw_uint(&w, total);
	jw_name(&w, "has_more");
	jw_bool(&w, next);
	jw_name(&w, "nextAfter");
	if (next)
		jw_string(&w, next->data, next->len);
	else
		jw_null(&w);
	jw_end_object(&w);
}

/* A page by position or by id. */
static enum st_err add_page(struct store_snapshot *s, const struct list_query *q, uint64_t total,
    struct buf *out, struct shown *shown)
{
	enum st_err err = q->form == LIST_AFTER
	                      ? store_snapshot_seek_after(s, q->after.data, q->after.len)
	                      : store_snapshot_seek(s, q->offset);
	struct product p = { 0 }, behind;

	buf_adds(out, "{\"products\":[");
	while (!err && shown->n < q->limit) {
		err = store_snapshot_next(s, &p);
		if (!err)
			add_product(out, &p, shown);
	}
	if (err && err != ST_NOT_FOUND)
		return err;
	/* One that is damaged is there too: the next page will tell. */
	if (!err)
		err = store_snapshot_next(s, &behind);
	add_pagination(out, q, total, err == ST_NOT_FOUND ? NULL : &p.id);
	return ST_OK;
}

static enum st_err add_ids(
    struct store_snapshot *s, const struct list_query *q, struct buf *out, struct shown *shown)
{
	bool is_missing[LIST_IDS_MAX];
	struct json_writer w;

	buf_adds(out, "{\"products\":[");
	for (size_t i = 0; i < q->n_ids; i++) {
		struct product p;
		enum st_err err = store_snapshot_product(s, q->ids[i].data, q->ids[i].len, &p);

		if (err && err != ST_NOT_FOUND)
			return err;
		is_missing[i] = err == ST_NOT_FOUND;
		if (!err)
			add_product(out, &p, shown);
	}
	buf_adds(out, "],\"missing\":");
	jw_init(&w, out);
	jw_begin_array(&w);
	for (size_t i = 0; i < q->n_ids; i++)
		if (is_missing[i])
			jw_string(&w, q->ids[i].data, q->ids[i].len);
	jw_end_array(&w);
	return ST_OK;
}

static void add_cache_info(struct buf *out, const struct sync_record *record, uint64_t total)
{
	struct json_writer w;

	buf_adds(out, ",\"cacheInfo\":");
	jw_init(&w, out);
	jw_begin_object(&w);
	jw_name(&w, "lastSyncTime");
	jw_time(&w, stamp_is_set(&record->last_success) ? record->last_success.wall_ms / 1000 : -1);
	jw_name(&w, "totalProducts");
	jw_uint(&w, total);
	jw_end_object(&w);
	buf_addc(out, '}');
}

static void answer_list(struct call *c, const struct list_query *q)
{
	struct buf *body = &c->response->body;
	char etag[ETAG_SIZE];
	struct shown shown = { 0 };
	struct sync_record record;
	struct store_snapshot s;
	uint64_t total;
	enum st_err err;

	if (!call_open_snapshot(c, &s, &record))
		return;
	total = store_snapshot_count(&s);
	err = q->form == LIST_IDS ? add_ids(&s, q, body, &shown)
	                          : add_page(&s, q, total, body, &shown);
	store_snapshot_end(&s);
	if (err) {
		problem_of_store(c, err);
		return;
	}
	/* When it was last synced is no part of what was asked for. */
	etag_make(
	    true, hash_bytes(buf_text(body) + shown.end, body->len - shown.end, shown.hash), etag);
	add_cache_info(body, &record, total);
	respond_tagged(c, etag);
}

void inventory_list(struct call *c)
{
	struct list_query q;
	struct query_problem bad;
	enum st_err err = list_query_read(c->path.query, &q, &bad);

	if (!err)
		answer_list(c, &q);
	else if (err == ST_INVALID)
		problem_respond_with(c, PROBLEM_INVALID_PARAMETER, "parameter",
		    (struct span){ bad.parameter, strlen(bad.parameter) }, "allowed", bad.allowed);
	else
		problem_respond(c, PROBLEM_INTERNAL, NULL);
	list_query_free(&q);
}
