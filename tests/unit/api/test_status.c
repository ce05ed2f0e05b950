#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/ends.h"
#include "shop.h"

#define STATUS "/v1/store/sync/status"

/* Times that move are cut out of a body: the value of this member becomes "…". */
static char *without(const char *body, const char *member)
{
	char name[64], *out = malloc(strlen(body) + 8), *at, *end;

	snprintf(name, sizeof(name), "\"%s\":\"", member);
	strcpy(out, body);
	at = strstr(out, name);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	at += strlen(name);
	end = strchr(at, '"');
	CU_ASSERT_EQUAL(end - at, 20);
	memcpy(at, "...", 3);
	memmove(at + 3, end, strlen(end) + 1);
	return out;
}

static void body_is(struct shop *s, const char *moving, const char *expected)
{
	char *body = moving ? without(shop_body(s), moving) : strdup(shop_body(s));

	CU_ASSERT_EQUAL(s->response.status, 200);
	ASSERT_TEXT(body, expected);
	ASSERT_TEXT(shop_header(s, "Cache-Control"), "no-store");
	free(body);
}

/* Nothing listens; never synced. */
TEST(api_status, before_the_first_sync)
{
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	shop_get(&s, STATUS);
	body_is(&s, NULL,
	    "{\"inProgress\":false,\"lastSyncTime\":null,\"lastSyncSuccess\":false,"
	    "\"productCount\":0,\"syncDuration\":\"\",\"errorMessage\":\"\","
	    "\"eventSync\":{\"lastEventOffset\":0,\"consecutiveFailures\":0,"
	    "\"fallbackMode\":false,\"nextPollTime\":null},"
	    "\"state\":\"stopped\",\"daemon\":\"unreachable\",\"stateSince\":null,"
	    "\"lastContactTime\":null,\"confirmedCurrentTime\":null,"
	    "\"counters\":{\"eventsApplied\":0,\"eventsStale\":0,\"eventsRepaired\":0,"
	    "\"fullSyncs\":0,\"fullSyncFailures\":0,\"writesForwarded\":0},"
	    "\"lastFullSync\":null,\"lastError\":null,\"productsRejected\":0,"
	    "\"lastVerify\":null}");
	shop_close(&s);
}

TEST(api_status, of_a_daemon_that_runs)
{
	struct control_status status = { .state = SYNC_LIVE,
		.next_poll_at = 1705314615,
		.state_since = 1705314001,
		.last_contact_at = 1705314586,
		.full_sync_failures = 15 };
	struct shop s;

	shop_new(&s, 2);
	shop_daemon_begin(&s, &status);
	shop_get(&s, STATUS);
	body_is(&s, "confirmedCurrentTime",
	    "{\"inProgress\":false,\"lastSyncTime\":\"2024-01-15T10:29:45Z\","
	    "\"lastSyncSuccess\":true,\"productCount\":5,\"syncDuration\":\"1.2s\","
	    "\"errorMessage\":\"\",\"eventSync\":{\"lastEventOffset\":1045,"
	    "\"consecutiveFailures\":0,\"fallbackMode\":false,"
	    "\"nextPollTime\":\"2024-01-15T10:30:15Z\"},"
	    "\"state\":\"live\",\"daemon\":\"running\",\"stateSince\":\"2024-01-15T10:20:01Z\","
	    "\"lastContactTime\":\"2024-01-15T10:29:46Z\",\"confirmedCurrentTime\":\"...\","
	    "\"counters\":{\"eventsApplied\":11,\"eventsStale\":12,\"eventsRepaired\":13,"
	    "\"fullSyncs\":14,\"fullSyncFailures\":15,\"writesForwarded\":16},"
	    "\"lastFullSync\":{\"reason\":\"initial\",\"time\":\"2024-01-15T10:20:00Z\","
	    "\"products\":150,\"added\":150,\"changed\":0,\"removed\":0},"
	    "\"lastError\":null,\"productsRejected\":0,\"lastVerify\":null}");
	shop_daemon_end(&s);
	shop_close(&s);
}

static bool has(const struct shop *s, const char *text)
{
	if (strstr(shop_body(s), text))
		return true;
	printf("\nno %s\nin %s\n", text, shop_body(s));
	return false;
}

TEST(api_status, of_a_full_sync_that_runs)
{
	struct control_status status = { .state = SYNC_LIVE,
		.full_sync_running = true,
		.full_sync_reason = FULL_SYNC_EVENT_GAP,
		.pages_done = 2,
		.products_seen = 400,
		.products_total = 1000,
		.next_poll_at = -1 };
	struct shop s;

	shop_new(&s, 1);
	shop_daemon_begin(&s, &status);
	shop_get(&s, STATUS);
	CU_ASSERT_TRUE(has(&s, "{\"inProgress\":true,"));
	CU_ASSERT_TRUE(has(&s, "\"nextPollTime\":null"));
	CU_ASSERT_TRUE(has(&s, ",\"fullSync\":{\"reason\":\"event_gap\",\"pagesDone\":2,"
			       "\"productsSeen\":400,\"total\":1000}}"));
	shop_daemon_end(&s);
	status.products_total = -1;
	shop_daemon_begin(&s, &status);
	shop_get(&s, STATUS);
	CU_ASSERT_TRUE(has(&s, "\"productsSeen\":400,\"total\":null}}"));
	shop_daemon_end(&s);
	shop_close(&s);
}

/* From what was last committed; what only the daemon knows is left out. */
TEST(api_status, of_a_daemon_that_is_down)
{
	struct sync_record record = shop_record(5000);
	struct shop s;

	record.state = SYNC_FALLBACK;
	record.consecutive_failures = 7;
	record.failed = 1;
	record.failure_class = FAILURE_TIMEOUT;
	record.failed_at = 1705314585;
	record.products_rejected = 2;
	strcpy(record.failure_message, "no \"answer\"");
	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	shop_open(&s);
	shop_get(&s, STATUS);
	CU_ASSERT_TRUE(has(&s, "\"state\":\"stopped\",\"daemon\":\"unreachable\""));
	CU_ASSERT_TRUE(has(&s, "\"lastSyncSuccess\":false"));
	CU_ASSERT_TRUE(has(&s, "\"errorMessage\":\"no \\\"answer\\\"\""));
	CU_ASSERT_TRUE(has(&s, "\"consecutiveFailures\":7,\"fallbackMode\":true,"
			       "\"nextPollTime\":null"));
	CU_ASSERT_TRUE(has(&s, "\"lastError\":{\"time\":\"2024-01-15T10:29:45Z\","
			       "\"class\":\"timeout\",\"message\":\"no \\\"answer\\\"\"}"));
	CU_ASSERT_TRUE(has(&s, "\"productsRejected\":2"));
	shop_close(&s);
}

/* The daemon may be ahead of what it could commit: before the first full sync it can't. */
TEST(api_status, of_a_daemon_without_a_store)
{
	struct control_status status = { .state = SYNC_FALLBACK,
		.next_poll_at = -1,
		.state_since = 1705314000,
		.consecutive_failures = 7,
		.full_sync_failures = 2,
		.last_contact_at = -1,
		.failure = FAILURE_CONNECT,
		.failed_at = 1705314585,
		.failure_message = "nobody \"there\"" };
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	shop_daemon_begin(&s, &status);
	shop_get(&s, STATUS);
	body_is(&s, NULL,
	    "{\"inProgress\":false,\"lastSyncTime\":null,\"lastSyncSuccess\":false,"
	    "\"productCount\":0,\"syncDuration\":\"\",\"errorMessage\":\"nobody \\\"there\\\"\","
	    "\"eventSync\":{\"lastEventOffset\":0,\"consecutiveFailures\":7,"
	    "\"fallbackMode\":true,\"nextPollTime\":null},"
	    "\"state\":\"fallback\",\"daemon\":\"running\","
	    "\"stateSince\":\"2024-01-15T10:20:00Z\","
	    "\"lastContactTime\":null,\"confirmedCurrentTime\":null,"
	    "\"counters\":{\"eventsApplied\":0,\"eventsStale\":0,\"eventsRepaired\":0,"
	    "\"fullSyncs\":0,\"fullSyncFailures\":2,\"writesForwarded\":0},"
	    "\"lastFullSync\":null,\"lastError\":{\"time\":\"2024-01-15T10:29:45Z\","
	    "\"class\":\"connect\",\"message\":\"nobody \\\"there\\\"\"},\"productsRejected\":0,"
	    "\"lastVerify\":null}");
	ASSERT_TEXT(shop_header(&s, "X-Store-Sync-State"), "");
	shop_daemon_end(&s);
	shop_close(&s);
}

/* On a full disk the record stays as it was. */
TEST(api_status, of_a_daemon_that_can_not_commit)
{
	struct control_status status = { .state = SYNC_RETRYING,
		.next_poll_at = -1,
		.last_contact_at = 1705315000,
		.failure = FAILURE_STORAGE,
		.failed_at = 1705315000,
		.failure_message = "full" };
	struct shop s;

	shop_new(&s, 1); /* whose record says that all is well */
	shop_daemon_begin(&s, &status);
	shop_get(&s, STATUS);
	CU_ASSERT_TRUE(has(&s, "\"lastSyncSuccess\":false"));
	CU_ASSERT_TRUE(has(&s, "\"errorMessage\":\"full\""));
	CU_ASSERT_TRUE(has(&s, "\"lastContactTime\":\"2024-01-15T10:36:40Z\""));
	CU_ASSERT_TRUE(has(&s, "\"lastError\":{\"time\":\"2024-01-15T10:36:40Z\","
			       "\"class\":\"storage\",\"message\":\"full\"}"));
	shop_daemon_end(&s);
	shop_close(&s);
}

/* ... and the other way round: it has had an answer since. */
TEST(api_status, of_a_daemon_that_recovered)
{
	struct control_status status = { .state = SYNC_LIVE, .next_poll_at = -1 };
	struct sync_record record = shop_record(5000);
	struct shop s;

	record.failed = 1;
	record.failure_class = FAILURE_TIMEOUT;
	strcpy(record.failure_message, "old");
	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	shop_open(&s);
	shop_daemon_begin(&s, &status);
	shop_get(&s, STATUS);
	CU_ASSERT_TRUE(has(&s, "\"lastSyncSuccess\":true"));
	CU_ASSERT_TRUE(has(&s, "\"errorMessage\":\"\""));
	CU_ASSERT_TRUE(has(&s, "\"lastError\":null"));
	shop_daemon_end(&s);
	shop_close(&s);
}

/* Header and body of one answer never differ. */
TEST(api_status, tells_each_state)
{
	static const char *const words[] = { "starting", "live", "retrying", "fallback" };
	struct sync_record record = shop_record(5000);
	struct shop s;

	record.state = SYNC_FALLBACK;
	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	shop_open(&s);
	for (int state = 0; state < SYNC_STATE_COUNT; state++) {
		struct control_status status = { .state = (enum sync_state)state,
			.next_poll_at = -1 };
		char expected[64];

		shop_daemon_begin(&s, &status);
		shop_get(&s, STATUS);
		snprintf(expected, sizeof(expected), "\"state\":\"%s\",", words[state]);
		CU_ASSERT_TRUE(has(&s, expected));
		ASSERT_TEXT(shop_header(&s, "X-Store-Sync-State"), words[state]);
		CU_ASSERT_TRUE(has(&s,
		    state == SYNC_FALLBACK ? "\"fallbackMode\":true" : "\"fallbackMode\":false"));
		shop_daemon_end(&s);
	}
	shop_get(&s, STATUS);
	CU_ASSERT_TRUE(has(&s, "\"state\":\"stopped\","));
	ASSERT_TEXT(shop_header(&s, "X-Store-Sync-State"), "stopped");
	ASSERT_TEXT(shop_header(&s, "X-Store-Event-Offset"), "1045");
	CU_ASSERT_TRUE(atoi(shop_header(&s, "Age")) >= 5);
	shop_close(&s);
}

/* A daemon that stands still costs a quarter of a second, not more. */
TEST(api_status, of_a_daemon_that_stands_still)
{
	struct shop s;
	struct mono began;
	int listener;

	shop_new(&s, 1);
	listener = raw_listen(s.options.run_dir, 4);
	began = mono_now();
	shop_get(&s, STATUS);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < 5000);
	CU_ASSERT_TRUE(has(&s, "\"daemon\":\"unreachable\""));
	shop_get(&s, "/health");
	CU_ASSERT_TRUE(has(&s, "\"syncDaemon\":\"unreachable\""));
	close(listener);
	shop_close(&s);
}

TEST(api_health, has_the_documented_form)
{
	struct control_status status = { .state = SYNC_LIVE, .next_poll_at = -1 };
	struct sync_record record = shop_record(3600 * 1000);
	struct shop s;
	char *age;

	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	shop_open(&s);
	shop_daemon_begin(&s, &status);
	shop_ask(&s, "GET", "/health", NULL);
	age = strstr(shop_body(&s), "\"ageSeconds\":36");
	CU_ASSERT_PTR_NOT_NULL_FATAL(age);
	memcpy(age + 15, "NN", 2); /* 3600 and a bit */
	body_is(&s, "timestamp",
	    "{\"status\":\"healthy\",\"service\":\"store-api\",\"storeId\":\"store-s1\","
	    "\"version\":\"1.2.3\",\"timestamp\":\"...\",\"checks\":{\"cache\":\"ok\","
	    "\"syncDaemon\":\"ok\",\"central\":\"ok\",\"ageSeconds\":36NN}}");
	shop_daemon_end(&s);
	shop_ask(&s, "GET", "/health", NULL);
	CU_ASSERT_EQUAL(s.response.status, 200);
	CU_ASSERT_TRUE(has(&s, "{\"status\":\"degraded\","));
	CU_ASSERT_TRUE(has(&s, "\"syncDaemon\":\"unreachable\",\"central\":\"unknown\""));
	shop_close(&s);
}

TEST(api_health, is_503_where_reads_would_fail)
{
	struct sync_record record = shop_record(2000 * 1000);
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	shop_ask(&s, "GET", "/health", "a wrong key");
	CU_ASSERT_EQUAL(s.response.status, 503);
	CU_ASSERT_TRUE(has(&s, "{\"status\":\"unhealthy\","));
	CU_ASSERT_TRUE(has(&s, "\"cache\":\"empty\""));
	CU_ASSERT_TRUE(has(&s, "\"ageSeconds\":null"));
	shop_close(&s);
	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	s.options.max_staleness_seconds = 1000;
	shop_open(&s);
	shop_ask(&s, "HEAD", "/health", NULL);
	CU_ASSERT_EQUAL(s.response.status, 503);
	CU_ASSERT_TRUE(has(&s, "\"cache\":\"stale\""));
	shop_close(&s);
}

/* Before the first sync there is no record: the daemon's word is all there is. */
TEST(api_health, before_the_first_sync_tells_of_central)
{
	static const struct {
		enum sync_state state;
		const char *expected;
	} cases[] = {
		{ SYNC_STARTING, "\"cache\":\"empty\",\"syncDaemon\":\"ok\",\"central\":\"ok\"" },
		{ SYNC_RETRYING,
		    "\"cache\":\"empty\",\"syncDaemon\":\"ok\",\"central\":\"retrying\"" },
		{ SYNC_FALLBACK,
		    "\"cache\":\"empty\",\"syncDaemon\":\"ok\",\"central\":\"fallback\"" },
	};
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_status status = { .state = cases[i].state, .next_poll_at = -1 };

		shop_daemon_begin(&s, &status);
		shop_ask(&s, "GET", "/health", NULL);
		CU_ASSERT_EQUAL(s.response.status, 503);
		CU_ASSERT_TRUE(has(&s, cases[i].expected));
		shop_daemon_end(&s);
	}
	shop_close(&s);
}

/* What the store's record and the daemon's silence come to. */
TEST(api_health, has_all_its_states)
{
	static const struct {
		uint32_t state;
		uint64_t rejected;
		bool daemon;
		const char *verdict, *checks;
	} cases[] = {
		{ SYNC_LIVE, 0, true, "healthy",
		    "\"cache\":\"ok\",\"syncDaemon\":\"ok\",\"central\":\"ok\"" },
		{ SYNC_STARTING, 0, true, "healthy",
		    "\"cache\":\"ok\",\"syncDaemon\":\"ok\",\"central\":\"ok\"" },
		{ SYNC_RETRYING, 0, true, "degraded",
		    "\"cache\":\"ok\",\"syncDaemon\":\"ok\",\"central\":\"retrying\"" },
		{ SYNC_FALLBACK, 0, true, "degraded",
		    "\"cache\":\"ok\",\"syncDaemon\":\"ok\",\"central\":\"fallback\"" },
		{ SYNC_LIVE, 1, true, "degraded",
		    "\"cache\":\"ok\",\"syncDaemon\":\"ok\",\"central\":\"ok\"" },
		{ SYNC_LIVE, 0, false, "degraded",
		    "\"cache\":\"ok\",\"syncDaemon\":\"unreachable\",\"central\":\"unknown\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_status status = { .next_poll_at = -1 };
		struct sync_record record = shop_record(5000);
		char expected[64];
		struct shop s;

		record.state = cases[i].state;
		record.products_rejected = cases[i].rejected;
		shop_prepare(&s);
		shop_fill(&s, 1, &record);
		shop_open(&s);
		if (cases[i].daemon)
			shop_daemon_begin(&s, &status);
		shop_ask(&s, "GET", "/health", NULL);
		CU_ASSERT_EQUAL(s.response.status, 200);
		snprintf(expected, sizeof(expected), "{\"status\":\"%s\",", cases[i].verdict);
		CU_ASSERT_TRUE(has(&s, expected));
		CU_ASSERT_TRUE(has(&s, cases[i].checks));
		if (cases[i].daemon)
			shop_daemon_end(&s);
		shop_close(&s);
	}
}
