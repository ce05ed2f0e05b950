/* The list by id (`after=`) and of ids (`ids=`). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop.h"

#define LIST "/v1/store/inventory"

/* All ids of the answer's products, in order, with a space behind each. */
static const char *listed(const struct shop *s)
{
	static char ids[4096];
	const char *at = shop_body(s), *stop = strstr(at, "\"cacheInfo\"");

	ids[0] = '\0';
	while ((at = strstr(at, "{\"productId\":\"")) && at < stop) {
		at += strlen("{\"productId\":\"");
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%.*s ",
		    (int)strcspn(at, "\""), at);
	}
	return ids;
}

/* What stands between the products and cacheInfo. */
static const char *rest(const struct shop *s)
{
	static char text[4096];
	const char *at = strstr(shop_body(s), "],\""), *stop;

	stop = at ? strstr(at, ",\"cacheInfo\":") : NULL;
	snprintf(text, sizeof(text), "%.*s", stop ? (int)(stop - at - 2) : 0, stop ? at + 2 : "");
	return text;
}

struct page_case {
	const char *query, *ids, *rest;
};

static void ask_all(struct shop *s, const struct page_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char uri[256];

		snprintf(uri, sizeof(uri), LIST "?%s", cases[i].query);
		shop_get(s, uri);
		if (s->response.status != 200)
			printf("\n%s: %s\n", uri, shop_body(s));
		CU_ASSERT_EQUAL(s->response.status, 200);
		ASSERT_TEXT(listed(s), cases[i].ids);
		ASSERT_TEXT(rest(s), cases[i].rest);
	}
}

#define ASK_ALL(s, cases) ask_all((s), (cases), sizeof(cases) / sizeof((cases)[0]))

#define PAGE(limit, more, next)                                                             \
	"\"pagination\":{\"offset\":null,\"limit\":" limit ",\"total\":5,\"hasMore\":" more \
	",\"total_count\":5,\"has_more\":" more ",\"nextAfter\":" next "}"

/* Five products: PROD-001, PROD-002, "a/b c%2F", "updates", "日本". */
TEST(api_list, goes_on_after_an_id)
{
	static const struct page_case cases[] = {
		{ "after=&limit=2", "PROD-001 PROD-002 ", PAGE("2", "true", "\"PROD-002\"") },
		{ "after&limit=1", "PROD-001 ", PAGE("1", "true", "\"PROD-001\"") },
		{ "after=PROD-002&limit=1", "a/b c%2F ", PAGE("1", "true", "\"a/b c%2F\"") },
		{ "after=a/b+c%252F&limit=1", "updates ", PAGE("1", "true", "\"updates\"") },
		{ "after=a%2Fb%20c%252F&limit=2", "updates 日本 ", PAGE("2", "false", "null") },
		{ "after=updates", "日本 ", PAGE("50", "false", "null") },
		{ "after=%E6%97%A5%E6%9C%AC", "", PAGE("50", "false", "null") },
		/* Ids that aren't there have a place all the same. */
		{ "after=PROD-0010&limit=1", "PROD-002 ", PAGE("1", "true", "\"PROD-002\"") },
		{ "after=zzz", "日本 ", PAGE("50", "false", "null") },
		{ "after=%00", "PROD-001 PROD-002 a/b c%2F updates 日本 ",
		    PAGE("50", "false", "null") },
		{ "limit=5&after=", "PROD-001 PROD-002 a/b c%2F updates 日本 ",
		    PAGE("5", "false", "null") },
		{ "limit=4&after=", "PROD-001 PROD-002 a/b c%2F updates ",
		    PAGE("4", "true", "\"updates\"") },
		{ "limit=1000&after=updates", "日本 ", PAGE("200", "false", "null") },
	};
	struct shop s;

	shop_new(&s, 2);
	ASK_ALL(&s, cases);
	shop_close(&s);
}

/* Whoever follows nextAfter sees each product once, whatever the page's size. */
TEST(api_list, walks_without_gap_or_repeat)
{
	struct shop s;

	shop_new(&s, 20);
	for (unsigned limit = 1; limit <= 24; limit++) {
		char uri[256], after[64] = "", seen[4096] = "";
		unsigned pages = 0;

		do {
			const char *next;

			snprintf(uri, sizeof(uri), LIST "?limit=%u&after=%s", limit, after);
			shop_get(&s, uri);
			CU_ASSERT_EQUAL_FATAL(s.response.status, 200);
			strcat(seen, listed(&s));
			next = strstr(shop_body(&s), "\"nextAfter\":") + strlen("\"nextAfter\":");
			snprintf(after, sizeof(after), "%.*s",
			    next[0] == '"' ? (int)strcspn(next + 1, "\"") : 0, next + 1);
			/* The one id among them that needs it. */
			if (strcmp(after, "a/b c%2F") == 0)
				strcpy(after, "a/b+c%252F");
		} while (after[0] && ++pages < 100);
		CU_ASSERT_EQUAL(pages, (23 + limit - 1) / limit - 1);
		shop_get(&s, LIST "?limit=200");
		ASSERT_TEXT(seen, listed(&s));
	}
	shop_close(&s);
}

#define OFFSET_PAGE(offset, more, next)                                                   \
	"\"pagination\":{\"offset\":" offset ",\"limit\":2,\"total\":5,\"hasMore\":" more \
	",\"total_count\":5,\"has_more\":" more ",\"nextAfter\":" next "}"

/* From a position one can go over to ids. */
TEST(api_list, by_offset_tells_where_to_go_on)
{
	static const struct page_case cases[] = {
		{ "limit=2", "PROD-001 PROD-002 ", OFFSET_PAGE("0", "true", "\"PROD-002\"") },
		{ "limit=2&offset=2", "a/b c%2F updates ",
		    OFFSET_PAGE("2", "true", "\"updates\"") },
		{ "limit=2&offset=3", "updates 日本 ", OFFSET_PAGE("3", "false", "null") },
		{ "limit=2&offset=4", "日本 ", OFFSET_PAGE("4", "false", "null") },
		{ "limit=2&offset=5", "", OFFSET_PAGE("5", "false", "null") },
	};
	struct shop s;

	shop_new(&s, 2);
	ASK_ALL(&s, cases);
	shop_close(&s);
}

TEST(api_list, of_ids)
{
	static const struct page_case cases[] = {
		{ "ids=PROD-002,PROD-001", "PROD-002 PROD-001 ", "\"missing\":[]" },
		{ "ids=PROD-001", "PROD-001 ", "\"missing\":[]" },
		{ "ids=PROD-001,PROD-001,PROD-002,PROD-001", "PROD-001 PROD-002 ",
		    "\"missing\":[]" },
		{ "ids=no,PROD-001,PROD-9,no", "PROD-001 ", "\"missing\":[\"no\",\"PROD-9\"]" },
		{ "ids=no", "", "\"missing\":[\"no\"]" },
		/* Split first: the comma of an escape belongs to the id. */
		{ "ids=PROD-001%2CPROD-002", "", "\"missing\":[\"PROD-001,PROD-002\"]" },
		{ "ids=a/b+c%252F,%E6%97%A5%E6%9C%AC", "a/b c%2F 日本 ", "\"missing\":[]" },
		{ "%69ds=updates&x=1", "updates ", "\"missing\":[]" },
		/* The same id, written in two ways. */
		{ "ids=PROD-001,PROD%2D001", "PROD-001 ", "\"missing\":[]" },
		{ "ids=日本,%E6%97%A5%E6%9C%AC,日本", "日本 ", "\"missing\":[]" },
		/* What no path can hold. */
		{ "ids=%00%0A%22", "", "\"missing\":[\"\\u0000\\n\\\"\"]" },
	};
	struct shop s;

	shop_new(&s, 2);
	ASK_ALL(&s, cases);
	shop_get(&s, LIST "?ids=PROD-001");
	ASSERT_TEXT(shop_body(&s),
	    "{\"products\":[{\"productId\":\"PROD-001\",\"price\":1.10}],\"missing\":[],"
	    "\"cacheInfo\":{\"lastSyncTime\":\"2024-01-15T10:29:45Z\",\"totalProducts\":5}}");
	shop_close(&s);
}

/* Up and down the pages of the store, between what isn't there; each one twice. */
TEST(api_list, of_ids_in_any_order)
{
	char uri[4096], there[4096] = "", missing[4096] = "\"missing\":[", *at = uri;
	struct shop s;

	shop_new(&s, 250);
	at += sprintf(at, LIST "?ids=");
	for (unsigned i = 0; i < 200; i++) {
		unsigned n = i % 100 * 73 % 300;

		at += sprintf(at, "%sPROD-%03u", i ? "," : "", n);
		if (i < 100 && n >= 1 && n <= 250)
			sprintf(there + strlen(there), "PROD-%03u ", n);
		else if (i < 100)
			sprintf(missing + strlen(missing), "\"PROD-%03u\",", n);
	}
	strcpy(missing + strlen(missing) - 1, "]");
	shop_get(&s, uri);
	ASSERT_TEXT(listed(&s), there);
	ASSERT_TEXT(rest(&s), missing);
	shop_close(&s);
}

/* n items: "x000,x001,…", or with `same` always the first of them. */
static void ask_many(struct shop *s, unsigned n, size_t id_len, bool same)
{
	char *uri = malloc(64 + (size_t)n * (id_len + 1)), *at = uri;

	at += sprintf(at, LIST "?ids=");
	for (unsigned i = 0; i < n; i++)
		at += sprintf(at, "%s%0*u", i ? "," : "", (int)id_len, same ? 0 : i);
	shop_get(s, uri);
	free(uri);
}

TEST(api_list, of_ids_has_limits)
{
	struct shop s;

	shop_new(&s, 1);
	ask_many(&s, 200, 3, false);
	CU_ASSERT_EQUAL(s.response.status, 200);
	ask_many(&s, 201, 3, false);
	ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	/* Counted as they are asked for. */
	ask_many(&s, 201, 3, true);
	ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	ask_many(&s, 1, 511, false);
	CU_ASSERT_EQUAL(s.response.status, 200);
	ask_many(&s, 1, 512, false);
	ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	/* More than any web server lets through. */
	ask_many(&s, 100, 500, false);
	CU_ASSERT_EQUAL(s.response.status, 200);
	shop_close(&s);
}

TEST(api_list, refuses_what_it_can_not_use)
{
	static const struct {
		const char *query, *parameter, *allowed;
	} cases[] = {
		{ "ids=", "ids", NULL },
		{ "ids", "ids", NULL },
		{ "ids=,", "ids", NULL },
		{ "ids=a,", "ids", NULL },
		{ "ids=,a", "ids", NULL },
		{ "ids=a,,b", "ids", NULL },
		{ "ids=%zz", "ids", NULL },
		{ "ids=a,b%", "ids", NULL },
		{ "ids=%ff", "ids", NULL },
		{ "ids=\xc3", "ids", NULL },
		{ "ids=\xe6,\x97\xa5", "ids", NULL },
		{ "ids=%ed%a0%80", "ids", NULL }, /* half a surrogate */
		{ "ids=a&ids=b", "ids", NULL },
		{ "ids=a&%69ds=a", "ids", NULL },
		{ "after=%zz", "after", NULL },
		{ "after=%", "after", NULL },
		{ "after=%ff", "after", NULL },
		{ "after=&after=", "after", NULL },
		{ "after=a&limit=0", "limit", NULL },
		{ "after=a&offset=0", "after", "not together with offset" },
		{ "offset=0&after=", "after", "not together with offset" },
		{ "ids=a&offset=1", "ids", "not together with offset" },
		{ "ids=a&after=", "ids", "not together with after" },
		{ "ids=a&limit=50", "ids", "not together with limit" },
		{ "ids=a&offset=x", "offset", NULL },
		{ "ids=a&limit=0", "limit", NULL },
	};
	struct shop s;

	shop_new(&s, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char uri[128], expected[160];

		snprintf(uri, sizeof(uri), LIST "?%s", cases[i].query);
		shop_get(&s, uri);
		snprintf(expected, sizeof(expected), "\"parameter\":\"%s\",\"allowed\":\"%s",
		    cases[i].parameter, cases[i].allowed ? cases[i].allowed : "");
		if (!strstr(shop_body(&s), expected))
			printf("\n%s: %s\n", uri, shop_body(&s));
		CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), expected));
		ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	}
	shop_close(&s);
}

/* An id has 511 bytes at most, and so has what one asks to go on after. */
TEST(api_list, after_an_absurd_id)
{
	char uri[700] = LIST "?after=";
	size_t len = strlen(uri);
	struct shop s;

	shop_new(&s, 1);
	memset(uri + len, 'Q', 511);
	shop_get(&s, uri);
	ASSERT_TEXT(listed(&s), "a/b c%2F updates 日本 ");
	memset(uri + len, 'Q', 512);
	shop_get(&s, uri);
	ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	/* Bytes are counted once decoded. */
	uri[len] = '\0';
	for (int i = 0; i < 150; i++)
		strcat(uri, "%41");
	shop_get(&s, uri);
	CU_ASSERT_EQUAL(s.response.status, 200);
	shop_close(&s);
}

/* A query of up to three parameters, most of them broken in some way. */
static void add_random_query(uint64_t *random, char *out)
{
	static const char *const names[] = { "ids=", "after=", "offset=", "limit=", "ids",
		"%69ds=", "x=" };
	static const char *const pieces[] = { ",", ",", "=", "%", "%2C", "%00", "%ff", "%41", "+",
		"PROD-001", "PROD-002", "a/b+c%252F", "1", "0", "\xe6\x97\xa5", "\xe6", "\"", "?",
		"#", "x" };

	for (unsigned n = 1 + fixture_random(random) % 3; n > 0; n--) {
		strcat(out, names[fixture_random(random) % (sizeof(names) / sizeof(names[0]))]);
		for (unsigned k = fixture_random(random) % 5; k > 0; k--)
			strcat(out,
			    pieces[fixture_random(random) % (sizeof(pieces) / sizeof(pieces[0]))]);
		strcat(out, "&");
	}
}

/* Whatever the query holds, it is answered or refused. */
TEST(api_list, any_query_has_an_answer)
{
	unsigned answered = 0, refused = 0;
	uint64_t random = 7;
	struct shop s;

	shop_new(&s, 3);
	for (int i = 0; i < 20000; i++) {
		char uri[512] = LIST "?";

		add_random_query(&random, uri);
		shop_get(&s, uri);
		if (s.response.status == 200)
			answered++;
		else if (strcmp(shop_outcome(&s), "400 invalid_parameter") == 0)
			refused++;
		else
			printf("\n%s: %s\n", uri, shop_body(&s));
	}
	CU_ASSERT_EQUAL(answered + refused, 20000);
	CU_ASSERT_TRUE(answered > 1000 && refused > 1000);
	shop_close(&s);
}
