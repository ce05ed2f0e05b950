/* What Central's answers, good and bad, come to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "central/client.h"
#include "central/script.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define PAGE                                                   \
	"{\"products\":[{\"productId\":\"A\",\"version\":3}]," \
	"\"pagination\":{\"offset\":0,\"limit\":200,\"total_count\":1,\"has_more\":false}}"
#define EVENTS "{\"events\":null,\"nextOffset\":9,\"hasMore\":false,\"count\":0}"

/* One exchange: what the server sends, what it was asked, what came of it. */
struct exchange {
	const char *raw; /* NULL: a JSON answer made of the next three */
	int status;
	const char *headers, *body;

	char head[16384];
	bool done;
	struct central_outcome outcome;
	bool has_page, has_batch;
	int64_t next_offset;
	size_t products;
};

static void answer(void *arg, const char *head, struct buf *out)
{
	struct exchange *x = arg;

	snprintf(x->head, sizeof(x->head), "%s", head);
	if (x->raw)
		buf_adds(out, x->raw);
	else
		script_json(out, x->status, x->headers ? x->headers : "", x->body);
}

static void page_done(void *arg, const struct central_outcome *outcome, const struct page *page)
{
	struct exchange *x = arg;

	x->done = true;
	x->outcome = *outcome;
	x->has_page = page != NULL;
	x->products = page ? page->n : 0;
}

static void events_done(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct exchange *x = arg;

	x->done = true;
	x->outcome = *outcome;
	x->has_batch = batch != NULL;
	x->next_offset = batch ? batch->next_offset : -1;
}

static struct central *open_at(const char *url, const char *prefix, int64_t timeout_ms)
{
	char whole[200];
	struct central_options options = {
		.url = whole, .key = "the-key", .timeout_ms = timeout_ms, .tls = { "", "", "" }
	};
	struct central *c = NULL;

	snprintf(whole, sizeof(whole), "%s%s", url, prefix);
	CU_ASSERT_EQUAL_FATAL(central_open(&options, &c), ST_OK);
	return c;
}

static void wait_done(struct central *c, const bool *done)
{
	struct mono deadline = mono_add_ms(mono_now(), 10000);

	while (!*done && !mono_reached(deadline, mono_now()))
		central_wait(c, NULL, 0, 100);
	CU_ASSERT_TRUE(*done);
}

static void ask_page(struct exchange *x, const char *prefix, const char *cursor)
{
	struct script *s = script_start(answer, x);
	struct central *c = open_at(script_url(s), prefix, 5000);
	struct central_call *call;

	CU_ASSERT_EQUAL(central_get_page(c, 0, cursor, page_done, x, &call), ST_OK);
	wait_done(c, &x->done);
	central_close(c);
	script_stop(s);
}

static void ask_events(struct exchange *x, int64_t timeout_ms)
{
	struct script *s = script_start(answer, x);
	struct central *c = open_at(script_url(s), "", timeout_ms);
	struct central_call *call;

	CU_ASSERT_EQUAL(central_get_events(c, 7, 100, 0, events_done, x, &call), ST_OK);
	wait_done(c, &x->done);
	central_close(c);
	script_stop(s);
}

TEST(central_client, asks_as_central_wants_to_be_asked)
{
	struct exchange x = { .status = 200, .body = PAGE };
	struct exchange next = { .status = 200, .body = PAGE };
	struct exchange events = { .status = 200, .body = EVENTS };

	ask_page(&x, "/some/prefix/", NULL);
	CU_ASSERT_TRUE(x.has_page);
	CU_ASSERT_EQUAL(x.products, 1);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(x.head, "GET /some/prefix/v1/inventory?offset=0&limit=200 HTTP/1.1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(x.head, "X-API-Key: the-key\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(x.head, "X-Request-Id: "));
	ask_page(&next, "", "a/b c");
	CU_ASSERT_PTR_NOT_NULL(strstr(next.head, "/v1/inventory?cursor=a%2Fb%20c&limit=200"));
	ask_events(&events, 5000);
	CU_ASSERT_TRUE(events.has_batch);
	CU_ASSERT_EQUAL(events.next_offset, 9);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(events.head, "/v1/inventory/events?offset=7&limit=100&wait=0"));
}

TEST(central_client, classes_of_failures)
{
	static const struct {
		const char *raw;
		int status;
		const char *body;
		enum failure_class failure;
	} rows[] = {
		{ NULL, 500, "{}", FAILURE_HTTP_5XX },
		{ NULL, 503, "", FAILURE_HTTP_5XX },
		{ NULL, 429, "{}", FAILURE_RATE_LIMITED },
		{ NULL, 401, "{}", FAILURE_AUTH },
		{ NULL, 403, "{}", FAILURE_AUTH },
		{ NULL, 404, "404 page not found\n", FAILURE_BAD_ANSWER },
		{ NULL, 410, "{}", FAILURE_BAD_ANSWER },
		{ NULL, 302, "{}", FAILURE_BAD_ANSWER },
		{ NULL, 204, "", FAILURE_BAD_ANSWER },
		{ NULL, 200, "", FAILURE_BAD_ANSWER },
		{ NULL, 200, "<html>It works!</html>", FAILURE_BAD_ANSWER },
		{ NULL, 200, "{\"events\":[{\"offset\":1,", FAILURE_BAD_ANSWER },
		{ NULL, 200, "{\"events\":{},\"nextOffset\":1}", FAILURE_BAD_ANSWER },
		{ NULL, 200, "{\"events\":null,\"nextOffset\":-1}", FAILURE_BAD_ANSWER },
		{ "", 0, NULL, FAILURE_CONNECT }, /* reset */
		{ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"events\":null", 0, NULL,
		    FAILURE_CONNECT },
		{ "SSH-2.0-OpenSSH_9.2\r\n", 0, NULL, FAILURE_BAD_ANSWER },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct exchange x = {
			.raw = rows[i].raw, .status = rows[i].status, .body = rows[i].body
		};

		ask_events(&x, 5000);
		CU_ASSERT_FALSE(x.has_batch);
		CU_ASSERT_EQUAL(x.outcome.failure, rows[i].failure);
		CU_ASSERT_TRUE(strlen(x.outcome.message) > 5);
		CU_ASSERT_PTR_NULL(strstr(x.outcome.message, "the-key"));
		if (rows[i].status)
			CU_ASSERT_EQUAL(x.outcome.status, rows[i].status);
	}
}

TEST(central_client, waits_that_central_asks_for)
{
	static const struct {
		int status;
		const char *headers;
		int64_t low, high;
	} rows[] = {
		{ 429, "", 0, 0 },
		{ 429, "Retry-After: 30\r\n", 30000, 30000 },
		{ 503, "Retry-After: 30\r\n", 30000, 30000 },
		{ 429, "Retry-After: 99999999\r\n", 3600000, 3600000 },
		{ 429, "Retry-After: Mon, 01 Jan 2001 00:00:00 GMT\r\n", 0, 0 },
		{ 429, "Retry-After: nonsense\r\n", 0, 0 },
		/* Central's clock is not ours: its Date is taken off. */
		{ 429, "Date: Mon, 01 Jan 2001 00:00:00 GMT\r\nX-RateLimit-Reset: 978307245\r\n",
		    46000, 46000 },
		{ 429, "Date: Mon, 01 Jan 2001 00:00:00 GMT\r\nX-RateLimit-Reset: 978300000\r\n", 0,
		    0 },
		{ 429, "Date: Mon, 01 Jan 2001 00:00:00 GMT\r\nX-RateLimit-Reset: -5\r\n", 0, 0 },
		{ 429, "X-RateLimit-Reset: 9223372036854775807\r\n", 0, 0 },
		{ 429, "Date: Sun, 22 Nov 900000000\r\nX-RateLimit-Reset: 978307245\r\n", 0, 0 },
		{ 500, "Retry-After: 30\r\n", 0, 0 },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct exchange x = {
			.status = rows[i].status, .headers = rows[i].headers, .body = "{}"
		};

		ask_events(&x, 5000);
		CU_ASSERT_TRUE(x.outcome.retry_after_ms >= rows[i].low &&
			       x.outcome.retry_after_ms <= rows[i].high);
	}
}

/* Holds the connection until the client has gone. */
static void hang(void *arg, const char *head, struct buf *out)
{
	bool *release = arg;

	(void)head;
	(void)out;
	while (!__atomic_load_n(release, __ATOMIC_ACQUIRE))
		;
}

TEST(central_client, a_silent_central_is_a_timeout)
{
	bool release = false;
	struct script *s = script_start(hang, &release);
	struct central *c = open_at(script_url(s), "", 150);
	struct central_call *call;
	struct exchange x = { 0 };

	CU_ASSERT_EQUAL(central_get_events(c, 0, 1, 0, events_done, &x, &call), ST_OK);
	wait_done(c, &x.done);
	CU_ASSERT_EQUAL(x.outcome.failure, FAILURE_TIMEOUT);
	__atomic_store_n(&release, true, __ATOMIC_RELEASE);
	central_close(c);
	script_stop(s);
}

TEST(central_client, nobody_there_is_told_at_once)
{
	struct script *s = script_start(hang, NULL);
	struct central *c = open_at(script_url(s), "", 5000);
	struct central_call *call;
	struct exchange x = { 0 };

	script_stop(s);
	CU_ASSERT_EQUAL(central_get_events(c, 0, 1, 0, events_done, &x, &call), ST_OK);
	wait_done(c, &x.done);
	CU_ASSERT_EQUAL(x.outcome.failure, FAILURE_CONNECT);
	central_close(c);
}

TEST(central_client, a_cancelled_call_says_nothing)
{
	bool release = false;
	struct script *s = script_start(hang, &release);
	struct central *c = open_at(script_url(s), "", 5000);
	struct central_call *call;
	struct exchange x = { 0 };

	CU_ASSERT_EQUAL(central_get_events(c, 0, 1, 0, events_done, &x, &call), ST_OK);
	central_wait(c, NULL, 0, 10);
	central_cancel(c, call);
	central_wait(c, NULL, 0, 10);
	CU_ASSERT_FALSE(x.done);
	__atomic_store_n(&release, true, __ATOMIC_RELEASE);
	central_close(c);
	script_stop(s);
}

/* ---------------------------------------------------------------- http.c alone */

static void note(void *arg, const struct http_answer *a)
{
	struct exchange *x = arg;

	x->done = true;
	x->outcome.failure = a->failure;
	x->products = a->body.len;
	snprintf(x->outcome.message, sizeof(x->outcome.message), "%s", a->message);
}

TEST(central_http, a_body_over_its_limit_is_cut_off)
{
	struct exchange x = { .status = 200, .body = "0123456789" };
	struct script *s = script_start(answer, &x);
	struct http_options options = { "", "", "" };
	struct http_call call = {
		.url = script_url(s), .timeout_ms = 5000, .body_max = 10, .done = note, .arg = &x
	};
	struct http_request *r;
	struct http *h;

	CU_ASSERT_EQUAL_FATAL(http_open(&options, &h), ST_OK);
	for (int round = 0; round < 2; round++) {
		struct mono deadline = mono_add_ms(mono_now(), 5000);

		x.done = false;
		CU_ASSERT_EQUAL(http_start(h, &call, &r), ST_OK);
		while (!x.done && !mono_reached(deadline, mono_now()))
			http_wait(h, NULL, 0, 100);
		CU_ASSERT_EQUAL(x.outcome.failure, round == 0 ? FAILURE_NONE : FAILURE_BAD_ANSWER);
		call.body_max = 9;
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(x.outcome.message, "limit"));
	http_close(h);
	script_stop(s);
}

TEST(central_http, other_protocols_are_refused)
{
	struct http_options options = { "", "", "" };
	struct exchange x = { 0 };
	struct http_call call = { .url = "file:///etc/passwd",
		.timeout_ms = 5000,
		.body_max = 1000,
		.done = note,
		.arg = &x };
	struct http_request *r;
	struct http *h;

	CU_ASSERT_EQUAL_FATAL(http_open(&options, &h), ST_OK);
	CU_ASSERT_EQUAL(http_start(h, &call, &r), ST_OK);
	for (int i = 0; i < 100 && !x.done; i++)
		http_wait(h, NULL, 0, 10);
	CU_ASSERT_EQUAL(x.outcome.failure, FAILURE_BAD_ANSWER);
	CU_ASSERT_EQUAL(x.products, 0);
	http_close(h);
}
