#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/message.h"
#include "unit.h"

#define ITEM(id, key) \
	"{\"productId\":\"" id "\",\"delta\":-1,\"version\":6,\"idempotencyKey\":\"" key "\"}"
#define UPDATE(batch, items) \
	"{\"v\":1,\"id\":\"r-1\",\"type\":\"update\",\"batch\":" batch ",\"items\":" items "}"

static struct buf written(void)
{
	struct buf b;

	buf_init(&b, CONTROL_MESSAGE_MAX);
	return b;
}

TEST(control_update, request_is_read_and_written_alike)
{
	static const char *const texts[] = { UPDATE("false", "[" ITEM("P", "k") "]"),
		UPDATE("true", "[" ITEM("P", "k") "]"),
		UPDATE("true", "[" ITEM("P\\\"日", "k") "," ITEM("Q", "l") "]") };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct control_request got;
		struct buf text = written();

		CU_ASSERT_EQUAL(control_request_read(texts[i], strlen(texts[i]), &got), ST_OK);
		CU_ASSERT_EQUAL(got.type, CONTROL_UPDATE);
		CU_ASSERT_EQUAL(got.updates.batch, i > 0);
		control_request_write(&got, &text);
		ASSERT_TEXT(buf_text(&text), texts[i]);
		control_request_free(&got);
		buf_free(&text);
	}
	control_request_free(NULL);
}

TEST(control_update, request_refuses_all_else)
{
	static const char *const bad[] = {
		UPDATE("false", "[]"),
		UPDATE("true", "[]"),
		UPDATE("1", "[" ITEM("P", "k") "]"),
		UPDATE("null", "[" ITEM("P", "k") "]"),
		UPDATE("false", "[" ITEM("P", "k") "," ITEM("Q", "l") "]"),
		UPDATE("true", "[" ITEM("P", "k") "," ITEM("Q", "k") "]"),
		UPDATE("false", "[" ITEM("", "k") "]"),
		UPDATE("false", "[" ITEM("P", "") "]"),
		UPDATE("false", ITEM("P", "k")),
		UPDATE("false", "null"),
		"{\"v\":1,\"id\":\"r-1\",\"type\":\"update\",\"items\":[" ITEM("P", "k") "]}",
		"{\"v\":1,\"id\":\"r-1\",\"type\":\"update\",\"batch\":false}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct control_request got;

		CU_ASSERT_EQUAL(control_request_read(bad[i], strlen(bad[i]), &got), ST_INVALID);
		ASSERT_TEXT(got.id, "r-1");
		control_request_free(&got);
	}
}

TEST(control_update, taken_is_told_apart_from_all_else)
{
	static const char *const bad[] = { "", "{\"v\":1,\"id\":\"r-1\",\"ok\":true}",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"taken\":true,\"withinMs\":9}",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"taken\":false,\"withinMs\":9}",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"taken\":true}",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"taken\":true,\"withinMs\":-1}",
		"{\"v\":1,\"id\":\"r-2\",\"ok\":true,\"taken\":true,\"withinMs\":9}",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"results\":[]}" };
	struct buf text = written();
	int64_t within = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(
		    control_taken_read(bad[i], strlen(bad[i]), "r-1", &within), ST_INVALID);
	CU_ASSERT_EQUAL(within, 77);
	control_taken_write("r-1", 9000, &text);
	ASSERT_TEXT(buf_text(&text),
	    "{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"taken\":true,\"withinMs\":9000}");
	CU_ASSERT_EQUAL(control_taken_read(text.data, text.len, "r-1", &within), ST_OK);
	CU_ASSERT_EQUAL(within, 9000);
	buf_free(&text);
}

#define RESULT                                                                      \
	"{\"productId\":\"P\",\"newQuantity\":8,\"newVersion\":7,\"applied\":true," \
	"\"lastUpdated\":\"t\",\"errorType\":\"\",\"errorMessage\":\"\"}"
#define BAD(code, outcome, retry, index)                                              \
	"{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"code\":" code ",\"message\":\"why\"," \
	"\"outcome\":" outcome ",\"retryAfter\":" retry ",\"index\":" index ",\"results\":[]}"

TEST(control_update, answer_is_read_and_written_alike)
{
	static const struct {
		const char *text;
		enum control_update_end end;
		enum control_outcome outcome;
		int64_t retry, index;
	} cases[] = {
		{ "{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"results\":[" RESULT "," RESULT "]}",
		    CONTROL_UPDATE_ANSWERED, CONTROL_NOT_SENT, -1, -1 },
		{ BAD("\"idempotency_key_reused\"", "\"not_sent\"", "-1", "99"),
		    CONTROL_UPDATE_KEY_REUSED, CONTROL_NOT_SENT, -1, 99 },
		{ BAD("\"central_rate_limited\"", "\"not_applied\"", "60", "-1"),
		    CONTROL_UPDATE_RATE_LIMITED, CONTROL_NOT_APPLIED, 60, -1 },
		{ BAD("\"central_auth_failed\"", "\"not_applied\"", "-1", "-1"),
		    CONTROL_UPDATE_AUTH_FAILED, CONTROL_NOT_APPLIED, -1, -1 },
		{ BAD("\"central_unavailable\"", "\"not_sent\"", "0", "-1"),
		    CONTROL_UPDATE_UNAVAILABLE, CONTROL_NOT_SENT, 0, -1 },
		{ BAD("\"central_timeout\"", "\"unknown\"", "-1", "-1"), CONTROL_UPDATE_TIMEOUT,
		    CONTROL_UNKNOWN, -1, -1 },
		{ BAD("\"central_error\"", "\"unknown\"", "-1", "-1"), CONTROL_UPDATE_ERROR,
		    CONTROL_UNKNOWN, -1, -1 },
		{ BAD("\"overloaded\"", "\"not_sent\"", "1", "-1"), CONTROL_UPDATE_OVERLOADED,
		    CONTROL_NOT_SENT, 1, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_update got = { .end = CONTROL_UPDATE_END_COUNT };
		struct buf text = written();

		CU_ASSERT_EQUAL_FATAL(
		    control_update_read(cases[i].text, strlen(cases[i].text), "r-1", &got), ST_OK);
		CU_ASSERT_EQUAL(got.end, cases[i].end);
		CU_ASSERT_EQUAL(got.outcome, cases[i].outcome);
		CU_ASSERT_EQUAL(got.retry_after_s, cases[i].retry);
		CU_ASSERT_EQUAL(got.index, cases[i].index);
		CU_ASSERT_EQUAL(got.results.n, i == 0 ? 2 : 0);
		control_update_write("r-1", &got, &text);
		ASSERT_TEXT(buf_text(&text), cases[i].text);
		update_results_free(&got.results);
		buf_free(&text);
	}
}

TEST(control_update, answer_refuses_all_else)
{
	static const char *const bad[] = {
		"",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":true}",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"results\":{}}",
		"{\"v\":1,\"id\":\"r-2\",\"ok\":true,\"results\":[]}",
		"{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"code\":\"bad_message\",\"message\":\"m\"}",
		BAD("\"bored\"", "\"unknown\"", "-1", "-1"),
		BAD("\"\"", "\"unknown\"", "-1", "-1"),
		BAD("\"central_error\"", "\"maybe\"", "-1", "-1"),
		BAD("\"central_error\"", "\"unknown\"", "-2", "-1"),
		BAD("\"central_error\"", "\"unknown\"", "-1", "100"),
		BAD("\"central_error\"", "null", "-1", "-1"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct control_update got = { .index = 77 };

		CU_ASSERT_EQUAL(
		    control_update_read(bad[i], strlen(bad[i]), "r-1", &got), ST_INVALID);
		CU_ASSERT_EQUAL(got.index, 77);
	}
}

/* A text that is too long is cut, between two characters. */
TEST(control_update, message_is_cut_to_its_room)
{
	struct control_update got, asked = { .end = CONTROL_UPDATE_ERROR, .index = -1 };
	struct buf text = written();

	buf_adds(&text,
	    "{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"code\":\"central_error\",\"message\":"
	    "\"");
	for (int i = 0; i < 200; i++)
		buf_adds(&text, "ä");
	buf_adds(
	    &text, "\",\"outcome\":\"unknown\",\"retryAfter\":-1,\"index\":-1,\"results\":[]}");
	CU_ASSERT_EQUAL(control_update_read(text.data, text.len, "r-1", &got), ST_OK);
	CU_ASSERT_EQUAL(strlen(got.message), 254);
	CU_ASSERT_TRUE(text_is_utf8(got.message, 254));
	update_results_free(&got.results);
	buf_reset(&text);
	snprintf(asked.message, sizeof(asked.message), "%s", "a \"quoted\" reason");
	control_update_write("r-1", &asked, &text);
	CU_ASSERT_EQUAL(control_update_read(text.data, text.len, "r-1", &got), ST_OK);
	ASSERT_TEXT(got.message, asked.message);
	update_results_free(&got.results);
	buf_free(&text);
}

TEST(control_update, outcomes_have_words)
{
	ASSERT_TEXT(control_outcome_text(CONTROL_NOT_SENT), "not_sent");
	ASSERT_TEXT(control_outcome_text(CONTROL_NOT_APPLIED), "not_applied");
	ASSERT_TEXT(control_outcome_text(CONTROL_UNKNOWN), "unknown");
	ASSERT_TEXT(control_outcome_text(CONTROL_OUTCOME_COUNT), "");
}

/* ---- sync ---- */

TEST(control_sync, answer_is_read_and_written_alike)
{
	static const struct control_sync syncs[] = {
		{ FAILURE_NONE, "" },
		{ FAILURE_CONNECT, "nobody \"there\"" },
		{ FAILURE_TIMEOUT, "" },
		{ FAILURE_STORAGE, "full" },
	};

	for (size_t i = 0; i < sizeof(syncs) / sizeof(syncs[0]); i++) {
		struct control_sync got = { FAILURE_AUTH, "before" };
		struct buf text = written();

		control_sync_write("r-1", &syncs[i], &text);
		CU_ASSERT_EQUAL(control_sync_read(text.data, text.len, "r-1", &got), ST_OK);
		CU_ASSERT_EQUAL(got.failure, syncs[i].failure);
		ASSERT_TEXT(got.message, syncs[i].message);
		CU_ASSERT_EQUAL(control_sync_read(text.data, text.len, "r-2", &got), ST_INVALID);
		buf_free(&text);
	}
}

#define REFUSED "{\"v\":1,\"id\":\"r-1\",\"ok\":false"

TEST(control_sync, answer_refuses_all_else)
{
	static const char *const bad[] = {
		REFUSED "}",
		REFUSED ",\"code\":\"bad_message\",\"message\":\"m\"}",
		REFUSED ",\"code\":\"sync_failed\",\"message\":\"m\"}",
		REFUSED ",\"code\":\"sync_failed\",\"message\":\"m\",\"class\":\"\"}",
		REFUSED ",\"code\":\"sync_failed\",\"class\":\"auth\"}",
		REFUSED ",\"code\":\"denied\",\"message\":\"m\",\"class\":\"auth\"}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct control_sync got = { FAILURE_AUTH, "before" };

		CU_ASSERT_EQUAL(control_sync_read(bad[i], strlen(bad[i]), "r-1", &got), ST_INVALID);
		ASSERT_TEXT(got.message, "before");
	}
}
