#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/shop.h"
#include "control/ends.h"
#include "unit.h"

#define FORCE "/v1/store/sync/force"

#define SEVEN(running)                                                           \
	"{\"inProgress\":" running ",\"lastSyncTime\":\"2024-01-15T10:29:45Z\"," \
	"\"lastSyncSuccess\":true,\"productCount\":6,\"syncDuration\":\"1.2s\"," \
	"\"errorMessage\":\"\",\"eventSync\":{\"lastEventOffset\":1045,"         \
	"\"consecutiveFailures\":0,\"fallbackMode\":false,\"nextPollTime\":null}}"

#define FAILED(class) "false,\"code\":\"sync_failed\",\"message\":\"why\",\"class\":\"" class "\""

static const struct control_status running = { .state = SYNC_LIVE,
	.full_sync_running = true,
	.full_sync_reason = FULL_SYNC_FORCED,
	.products_total = -1,
	.next_poll_at = -1 };

static void begin(struct shop *s, const struct shop_script *script)
{
	shop_new(s, 3);
	shop_daemon_begin(s, &running);
	shop_daemon_says(s, script);
}

static void end(struct shop *s)
{
	shop_daemon_end(s);
	shop_close(s);
}

TEST(force, answers_when_it_is_done)
{
	struct shop_script script = { .answer = "true" };
	struct shop s;

	begin(&s, &script);
	shop_post(&s, FORCE, "");
	CU_ASSERT_EQUAL(s.response.status, 200);
	ASSERT_TEXT(shop_body(&s),
	    "{\"message\":\"Force sync completed successfully\",\"status\":" SEVEN("true") "}");
	ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-store");
	end(&s);
}

TEST(force, goes_on_without_whoever_does_not_wait)
{
	struct shop_script script = { .holds = true, .answer = "true" };
	static const char *const uris[] = { FORCE "?wait=0", FORCE "?wait=1" };
	struct shop s;

	begin(&s, &script);
	for (size_t i = 0; i < 2; i++) {
		shop_post(&s, uris[i], "{}");
		CU_ASSERT_EQUAL(s.response.status, 202);
		ASSERT_TEXT(shop_body(&s),
		    "{\"message\":\"Force sync in progress\",\"status\":" SEVEN("true") "}");
	}
	end(&s);
}

TEST(force, tells_why_it_failed)
{
	static const struct {
		const char *says, *outcome, *body;
	} cases[] = {
		{ FAILED("connect"), "503 sync_failed",
		    "{\"error\":{\"code\":\"sync_failed\",\"message\":\"why\",\"details\":{"
		    "\"class\":\"connect\"}}}" },
		{ FAILED("timeout"), "504 sync_failed",
		    "{\"error\":{\"code\":\"sync_failed\",\"message\":\"why\",\"details\":{"
		    "\"class\":\"timeout\"}}}" },
		{ FAILED("auth"), "502 sync_failed",
		    "{\"error\":{\"code\":\"sync_failed\",\"message\":\"why\",\"details\":{"
		    "\"class\":\"auth\"}}}" },
		{ FAILED("storage"), "502 sync_failed",
		    "{\"error\":{\"code\":\"sync_failed\",\"message\":\"why\",\"details\":{"
		    "\"class\":\"storage\"}}}" },
		{ NULL, "503 sync_daemon_unavailable",
		    "{\"error\":{\"code\":\"sync_daemon_unavailable\",\"message\":\"The sync "
		    "daemon "
		    "isn't running; nothing was sent\",\"details\":{}}}" },
	};
	struct shop s;

	shop_new(&s, 3);
	shop_post(&s, FORCE, "");
	ASSERT_TEXT(shop_outcome(&s), "503 sync_daemon_unavailable");
	shop_post(&s, FORCE "?wait=0", "");
	ASSERT_TEXT(shop_outcome(&s), "503 sync_daemon_unavailable");
	shop_daemon_begin(&s, &running);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shop_script script = { .answer = cases[i].says };

		shop_daemon_says(&s, &script);
		shop_post(&s, FORCE, "");
		ASSERT_TEXT(shop_outcome(&s), cases[i].outcome);
		ASSERT_TEXT(shop_body(&s), cases[i].body);
	}
	end(&s);
}

TEST(force, refuses_a_wait_that_it_does_not_know)
{
	static const char *const bad[] = { "?wait=26", "?wait=-1", "?wait=", "?wait=1.5", "?wait=a",
		"?wait=1&wait=1", "?wait" };
	struct shop_script script = { .answer = "true" };
	struct shop s;

	begin(&s, &script);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char uri[64] = FORCE;

		strcat(uri, bad[i]);
		shop_post(&s, uri, "");
		ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	}
	shop_post(&s, FORCE "?wait=25&x=1", "");
	ASSERT_TEXT(shop_outcome(&s), "200 -");
	end(&s);
}

/* It has waited for 25 s else: the process is to end. */
TEST(force, is_answered_at_once_when_the_process_is_to_end)
{
	struct shop_script script = { .holds = true, .answer = "true" };
	struct mono began;
	struct shop s;

	shop_prepare(&s);
	shop_daemon_begin(&s, &running);
	shop_daemon_says(&s, &script);
	s.options.stop_fd = eventfd(1, EFD_CLOEXEC);
	shop_open(&s);
	began = mono_now();
	shop_post(&s, FORCE, "");
	ASSERT_TEXT(shop_outcome(&s), "202 -");
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < 5000);
	close(s.options.stop_fd);
	end(&s);
}

/* Nothing was asked of it, so that nothing is in progress. */
TEST(force, is_not_in_progress_where_the_daemon_took_no_connection)
{
	static const char *const uris[] = { FORCE "?wait=0", FORCE "?wait=1" };
	int listener, waiting;
	struct shop s;

	shop_new(&s, 3);
	listener = raw_listen(s.options.run_dir, 0);
	waiting = raw_connect(s.options.run_dir);
	for (size_t i = 0; i < 2; i++) {
		shop_post(&s, uris[i], "");
		ASSERT_TEXT(shop_outcome(&s), "503 overloaded");
		ASSERT_TEXT(shop_header(&s, "Retry-After"), "1");
	}
	close(waiting);
	close(listener);
	shop_close(&s);
}

TEST(force, lets_a_client_wait_no_longer_than_the_options_say)
{
	struct shop_script script = { .answer = "true" };
	struct shop s;

	shop_prepare(&s);
	s.options.force_wait_s = 26;
	shop_fill(&s, 3, &(struct sync_record){ .state = SYNC_LIVE });
	shop_open(&s);
	shop_daemon_begin(&s, &running);
	shop_daemon_says(&s, &script);
	shop_post(&s, FORCE "?wait=26", "");
	CU_ASSERT_EQUAL(s.response.status, 200);
	shop_post(&s, FORCE "?wait=27", "");
	ASSERT_TEXT(shop_outcome(&s), "400 invalid_parameter");
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "one integer from 0 to 26"));
	end(&s);
}
