#include <stdio.h>
#include <string.h>

#include "control/message.h"
#include "unit.h"

#define ID_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct buf written(void)
{
	struct buf b;

	buf_init(&b, CONTROL_MESSAGE_MAX);
	return b;
}

TEST(control_message, request_reads_what_it_wrote)
{
	static const struct control_request requests[] = {
		{ .type = CONTROL_STATUS, .id = "r-1" },
		{ .type = CONTROL_SYNC, .id = "r.2_X" },
		{ .type = CONTROL_SYNC, .id = "r.2_X", .wait = true },
		{ .type = CONTROL_SYNC, .id = "damage-7", .damaged = true },
		{ .type = CONTROL_SYNC, .id = "crashes-7", .damaged = true, .ago_ms = 4500 },
		{ .type = CONTROL_STATUS, .id = ID_64 },
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct control_request got = { 0 };
		struct buf text = written();

		control_request_write(&requests[i], &text);
		CU_ASSERT_EQUAL(control_request_read(text.data, text.len, &got), ST_OK);
		CU_ASSERT_EQUAL(got.type, requests[i].type);
		CU_ASSERT_EQUAL(got.wait, requests[i].wait);
		CU_ASSERT_EQUAL(got.damaged, requests[i].damaged);
		CU_ASSERT_EQUAL(got.ago_ms, requests[i].ago_ms);
		ASSERT_TEXT(got.id, requests[i].id);
		buf_free(&text);
	}
}

TEST(control_message, request_has_the_documented_form)
{
	struct control_request request = { .type = CONTROL_SYNC, .id = "r-1" };
	struct buf text = written();

	control_request_write(&request, &text);
	ASSERT_TEXT(buf_text(&text), "{\"v\":1,\"id\":\"r-1\",\"type\":\"sync\",\"wait\":false}");
	buf_free(&text);
}

TEST(control_message, request_ignores_members_that_it_does_not_know)
{
	const char *text = " {\"x\":[1,{}],\"type\":\"status\",\"id\":\"r\",\"v\":1} ";
	struct control_request got;

	CU_ASSERT_EQUAL(control_request_read(text, strlen(text), &got), ST_OK);
	CU_ASSERT_EQUAL(got.type, CONTROL_STATUS);
}

TEST(control_message, request_refuses_all_else)
{
	static const struct {
		const char *text, *id; /* id: what could be read of it */
	} cases[] = {
		{ "", "" },
		{ "x", "" },
		{ "null", "" },
		{ "[]", "" },
		{ "{}", "" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":\"status\"", "" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":\"status\"}{}", "" },
		{ "{\"v\":1,\"id\":\"r\"}", "r" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":\"\"}", "r" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":\"Status\"}", "r" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":0}", "r" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":null}", "r" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":\"sync\",\"wait\":1}", "r" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":\"sync\",\"damaged\":1}", "r" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":\"sync\",\"damaged\":true,\"agoMs\":-1}", "r" },
		{ "{\"v\":1,\"id\":\"r\",\"type\":\"sync\",\"wait\":null}", "r" },
		{ "{\"id\":\"r\",\"type\":\"status\"}", "r" },
		{ "{\"v\":2,\"id\":\"r\",\"type\":\"status\"}", "r" },
		{ "{\"v\":0,\"id\":\"r\",\"type\":\"status\"}", "r" },
		{ "{\"v\":-1,\"id\":\"r\",\"type\":\"status\"}", "r" },
		{ "{\"v\":1.0,\"id\":\"r\",\"type\":\"status\"}", "r" },
		{ "{\"v\":\"1\",\"id\":\"r\",\"type\":\"status\"}", "r" },
		{ "{\"v\":1,\"v\":1,\"id\":\"r\",\"type\":\"status\"}", "" },
		{ "{\"v\":1,\"type\":\"status\"}", "" },
		{ "{\"v\":1,\"id\":\"\",\"type\":\"status\"}", "" },
		{ "{\"v\":1,\"id\":7,\"type\":\"status\"}", "" },
		{ "{\"v\":1,\"id\":\"a\\u0000b\",\"type\":\"status\"}", "" },
		{ "{\"v\":1,\"id\":\"a\\nb\",\"type\":\"status\"}", "" },
		{ "{\"v\":1,\"id\":\"" ID_64 "a\",\"type\":\"status\"}", "" },
		{ "{\"v\":1,\"id\":\"\xff\",\"type\":\"status\"}", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_request got = { .id = "before" };
		enum st_err err = control_request_read(cases[i].text, strlen(cases[i].text), &got);

		if (err != ST_INVALID)
			printf("\naccepted: %s\n", cases[i].text);
		CU_ASSERT_EQUAL(err, ST_INVALID);
		ASSERT_TEXT(got.id, cases[i].id);
	}
}

static void round_trip(const struct control_status *s)
{
	struct control_status got;
	struct buf text = written();

	memset(&got, 0xff, sizeof(got));
	control_status_write("r-1", s, &text);
	CU_ASSERT_EQUAL(control_status_read(text.data, text.len, "r-1", &got), ST_OK);
	CU_ASSERT_EQUAL(got.state, s->state);
	CU_ASSERT_EQUAL(got.next_poll_at, s->next_poll_at);
	CU_ASSERT_EQUAL(got.state_since, s->state_since);
	CU_ASSERT_EQUAL(got.consecutive_failures, s->consecutive_failures);
	CU_ASSERT_EQUAL(got.full_sync_failures, s->full_sync_failures);
	CU_ASSERT_EQUAL(got.last_contact_at, s->last_contact_at);
	CU_ASSERT_EQUAL(got.failure, s->failure);
	CU_ASSERT_EQUAL(got.failed_at, s->failure ? s->failed_at : 0);
	ASSERT_TEXT(got.failure_message, s->failure ? s->failure_message : "");
	ASSERT_TEXT(got.version, s->version);
	CU_ASSERT_EQUAL(got.full_sync_running, s->full_sync_running);
	if (s->full_sync_running) {
		CU_ASSERT_EQUAL(got.full_sync_reason, s->full_sync_reason);
		CU_ASSERT_EQUAL(got.pages_done, s->pages_done);
		CU_ASSERT_EQUAL(got.products_seen, s->products_seen);
		CU_ASSERT_EQUAL(got.products_total, s->products_total);
	}
	buf_free(&text);
}

TEST(control_message, status_reads_what_it_wrote)
{
	static const struct control_status statuses[] = {
		{ .state = SYNC_STARTING, .next_poll_at = -1, .last_contact_at = -1 },
		{ .state = SYNC_FALLBACK,
		    .next_poll_at = 0,
		    .state_since = 1,
		    .consecutive_failures = UINT32_MAX,
		    .full_sync_failures = INT64_MAX,
		    .last_contact_at = INT64_MAX,
		    .failure = FAILURE_STORAGE,
		    .failed_at = INT64_MAX,
		    .failure_message = "a \"full\" disk\n",
		    .version = "0.1.0" },
		{ .state = SYNC_LIVE,
		    .full_sync_running = true,
		    .full_sync_reason = FULL_SYNC_INITIAL,
		    .products_total = -1,
		    .next_poll_at = 1700000000,
		    .failure = FAILURE_CONNECT },
		{ .state = SYNC_RETRYING,
		    .full_sync_running = true,
		    .full_sync_reason = FULL_SYNC_VERIFY_MISMATCH,
		    .pages_done = INT64_MAX,
		    .products_seen = INT64_MAX,
		    .products_total = INT64_MAX,
		    .next_poll_at = INT64_MAX },
	};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		round_trip(&statuses[i]);
}

#define HEAD "{\"v\":1,\"id\":\"r-1\",\"ok\":true"
#define REST                                                               \
	",\"stateSince\":1,\"lastContactAt\":1,\"consecutiveFailures\":1," \
	"\"fullSyncFailures\":1"
#define GOOD HEAD ",\"state\":\"live\",\"nextPollAt\":1" REST

TEST(control_message, status_refuses_all_else)
{
	static const char *const bad[] = {
		"",
		"[]",
		GOOD,
		HEAD "}",
		HEAD ",\"state\":\"live\"" REST "}",
		HEAD ",\"nextPollAt\":1" REST "}",
		HEAD ",\"state\":\"live\",\"nextPollAt\":1}",
		HEAD ",\"state\":\"stopped\",\"nextPollAt\":1" REST "}",
		HEAD ",\"state\":\"\",\"nextPollAt\":1" REST "}",
		HEAD ",\"state\":1,\"nextPollAt\":1" REST "}",
		HEAD ",\"state\":\"live\",\"nextPollAt\":-2" REST "}",
		HEAD ",\"state\":\"live\",\"nextPollAt\":9223372036854775808" REST "}",
		GOOD ",\"failure\":{}}",
		GOOD ",\"failure\":null}",
		GOOD ",\"failure\":{\"class\":\"\",\"at\":1,\"message\":\"\"}}",
		GOOD ",\"failure\":{\"class\":\"bored\",\"at\":1,\"message\":\"\"}}",
		GOOD ",\"failure\":{\"class\":\"auth\",\"message\":\"\"}}",
		GOOD ",\"failure\":{\"class\":\"auth\",\"at\":-1,\"message\":\"\"}}",
		GOOD ",\"failure\":{\"class\":\"auth\",\"at\":1}}",
		"{\"v\":1,\"id\":\"r-2\",\"ok\":true,\"state\":\"live\",\"nextPollAt\":1" REST "}",
		"{\"v\":2,\"id\":\"r-1\",\"ok\":true,\"state\":\"live\",\"nextPollAt\":1" REST "}",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"state\":\"live\",\"nextPollAt\":1" REST "}",
		"{\"v\":1,\"id\":\"r-1\",\"state\":\"live\",\"nextPollAt\":1" REST "}",
		GOOD ",\"version\":1}",
		GOOD ",\"fullSync\":{}}",
		GOOD
		",\"fullSync\":{\"reason\":\"\",\"pagesDone\":1,\"productsSeen\":1,\"total\":1}}",
		GOOD ",\"fullSync\":{\"reason\":\"bored\",\"pagesDone\":1,\"productsSeen\":1,"
		     "\"total\":1}}",
		GOOD ",\"fullSync\":{\"reason\":\"initial\",\"pagesDone\":-1,\"productsSeen\":1,"
		     "\"total\":1}}",
		GOOD ",\"fullSync\":{\"reason\":\"initial\",\"pagesDone\":1,\"productsSeen\":1}}",
	};
	struct control_status before = { .state = SYNC_FALLBACK, .next_poll_at = 77 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct control_status got = before;
		enum st_err err = control_status_read(bad[i], strlen(bad[i]), "r-1", &got);

		if (err != ST_INVALID)
			printf("\naccepted: %s\n", bad[i]);
		CU_ASSERT_EQUAL(err, ST_INVALID);
		/* Results stay untouched on failure. */
		CU_ASSERT_EQUAL(got.state, before.state);
		CU_ASSERT_EQUAL(got.next_poll_at, before.next_poll_at);
	}
}

TEST(control_message, done_and_refusal_are_told_apart)
{
	struct buf text = written();

	control_done_write("r-1", &text);
	ASSERT_TEXT(buf_text(&text), "{\"v\":1,\"id\":\"r-1\",\"ok\":true}");
	CU_ASSERT_EQUAL(control_done_read(text.data, text.len, "r-1"), ST_OK);
	CU_ASSERT_EQUAL(control_done_read(text.data, text.len, "r-2"), ST_INVALID);
	buf_reset(&text);
	control_refusal_write("r-1", "bad_message", "no \"request\"", &text);
	ASSERT_TEXT(buf_text(&text),
	    "{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"code\":\"bad_message\","
	    "\"message\":\"no \\\"request\\\"\"}");
	CU_ASSERT_EQUAL(control_done_read(text.data, text.len, "r-1"), ST_INVALID);
	buf_free(&text);
}
