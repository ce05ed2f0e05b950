/* Situation → decision, a row per rule. */
#include "rules/backoff.h"
#include "rules/breaker.h"
#include "rules/pace.h"
#include "unit.h"

#define N(array)  (sizeof(array) / sizeof((array)[0]))
#define LAST_BITS UINT32_MAX

TEST(rules_backoff, grows_is_capped_and_has_jitter)
{
	static const struct {
		unsigned failures;
		int64_t low, high;
	} rows[] = {
		{ 1, 100, 1000 },
		{ 2, 200, 2000 },
		{ 3, 400, 4000 },
		{ 6, 3200, 32000 },
		{ 7, 6000, 60000 },
		{ 100, 6000, 60000 },
		{ UINT32_MAX, 6000, 60000 },
	};

	for (size_t i = 0; i < N(rows); i++) {
		CU_ASSERT_EQUAL(backoff_ms(rows[i].failures, 0, 0), rows[i].low);
		CU_ASSERT_EQUAL(backoff_ms(rows[i].failures, 0, LAST_BITS), rows[i].high - 1);
	}
}

TEST(rules_backoff, what_central_asks_for_is_the_least)
{
	CU_ASSERT_EQUAL(backoff_ms(1, 45000, 0), 45000);
	CU_ASSERT_EQUAL(backoff_ms(9, 45000, LAST_BITS), 45999);
}

TEST(rules_breaker, opens_after_failures_that_speak_of_central)
{
	static const struct {
		enum failure_class failure;
		unsigned after, after_write;
	} rows[] = {
		{ FAILURE_CONNECT, 5, 5 }, { FAILURE_TIMEOUT, 5, 5 },
		{ FAILURE_HTTP_5XX, 5, 4 }, /* of a write: maybe of this one alone */
		{ FAILURE_AUTH, 5, 4 }, { FAILURE_BAD_ANSWER, 5, 4 },
		{ FAILURE_RATE_LIMITED, 4, 4 }, /* it is well, and says so */
		{ FAILURE_STORAGE, 4, 4 },      /* our trouble, not its */
	};

	for (size_t i = 0; i < N(rows); i++) {
		unsigned failures = breaker_count(4, rows[i].failure);

		CU_ASSERT_EQUAL(failures, rows[i].after);
		CU_ASSERT_EQUAL(breaker_count_write(4, rows[i].failure), rows[i].after_write);
		CU_ASSERT_EQUAL(breaker_is_open(failures, 5), rows[i].after == 5);
		CU_ASSERT_EQUAL(
		    breaker_state(failures, 5), rows[i].after == 5 ? SYNC_FALLBACK : SYNC_RETRYING);
	}
	CU_ASSERT_EQUAL(breaker_count(UINT32_MAX, FAILURE_CONNECT), UINT32_MAX);
}

TEST(rules_pace, polls_follow_each_other_as_they_should)
{
	static const struct {
		int64_t interval_ms, wait_ms, took_ms;
		bool brought_events;
		unsigned early;
		int64_t next_ms; /* after the start */
	} rows[] = {
		{ 30000, 20000, 300, true, 0, 300 }, /* events: at once */
		{ 0, 20000, 300, true, 3, 300 },
		{ 30000, 20000, 20000, false, 0, 30000 }, /* from start to start */
		{ 10000, 20000, 20000, false, 0, 20000 }, /* the poll was longer */
		{ 0, 20000, 20000, false, 0, 20000 },     /* 0: at once */
		{ 0, 0, 5, false, 0, 1000 },              /* never within a second */
		{ 0, 20000, 5, false, 0, 1000 }, /* wait is ignored: further and further apart */
		{ 0, 20000, 5, false, 1, 2000 },
		{ 0, 20000, 5, false, 4, 5000 },
		{ 0, 20000, 5, false, 90, 5000 },
		{ 4000, 20000, 5, false, 90, 5000 },
	};
	struct mono start = { 5000000 };

	for (size_t i = 0; i < N(rows); i++) {
		struct pace_poll p = { .started = start,
			.ended = mono_add_ms(start, rows[i].took_ms),
			.wait_ms = rows[i].wait_ms,
			.brought_events = rows[i].brought_events,
			.early = rows[i].early };

		CU_ASSERT_EQUAL(mono_ms_between(start, pace_next_poll(&p, rows[i].interval_ms)),
		    rows[i].next_ms);
	}
}

TEST(rules_pace, full_syncs_spread_out_and_are_forgiven)
{
	static const int64_t gaps[] = { 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000,
		300000, 300000 };
	struct pace_full_syncs p = { 0 };
	struct mono now = { 1000000 };

	CU_ASSERT_EQUAL(pace_next_full_sync(&p, now).us, now.us);
	for (size_t i = 0; i < N(gaps); i++) {
		pace_full_sync_ended(&p, now);
		CU_ASSERT_EQUAL(mono_ms_between(now, pace_next_full_sync(&p, now)), gaps[i]);
		now = pace_next_full_sync(&p, now);
	}
	now = mono_add_ms(p.last_end, PACE_FULL_SYNC_FORGET_MS);
	CU_ASSERT_EQUAL(pace_next_full_sync(&p, now).us, now.us);
	pace_full_sync_ended(&p, now);
	CU_ASSERT_EQUAL(mono_ms_between(now, pace_next_full_sync(&p, now)), 1000);
}
