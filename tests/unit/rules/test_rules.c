/* Situation → decision, a row per rule. */
#include "rules/backoff.h"
#include "rules/breaker.h"
#include "rules/feed.h"
#include "rules/guard.h"
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
		unsigned after;
	} rows[] = {
		{ FAILURE_CONNECT, 5 }, { FAILURE_TIMEOUT, 5 }, { FAILURE_HTTP_5XX, 5 },
		{ FAILURE_AUTH, 5 }, { FAILURE_BAD_ANSWER, 5 },
		{ FAILURE_RATE_LIMITED, 4 }, /* it is well, and says so */
		{ FAILURE_STORAGE, 4 },      /* our trouble, not its */
	};

	for (size_t i = 0; i < N(rows); i++) {
		unsigned failures = breaker_count(4, rows[i].failure);

		CU_ASSERT_EQUAL(failures, rows[i].after);
		CU_ASSERT_EQUAL(breaker_is_open(failures, 5), rows[i].after == 5);
		CU_ASSERT_EQUAL(
		    breaker_state(failures, 5), rows[i].after == 5 ? SYNC_FALLBACK : SYNC_RETRYING);
	}
	CU_ASSERT_EQUAL(breaker_count(UINT32_MAX, FAILURE_CONNECT), UINT32_MAX);
}

TEST(rules_guard, only_newer_events_change_anything)
{
	static const struct {
		int64_t cached; /* -1: not there */
		enum event_kind kind;
		int64_t version;
		enum guard_decision decision;
	} rows[] = {
		{ -1, EVENT_CREATED, 1, GUARD_PUT }, { -1, EVENT_UPDATED, 7, GUARD_PUT },
		{ -1, EVENT_CREATED, 0, GUARD_PUT }, { -1, EVENT_DELETED, 7, GUARD_STALE },
		{ 6, EVENT_UPDATED, 7, GUARD_PUT },
		{ 6, EVENT_UPDATED, 40, GUARD_PUT },  /* a jump is no error */
		{ 6, EVENT_UPDATED, 6, GUARD_STALE }, /* twice */
		{ 6, EVENT_UPDATED, 5, GUARD_STALE }, /* late */
		{ 6, EVENT_CREATED, 1, GUARD_STALE }, { 6, EVENT_DELETED, 7, GUARD_DELETE },
		{ 6, EVENT_DELETED, 6, GUARD_STALE }, /* of an earlier life */
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct event e = { .kind = rows[i].kind, .version = rows[i].version };

		CU_ASSERT_EQUAL(guard_event(rows[i].cached, &e), rows[i].decision);
	}
}

/* A batch of these offsets (sorted, as the model leaves them); -1 ends the list. */
static struct event_batch batch_of(struct event *events, const int64_t *offsets, int64_t next)
{
	struct event_batch b = { .events = events, .next_offset = next };

	for (; offsets[b.n] >= 0; b.n++)
		events[b.n] = (struct event){ .offset = offsets[b.n], .kind = EVENT_UPDATED };
	return b;
}

TEST(rules_feed, moves_along_the_unbroken_run)
{
	static const struct {
		int64_t asked;
		int64_t offsets[8]; /* -1: end */
		int64_t next;       /* Central's nextOffset */
		enum feed_verdict verdict;
		size_t first, n;     /* the run */
		int64_t next_offset; /* ours afterwards */
		bool at_end;
	} rows[] = {
		{ 7, { -1 }, 7, FEED_FOLLOWS, 0, 0, 7, true },
		{ 7, { -1 }, 12, FEED_FOLLOWS, 0, 0, 7, true }, /* proves no receipt */
		{ 7, { -1 }, 6, FEED_RESET, 0, 0, 7, true },
		{ 7, { -1 }, 0, FEED_RESET, 0, 0, 7, true },
		{ 0, { -1 }, 0, FEED_FOLLOWS, 0, 0, 0, true },
		{ 7, { 7, 8, 9, -1 }, 10, FEED_FOLLOWS, 0, 3, 10, true },
		{ 7, { 7, 8, 9, 10, 11, -1 }, 12, FEED_FOLLOWS, 0, 5, 12, false }, /* full */
		{ 7, { 7, 8, -1 }, 3, FEED_FOLLOWS, 0, 2, 9,
		    true }, /* a low nextOffset beside events */
		{ 7, { 5, 6, 7, 8, -1 }, 9, FEED_FOLLOWS, 2, 2, 9, true }, /* some from below */
		{ 7, { 5, 6, -1 }, 7, FEED_FOLLOWS, 2, 0, 7, true },
		{ 7, { 7, 7, 8, -1 }, 9, FEED_FOLLOWS, 0, 3, 9, true }, /* twice */
		{ 7, { 8, 9, -1 }, 10, FEED_HOLE, 0, 0, 7, true },
		{ 7, { 7, 9, 10, -1 }, 11, FEED_HOLE, 0, 1, 8, true },
		{ 7, { 100, -1 }, 101, FEED_HOLE, 0, 0, 7, true }, /* rotated away */
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct event events[8];
		struct event_batch b = batch_of(events, rows[i].offsets, rows[i].next);
		struct feed_view v = feed_look(rows[i].asked, 5, &b);

		CU_ASSERT_EQUAL(v.verdict, rows[i].verdict);
		CU_ASSERT_EQUAL(v.n, rows[i].n);
		CU_ASSERT_PTR_EQUAL(v.run, events + rows[i].first);
		CU_ASSERT_EQUAL(v.next_offset, rows[i].next_offset);
		CU_ASSERT_EQUAL(v.at_end, rows[i].at_end);
	}
}

TEST(rules_feed, an_event_that_cannot_be_used_counts_in_the_run_only)
{
	static const int64_t offsets[] = { 7, 8, 20, -1 };
	struct event events[8];
	struct event_batch b = batch_of(events, offsets, 21);

	events[2].kind = EVENT_UNUSABLE;
	CU_ASSERT_EQUAL(feed_look(7, 100, &b).verdict, FEED_HOLE);
	events[1].kind = EVENT_UNUSABLE;
	CU_ASSERT_EQUAL(feed_look(7, 100, &b).verdict, FEED_UNUSABLE);
}

TEST(rules_feed, a_hole_is_a_gap_only_after_a_while)
{
	struct feed_view hole = { .verdict = FEED_HOLE }, good = { .verdict = FEED_FOLLOWS };
	struct feed_view later_hole = { .verdict = FEED_HOLE, .n = 3 };
	struct mono since = MONO_NEVER, start = { 1000000000 };
	struct mono almost = mono_add_ms(start, FEED_HOLE_PATIENCE_MS - 1);
	struct mono late = mono_add_ms(start, FEED_HOLE_PATIENCE_MS);

	CU_ASSERT_FALSE(feed_hole_is_gap(&hole, start, &since));
	CU_ASSERT_FALSE(feed_hole_is_gap(&hole, almost, &since));
	CU_ASSERT_TRUE(feed_hole_is_gap(&hole, late, &since));

	/* Progress, or a hole that is mended, begins anew. */
	CU_ASSERT_FALSE(feed_hole_is_gap(&later_hole, late, &since));
	CU_ASSERT_FALSE(feed_hole_is_gap(&hole, late, &since));
	CU_ASSERT_FALSE(feed_hole_is_gap(&good, late, &since));
	CU_ASSERT_EQUAL(since.us, MONO_NEVER.us);
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
