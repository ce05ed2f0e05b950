#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/shop.h"
#include "control/ends.h"
#include "control/message.h"
#include "unit.h"

#define ONE   "/v1/store/inventory/updates"
#define BATCH "/v1/store/inventory/batch-updates"

#define ITEM(id, key) \
	"{\"productId\":\"" id "\",\"delta\":-2,\"version\":6,\"idempotencyKey\":\"" key "\"}"
#define BODY ITEM("P", "k")
#define TWO  "{\"updates\":[" ITEM("P", "k") "," ITEM("Q", "l") "]}"

#define RESULT(id, quantity, version, applied, updated, type, message)                   \
	"{\"productId\":\"" id "\",\"newQuantity\":" quantity ",\"newVersion\":" version \
	",\"applied\":" applied ",\"lastUpdated\":\"" updated "\",\"errorType\":\"" type \
	"\",\"errorMessage\":\"" message "\"}"
#define ANSWER(results) "true,\"results\":[" results "]"
#define REFUSAL(code, message, outcome, retry, index, results)                           \
	"false,\"code\":\"" code "\",\"message\":\"" message "\",\"outcome\":\"" outcome \
	"\",\"retryAfter\":" retry ",\"index\":" index ",\"results\":[" results "]"

/* An envelope of the write endpoints, all of it. */
#define PROBLEM(code, message, details, more)                                                \
	"{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\",\"details\":" details \
	"},\"errorType\":\"" code "\",\"errorMessage\":\"" message "\"" more "}"
#define OF_P ",\"productId\":\"P\""

static const struct control_status live = { .state = SYNC_LIVE, .next_poll_at = -1 };

static void begin(struct shop *s)
{
	shop_new(s, 3);
	shop_daemon_begin(s, &live);
}

static void end(struct shop *s)
{
	shop_daemon_end(s);
	shop_close(s);
}

struct row {
	const char *says; /* the daemon; NULL: dies after it has taken it */
	int status;
	const char *retry_after;
	const char *body;
};

static void check_rows(const char *uri, const char *body, const struct row *rows, size_t n)
{
	struct shop s;

	begin(&s);
	for (size_t i = 0; i < n; i++) {
		struct shop_script script = { .takes = true, .answer = rows[i].says };

		shop_daemon_says(&s, &script);
		shop_post(&s, uri, body);
		if (s.response.status != rows[i].status)
			printf("\nrow %zu\n", i);
		CU_ASSERT_EQUAL(s.response.status, rows[i].status);
		ASSERT_TEXT(shop_body(&s), rows[i].body);
		ASSERT_TEXT(shop_header(&s, "Retry-After"), rows[i].retry_after);
		ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-store");
		CU_ASSERT_NOT_EQUAL(shop_daemon_heard(&s)[0], '\0');
	}
	end(&s);
}

#define UNKNOWN_MESSAGE \
	"It is not known whether this was applied; repeat it with the same idempotencyKey"
#define ERROR_MESSAGE "Central failed, or gave an answer that is none"

/* The table of the contract, row by row. */
TEST(updates, central_answers_are_told_as_they_are)
{
	static const struct row rows[] = {
		{ ANSWER(RESULT("P", "8", "7", "true", "2026-11-22T18:59:40Z", "", "")), 200, "",
		    "{\"productId\":\"P\",\"newQuantity\":8,\"newVersion\":7,\"applied\":true,"
		    "\"lastUpdated\":\"2026-11-22T18:59:40Z\"}" },
		{ ANSWER(RESULT("P", "0", "7", "true", "", "", "")), 200, "",
		    "{\"productId\":\"P\",\"newQuantity\":0,\"newVersion\":7,\"applied\":true}" },
		{ ANSWER(RESULT("P", "0", "7", "false", "t", "version_conflict", "m <")), 409, "",
		    "{\"productId\":\"P\",\"applied\":false,\"newQuantity\":0,\"newVersion\":7,"
		    "\"errorType\":\"version_conflict\",\"errorMessage\":\"m <\"}" },
		{ ANSWER(RESULT("P", "5", "0", "false", "", "version_conflict", "m")), 409, "",
		    "{\"productId\":\"P\",\"applied\":false,\"errorType\":\"version_conflict\","
		    "\"errorMessage\":\"m\"}" },
		{ ANSWER(RESULT("P", "5", "5", "false", "t", "product_not_found", "m")), 404, "",
		    "{\"productId\":\"P\",\"applied\":false,\"errorType\":\"product_not_found\","
		    "\"errorMessage\":\"m\"}" },
		{ ANSWER(RESULT("P", "0", "0", "false", "", "insufficient_inventory", "m")), 400,
		    "",
		    "{\"productId\":\"P\",\"applied\":false,\"errorType\":\"insufficient_"
		    "inventory\",\"errorMessage\":\"m\"}" },
		{ ANSWER(RESULT("P", "0", "0", "false", "", "invalid_request", "")), 400, "",
		    "{\"productId\":\"P\",\"applied\":false,\"errorType\":\"invalid_request\","
		    "\"errorMessage\":\"\"}" },
		{ ANSWER(RESULT("P", "0", "0", "false", "", "invalid_delta", "m")), 400, "",
		    "{\"productId\":\"P\",\"applied\":false,\"errorType\":\"invalid_delta\","
		    "\"errorMessage\":\"m\"}" },
		{ ANSWER(RESULT("P", "0", "0", "false", "", "missing_product_id", "m")), 400, "",
		    "{\"productId\":\"P\",\"applied\":false,\"errorType\":\"missing_product_id\","
		    "\"errorMessage\":\"m\"}" },
		{ ANSWER(RESULT("P", "0", "0", "false", "", "invalid_idempotency_key", "m")), 400,
		    "",
		    "{\"productId\":\"P\",\"applied\":false,\"errorType\":\"invalid_idempotency_"
		    "key\",\"errorMessage\":\"m\"}" },
	};

	check_rows(ONE, BODY, rows, sizeof(rows) / sizeof(rows[0]));
}

TEST(updates, what_is_no_answer_tells_the_outcome)
{
	static const struct row rows[] = {
		{ REFUSAL("central_timeout", "", "unknown", "-1", "-1", ""), 504, "",
		    PROBLEM("central_timeout", UNKNOWN_MESSAGE,
			"{\"outcome\":\"unknown\",\"idempotencyKey\":\"k\"}", OF_P) },
		{ NULL, 504, "",
		    PROBLEM("central_timeout", UNKNOWN_MESSAGE,
			"{\"outcome\":\"unknown\",\"idempotencyKey\":\"k\"}", OF_P) },
		{ ANSWER(""), 504, "",
		    PROBLEM("central_timeout", UNKNOWN_MESSAGE,
			"{\"outcome\":\"unknown\",\"idempotencyKey\":\"k\"}", OF_P) },
		{ "true", 504, "",
		    PROBLEM("central_timeout", UNKNOWN_MESSAGE,
			"{\"outcome\":\"unknown\",\"idempotencyKey\":\"k\"}", OF_P) },
		{ REFUSAL("central_timeout", "read and decide", "unknown", "-1", "-1",
		      RESULT("P", "8", "7", "false", "t", "version_conflict", "m")),
		    504, "",
		    PROBLEM("central_timeout", "read and decide",
			"{\"outcome\":\"unknown\",\"idempotencyKey\":\"k\",\"errorType\":"
			"\"version_conflict\",\"errorMessage\":\"m\",\"newQuantity\":8,"
			"\"newVersion\":7}",
			OF_P) },
		{ REFUSAL("central_error", "", "unknown", "-1", "-1",
		      RESULT("P", "0", "0", "false", "", "internal_error", "m")),
		    502, "",
		    PROBLEM("central_error", ERROR_MESSAGE,
			"{\"outcome\":\"unknown\",\"centralErrorType\":\"internal_error\"}",
			OF_P) },
		{ REFUSAL("central_error", "HTTP 500", "unknown", "-1", "-1", ""), 502, "",
		    PROBLEM("central_error", "HTTP 500", "{\"outcome\":\"unknown\"}", OF_P) },
		{ REFUSAL("central_rate_limited", "slow down", "not_applied", "60", "-1", ""), 429,
		    "60",
		    PROBLEM("central_rate_limited", "slow down", "{\"outcome\":\"not_applied\"}",
			OF_P) },
		{ REFUSAL("central_auth_failed", "no", "not_applied", "-1", "-1", ""), 502, "",
		    PROBLEM("central_auth_failed", "no", "{\"outcome\":\"not_applied\"}", OF_P) },
		{ REFUSAL("central_unavailable", "refused", "not_sent", "0", "-1", ""), 503, "0",
		    PROBLEM("central_unavailable", "refused", "{\"outcome\":\"not_sent\"}", OF_P) },
		{ REFUSAL("overloaded", "busy", "not_sent", "1", "-1", ""), 503, "1",
		    PROBLEM("overloaded", "busy", "{\"outcome\":\"not_sent\"}", OF_P) },
		{ REFUSAL("idempotency_key_reused", "used", "not_sent", "-1", "0", ""), 409, "",
		    PROBLEM("idempotency_key_reused", "used", "{}", OF_P) },
	};

	check_rows(ONE, BODY, rows, sizeof(rows) / sizeof(rows[0]));
}

TEST(updates, batch_answers_item_by_item)
{
	static const struct row rows[] = {
		{ ANSWER(RESULT("P", "0", "7", "true", "t", "", "") "," RESULT(
		      "Q", "4", "3", "false", "t", "version_conflict", "m")),
		    200, "",
		    "{\"storeId\":\"store-s1\",\"totalCount\":2,\"successCount\":1,"
		    "\"failureCount\":1,\"results\":[{\"productId\":\"P\",\"newQuantity\":0,"
		    "\"newVersion\":7,\"applied\":true,\"lastUpdated\":\"t\"},{\"productId\":\"Q\","
		    "\"applied\":false,\"errorType\":\"version_conflict\",\"errorMessage\":\"m\","
		    "\"newQuantity\":4,\"newVersion\":3}]}" },
		{ ANSWER(RESULT("P", "0", "0", "false", "", "internal_error", "m") "," RESULT(
		      "Q", "0", "0", "false", "", "product_not_found", "n")),
		    200, "",
		    "{\"storeId\":\"store-s1\",\"totalCount\":2,\"successCount\":0,"
		    "\"failureCount\":2,\"results\":[{\"productId\":\"P\",\"applied\":false,"
		    "\"errorType\":\"internal_error\",\"errorMessage\":\"m\"},{\"productId\":\"Q\","
		    "\"applied\":false,\"errorType\":\"product_not_found\",\"errorMessage\":\"n\"}"
		    "]}" },
		{ REFUSAL("idempotency_key_reused", "used", "not_sent", "-1", "1", ""), 409, "",
		    PROBLEM("idempotency_key_reused", "used", "{\"index\":1}", "") },
		{ REFUSAL("central_timeout", "m", "unknown", "-1", "-1",
		      RESULT("P", "0", "7", "true", "t", "", "") "," RESULT(
			  "Q", "4", "3", "false", "t", "version_conflict", "m")),
		    504, "",
		    PROBLEM("central_timeout", "m",
			"{\"outcome\":\"unknown\",\"results\":[{\"productId\":\"P\","
			"\"newQuantity\":"
			"0,\"newVersion\":7,\"applied\":true,\"lastUpdated\":\"t\"},{\"productId\":"
			"\"Q\",\"applied\":false,\"errorType\":\"version_conflict\","
			"\"errorMessage\":\"m\",\"newQuantity\":4,\"newVersion\":3}]}",
			"") },
		{ REFUSAL("central_unavailable", "m", "not_sent", "7", "-1", ""), 503, "7",
		    PROBLEM("central_unavailable", "m", "{\"outcome\":\"not_sent\"}", "") },
		{ NULL, 504, "",
		    PROBLEM("central_timeout", UNKNOWN_MESSAGE, "{\"outcome\":\"unknown\"}", "") },
	};

	check_rows(BATCH, TWO, rows, sizeof(rows) / sizeof(rows[0]));
}

TEST(updates, a_batch_of_one_is_a_batch)
{
	struct shop_script script = { .takes = true,
		.answer = ANSWER(RESULT("P", "0", "7", "true", "", "", "")) };
	struct shop s;

	begin(&s);
	shop_daemon_says(&s, &script);
	shop_post(&s, BATCH, "{\"updates\":[" BODY "]}");
	ASSERT_TEXT(shop_body(&s),
	    "{\"storeId\":\"store-s1\",\"totalCount\":1,\"successCount\":1,\"failureCount\":0,"
	    "\"results\":[{\"productId\":\"P\",\"newQuantity\":0,\"newVersion\":7,\"applied\":"
	    "true}]}");
	ASSERT_TEXT(shop_daemon_heard(&s), "[" BODY "]");
	end(&s);
}

TEST(updates, a_daemon_that_is_not_there_was_sent_nothing)
{
	static const char expected[] = PROBLEM("sync_daemon_unavailable",
	    "The sync daemon isn't running; nothing was sent", "{\"outcome\":\"not_sent\"}", OF_P);
	struct shop_script dies = { 0 };
	struct shop s;

	shop_new(&s, 3);
	shop_post(&s, ONE, BODY);
	CU_ASSERT_EQUAL(s.response.status, 503);
	ASSERT_TEXT(shop_body(&s), expected);
	/* It dies before it takes it. */
	shop_daemon_begin(&s, &live);
	shop_daemon_says(&s, &dies);
	shop_post(&s, ONE, BODY);
	ASSERT_TEXT(shop_body(&s), expected);
	end(&s);
}

/* ---- what isn't forwarded ---- */

#define FIELDS_MESSAGE "The request can't be used; details.fields says what is wrong with it"
#define INVALID(fields, more) \
	PROBLEM("invalid_request", FIELDS_MESSAGE, "{\"fields\":[" fields "]}", more)

TEST(updates, invalid_ones_are_told_every_mistake_and_go_nowhere)
{
	static const struct {
		const char *uri, *body, *expected;
	} cases[] = {
		{ ONE, "{\"productId\":\"P\",\"delta\":0,\"version\":6,\"idempotencyKey\":\"\"}",
		    INVALID("{\"field\":\"delta\",\"issue\":\"must be an integer other than 0\"},"
			    "{\"field\":\"idempotencyKey\",\"issue\":\"must be a string of 1 to "
			    "200 bytes without control characters\"}",
			OF_P) },
		{ ONE, "", INVALID("{\"field\":\"\",\"issue\":\"must be valid JSON\"}", "") },
		{ BATCH, "{\"updates\":[" BODY ",7]}",
		    INVALID("{\"index\":1,\"field\":\"\",\"issue\":\"must be an object\"}", "") },
		{ BATCH, BODY, INVALID("{\"field\":\"updates\",\"issue\":\"is missing\"}", "") },
		{ ONE,
		    "{\"a\\\"\":1,\"a\\\"\":1,\"productId\":\"P\",\"delta\":-1,\"version\":6,"
		    "\"idempotencyKey\":\"k\"}",
		    INVALID("{\"field\":\"a\\\\\\\"\",\"issue\":\"stands twice\"}", OF_P) },
	};
	struct shop_script script = { .takes = true, .answer = ANSWER("") };
	struct shop s;

	begin(&s);
	shop_daemon_says(&s, &script);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		shop_post(&s, cases[i].uri, cases[i].body);
		CU_ASSERT_EQUAL(s.response.status, 400);
		ASSERT_TEXT(shop_body(&s), cases[i].expected);
	}
	ASSERT_TEXT(shop_daemon_heard(&s), "");
	end(&s);
}

TEST(updates, store_id_counts_only_where_ours_was_set)
{
	struct shop_script script = { .takes = true,
		.answer = ANSWER(RESULT("P", "8", "7", "true", "", "", "")) };
	static const char other[] = "{\"storeId\":\"store-s2\",\"productId\":\"P\",\"delta\":-2,"
				    "\"version\":6,\"idempotencyKey\":\"k\"}";
	static const char ours[] = "{\"storeId\":\"store-s1\",\"productId\":\"P\",\"delta\":-2,"
				   "\"version\":6,\"idempotencyKey\":\"k\"}";
	struct shop s;

	begin(&s);
	shop_daemon_says(&s, &script);
	shop_post(&s, ONE, other);
	CU_ASSERT_EQUAL(s.response.status, 200);
	end(&s);

	shop_prepare(&s);
	s.options.store_id_set = true;
	shop_open(&s);
	shop_daemon_begin(&s, &live);
	shop_daemon_says(&s, &script);
	shop_post(&s, ONE, other);
	CU_ASSERT_EQUAL(s.response.status, 400);
	ASSERT_TEXT(shop_body(&s), PROBLEM("store_mismatch", "The storeId is not this store's",
				       "{\"storeId\":\"store-s1\"}", OF_P));
	ASSERT_TEXT(shop_daemon_heard(&s), "");
	shop_post(&s, ONE, ours);
	CU_ASSERT_EQUAL(s.response.status, 200);
	shop_post(&s, ONE, BODY);
	CU_ASSERT_EQUAL(s.response.status, 200);
	ASSERT_TEXT(shop_daemon_heard(&s), "[" BODY "]");
	end(&s);
}

/* Also what is refused before any handler sees it. */
TEST(updates, every_problem_has_its_words_at_top_level)
{
	struct shop s;

	shop_new(&s, 3);
	shop_ask(&s, "POST", ONE, NULL);
	ASSERT_TEXT(shop_body(&s), PROBLEM("unauthorized", "Missing or invalid API key", "{}", ""));
	shop_ask(&s, "PUT", BATCH, SHOP_KEY);
	ASSERT_TEXT(shop_body(&s), PROBLEM("method_not_allowed",
				       "This path doesn't know the method; see Allow", "{}", ""));
	/* That is a product's, too. */
	shop_ask(&s, "GET", ONE, NULL);
	ASSERT_TEXT(shop_body(&s), "{\"error\":{\"code\":\"unauthorized\",\"message\":\"Missing or "
				   "invalid API key\",\"details\":{}}}");
	shop_close(&s);
}

TEST(updates, bodies_are_read_within_their_length_and_time)
{
	static const struct {
		const char *length;
		struct shop_body body;
		const char *outcome;
	} cases[] = {
		{ "100", { .text = BODY, .len = sizeof(BODY) - 1 }, "400 invalid_request" },
		{ "10", { .text = BODY, .len = sizeof(BODY) - 1 }, "400 invalid_request" },
		{ "0", { .text = BODY, .len = sizeof(BODY) - 1 }, "400 invalid_request" },
		{ "-1", { .text = BODY, .len = sizeof(BODY) - 1 }, "400 invalid_request" },
		{ "1e2", { .text = BODY, .len = sizeof(BODY) - 1 }, "400 invalid_request" },
		{ "1048577", { .text = BODY, .len = sizeof(BODY) - 1 }, "413 payload_too_large" },
		{ "99999999999999999999", { .text = "" }, "413 payload_too_large" },
		{ NULL, { .text = BODY, .len = sizeof(BODY) - 1 }, "200 -" },
		{ "", { .text = BODY, .len = sizeof(BODY) - 1, .piece = 1 }, "200 -" },
		{ NULL, { .text = BODY, .len = 20, .end = ST_TIMEOUT }, "408 request_timeout" },
		{ NULL, { .text = BODY, .len = sizeof(BODY) - 1, .end = ST_CLOSED },
		    "400 invalid_request" },
		{ NULL, { .text = BODY, .len = 20, .end = ST_NOMEM }, "500 internal" },
	};
	struct shop_script script = { .takes = true,
		.answer = ANSWER(RESULT("P", "8", "7", "true", "", "", "")) };
	struct shop s;

	begin(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shop_body body = cases[i].body;
		bool forwarded = strcmp(cases[i].outcome, "200 -") == 0;

		shop_daemon_says(&s, &script);
		shop_post_body(&s, ONE, cases[i].length, &body);
		ASSERT_TEXT(shop_outcome(&s), cases[i].outcome);
		ASSERT_TEXT(shop_daemon_heard(&s), forwarded ? "[" BODY "]" : "");
		if (s.response.status == 413)
			CU_ASSERT_EQUAL(body.at, 0);
	}
	end(&s);
}

/* Without a length, no more is read than shows that it is too much. */
TEST(updates, a_body_without_end_is_left_off)
{
	static char text[4 << 20];
	struct shop_body body = { .text = text, .len = sizeof(text) };
	struct shop s;

	memset(text, ' ', sizeof(text));
	shop_new(&s, 1);
	shop_post_body(&s, BATCH, NULL, &body);
	ASSERT_TEXT(shop_outcome(&s), "413 payload_too_large");
	CU_ASSERT_TRUE(body.at < (1 << 20) + 65536);
	shop_close(&s);
}

TEST(updates, a_body_of_just_the_limit_is_taken)
{
	struct shop_body body = { .text = BODY, .len = sizeof(BODY) - 1 };
	struct shop s;

	shop_prepare(&s);
	s.options.max_body_bytes = sizeof(BODY) - 1;
	shop_open(&s);
	shop_post_body(&s, ONE, NULL, &body);
	ASSERT_TEXT(shop_outcome(&s), "503 sync_daemon_unavailable");
	shop_close(&s);
}

/* It lives, and nothing was sent. */
TEST(updates, find_no_place_where_the_daemon_takes_no_connection)
{
	int listener, waiting;
	struct shop s;

	shop_prepare(&s);
	/* The process is to end, so that it is soon told. */
	s.options.stop_fd = eventfd(1, EFD_CLOEXEC);
	s.options.stop_ms = 10;
	shop_open(&s);
	listener = raw_listen(s.options.run_dir, 0);
	waiting = raw_connect(s.options.run_dir);
	shop_post(&s, ONE, BODY);
	ASSERT_TEXT(shop_outcome(&s), "503 overloaded");
	ASSERT_TEXT(shop_header(&s, "Retry-After"), "1");
	close(waiting);
	close(listener);
	close(s.options.stop_fd);
	shop_close(&s);
}
