#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "metrics/exposition.h"
#include "shop.h"

#define LIST "/v1/store/inventory"

/* Wrong keys are logged; not into the tests' output. */
static void quiet(bool on)
{
	log_set(on ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

struct ask_case {
	const char *method, *uri, *key, *expected;
};

static void ask_all(struct shop *s, const struct ask_case *cases, size_t n)
{
	quiet(true);
	for (size_t i = 0; i < n; i++) {
		char got[256], expected[256];

		shop_ask(s, cases[i].method, cases[i].uri, cases[i].key);
		snprintf(
		    got, sizeof(got), "%s %s: %s", cases[i].method, cases[i].uri, shop_outcome(s));
		snprintf(expected, sizeof(expected), "%s %s: %s", cases[i].method, cases[i].uri,
		    cases[i].expected);
		ASSERT_TEXT(got, expected);
	}
	quiet(false);
}

#define ASK_ALL(s, cases) ask_all((s), (cases), sizeof(cases) / sizeof((cases)[0]))

TEST(api, routes)
{
	static const struct ask_case cases[] = {
		{ "GET", LIST, SHOP_KEY, "200 -" },
		{ "GET", LIST "?limit=1", SHOP_KEY2, "200 -" },
		{ "GET", LIST "/PROD-001", SHOP_KEY, "200 -" },
		{ "GET", "http://host/v1/store/inventory/PROD-001", SHOP_KEY, "200 -" },
		{ "GET", LIST "/a%2Fb%20c%252F", SHOP_KEY, "200 -" },
		{ "GET", LIST "/%E6%97%A5%E6%9C%AC", SHOP_KEY, "200 -" },
		{ "GET", LIST "/updates", SHOP_KEY, "200 -" },
		{ "GET", LIST "/batch-updates", SHOP_KEY, "404 product_not_found" },
		{ "GET", LIST "/..", SHOP_KEY, "404 product_not_found" },
		{ "GET", LIST "/prod-001", SHOP_KEY, "404 product_not_found" },
		{ "GET", LIST "/a/b", SHOP_KEY, "404 not_found" },
		{ "GET", LIST "/", SHOP_KEY, "404 not_found" },
		{ "GET", "/v1/store/sync/status", SHOP_KEY, "200 -" },
		{ "GET", "/v1/store/sync/status/", SHOP_KEY, "404 not_found" },
		{ "GET", "/v1/store/cache/stats", SHOP_KEY, "200 -" },
		{ "GET", "/v1/store/openapi.json", SHOP_KEY, "200 -" },
		{ "GET", "/v1", SHOP_KEY, "404 not_found" },
		{ "GET", "/v1/", SHOP_KEY, "404 not_found" },
		{ "GET", "/V1/store/inventory", SHOP_KEY, "404 not_found" },
		{ "GET", "//v1/store/inventory", SHOP_KEY, "404 not_found" },
		{ "GET", "/health", NULL, "200 -" },
		{ "GET", "/metrics", NULL, "200 -" },
		{ "GET", "/metrics?x=1", NULL, "200 -" },
	};
	struct shop s;

	shop_new(&s, 3);
	ASK_ALL(&s, cases);
	shop_close(&s);
}

/* 400 path, 404 outside, OPTIONS, 401, 404, 405, 400 parameters: each beats what follows. */
TEST(api, checks_in_the_documented_order)
{
	static const struct ask_case cases[] = {
		{ "OPTIONS", "/v2/%zz", NULL, "400 invalid_path" },
		{ "GET", "/v1/%00", NULL, "400 invalid_path" },
		{ "GET", "/%zz/health", NULL, "400 invalid_path" },
		{ "OPTIONS", "*", NULL, "400 invalid_path" },
		{ "OPTIONS", "/v2/x", NULL, "404 not_found" },
		{ "DELETE", "/v2/x", NULL, "404 not_found" },
		{ "GET", "/", NULL, "404 not_found" },
		{ "GET", "/health/x", NULL, "404 not_found" },
		{ "GET", "/metricsx", NULL, "404 not_found" },
		{ "OPTIONS", "/v1/nowhere", NULL, "204 -" },
		{ "OPTIONS", LIST, NULL, "204 -" },
		{ "OPTIONS", "/health", NULL, "204 -" },
		{ "GET", "/v1/nowhere", NULL, "401 unauthorized" },
		{ "DELETE", LIST, NULL, "401 unauthorized" },
		{ "GET", LIST "?limit=x", NULL, "401 unauthorized" },
		{ "DELETE", "/v1/nowhere", SHOP_KEY, "404 not_found" },
		{ "DELETE", LIST "?limit=x", SHOP_KEY, "405 method_not_allowed" },
		{ "GET", LIST "?limit=x", SHOP_KEY, "400 invalid_parameter" },
	};
	struct shop s;

	shop_new(&s, 3);
	ASK_ALL(&s, cases);
	shop_close(&s);
}

TEST(api, tells_of_parameters_before_it_tells_of_the_store)
{
	static const struct ask_case cases[] = {
		{ "GET", LIST "?limit=x", SHOP_KEY, "400 invalid_parameter" },
		{ "GET", LIST, SHOP_KEY, "503 cache_not_ready" },
		{ "GET", LIST "/PROD-001", SHOP_KEY, "503 cache_not_ready" },
		{ "HEAD", LIST "/PROD-001", SHOP_KEY, "503 cache_not_ready" },
		{ "DELETE", LIST, SHOP_KEY, "405 method_not_allowed" },
		{ "GET", "/v1/store/sync/status", SHOP_KEY, "200 -" },
		{ "GET", "/health", NULL, "503 -" },
		{ "GET", "/metrics", NULL, "200 -" },
	};
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	ASK_ALL(&s, cases);
	shop_get(&s, LIST);
	ASSERT_TEXT(shop_header(&s, "Retry-After"), "5");
	shop_close(&s);
}

TEST(api, other_methods_are_told_what_is_allowed)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT",
		"PROPFIND", "get", "GETX", "GE", "" };
	static const struct {
		const char *uri;
		bool post; /* knows POST, which is then not asked for here */
		const char *allow;
	} paths[] = {
		{ LIST, false, "GET, HEAD, OPTIONS" },
		{ LIST "/PROD-001", false, "GET, HEAD, OPTIONS" },
		{ LIST "/updates", true, "GET, HEAD, POST, OPTIONS" },
		{ LIST "/batch-updates", true, "GET, HEAD, POST, OPTIONS" },
		{ "/v1/store/sync/status", false, "GET, HEAD, OPTIONS" },
		{ "/v1/store/sync/force", true, "POST, OPTIONS" },
		{ "/v1/store/cache/stats", false, "GET, HEAD, OPTIONS" },
		{ "/v1/store/openapi.json", false, "GET, HEAD, OPTIONS" },
		{ "/health", false, "GET, HEAD, OPTIONS" },
		{ "/metrics", false, "GET, HEAD, OPTIONS" },
	};
	struct shop s;

	shop_new(&s, 1);
	for (size_t u = 0; u < sizeof(paths) / sizeof(paths[0]); u++) {
		for (size_t m = paths[u].post; m < sizeof(methods) / sizeof(methods[0]); m++) {
			shop_ask(&s, methods[m], paths[u].uri, SHOP_KEY);
			ASSERT_TEXT(shop_outcome(&s), "405 method_not_allowed");
			ASSERT_TEXT(shop_header(&s, "Allow"), paths[u].allow);
		}
		shop_ask(&s, "OPTIONS", paths[u].uri, NULL);
		CU_ASSERT_EQUAL(s.response.status, 204);
		CU_ASSERT_EQUAL(s.response.body.len, 0);
		ASSERT_TEXT(shop_header(&s, "Allow"), paths[u].allow);
		ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-store");
	}
	/* A path that isn't there, which only whoever has a key is told. */
	shop_ask(&s, "GET", "/v1/store/sync/force", SHOP_KEY);
	ASSERT_TEXT(shop_outcome(&s), "405 method_not_allowed");
	shop_ask(&s, "OPTIONS", "/v1/nowhere", NULL);
	ASSERT_TEXT(shop_header(&s, "Allow"), "OPTIONS");
	shop_close(&s);
}

/* The body is made for its length; whoever sends keeps it back. */
TEST(api, head_is_a_get)
{
	static const char *const uris[] = { LIST, LIST "/PROD-001", LIST "/none", LIST "?limit=0",
		"/v1/nowhere", "/v1/store/sync/status" };
	struct shop s;

	shop_new(&s, 3);
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		char *body, *type;
		int status;

		shop_get(&s, uris[i]);
		body = strdup(shop_body(&s));
		type = strdup(shop_header(&s, "Content-Type"));
		status = s.response.status;
		shop_ask(&s, "HEAD", uris[i], SHOP_KEY);
		CU_ASSERT_EQUAL(s.response.status, status);
		ASSERT_TEXT(shop_body(&s), body);
		ASSERT_TEXT(shop_header(&s, "Content-Type"), type);
		free(body);
		free(type);
	}
	shop_close(&s);
}

TEST(api, takes_the_configured_keys_and_no_others)
{
	static const struct {
		const char *keys[2];
		size_t n;
		int status;
	} cases[] = {
		{ { SHOP_KEY }, 1, 200 },
		{ { SHOP_KEY2 }, 1, 200 },
		{ { NULL }, 0, 401 },
		{ { "" }, 1, 401 },
		{ { "key" }, 1, 401 },
		{ { "key-" }, 1, 401 },
		{ { "key-11" }, 1, 401 },
		{ { "key-2" }, 1, 401 },
		{ { "KEY-1" }, 1, 401 },
		{ { " key-1" }, 1, 401 },
		{ { "key-1 " }, 1, 401 },
		{ { "key-1," }, 1, 401 },
		{ { "key-1, key-1" }, 1, 401 },
		{ { "," }, 1, 401 },
		{ { SHOP_KEY_NONE }, 1, 401 },
		{ { "\xff\x01" }, 1, 401 },
		{ { SHOP_KEY, SHOP_KEY }, 2, 401 },
		{ { SHOP_KEY, "" }, 2, 401 },
		{ { "", SHOP_KEY }, 2, 401 },
	};
	struct shop s;

	quiet(true);
	shop_new(&s, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct api_request r = { .method = span_of("GET"),
			.uri = span_of(LIST),
			.keys = { span_of(cases[i].keys[0]), span_of(cases[i].keys[1]) },
			.n_keys = cases[i].n };

		shop_ask_request(&s, &r);
		CU_ASSERT_EQUAL(s.response.status, cases[i].status);
		ASSERT_TEXT(shop_header(&s, "WWW-Authenticate"),
		    cases[i].status == 401 ? "ApiKey realm=\"store-api\"" : "");
	}
	shop_close(&s);
	quiet(false);
}

/* What was written to stderr while fn ran; the caller frees. */
static char *logged(void (*fn)(struct shop *s), struct shop *s, enum log_level level)
{
	char path[128];
	struct buf text;
	int before = dup(STDERR_FILENO), fd;

	snprintf(path, sizeof(path), "%s/log", unit_temp_dir());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CU_ASSERT_TRUE_FATAL(before >= 0 && fd >= 0);
	dup2(fd, STDERR_FILENO);
	log_set(level, LOG_FORMAT_LOGFMT);
	fn(s);
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	dup2(before, STDERR_FILENO);
	close(before);
	close(fd);
	buf_init(&text, 1 << 20);
	CU_ASSERT_EQUAL(io_read_file(path, &text), ST_OK);
	return text.data ? text.data : strdup("");
}

static void ask_with_wrong_keys(struct shop *s)
{
	struct api_request forged = { .method = span_of("GET"),
		.uri = span_of(LIST),
		.remote_addr = span_of("10.0.0.1 remote_addr=6.6.6.6\nlevel=INFO") };

	for (int i = 0; i < 20; i++)
		shop_ask(s, "GET", LIST, "secret-of-somebody");
	shop_ask_request(s, &forged);
	forged.remote_addr = span_of(NULL);
	shop_ask_request(s, &forged);
}

TEST(api, logs_each_wrong_key_with_the_address_and_without_the_key)
{
	struct shop s;
	char *log;
	unsigned lines = 0;

	shop_new(&s, 1);
	log = logged(ask_with_wrong_keys, &s, LOG_LEVEL_INFO);
	for (const char *at = log; (at = strstr(at, "msg=\"unauthorized request\"")); at++)
		lines++;
	CU_ASSERT_EQUAL(lines, 22);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(log, "level=WARN ident=store-api msg=\"unauthorized request\" "
			"remote_addr=192.0.2.7 request_id="));
	CU_ASSERT_PTR_NULL(strstr(log, "secret"));
	/* A forged address stays one field of one line. */
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(log, " remote_addr=\"10.0.0.1 remote_addr=6.6.6.6\\nlevel=INFO\" "));
	free(log);
	shop_close(&s);
}

static void ask_some(struct shop *s)
{
	shop_get(s, LIST "/PROD-001");
	shop_get(s, "/v1/nowhere");
	shop_ask(s, "", "/%zz", NULL);
}

TEST(api, logs_each_request_at_debug)
{
	struct shop s;
	char *log;

	shop_new(&s, 1);
	log = logged(ask_some, &s, LOG_LEVEL_DEBUG);
	CU_ASSERT_PTR_NOT_NULL(strstr(log, " method=GET route=/v1/store/inventory/{productId} "
					   "uri=/v1/store/inventory/PROD-001 status=200 us="));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, " route=other uri=/v1/nowhere status=404 us="));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, " method=\"\" route=other uri=/%zz status=400 us="));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, s.response.request_id));
	free(log);
	log = logged(ask_some, &s, LOG_LEVEL_INFO);
	ASSERT_TEXT(log, "");
	free(log);
	shop_close(&s);
}

#define ID_64 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"

static void ask_with_id(struct shop *s, const char *id, size_t len)
{
	struct api_request r = {
		.method = span_of("GET"), .uri = span_of("/health"), .request_id = { id, len }
	};

	shop_ask_request(s, &r);
}

TEST(api, takes_a_request_id_or_makes_one)
{
	static const struct {
		struct span id;
		bool taken;
	} cases[] = {
		{ { "till-7.42_X", 11 }, true },
		{ { "-", 1 }, true },
		{ { ID_64, 64 }, true },
		{ { ID_64 "a", 65 }, false },
		{ { "", 0 }, false },
		{ { NULL, 0 }, false },
		{ { "a b", 3 }, false },
		{ { "a\r\nX: y", 7 }, false },
		{ { "a\0b", 3 }, false },
		{ { "a/b", 3 }, false },
		{ { "\xc3\xa4", 2 }, false },
		{ { "a,b", 3 }, false },
	};
	struct shop s;

	shop_new(&s, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len;

		ask_with_id(&s, cases[i].id.data, cases[i].id.len);
		len = strlen(s.response.request_id);
		CU_ASSERT_TRUE(len > 0 && len <= 64);
		CU_ASSERT_EQUAL(strspn(s.response.request_id, ID_64 "-"), len);
		CU_ASSERT_EQUAL(len == cases[i].id.len &&
				    memcmp(s.response.request_id, cases[i].id.data, len) == 0,
		    cases[i].taken);
	}
	shop_close(&s);
}

TEST(api, makes_a_request_id_once)
{
	char ids[3][65];
	struct shop shops[2]; /* two processes, as far as ids go; both count from 1 */

	for (int i = 0; i < 2; i++) {
		shop_prepare(&shops[i]);
		shop_open(&shops[i]);
		shop_get(&shops[i], "/metrics");
		memcpy(ids[i], shops[i].response.request_id, sizeof(ids[0]));
	}
	shop_get(&shops[0], "/metrics");
	memcpy(ids[2], shops[0].response.request_id, sizeof(ids[0]));
	CU_ASSERT_NOT_EQUAL(strcmp(ids[0], ids[1]), 0);
	CU_ASSERT_NOT_EQUAL(strcmp(ids[0], ids[2]), 0);
	shop_close(&shops[0]);
	shop_close(&shops[1]);
}

TEST(api, mounts_by_setting_and_by_web_server)
{
	static const struct {
		const char *from, *to; /* the setting */
		const char *prefix;    /* the web server's, NULL: none */
		const char *uri;
		int status;
	} cases[] = {
		{ "", "", NULL, LIST, 200 },
		{ "/api", "", NULL, "/api" LIST, 200 },
		{ "/api", "", NULL, LIST, 200 },
		{ "/api", "", NULL, "/health", 200 },
		{ "/api", "", NULL, "/api/health", 200 },
		{ "/api", "", NULL, "/%61pi/health", 200 },
		{ "/api", "", NULL, "/api", 404 },
		{ "/api", "", NULL, "/apifoo" LIST, 404 },
		{ "/api", "/v1/store", NULL, "/api/inventory/PROD-001", 200 },
		{ "/api", "/v1/store", NULL, "/api/health", 404 },
		{ "/api", "/v1/store", NULL, "/api" LIST, 404 },
		/* STORE_API_PREFIX beats the setting, also where it is empty. */
		{ "/api", "", "/web", "/web" LIST, 200 },
		{ "/api", "", "/web", "/api" LIST, 404 },
		{ "/api", "", "", "/api" LIST, 404 },
		{ "/api", "", "", LIST, 200 },
		{ "", "", "/api=/v1/store", "/api/inventory", 200 },
		{ "", "", "/api=", "/api" LIST, 200 },
		{ "/x", "/v1/store", "/api", "/api" LIST, 200 },
		{ "", "", "/api/", "/api" LIST, 200 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct api_request r = { .method = span_of("GET"),
			.uri = span_of(cases[i].uri),
			.prefix = span_of(cases[i].prefix),
			.keys = { span_of(SHOP_KEY) },
			.n_keys = 1 };
		struct sync_record record = shop_record(0);
		struct shop s;

		shop_prepare(&s);
		shop_fill(&s, 1, &record);
		s.options.mount_from = cases[i].from;
		s.options.mount_to = cases[i].to;
		shop_open(&s);
		shop_ask_request(&s, &r);
		if (s.response.status != cases[i].status)
			printf("\n%zu: %s\n", i, cases[i].uri);
		CU_ASSERT_EQUAL(s.response.status, cases[i].status);
		shop_close(&s);
	}
}

TEST(api, survives_an_empty_request)
{
	struct api_request r = { 0 };
	struct shop s;

	shop_new(&s, 1);
	shop_ask_request(&s, &r);
	ASSERT_TEXT(shop_outcome(&s), "400 invalid_path");
	r.uri = span_of("/health");
	shop_ask_request(&s, &r);
	ASSERT_TEXT(shop_outcome(&s), "405 method_not_allowed");
	shop_close(&s);
}

static void counted(const struct exposition *e, const char *labels, double expected)
{
	char key[192];

	snprintf(key, sizeof(key), "store_api_http_requests_total{%s}", labels);
	CU_ASSERT_EQUAL(exposition_value(e, key), expected);
}

TEST(api, counts_its_requests)
{
	static struct exposition e;
	size_t bytes;
	struct shop s;

	quiet(true);
	shop_new(&s, 3);
	shop_get(&s, LIST);
	bytes = s.response.body.len;
	shop_ask(&s, "HEAD", LIST, SHOP_KEY); /* its body isn't sent */
	shop_get(&s, LIST "/none");
	bytes += s.response.body.len;
	shop_get(&s, LIST "/updates"); /* a path of its own, also for reading */
	bytes += s.response.body.len;
	shop_ask(&s, "BREW", "/v1/coffee", NULL);
	bytes += s.response.body.len;
	shop_ask(&s, "GET", "/%zz", NULL);
	bytes += s.response.body.len;
	quiet(false);
	shop_ask(&s, "GET", "/metrics", NULL);
	CU_ASSERT_TRUE_FATAL(exposition_read(shop_body(&s), &e));
	counted(&e, "route=\"/v1/store/inventory\",method=\"GET\",code=\"200\"", 1);
	counted(&e, "route=\"/v1/store/inventory\",method=\"HEAD\",code=\"200\"", 1);
	counted(&e, "route=\"/v1/store/inventory/{productId}\",method=\"GET\",code=\"404\"", 1);
	counted(&e, "route=\"/v1/store/inventory/updates\",method=\"GET\",code=\"200\"", 1);
	counted(&e, "route=\"other\",method=\"other\",code=\"401\"", 1);
	counted(&e, "route=\"other\",method=\"GET\",code=\"400\"", 1);
	CU_ASSERT_EQUAL(exposition_value(&e, "store_api_http_response_bytes_total"), (double)bytes);
	shop_close(&s);
}

/* What the pool itself says where no request could be read. */
TEST(api, makes_a_problem_for_the_pool)
{
	struct api_response r;

	api_response_init(&r);
	buf_adds(&r.body, "half an answer");
	buf_adds(&r.headers, "Content-Type: text/plain\r\n");
	api_problem(&r, 408, "request_timeout", "The \"body\" did not come");
	CU_ASSERT_EQUAL(r.status, 408);
	ASSERT_TEXT(buf_text(&r.body), "{\"error\":{\"code\":\"request_timeout\",\"message\":"
				       "\"The \\\"body\\\" did not come\",\"details\":{}}}");
	ASSERT_TEXT(
	    buf_text(&r.headers), "Content-Type: application/json\r\nCache-Control: no-store\r\n");
	api_response_free(&r);
}

TEST(api, closes_nothing_twice)
{
	struct api_response r;

	api_close(NULL);
	api_response_init(&r);
	api_response_trim(&r);
	api_response_free(&r);
	api_response_free(&r);
}
