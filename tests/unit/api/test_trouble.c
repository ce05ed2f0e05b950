/* What of failing requests gets into the log, taken from stderr. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/call.h"
#include "control/ends.h"
#include "shop.h"

static int saved_stderr, pipe_fds[2];
static struct troubles t;
static const struct mono start = { 1000000 };

static void begin(void)
{
	troubles_init(&t);
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	CU_ASSERT_EQUAL_FATAL(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	close(pipe_fds[1]);
}

/* How many lines hold the text; *last: from there on, of the last one. */
static int end(const char *text, char last[256])
{
	char captured[65536], *line, *at;
	ssize_t n;
	int lines = 0;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = read(pipe_fds[0], captured, sizeof(captured) - 1);
	close(pipe_fds[0]);
	captured[n > 0 ? n : 0] = '\0';
	last[0] = '\0';
	for (line = strtok(captured, "\n"); line; line = strtok(NULL, "\n")) {
		at = strstr(line, text);
		if (!at)
			continue;
		lines++;
		snprintf(last, 256, "%s", at);
	}
	return lines;
}

static struct mono after(int64_t ms)
{
	return mono_add_ms(start, ms);
}

TEST(api_trouble, a_store_that_fails_every_request_is_told_now_and_then)
{
	char last[256];

	begin();
	for (int i = 0; i <= 1000; i++)
		trouble_met(&t, TROUBLE_STORE, ST_CORRUPT, "id-1", after(i * 15));
	CU_ASSERT_EQUAL(end("msg=\"store can't be read\"", last), 2);
	ASSERT_TEXT(last, "msg=\"store can't be read\" error=damaged records=667 request_id=id-1");
}

TEST(api_trouble, it_is_over_when_it_was_quiet_for_a_while)
{
	char last[256];

	begin();
	CU_ASSERT_FALSE(trouble_may_be_over(&t, TROUBLE_DAEMON, after(0)));
	trouble_met(&t, TROUBLE_DAEMON, ST_TIMEOUT, "a", after(0));
	trouble_met(&t, TROUBLE_DAEMON, ST_TIMEOUT, "b", after(5000));
	CU_ASSERT_FALSE(trouble_may_be_over(&t, TROUBLE_STORE, after(60000)));
	CU_ASSERT_FALSE(trouble_may_be_over(&t, TROUBLE_DAEMON, after(14999)));
	CU_ASSERT_TRUE(trouble_may_be_over(&t, TROUBLE_DAEMON, after(15000)));
	trouble_is_over(&t, TROUBLE_DAEMON, after(15000));
	CU_ASSERT_FALSE(trouble_may_be_over(&t, TROUBLE_DAEMON, after(99000)));
	CU_ASSERT_EQUAL(end("msg=\"sync daemon is there again\"", last), 1);
	ASSERT_TEXT(last, "msg=\"sync daemon is there again\" failures=2 seconds=15");
}

TEST(api_trouble, strangers_have_lines_of_their_own_until_they_are_too_many)
{
	struct span address = { "192.0.2.7", 9 };
	char last[256];

	begin();
	for (int i = 0; i < 500; i++)
		trouble_stranger(&t, address, "id", after(i));
	CU_ASSERT_EQUAL(
	    end("msg=\"unauthorized request\" remote_addr=192.0.2.7 request_id=id records=1", last),
	    50);
	begin();
	for (int i = 0; i < 500; i++)
		trouble_stranger(&t, address, "id", after(i));
	trouble_count_strangers(&t, after(999));
	trouble_count_strangers(&t, after(1000));
	trouble_count_strangers(&t, after(2000));
	CU_ASSERT_EQUAL(end("without a line", last), 1);
	ASSERT_TEXT(last, "without a line of their own\" records=450");
}

static bool is_met(struct shop *s)
{
	api_refresh(s->api);
	return trouble_may_be_over(&s->api->troubles, TROUBLE_DAEMON, mono_now());
}

/* It is not over because somebody holds the store: one that hangs does too. */
TEST(api_trouble, a_daemon_is_there_again_when_it_answers)
{
	struct control_status status = { .next_poll_at = -1 };
	struct shop s;
	int hangs;

	shop_new(&s, 1);
	trouble_met(
	    &s.api->troubles, TROUBLE_DAEMON, ST_TIMEOUT, "a", mono_add_ms(mono_now(), -60000));
	CU_ASSERT_TRUE(is_met(&s));
	hangs = raw_listen(s.options.run_dir, 4);
	CU_ASSERT_TRUE(is_met(&s));
	close(hangs);
	shop_daemon_begin(&s, &status);
	CU_ASSERT_FALSE(is_met(&s));
	shop_daemon_end(&s);
	shop_close(&s);
}
