/* The records themselves, taken from stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "unit.h"

static char captured[20000];
static int saved_stderr, pipe_fds[2];

static void capture_begin(void)
{
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	CU_ASSERT_EQUAL_FATAL(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	close(pipe_fds[1]);
}

/* What was logged, without the time at its front. */
static const char *capture_end(void)
{
	ssize_t n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = read(pipe_fds[0], captured, sizeof(captured) - 1);
	close(pipe_fds[0]);
	captured[n > 0 ? n : 0] = '\0';
	return captured;
}

static const char *behind(const char *text, const char *mark)
{
	const char *at = strstr(text, mark);

	return at ? at : "(not there)";
}

TEST(base_log, logfmt_quotes_and_escapes_what_it_must)
{
	log_open("unit", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	capture_begin();
	log_warn("two words", log_text("plain", "a/b:c"), log_text("quoted", "a \"b\" = \\"),
	    log_text("lines", "x\ny\tz\x7f"), log_text("utf8", "\xc3\xa9"),
	    log_bytes("broken", "a\xff\0b", 4), log_text("empty", ""), log_text("none", NULL),
	    log_number("n", -7));
	ASSERT_TEXT(behind(capture_end(), " level="),
	    " level=WARN ident=unit msg=\"two words\" plain=a/b:c quoted=\"a \\\"b\\\" = \\\\\" "
	    "lines=\"x\\ny\\x09z\\x7f\" utf8=\"\xc3\xa9\" broken=\"a\\xff\\x00b\" empty=\"\" "
	    "n=-7\n");
}

TEST(base_log, a_record_begins_with_its_time)
{
	capture_begin();
	log_error("x");
	capture_end();
	CU_ASSERT_EQUAL(strncmp(captured, "time=20", 7), 0);
	CU_ASSERT_EQUAL(captured[24], 'Z');
	CU_ASSERT_EQUAL(captured[25], ' ');
}

TEST(base_log, json_is_json_whatever_comes_in)
{
	log_open("unit", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	capture_begin();
	log_info("m", log_text("a", "q\"\n"), log_bytes("b", "\xff", 1), log_number("n", 3));
	ASSERT_TEXT(behind(capture_end(), "\"level\""),
	    "\"level\":\"INFO\",\"ident\":\"unit\",\"msg\":\"m\",\"a\":\"q\\\"\\n\",\"b\":"
	    "\"\xef\xbf\xbd\","
	    "\"n\":3}\n");
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

TEST(base_log, levels_below_the_wanted_one_are_silent)
{
	capture_begin();
	log_debug("no");
	log_set(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	log_warn("no");
	log_error("yes");
	capture_end();
	CU_ASSERT_PTR_NULL(strstr(captured, "msg=no"));
	CU_ASSERT_PTR_NOT_NULL(strstr(captured, "msg=yes"));
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

TEST(base_log, long_text_is_cut_between_characters)
{
	char text[3000];

	/* Odd offset: a plain cut would split a character of two bytes. */
	text[0] = 'x';
	for (size_t i = 1; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	capture_begin();
	log_error("long", log_bytes("t", text, sizeof(text) - 1));
	capture_end();
	CU_ASSERT_TRUE(strlen(captured) < LOG_TEXT_MAX + 200);
	CU_ASSERT_PTR_NULL(strstr(captured, "\\x"));
}

TEST(base_log, repeats_are_thinned_out)
{
	struct log_repeat r = { 0 };
	struct mono start = { 1000000 };
	int logged = 0;

	CU_ASSERT_FALSE(log_repeat_ended(&r));
	CU_ASSERT_TRUE(log_repeat_failed(&r, start));
	CU_ASSERT_EQUAL(r.unlogged, 1);
	for (int second = 1; second < 10; second++)
		logged += log_repeat_failed(&r, mono_add_ms(start, second * 1000));
	CU_ASSERT_EQUAL(logged, 0);
	CU_ASSERT_TRUE(log_repeat_failed(&r, mono_add_ms(start, 10000)));
	CU_ASSERT_EQUAL(r.unlogged, 10);
	for (int second = 11; second <= 24 * 3600; second++)
		logged += log_repeat_failed(&r, mono_add_ms(start, second * 1000));
	/* 20 s later, 40 s, … up to an hour, then one an hour. */
	CU_ASSERT_TRUE(logged >= 29 && logged <= 33);
	CU_ASSERT_TRUE(log_repeat_ended(&r));
	CU_ASSERT_EQUAL(r.count, 24 * 3600 + 1);
	CU_ASSERT_FALSE(log_repeat_ended(&r));
	CU_ASSERT_TRUE(log_repeat_failed(&r, start));
	CU_ASSERT_EQUAL(r.count, 1);
}
