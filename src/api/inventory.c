/*
 * api/inventory.c: products, straight from one snapshot.
 *
 * Nothing stored is parsed: a product is copied from the map into the response
 * as it stands.  The snapshot ends before the response is sent.
 */
#include <inttypes.h>
#include <string.h>

#include "api/call.h"
#include "api/query.h"
#include "health/health.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200 /* what is asked for above this counts as this */

static void freshness_headers(
    struct call *c, const struct sync_record *record, const struct stamp *now)
{
	int64_t age = stamp_age_ms(&record->confirmed_current, now);

	if (age >= 0)
		buf_addf(&c->response->headers, "Age: %" PRId64 "\r\n", age / 1000);
	buf_addf(
	    &c->response->headers, "X-Store-Event-Offset: %" PRId64 "\r\n", record->event_offset);
}

bool call_open_snapshot(struct call *c, struct store_snapshot *s, struct sync_record *record)
{
	struct stamp now = stamp_now();
	enum st_err err = store_snapshot_begin(c->api->store, s);

	if (err) {
		problem_of_store(c, err);
		return false;
	}
	err = store_snapshot_record(s, record);
	if (err) {
		store_snapshot_end(s);
		problem_of_store(c, err);
		return false;
	}
	freshness_headers(c, record, &now);
	if (health_too_stale(record, &now, c->api->options.max_staleness_seconds)) {
		store_snapshot_end(s);
		problem_respond(c, PROBLEM_CACHE_TOO_STALE, NULL);
		return false;
	}
	return true;
}

static void no_product(struct call *c, struct span id)
{
	problem_respond_with(c, PROBLEM_PRODUCT_NOT_FOUND, "productId", id, "suggestion",
	    "Product may not exist or cache may be out of sync");
}

static void json_headers(struct call *c)
{
	c->response->status = 200;
	response_header(c->response, "Content-Type", "application/json");
	response_header(c->response, "Cache-Control", "no-cache");
}

void inventory_product(struct call *c)
{
	struct span id = c->path.segments[c->path.n - 1];
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
	if (!err)
		json_headers(c);
	else if (err == ST_NOT_FOUND)
		no_product(c, id);
	else
		problem_respond(c, PROBLEM_STORAGE_ERROR, NULL);
}

/* The products of a page; *n of them. */
static enum st_err add_products(
    struct store_snapshot *s, uint64_t offset, uint64_t limit, struct buf *out, uint64_t *n)
{
	enum st_err err = store_snapshot_seek(s, offset);
	struct product p;

	*n = 0;
	buf_adds(out, "{\"products\":[");
	while (!err && *n < limit) {
		err = store_snapshot_next(s, &p);
		if (err)
			break;
		if (*n > 0)
			buf_addc(out, ',');
		buf_add(out, p.json.data, p.json.len);
		(*n)++;
	}
	return err == ST_NOT_FOUND ? ST_OK : err;
}

/* `total_count` and `has_more` are what deployed front ends read. */
static void add_pagination(
    struct buf *out, uint64_t offset, uint64_t limit, uint64_t total, bool more)
{
	const char *has_more = more ? "true" : "false";

	buf_addf(out,
	    "],\"pagination\":{\"offset\":%" PRIu64 ",\"limit\":%" PRIu64 ",\"total\":%" PRIu64
	    ",\"hasMore\":%s,\"total_count\":%" PRIu64 ",\"has_more\":%s}",
	    offset, limit, total, has_more, total, has_more);
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

static void bad_parameter(struct call *c, const struct query_number *bad)
{
	problem_respond_with(c, PROBLEM_INVALID_PARAMETER, "parameter",
	    (struct span){ bad->name, strlen(bad->name) }, "allowed", bad->allowed);
}

void inventory_list(struct call *c)
{
	struct query_number asked[] = {
		{ "offset", 0, QUERY_NUMBER_MAX, 0, "one integer from 0 to 2^53" },
		{ "limit", 1, QUERY_NUMBER_MAX, LIMIT_DEFAULT,
		    "one integer from 1 to 2^53; above 200 counts as 200" },
	};
	const struct query_number *bad = query_read_numbers(c->path.query, asked, 2);
	uint64_t offset = asked[0].value, total, n;
	uint64_t limit = asked[1].value < LIMIT_MAX ? asked[1].value : LIMIT_MAX;
	struct buf *body = &c->response->body;
	struct sync_record record;
	struct store_snapshot s;
	enum st_err err;

	if (bad) {
		bad_parameter(c, bad);
		return;
	}
	if (!call_open_snapshot(c, &s, &record))
		return;
	total = store_snapshot_count(&s);
	err = add_products(&s, offset, limit, body, &n);
	store_snapshot_end(&s);
	if (err) {
		problem_respond(c, PROBLEM_STORAGE_ERROR, NULL);
		return;
	}
	add_pagination(body, offset, limit, total, offset < total && n < total - offset);
	add_cache_info(body, &record, total);
	json_headers(c);
}
