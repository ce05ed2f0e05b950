#include <stdio.h>
#include <string.h>

#include "tool/request.h"
#include "unit.h"

static int say_yes(const struct answer *a, void *arg, struct buf *out)
{
	CU_ASSERT_PTR_NOT_NULL(a->response);
	buf_adds(out, arg);
	return TOOL_OK;
}

/* The exit code; the text is left in `text`. */
static int told(struct api_response *r, char text[512])
{
	static char word[] = "yes";
	struct buf out;
	int code;

	buf_init(&out, 4096);
	code = request_text(r, say_yes, word, &out);
	snprintf(text, 512, "%s", buf_text(&out));
	buf_free(&out);
	return code;
}

TEST(tool_request, each_problem_has_its_exit_code)
{
	static const struct {
		const char *code;
		int exit_code;
	} cases[] = {
		{ "product_not_found", 1 },
		{ "sync_failed", 1 },
		{ "invalid_parameter", 2 },
		{ "invalid_path", 2 },
		{ "cache_not_ready", 69 },
		{ "storage_error", 69 },
		{ "sync_daemon_unavailable", 69 },
		{ "anything_else", 69 },
	};
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct api_response r;

		api_response_init(&r);
		api_problem(&r, 500, cases[i].code, "what \x1b[1m it is");
		CU_ASSERT_EQUAL(told(&r, text), cases[i].exit_code);
		CU_ASSERT_EQUAL(strncmp(text, "what \\x1b[1m it is", 18), 0);
		api_response_free(&r);
	}
}

TEST(tool_request, a_problem_is_told_in_one_line)
{
	struct api_response r;
	char text[512];

	api_response_init(&r);
	r.status = 400;
	buf_adds(&r.body,
	    "{\"error\":{\"code\":\"invalid_parameter\",\"message\":\"m\",\"details\":{"
	    "\"parameter\":\"limit\",\"allowed\":\"a number\"}}}");
	CU_ASSERT_EQUAL(told(&r, text), TOOL_USAGE);
	ASSERT_TEXT(text, "--limit: allowed: a number");
	buf_reset(&r.body);
	buf_adds(&r.body,
	    "{\"error\":{\"code\":\"product_not_found\",\"message\":\"no such thing\","
	    "\"details\":{\"productId\":\"a\\nb\"}}}");
	CU_ASSERT_EQUAL(told(&r, text), TOOL_NEGATIVE);
	ASSERT_TEXT(text, "no such thing: a\\x0ab");
	api_response_free(&r);
}

TEST(tool_request, a_good_answer_is_the_printers)
{
	struct api_response r;
	char text[512];

	api_response_init(&r);
	r.status = 202;
	buf_adds(&r.body, "{}");
	CU_ASSERT_EQUAL(told(&r, text), TOOL_OK);
	ASSERT_TEXT(text, "yes");
	buf_reset(&r.body);
	buf_adds(&r.body, "{");
	CU_ASSERT_EQUAL(told(&r, text), TOOL_SYSTEM);
	api_response_free(&r);
}

TEST(tool_request, the_age_is_read_from_its_header)
{
	struct api_response r;

	api_response_init(&r);
	CU_ASSERT_EQUAL(response_age(&r), -1);
	buf_adds(&r.headers, "X-Request-Id: a\r\nAge: 42\r\nX-Store-Sync-State: live\r\n");
	CU_ASSERT_EQUAL(response_age(&r), 42);
	buf_reset(&r.headers);
	buf_adds(&r.headers, "X-Request-Id: a\r\nX-Age: 42\r\nAge: -1\r\n");
	CU_ASSERT_EQUAL(response_age(&r), -1);
	api_response_free(&r);
}
