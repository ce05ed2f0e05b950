#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "shop.h"

#define LIST    "/v1/store/inventory"
#define TILL    "https://till.example:8443"
#define OFFICE  "http://office.example"
#define EXPOSED "ETag, Age, Retry-After, X-Request-Id, X-Store-Event-Offset, X-Store-Sync-State"

static const char *const two[] = { TILL, OFFICE };
static const char *const any[] = { "*" };

static void open_shop(struct shop *s, const char *const *origins, size_t n)
{
	struct sync_record record = shop_record(0);

	shop_prepare(s);
	shop_fill(s, 1, &record);
	s->options.cors_origins = origins;
	s->options.n_cors_origins = n;
	shop_open(s);
}

static void ask_from(struct shop *s, const char *method, const char *uri, const char *origin)
{
	struct api_request r = { .method = span_of(method),
		.uri = span_of(uri),
		.keys = { span_of(SHOP_KEY) },
		.n_keys = 1,
		.origin = span_of(origin) };

	shop_ask_request(s, &r);
}

TEST(api_cors, is_silent_unless_configured)
{
	static const char *const methods[] = { "GET", "OPTIONS", "DELETE" };
	struct shop s;

	open_shop(&s, NULL, 0);
	for (size_t i = 0; i < 3; i++) {
		ask_from(&s, methods[i], LIST, TILL);
		CU_ASSERT_PTR_NULL(strstr(buf_text(&s.response.headers), "Access-Control"));
		ASSERT_TEXT(shop_header(&s, "Vary"), "");
	}
	shop_close(&s);
}

TEST(api_cors, tells_an_origin_of_ours_and_no_other)
{
	static const struct {
		const char *origin, *allowed;
	} cases[] = {
		{ TILL, TILL },
		{ OFFICE, OFFICE },
		{ "https://till.example", "" },
		{ "https://till.example:84430", "" },
		{ "https://till.example:844", "" },
		{ "http://office.example.evil", "" },
		{ "null", "" },
		{ "*", "" },
		{ "", "" },
		{ NULL, "" },
	};
	struct shop s;

	open_shop(&s, two, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask_from(&s, "GET", LIST, cases[i].origin);
		ASSERT_TEXT(shop_header(&s, "Access-Control-Allow-Origin"), cases[i].allowed);
		ASSERT_TEXT(shop_header(&s, "Vary"), "Origin");
		ASSERT_TEXT(shop_header(&s, "Access-Control-Expose-Headers"),
		    cases[i].allowed[0] ? EXPOSED : "");
	}
	shop_close(&s);
}

TEST(api_cors, star_is_for_all)
{
	struct shop s;

	open_shop(&s, any, 1);
	ask_from(&s, "GET", LIST, TILL);
	ASSERT_TEXT(shop_header(&s, "Access-Control-Allow-Origin"), "*");
	ASSERT_TEXT(shop_header(&s, "Vary"), "Origin");
	ask_from(&s, "GET", LIST, NULL);
	ASSERT_TEXT(shop_header(&s, "Access-Control-Allow-Origin"), "*");
	shop_close(&s);
}

/* A browser shows an error to its page only if that may see it. */
TEST(api_cors, is_on_errors_too)
{
	static const struct {
		const char *method, *uri, *expected;
	} cases[] = {
		{ "GET", "/%zz", "400 invalid_path" },
		{ "GET", "/nowhere", "404 not_found" },
		{ "GET", LIST "?limit=x", "400 invalid_parameter" },
		{ "GET", LIST "/none", "404 product_not_found" },
		{ "DELETE", LIST, "405 method_not_allowed" },
		{ "GET", "/health", "200 -" },
	};
	struct api_request r = {
		.method = span_of("GET"), .uri = span_of(LIST), .origin = span_of(TILL)
	};
	struct shop s;

	open_shop(&s, two, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask_from(&s, cases[i].method, cases[i].uri, TILL);
		ASSERT_TEXT(shop_outcome(&s), cases[i].expected);
		ASSERT_TEXT(shop_header(&s, "Access-Control-Allow-Origin"), TILL);
	}
	log_set(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	shop_ask_request(&s, &r);
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	ASSERT_TEXT(shop_outcome(&s), "401 unauthorized");
	ASSERT_TEXT(shop_header(&s, "Access-Control-Allow-Origin"), TILL);
	shop_close(&s);
}

static void preflight(struct shop *s, const char *uri, const char *origin, const char *methods)
{
	bool allowed = methods[0] != '\0';

	ask_from(s, "OPTIONS", uri, origin);
	CU_ASSERT_EQUAL(s->response.status, 204);
	ASSERT_TEXT(shop_header(s, "Access-Control-Allow-Methods"), methods);
	ASSERT_TEXT(shop_header(s, "Access-Control-Allow-Headers"),
	    allowed ? "X-API-Key, Content-Type, If-None-Match, X-Request-Id, X-Store-Max-Staleness"
		    : "");
	ASSERT_TEXT(shop_header(s, "Access-Control-Max-Age"), allowed ? "600" : "");
}

TEST(api_cors, answers_preflights)
{
	struct shop s;

	open_shop(&s, two, 2);
	preflight(&s, LIST, TILL, "GET, HEAD, OPTIONS");
	ASSERT_TEXT(shop_header(&s, "Access-Control-Allow-Origin"), TILL);
	preflight(&s, LIST "/PROD-001", OFFICE, "GET, HEAD, OPTIONS");
	preflight(&s, "/v1/nowhere", TILL, "OPTIONS");
	preflight(&s, LIST, "https://evil.example", "");
	preflight(&s, LIST, NULL, "");
	shop_close(&s);
	open_shop(&s, any, 1);
	preflight(&s, LIST, TILL, "GET, HEAD, OPTIONS");
	preflight(&s, LIST, NULL, "");
	/* A GET is none. */
	ask_from(&s, "GET", LIST, TILL);
	ASSERT_TEXT(shop_header(&s, "Access-Control-Allow-Methods"), "");
	shop_close(&s);
}
