/* Asking for one product, and what all answers say beside their body. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "central/client.h"
#include "central/script.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct exchange {
	int status;
	const char *body, *headers;

	char head[4096];
	bool done, found;
	int64_t version;
	struct central_outcome outcome;
};

static void answer(void *arg, const char *head, struct buf *out)
{
	struct exchange *x = arg;

	snprintf(x->head, sizeof(x->head), "%s", head);
	script_json(out, x->status, x->headers ? x->headers : "", x->body);
}

static void product_done(
    void *arg, const struct central_outcome *outcome, const struct product *product)
{
	struct exchange *x = arg;

	x->done = true;
	x->outcome = *outcome;
	x->found = product != NULL;
	x->version = product ? product->version : -1;
}

static void ask(struct exchange *x, const char *id, size_t id_len)
{
	struct script *s = script_start(answer, x);
	struct central_options options = {
		.url = script_url(s), .key = "k", .timeout_ms = 5000, .tls = { "", "", "" }
	};
	struct mono deadline = mono_add_ms(mono_now(), 10000);
	struct central_call *call;
	struct central *c = NULL;

	CU_ASSERT_EQUAL_FATAL(central_open(&options, &c), ST_OK);
	CU_ASSERT_EQUAL(central_get_product(c, id, id_len, product_done, x, &call), ST_OK);
	while (!x->done && !mono_reached(deadline, mono_now()))
		central_wait(c, NULL, 0, 100);
	CU_ASSERT_TRUE(x->done);
	central_close(c);
	script_stop(s);
}

TEST(central_product, is_asked_for_by_its_encoded_id)
{
	struct exchange x = { .status = 200,
		.body = "{\"productId\":\"a/b \xc3\xa9%\",\"version\":3}" };

	ask(&x, "a/b \xc3\xa9%", 7);
	CU_ASSERT_TRUE(x.found);
	CU_ASSERT_EQUAL(x.version, 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(x.head, "GET /v1/inventory/a%2Fb%20%C3%A9%25 HTTP/1.1"));
	CU_ASSERT_TRUE(x.outcome.new_connection);
}

TEST(central_product, only_centrals_own_word_means_that_it_is_gone)
{
	static const struct {
		int status;
		const char *body;
		bool found, gone, unusable;
		enum failure_class failure;
	} rows[] = {
		{ 200, "{\"productId\":\"A\",\"version\":3}", true, false, false, FAILURE_NONE },
		{ 404, "{\"code\":\"not_found\",\"message\":\"Product not found: A\"}", false, true,
		    false, FAILURE_NONE },
		{ 404, "404 page not found\n", false, false, false, FAILURE_BAD_ANSWER },
		{ 404, "{\"code\":\"no_route\"}", false, false, false, FAILURE_BAD_ANSWER },
		{ 404, "{\"error\":{\"code\":\"not_found\"}}", false, false, false,
		    FAILURE_BAD_ANSWER },
		{ 404, "", false, false, false, FAILURE_BAD_ANSWER },
		{ 410, "{\"code\":\"not_found\"}", false, false, false, FAILURE_BAD_ANSWER },
		{ 500, "{\"code\":\"not_found\"}", false, false, false, FAILURE_HTTP_5XX },
		{ 200, "{\"productId\":\"B\",\"version\":3}", false, false, false,
		    FAILURE_BAD_ANSWER },
		{ 200, "{\"productId\":\"A\"}", false, false, true, FAILURE_BAD_ANSWER },
		{ 200, "{\"productId\":\"A\",\"version\":\"x\"}", false, false, true,
		    FAILURE_BAD_ANSWER },
		{ 200, "[]", false, false, false, FAILURE_BAD_ANSWER },
		{ 200, "{}", false, false, false, FAILURE_BAD_ANSWER },
		{ 200, "{\"productId\":\"B\"}", false, false, false, FAILURE_BAD_ANSWER },
		{ 200, "{\"productId\":\"A\",\"ver", false, false, false, FAILURE_BAD_ANSWER },
		{ 200, "<html>", false, false, false, FAILURE_BAD_ANSWER },
		{ 429, "{}", false, false, false, FAILURE_RATE_LIMITED },
		{ 401, "{}", false, false, false, FAILURE_AUTH },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct exchange x = { .status = rows[i].status, .body = rows[i].body };

		ask(&x, "A", 1);
		CU_ASSERT_EQUAL(x.found, rows[i].found);
		CU_ASSERT_EQUAL(x.outcome.gone, rows[i].gone);
		CU_ASSERT_EQUAL(x.outcome.unusable, rows[i].unusable);
		CU_ASSERT_EQUAL(x.outcome.failure, rows[i].failure);
		CU_ASSERT_EQUAL(x.outcome.status, rows[i].status);
	}
}

TEST(central_product, answers_say_what_remains_of_centrals_limit)
{
	static const struct {
		const char *headers;
		int64_t limit, remaining, reset_ms;
	} rows[] = {
		{ "", -1, 0, 0 },
		{ "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nX-Ratelimit-Limit: 100\r\n"
		  "X-Ratelimit-Remaining: 99\r\nX-Ratelimit-Reset: 1767225630\r\n",
		    100, 99, 31000 },
		{ "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nX-RateLimit-Limit: 3\r\n"
		  "X-RateLimit-Remaining: -1\r\nX-RateLimit-Reset: 1767225600\r\n",
		    3, 0, 1000 },
		/* without its end, or with nonsense, it says nothing */
		{ "X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 99\r\n", -1, 0, 0 },
		{ "X-RateLimit-Limit: many\r\nX-RateLimit-Remaining: 9\r\n"
		  "X-RateLimit-Reset: 1767225630\r\n",
		    -1, 0, 0 },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct exchange x = { .status = 200,
			.body = "{\"productId\":\"A\",\"version\":3}",
			.headers = rows[i].headers };

		ask(&x, "A", 1);
		CU_ASSERT_EQUAL(x.outcome.limit.limit, rows[i].limit);
		if (rows[i].limit < 0)
			continue;
		CU_ASSERT_EQUAL(x.outcome.limit.remaining, rows[i].remaining);
		CU_ASSERT_EQUAL(x.outcome.limit.reset_ms, rows[i].reset_ms);
	}
}
