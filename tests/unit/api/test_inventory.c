#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "shop.h"

#define LIST "/v1/store/inventory"
#define BIG  ((size_t)1024 * 1024)

/* The id of the product'th product of a list that was answered; "" where there is none. */
static const char *listed(const struct shop *s, size_t product)
{
	static char id[64];
	const char *at = shop_body(s);

	for (size_t i = 0; at && i <= product; i++)
		at = strstr(at + 1, "{\"productId\":\"");
	snprintf(id, sizeof(id), "%.*s", at ? (int)strcspn(at + 14, "\"") : 0, at ? at + 14 : "");
	return id;
}

static size_t count_listed(const struct shop *s)
{
	size_t n = 0;

	while (listed(s, n)[0])
		n++;
	return n;
}

TEST(api_inventory, list_has_the_documented_form)
{
	struct shop s;

	shop_new(&s, 2);
	shop_get(&s, LIST "?limit=2");
	CU_ASSERT_EQUAL(s.response.status, 200);
	ASSERT_TEXT(shop_body(&s),
	    "{\"products\":[{\"productId\":\"PROD-001\",\"price\":1.10},"
	    "{\"productId\":\"PROD-002\",\"price\":1.10}],"
	    "\"pagination\":{\"offset\":0,\"limit\":2,\"total\":5,\"hasMore\":true,"
	    "\"total_count\":5,\"has_more\":true,\"nextAfter\":\"PROD-002\"},"
	    "\"cacheInfo\":{\"lastSyncTime\":\"2024-01-15T10:29:45Z\",\"totalProducts\":5}}");
	ASSERT_TEXT(shop_header(&s, "Content-Type"), "application/json");
	ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-cache");
	ASSERT_TEXT(shop_header(&s, "X-Store-Event-Offset"), "1045");
	CU_ASSERT_TRUE(atoi(shop_header(&s, "Age")) >= 5 && atoi(shop_header(&s, "Age")) < 600);
	shop_close(&s);
}

/* 253 products: PROD-001 to PROD-250 and the odd ones, in byte order of their ids. */
TEST(api_inventory, list_pages)
{
	static const struct {
		const char *query;
		size_t n;
		const char *first, *last, *limit, *more;
	} cases[] = {
		{ "", 50, "PROD-001", "PROD-050", "50", "true" },
		{ "?offset=0&limit=1", 1, "PROD-001", "PROD-001", "1", "true" },
		{ "?offset=100", 50, "PROD-101", "PROD-150", "50", "true" },
		{ "?limit=200", 200, "PROD-001", "PROD-200", "200", "true" },
		{ "?limit=201", 200, "PROD-001", "PROD-200", "200", "true" },
		{ "?limit=9007199254740992", 200, "PROD-001", "PROD-200", "200", "true" },
		{ "?offset=53&limit=200", 200, "PROD-054", "日本", "200", "false" },
		{ "?offset=52&limit=200", 200, "PROD-053", "updates", "200", "true" },
		{ "?offset=250", 3, "a/b c%2F", "日本", "50", "false" },
		{ "?offset=252", 1, "日本", "日本", "50", "false" },
		{ "?offset=251&limit=1", 1, "updates", "updates", "1", "true" },
		{ "?offset=253", 0, "", "", "50", "false" },
		{ "?offset=9007199254740992", 0, "", "", "50", "false" },
		{ "?x=1&limit=1&y", 1, "PROD-001", "PROD-001", "1", "true" },
	};
	struct shop s;

	shop_new(&s, 250);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char uri[96], expected[128];

		snprintf(uri, sizeof(uri), LIST "%s", cases[i].query);
		shop_get(&s, uri);
		CU_ASSERT_EQUAL(s.response.status, 200);
		CU_ASSERT_EQUAL(count_listed(&s), cases[i].n);
		ASSERT_TEXT(listed(&s, 0), cases[i].first);
		if (cases[i].n > 0)
			ASSERT_TEXT(listed(&s, cases[i].n - 1), cases[i].last);
		snprintf(expected, sizeof(expected),
		    ",\"limit\":%s,\"total\":253,\"hasMore\":%s,\"total_count\":253,\"has_more\":%"
		    "s,\"nextAfter\":",
		    cases[i].limit, cases[i].more, cases[i].more);
		CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), expected));
	}
	shop_close(&s);
}

TEST(api_inventory, list_of_an_empty_catalogue)
{
	struct sync_record record = shop_record(0);
	struct store_writer *w;
	struct store_txn *t;
	struct shop s;

	shop_prepare(&s);
	record.last_success = (struct stamp){ 0 };
	w = fixture_writer(&s.options.store);
	CU_ASSERT_EQUAL_FATAL(store_build_begin(w), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_COMING, &t), ST_OK);
	store_txn_put_record(t, &record);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	CU_ASSERT_EQUAL(store_build_publish(w), ST_OK);
	store_writer_close(w);
	shop_open(&s);
	shop_get(&s, LIST);
	ASSERT_TEXT(shop_body(&s),
	    "{\"products\":[],\"pagination\":{\"offset\":0,\"limit\":50,"
	    "\"total\":0,\"hasMore\":false,\"total_count\":0,"
	    "\"has_more\":false,\"nextAfter\":null},\"cacheInfo\":{\"lastSyncTime\":null,"
	    "\"totalProducts\":0}}");
	shop_close(&s);
}

TEST(api_inventory, bad_parameters_are_named)
{
	struct shop s;

	shop_new(&s, 1);
	shop_get(&s, LIST "?offset=1&limit=0");
	ASSERT_TEXT(shop_body(&s),
	    "{\"error\":{\"code\":\"invalid_parameter\",\"message\":\"A query parameter can't be "
	    "used\",\"details\":{\"parameter\":\"limit\",\"allowed\":\"one integer from 1 to "
	    "2^53; above 200 counts as 200\"}}}");
	CU_ASSERT_EQUAL(s.response.status, 400);
	shop_get(&s, LIST "?limit=1&offset=9007199254740993");
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "\"parameter\":\"offset\""));
	/* A product has no parameters. */
	shop_get(&s, LIST "/PROD-001?limit=0");
	CU_ASSERT_EQUAL(s.response.status, 200);
	shop_close(&s);
}

TEST(api_inventory, product_goes_out_as_it_stands)
{
	struct shop s;

	shop_new(&s, 2);
	shop_get(&s, LIST "/PROD-002");
	ASSERT_TEXT(shop_body(&s), "{\"productId\":\"PROD-002\",\"price\":1.10}");
	ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-cache");
	ASSERT_TEXT(shop_header(&s, "X-Store-Event-Offset"), "1045");
	CU_ASSERT_TRUE(atoi(shop_header(&s, "Age")) >= 5);
	shop_get(&s, LIST "/a%2Fb%20c%252F");
	ASSERT_TEXT(shop_body(&s), "{\"productId\":\"a/b c%2F\"}");
	shop_get(&s, LIST "/%E6%97%A5%E6%9C%AC");
	ASSERT_TEXT(shop_body(&s), "{\"productId\":\"日本\"}");
	shop_close(&s);
}

TEST(api_inventory, product_that_is_not_there)
{
	char uri[1200] = LIST "/";
	struct shop s;

	shop_new(&s, 2);
	shop_get(&s, LIST "/say%20%22hi%22%5C");
	CU_ASSERT_EQUAL(s.response.status, 404);
	ASSERT_TEXT(shop_body(&s),
	    "{\"error\":{\"code\":\"product_not_found\",\"message\":\"Product not found in local "
	    "cache\",\"details\":{\"productId\":\"say \\\"hi\\\"\\\\\",\"suggestion\":\"Product "
	    "may not exist or cache may be out of sync\"}}}");
	/* No product has an id of 512 bytes; of any length it is just not there. */
	memset(uri + strlen(uri), 'x', 512);
	shop_get(&s, uri);
	ASSERT_TEXT(shop_outcome(&s), "404 product_not_found");
	memset(uri + sizeof(LIST "/") - 1, 'x', sizeof(uri) - sizeof(LIST "/"));
	shop_get(&s, uri);
	ASSERT_TEXT(shop_outcome(&s), "404 product_not_found");
	shop_close(&s);
}

/* Of 64 KiB of quotes not even the details can be made; the answer is the same. */
TEST(api_inventory, product_with_an_absurd_id)
{
	static char uri[65000] = LIST "/";
	struct shop s;

	memset(uri + sizeof(LIST "/") - 1, '"', sizeof(uri) - sizeof(LIST "/"));
	shop_new(&s, 1);
	shop_get(&s, uri);
	ASSERT_TEXT(shop_outcome(&s), "404 product_not_found");
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "\"details\":{}"));
	shop_close(&s);
}

TEST(api_inventory, age_is_left_out_where_it_is_not_known)
{
	struct sync_record record = shop_record(0);
	struct shop s;

	record.confirmed_current = (struct stamp){ 0 };
	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	shop_open(&s);
	shop_get(&s, LIST);
	CU_ASSERT_EQUAL(s.response.status, 200);
	ASSERT_TEXT(shop_header(&s, "Age"), "");
	shop_close(&s);
}

static void stale(int64_t age_ms, int64_t max_seconds, const char *expected)
{
	static const char *const uris[] = { LIST, LIST "?offset=1", LIST "/PROD-001",
		LIST "/none" };
	struct sync_record record = shop_record(age_ms);
	struct shop s;

	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	s.options.max_staleness_seconds = max_seconds;
	shop_open(&s);
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		shop_get(&s, uris[i]);
		if (expected)
			ASSERT_TEXT(shop_outcome(&s), expected);
		else
			CU_ASSERT_NOT_EQUAL(s.response.status, 503);
		ASSERT_TEXT(shop_header(&s, "Retry-After"), expected ? "5" : "");
	}
	/* How old it is, is just what status is asked for. */
	shop_get(&s, "/v1/store/sync/status");
	CU_ASSERT_EQUAL(s.response.status, 200);
	shop_close(&s);
}

TEST(api_inventory, refuses_to_serve_what_is_too_old)
{
	stale(0, 1000, NULL);
	stale(900 * 1000, 1000, NULL);
	stale(1001 * 1000, 1000, "503 cache_too_stale");
	stale(INT64_C(31536001) * 1000, 31536000, "503 cache_too_stale");
	stale(INT64_C(31536001) * 1000, 0, NULL);
}

static void spoilt(const char *database, const char *key, const char *uri, const char *expected)
{
	struct sync_record record = shop_record(0);
	struct shop s;

	shop_prepare(&s);
	shop_fill(&s, 3, &record);
	fixture_spoil(&s.options.store, 1, database, key, fixture_flip_last);
	shop_open(&s);
	log_set(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT); /* damage is logged */
	shop_get(&s, uri);
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	ASSERT_TEXT(shop_outcome(&s), expected);
	shop_close(&s);
}

/* Never a product, or half a page, whose checksum is wrong. */
TEST(api_inventory, damage_is_a_storage_error)
{
	spoilt("products", "PROD-002", LIST "/PROD-002", "500 storage_error");
	spoilt("products", "PROD-002", LIST "/PROD-001", "200 -");
	spoilt("products", "PROD-002", LIST, "500 storage_error");
	spoilt("products", "PROD-002", LIST "?limit=1", "200 -");
	spoilt(NULL, "record", LIST, "500 storage_error");
	spoilt(NULL, "record", LIST "/PROD-001", "500 storage_error");
	spoilt(NULL, "record", "/v1/store/sync/status", "500 storage_error");
	spoilt(NULL, "record", "/health", "503 -");
	spoilt(NULL, "record", "/metrics", "200 -");
}

TEST(api_inventory, store_that_can_not_be_opened_is_a_storage_error)
{
	struct sync_record record = shop_record(0);
	struct shop s;

	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	CU_ASSERT_EQUAL(truncate(fixture_path(&s.options.store, "store-1/data.mdb"), 100), 0);
	shop_open(&s);
	log_set(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	shop_get(&s, LIST);
	ASSERT_TEXT(shop_outcome(&s), "500 storage_error");
	ASSERT_TEXT(shop_header(&s, "Retry-After"), "");
	shop_get(&s, "/v1/store/sync/status");
	ASSERT_TEXT(shop_outcome(&s), "500 storage_error");
	shop_get(&s, "/health");
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "\"cache\":\"unreadable\""));
	CU_ASSERT_EQUAL(s.response.status, 503);
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	shop_close(&s);
}

/* The first sync may end while responders run. */
TEST(api_inventory, store_may_come_later)
{
	struct sync_record record = shop_record(0);
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	shop_get(&s, LIST);
	ASSERT_TEXT(shop_outcome(&s), "503 cache_not_ready");
	shop_fill(&s, 1, &record);
	shop_get(&s, LIST);
	CU_ASSERT_EQUAL(s.response.status, 200);
	api_refresh(s.api);
	shop_get(&s, LIST "/PROD-001");
	CU_ASSERT_EQUAL(s.response.status, 200);
	shop_close(&s);
}

static void put_big(struct shop *s, unsigned n)
{
	struct store_writer *w = fixture_writer(&s->options.store);
	char *json = malloc(BIG);
	struct store_txn *t;

	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	memset(json, ' ', BIG);
	json[0] = '{';
	json[BIG - 1] = '}';
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	for (unsigned i = 0; i < n; i++) {
		char id[16];
		struct product p = { .id = { id, 0 }, .version = 1, .json = { json, BIG } };

		p.id.len = (size_t)snprintf(id, sizeof(id), "BIG-%03u", i);
		store_txn_put(t, &p);
	}
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	store_writer_close(w);
	free(json);
}

/* A page of the largest products is answered, and a thread doesn't keep its memory. */
TEST(api_inventory, large_pages_leave_no_memory_behind)
{
	struct sync_record record = shop_record(0);
	struct shop s;

	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	put_big(&s, 20);
	shop_open(&s);
	shop_get(&s, LIST "?limit=20");
	CU_ASSERT_EQUAL(s.response.status, 200);
	CU_ASSERT_TRUE(s.response.body.len > 20 * BIG);
	api_response_trim(&s.response);
	CU_ASSERT_EQUAL(s.response.body.cap, 0);
	shop_get(&s, LIST "?limit=20");
	shop_get(&s, LIST "/PROD-001"); /* the next request does the same */
	CU_ASSERT_EQUAL(s.response.status, 200);
	CU_ASSERT_TRUE(s.response.body.cap > 0 && s.response.body.cap <= 4096);
	api_response_trim(&s.response); /* a small one is kept */
	CU_ASSERT_TRUE(s.response.body.cap > 0);
	shop_close(&s);
}
