/* Entity tags and freshness: what tells a client that it has what it needs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/etag.h"
#include "base/hash.h"
#include "shop.h"

#define LIST "/v1/store/inventory"

static const char *etag_text(bool weak, const char *text)
{
	static char etags[8][ETAG_SIZE];
	static unsigned next;
	char *out = etags[next++ % 8];

	etag_make(weak, hash_bytes(text, strlen(text), 0), out);
	return out;
}

TEST(api_etag, tells_bytes_apart)
{
	const char *a = etag_text(false, "a"), *b = etag_text(false, "b");

	CU_ASSERT_EQUAL(strlen(a), 18);
	CU_ASSERT_TRUE(a[0] == '"' && a[17] == '"');
	CU_ASSERT_EQUAL(strspn(a + 1, "0123456789abcdef"), 16);
	CU_ASSERT_NOT_EQUAL(strcmp(a, b), 0);
	ASSERT_TEXT(etag_text(false, "a"), a);
	CU_ASSERT_EQUAL(strncmp(etag_text(true, "a"), "W/", 2), 0);
	ASSERT_TEXT(etag_text(true, "a") + 2, a);
}

TEST(api_etag, matches_by_weak_comparison)
{
	static const struct {
		const char *list;
		bool matches;
	} cases[] = {
		{ "\"x\"", true },
		{ "W/\"x\"", true },
		{ "*", true },
		{ " * ", true },
		{ "\"a\", \"x\"", true },
		{ "\"a\",W/\"x\",\"b\"", true },
		{ "  \"a\"\t,\t\"x\"  ", true },
		{ ",,\"x\",,", true },
		{ "\"a,b\", \"x\"", true }, /* a comma within a tag */
		{ "\"x", false },
		{ "x", false },
		{ "x\"", false },
		{ "", false },
		{ ",", false },
		{ "\"\"", false },
		{ "\"X\"", false },
		{ "\"x \"", false },
		{ "\"xx\"", false },
		{ "w/\"x\"", false },
		{ "W/", false },
		{ "W/ \"x\"", false },
		{ "\"a\" \"x\"", false }, /* no list */
		{ "\"a\"\"x\"", false },
		{ "\"a\"; \"x\"", false },
		{ "*, \"x\"", false },
		{ "**", false },
		{ "\"a\", *", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (etag_matches(span_of(cases[i].list), "\"x\"") != cases[i].matches)
			printf("\n%s\n", cases[i].list);
		CU_ASSERT_EQUAL(etag_matches(span_of(cases[i].list), "\"x\""), cases[i].matches);
		CU_ASSERT_EQUAL(etag_matches(span_of(cases[i].list), "W/\"x\""), cases[i].matches);
	}
	CU_ASSERT_FALSE(etag_matches((struct span){ "\"\0\"", 3 }, "\"x\""));
	CU_ASSERT_FALSE(etag_matches((struct span){ "\0*", 2 }, "\"x\""));
}

static void ask_with(struct shop *s, const char *method, const char *uri, const char *if_none_match,
    const char *max_staleness)
{
	struct api_request r = { .method = span_of(method),
		.uri = span_of(uri),
		.keys = { span_of(SHOP_KEY) },
		.n_keys = 1,
		.if_none_match = span_of(if_none_match),
		.max_staleness = span_of(max_staleness) };

	shop_ask_request(s, &r);
}

/* The tag of this answer; valid until the next call but three. */
static const char *tag_of(struct shop *s, const char *uri)
{
	static char tags[4][64];
	static unsigned next;
	char *out = tags[next++ % 4];

	shop_get(s, uri);
	CU_ASSERT_EQUAL(s->response.status, 200);
	snprintf(out, sizeof(tags[0]), "%s", shop_header(s, "ETag"));
	return out;
}

static const struct {
	const char *uri;
	bool weak, fresh;
} tagged[] = {
	{ LIST "/PROD-001", false, true },
	{ LIST, true, true },
	{ LIST "?offset=1&limit=1", true, true },
	{ LIST "?after=PROD-001", true, true },
	{ LIST "?ids=PROD-001,none", true, true },
	{ "/v1/store/openapi.json", false, false },
};

TEST(api_conditional, what_a_client_has_is_304)
{
	static const char *const methods[] = { "GET", "HEAD" };
	struct shop s;

	shop_new(&s, 3);
	for (size_t i = 0; i < 2 * sizeof(tagged) / sizeof(tagged[0]); i++) {
		const char *uri = tagged[i / 2].uri, *method = methods[i % 2];
		const char *tag = tag_of(&s, uri);

		CU_ASSERT_EQUAL(strncmp(tag, "W/\"", 3) == 0, tagged[i / 2].weak);
		ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-cache");
		ask_with(&s, method, uri, tag, NULL);
		CU_ASSERT_EQUAL(s.response.status, 304);
		CU_ASSERT_EQUAL(s.response.body.len, 0);
		ASSERT_TEXT(shop_header(&s, "ETag"), tag);
		ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-cache");
		ASSERT_TEXT(shop_header(&s, "Content-Type"), "");
		ASSERT_TEXT(
		    shop_header(&s, "X-Store-Event-Offset"), tagged[i / 2].fresh ? "1045" : "");
		CU_ASSERT_EQUAL(
		    shop_header(&s, "X-Store-Sync-State")[0] != '\0', tagged[i / 2].fresh);
		CU_ASSERT_EQUAL(shop_header(&s, "Age")[0] != '\0', tagged[i / 2].fresh);
		ask_with(&s, method, uri, "*", NULL);
		CU_ASSERT_EQUAL(s.response.status, 304);
		ask_with(&s, method, uri, "\"another\"", NULL);
		CU_ASSERT_EQUAL(s.response.status, 200);
		CU_ASSERT_TRUE(s.response.body.len > 0);
	}
	/* No tag makes up for what isn't there, or for a mistake. */
	ask_with(&s, "GET", LIST "/none", "*", NULL);
	ASSERT_TEXT(shop_outcome(&s), "404 product_not_found");
	ASSERT_TEXT(shop_header(&s, "ETag"), "");
	ask_with(&s, "GET", LIST "?limit=0", "*", NULL);
	ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	shop_close(&s);
}

TEST(api_conditional, what_has_no_tag_is_never_304)
{
	static const char *const uris[] = { "/health", "/metrics", "/v1/store/sync/status",
		"/v1/store/cache/stats" };
	struct shop s;

	shop_new(&s, 3);
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		ask_with(&s, "GET", uris[i], "*", NULL);
		CU_ASSERT_EQUAL(s.response.status, 200);
		ASSERT_TEXT(shop_header(&s, "ETag"), "");
		ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-store");
	}
	shop_close(&s);
}

static void commit(struct shop *s, int64_t offset, const char *id, const char *json)
{
	struct sync_record record = shop_record(0);
	struct store_writer *w = fixture_writer(&s->options.store);
	struct product p = { .id = span_of(id), .version = 2, .json = span_of(json) };
	struct store_txn *t;

	record.event_offset = offset;
	record.last_success.wall_ms += offset * 1000;
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	if (id)
		store_txn_put(t, &p);
	store_txn_put_record(t, &record);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	store_writer_close(w);
}

/* The tags of four answers: a product, and it in three lists. */
static void tags_now(struct shop *s, const char *tags[4])
{
	static const char *const uris[] = { LIST "/PROD-002", LIST "?limit=3",
		LIST "?limit=3&after=PROD-001", LIST "?ids=PROD-002" };

	shop_open(s);
	for (int i = 0; i < 4; i++)
		tags[i] = tag_of(s, uris[i]);
	api_response_free(&s->response);
	api_close(s->api);
	for (int i = 0; i < 4; i++)
		tags[i] = strdup(tags[i]);
}

static void tags_free(const char *tags[4])
{
	for (int i = 0; i < 4; i++)
		free((void *)(uintptr_t)tags[i]);
}

/* Of the products shown and the pagination, not of when that was synced. */
TEST(api_conditional, a_tag_is_that_of_the_products)
{
	struct sync_record record = shop_record(0);
	const char *before[4], *synced[4], *changed[4], *more[4];
	struct shop s;

	shop_prepare(&s);
	shop_fill(&s, 3, &record);
	tags_now(&s, before);
	commit(&s, 2000, NULL, NULL);
	tags_now(&s, synced);
	commit(&s, 2001, "PROD-002", "{\"productId\":\"PROD-002\",\"price\":1.1}");
	tags_now(&s, changed);
	commit(&s, 2002, "zzz", "{\"productId\":\"zzz\"}");
	tags_now(&s, more);
	for (int i = 0; i < 4; i++) {
		ASSERT_TEXT(synced[i], before[i]);
		CU_ASSERT_NOT_EQUAL(strcmp(changed[i], before[i]), 0);
		/* One more elsewhere changes `total`, which only pages show. */
		CU_ASSERT_EQUAL(strcmp(more[i], changed[i]) != 0, i == 1 || i == 2);
	}
	tags_free(before);
	tags_free(synced);
	tags_free(changed);
	tags_free(more);
	metrics_pool_close(s.options.metrics);
}

static void fresh_enough(int64_t age_ms, const char *asked, int64_t setting, const char *expected)
{
	static const char *const uris[] = { LIST, LIST "?after=", LIST "?ids=PROD-001",
		LIST "/PROD-001" };
	struct sync_record record = shop_record(age_ms);
	struct shop s;

	if (age_ms < 0)
		record.confirmed_current = (struct stamp){ 0 };
	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	s.options.max_staleness_seconds = setting;
	shop_open(&s);
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		ask_with(&s, "GET", uris[i], NULL, asked);
		ASSERT_TEXT(shop_outcome(&s), expected);
		ASSERT_TEXT(
		    shop_header(&s, "Retry-After"), strncmp(expected, "503", 3) == 0 ? "5" : "");
	}
	/* A client that has it already is told all the same that it is old. */
	ask_with(&s, "GET", LIST, "*", asked);
	ASSERT_TEXT(shop_outcome(&s), strcmp(expected, "200 -") == 0 ? "304 -" : expected);
	/* How old it is, is what status and statistics are asked for. */
	ask_with(&s, "GET", "/v1/store/sync/status", NULL, asked);
	CU_ASSERT_EQUAL(s.response.status, 200);
	ask_with(&s, "GET", "/v1/store/cache/stats", NULL, asked);
	CU_ASSERT_EQUAL(s.response.status, 200);
	shop_close(&s);
}

/* Ages as far from the next second as the slowest machine needs. */
TEST(api_freshness, a_client_says_how_old_is_too_old)
{
	static const struct {
		int64_t age_ms;
		const char *asked;
		int64_t setting;
		const char *expected;
	} cases[] = {
		{ 100, "0", 0, "200 -" }, /* whole seconds, as `Age` shows them */
		{ 100100, "100", 0, "200 -" },
		{ 100100, "99", 0, "503 cache_too_stale" },
		{ 100100, "0", 0, "503 cache_too_stale" },
		{ 100100, "0100", 0, "200 -" },
		{ 100100, "9007199254740992", 0, "200 -" },
		/* The stricter one of both counts. */
		{ 100100, "1000", 50, "503 cache_too_stale" },
		{ 100100, "50", 1000, "503 cache_too_stale" },
		{ 100100, "1000", 1000, "200 -" },
		/* An age that nobody knows is not young. */
		{ -1, "9007199254740992", 0, "503 cache_too_stale" },
		{ -1, NULL, 0, "200 -" },
		{ 100100, NULL, 0, "200 -" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		fresh_enough(cases[i].age_ms, cases[i].asked, cases[i].setting, cases[i].expected);
}

TEST(api_freshness, what_is_no_number_of_seconds_is_refused)
{
	static const char *const asked[] = { "", " ", "-1", "+1", "1.5", "5s", "x", "5, 5",
		"9007199254740993", "99999999999999999999" };

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		fresh_enough(0, asked[i], 0, "400 invalid_parameter");
}

TEST(api_freshness, a_bad_header_is_named_before_the_store_is_looked_at)
{
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	ask_with(&s, "GET", LIST, NULL, "soon");
	ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(shop_body(&s), "\"details\":{\"parameter\":\"X-Store-Max-Staleness\","));
	ask_with(&s, "GET", LIST, NULL, "5");
	ASSERT_TEXT(shop_outcome(&s), "503 cache_not_ready");
	ASSERT_TEXT(shop_header(&s, "Age"), "");
	shop_close(&s);
}

/* The lock of a daemon, without a daemon. */
static int hold_lock(const struct shop *s)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(fixture_path(&s->options.store, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

static void state_is(struct shop *s, const char *expected)
{
	static const char *const uris[] = { LIST, LIST "?ids=PROD-001", LIST "/PROD-001",
		LIST "/none", "/v1/store/cache/stats" };

	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		shop_get(s, uris[i]);
		ASSERT_TEXT(shop_header(s, "X-Store-Sync-State"), expected);
		ASSERT_TEXT(shop_header(s, "X-Store-Event-Offset"), "1045");
		CU_ASSERT_NOT_EQUAL(shop_header(s, "Age")[0], '\0');
	}
}

TEST(api_freshness, tells_the_state_of_the_record_while_a_daemon_is_there)
{
	static const char *const words[] = { "starting", "live", "retrying", "fallback" };

	for (uint32_t state = 0; state < SYNC_STATE_COUNT; state++) {
		struct sync_record record = shop_record(0);
		struct shop s;
		int fd;

		record.state = state;
		shop_prepare(&s);
		shop_fill(&s, 1, &record);
		fd = hold_lock(&s);
		shop_open(&s);
		state_is(&s, words[state]);
		/* It goes, and the next look shows that; then one comes. */
		close(fd);
		state_is(&s, words[state]);
		api_refresh(s.api);
		state_is(&s, "stopped");
		fd = hold_lock(&s);
		api_refresh(s.api);
		state_is(&s, words[state]);
		close(fd);
		shop_close(&s);
	}
}
