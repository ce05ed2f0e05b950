/* The records themselves, taken from stderr. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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
	    "lines=\"x\\ny\\u0009z\\u007f\" utf8=\"\xc3\xa9\" "
	    "broken=\"a\xef\xbf\xbd\\u0000b\" empty=\"\" "
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
	log_set(LOG_LEVEL_NONE, LOG_FORMAT_LOGFMT);
	log_error("no");
	capture_end();
	CU_ASSERT_PTR_NULL(strstr(captured, "msg=no"));
	CU_ASSERT_PTR_NOT_NULL(strstr(captured, "msg=yes"));
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

/* C0 and C1 commands of terminals, line ends of Unicode, text from right to left. */
TEST(base_log, nothing_reaches_a_terminal_but_text)
{
	static const char hostile[] = "\x1b[31m|\xc2\x9b"
				      "1m|\xe2\x80\xa8|\xe2\x80\xae|"
				      "\xef\xbb\xbf|\xf0\x9f\x98\x80|\xed\xa0\x80";
	static const char shown[] = "\"\\u001b[31m|\\u009b1m|\\u2028|\\u202e|\\ufeff|"
				    "\xf0\x9f\x98\x80|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"";
	char expected[200];

	for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
		log_set(LOG_LEVEL_INFO, (enum log_format)format);
		capture_begin();
		log_info("m", log_text("t", hostile));
		capture_end();
		snprintf(expected, sizeof(expected),
		    format == LOG_FORMAT_JSON ? ",\"t\":%s}\n" : " t=%s\n", shown);
		ASSERT_TEXT(behind(captured, expected), expected);
	}
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

TEST(base_log, long_text_is_cut_between_characters_and_says_so)
{
	char text[3000];
	const char *shown;

	/* Odd offset: a plain cut would split a character of two bytes. */
	text[0] = 'x';
	for (size_t i = 1; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	capture_begin();
	log_error("long", log_bytes("t", text, sizeof(text) - 1));
	capture_end();
	shown = behind(captured, "t=\"");
	CU_ASSERT_TRUE(strlen(shown) <= LOG_TEXT_MAX + 5);
	CU_ASSERT_TRUE(strlen(shown) >= LOG_TEXT_MAX);
	ASSERT_TEXT(behind(shown, "\xc3\xa9\xe2\x80\xa6"), "\xc3\xa9\xe2\x80\xa6\"\n");
	CU_ASSERT_PTR_NULL(strstr(captured, "\xef\xbf\xbd"));
}

/* Above that a pipe would take it in parts. */
TEST(base_log, no_record_is_longer_than_a_pipe_takes_whole)
{
	char bad[3000];
	struct log_field f;

	memset(bad, 1, sizeof(bad));
	f = log_bytes("t", bad, sizeof(bad));
	for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
		log_set(LOG_LEVEL_INFO, (enum log_format)format);
		capture_begin();
		log_info("m", f, f, f, f, f, log_number("n", INT64_MIN));
		capture_end();
		CU_ASSERT_TRUE(strlen(captured) <= PIPE_BUF);
		CU_ASSERT_TRUE(strlen(captured) > PIPE_BUF - 200);
		ASSERT_TEXT(captured + strlen(captured) - 5,
		    format == LOG_FORMAT_JSON ? "\x80\xa6\"}\n" : "\xe2\x80\xa6\"\n");
	}
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

static void log_many(char letter)
{
	char text[2000];

	memset(text, letter, sizeof(text));
	for (int i = 0; i < 200; i++)
		log_error("many", log_bytes("a", text, sizeof(text)),
		    log_bytes("b", text, sizeof(text)), log_bytes("c", text, sizeof(text)));
}

/* A line that isn't of one letter alone was torn. */
static bool is_whole(const char *line)
{
	const char *at = strstr(line, " a=\"");

	if (strncmp(line, "time=", 5) != 0 || !at || line[strlen(line) - 1] != '\n')
		return false;
	for (const char *p = at + 4; *p; p++)
		if (*p >= 'A' && *p <= 'Z' && *p != at[4])
			return false;
	return true;
}

TEST(base_log, lines_are_whole_when_processes_write_at_once)
{
	char *line = NULL;
	size_t size = 0;
	int lines = 0, torn = 0;
	pid_t pids[4];
	FILE *in;

	capture_begin();
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			log_many((char)('A' + i));
			_exit(0);
		}
	}
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	in = fdopen(pipe_fds[0], "r");
	while (getline(&line, &size, in) > 0) {
		lines++;
		torn += !is_whole(line);
	}
	for (int i = 0; i < 4; i++)
		waitpid(pids[i], NULL, 0);
	free(line);
	fclose(in);
	CU_ASSERT_EQUAL(lines, 800);
	CU_ASSERT_EQUAL(torn, 0);
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

TEST(base_log, what_others_cause_is_limited_and_counted)
{
	struct log_limit l;
	struct mono now = { 1000000 };
	uint64_t records = 0;

	log_limit_init(&l, 3, 1000);
	for (int i = 0; i < 10; i++)
		records += log_limit_take(&l, now);
	CU_ASSERT_EQUAL(records, 3);
	CU_ASSERT_EQUAL(log_limit_rest(&l, mono_add_ms(now, 999)), 0);
	/* The first record of the next period stands for those too. */
	CU_ASSERT_EQUAL(log_limit_take(&l, mono_add_ms(now, 1000)), 8);
	CU_ASSERT_EQUAL(log_limit_take(&l, mono_add_ms(now, 1001)), 1);
	CU_ASSERT_EQUAL(log_limit_take(&l, mono_add_ms(now, 1001)), 1);
	CU_ASSERT_EQUAL(log_limit_take(&l, mono_add_ms(now, 1002)), 0);
	CU_ASSERT_EQUAL(log_limit_rest(&l, mono_add_ms(now, 2000)), 1);
	CU_ASSERT_EQUAL(log_limit_rest(&l, mono_add_ms(now, 2000)), 0);
}
