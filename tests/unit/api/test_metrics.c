/* GET /metrics: what the API adds to the counters of metrics/. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "metrics/exposition.h"
#include "metrics/pages.h"
#include "model/doc.h"
#include "shop.h"

#define REQUESTS "store_api_http_requests_total{"

TEST(api_metrics, show_cache_and_daemon)
{
	static struct exposition e;
	struct control_status status = { .state = SYNC_RETRYING, .next_poll_at = -1 };
	struct shop s;

	shop_new(&s, 7);
	shop_daemon_begin(&s, &status);
	shop_ask(&s, "GET", "/metrics", NULL);
	ASSERT_TEXT(shop_header(&s, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
	CU_ASSERT_TRUE_FATAL(exposition_read(shop_body(&s), &e));
	CU_ASSERT_EQUAL(exposition_value(&e, "store_api_products"), 7 + SHOP_ODD);
	CU_ASSERT_EQUAL(exposition_value(&e, "store_api_event_offset"), 1045);
	CU_ASSERT_TRUE(exposition_value(&e, "store_api_cache_age_seconds") >= 5);
	CU_ASSERT_EQUAL(exposition_value(&e, "store_api_sync_state{state=\"retrying\"}"), 1);
	CU_ASSERT_EQUAL(exposition_value(&e, "store_api_sync_state{state=\"live\"}"), 0);
	CU_ASSERT_EQUAL(exposition_value(&e, "store_api_store_limit_bytes"), (double)FIXTURE_MAP);
	CU_ASSERT_TRUE(exposition_value(&e, "store_api_store_used_bytes") > 0);
	CU_ASSERT_TRUE(exposition_value(&e, "store_api_readers") >= 1);
	CU_ASSERT_TRUE(exposition_has(&e, "store_api_build_info{version=\"1.2.3\"}"));
	shop_daemon_end(&s);
	shop_close(&s);
}

TEST(api_metrics, need_neither_store_nor_daemon)
{
	static struct exposition e;
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	shop_ask(&s, "GET", "/metrics", NULL);
	CU_ASSERT_EQUAL(s.response.status, 200);
	CU_ASSERT_TRUE_FATAL(exposition_read(shop_body(&s), &e));
	CU_ASSERT_EQUAL(exposition_value(&e, "store_api_products"), 0);
	CU_ASSERT_EQUAL(exposition_value(&e, "store_api_sync_state{state=\"stopped\"}"), 1);
	shop_close(&s);
}

/* A daemon that was killed left what it had published last. */
TEST(api_metrics, show_the_memory_of_a_daemon_while_there_is_one)
{
	static const char key[] = "store_api_resident_bytes{process=\"daemon\"}";
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	static struct exposition e;
	struct metrics_daemon *daemon;
	struct shop s;
	int fd;

	shop_new(&s, 1);
	CU_ASSERT_EQUAL_FATAL(metrics_daemon_create(s.options.run_dir, &daemon), ST_OK);
	metrics_daemon_resident(daemon, 12345);
	shop_ask(&s, "GET", "/metrics", NULL);
	CU_ASSERT_TRUE_FATAL(exposition_read(shop_body(&s), &e));
	CU_ASSERT_EQUAL(exposition_value(&e, key), 0);
	fd = open(fixture_path(&s.options.store, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	CU_ASSERT_EQUAL(fcntl(fd, F_OFD_SETLK, &lock), 0);
	shop_ask(&s, "GET", "/metrics", NULL);
	CU_ASSERT_TRUE_FATAL(exposition_read(shop_body(&s), &e));
	CU_ASSERT_EQUAL(exposition_value(&e, key), 12345);
	close(fd);
	metrics_daemon_close(daemon);
	shop_close(&s);
}

/* ---- the series are those of the description ---- */

/* Decoded text of a name or string. */
static const char *text_of(const struct doc *d, const struct doc_node *node, struct buf *out)
{
	buf_reset(out);
	CU_ASSERT_EQUAL(doc_string(d, node, out), ST_OK);
	return buf_text(out);
}

static bool is_method_of(const char *name, char method[16])
{
	static const char *const names[] = { "get", "head", "post", "options" };

	for (size_t i = 0; i < 4; i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		snprintf(method, 16, "%s", metrics_methods[i]);
		return true;
	}
	return false;
}

/* One series for each code of an operation; how many. */
static size_t has_codes(const struct exposition *e, const struct doc *d,
    const struct doc_node *operation, const char *route, const char *method)
{
	const struct doc_node *codes = doc_member(d, operation, "responses");
	struct buf code;
	char key[192];
	size_t n = 0;

	buf_init(&code, 64);
	for (const struct doc_node *c = doc_first(d, codes); c; c = doc_next(d, codes, c), n++) {
		snprintf(key, sizeof(key), REQUESTS "route=\"%s\",method=\"%s\",code=\"%s\"}",
		    route, method, text_of(d, c, &code));
		ASSERT_TEXT(exposition_has(e, key) ? key : "(missing)", key);
	}
	buf_free(&code);
	return n;
}

static size_t has_path(const struct exposition *e, const struct doc *d,
    const struct doc_node *operations, const char *route)
{
	struct buf name;
	char method[16];
	size_t n = 0;

	buf_init(&name, 64);
	for (const struct doc_node *o = doc_first(d, operations); o; o = doc_next(d, operations, o))
		if (is_method_of(text_of(d, o, &name), method))
			n += has_codes(e, d, doc_value(d, o), route, method);
	buf_free(&name);
	return n;
}

/* Series of described answers: no label is `other`, and no refusal of a method among them. */
static size_t described(const struct exposition *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++) {
		const char *key = e->series[i].key;

		n += strncmp(key, REQUESTS, strlen(REQUESTS)) == 0 && !strstr(key, "\"other\"") &&
		     !strstr(key, "\"405\"");
	}
	return n;
}

TEST(api_metrics, have_the_series_of_the_description_and_no_others)
{
	static struct exposition e;
	const struct doc_node *paths;
	struct buf route;
	struct shop s;
	struct doc d;
	size_t n = 0, refusals = 0;

	shop_prepare(&s);
	shop_open(&s);
	shop_ask(&s, "GET", "/metrics", NULL);
	CU_ASSERT_TRUE_FATAL(exposition_read(shop_body(&s), &e));
	shop_get(&s, "/v1/store/openapi.json");
	CU_ASSERT_EQUAL_FATAL(
	    doc_parse(shop_body(&s), s.response.body.len, 1000000, &d, NULL), ST_OK);
	buf_init(&route, 256);
	paths = doc_member(&d, doc_root(&d), "paths");
	for (const struct doc_node *p = doc_first(&d, paths); p; p = doc_next(&d, paths, p))
		n += has_path(&e, &d, doc_value(&d, p), text_of(&d, p, &route));
	CU_ASSERT_TRUE(n > 100);
	/* A method that a path doesn't know is refused for want of a key before that. */
	for (size_t i = 0; i < metrics_n_answers; i++) {
		const struct metrics_answers *a = &metrics_answers[i];

		if (a->route != METRICS_ROUTE_OTHER && a->codes[0] == 401 && a->codes[1] == 405)
			refusals += (size_t)__builtin_popcount(a->methods & 15u);
	}
	CU_ASSERT_EQUAL(described(&e), n + refusals);
	buf_free(&route);
	doc_free(&d);
	shop_close(&s);
}
