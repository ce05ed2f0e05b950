#include "health/health.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#define NOW_MS 10000000
#define NEVER  (-1)

/* One boot, the clock at NOW_MS. */
static const struct stamp now = { "boot", NOW_MS, NOW_MS };

static struct sync_record record_of(int64_t age_ms, enum sync_state state, uint64_t rejected)
{
	struct sync_record r = { .state = state, .products_rejected = rejected };

	if (age_ms != NEVER)
		r.confirmed_current = (struct stamp){ "boot", NOW_MS - age_ms, NOW_MS - age_ms };
	return r;
}

struct facts_case {
	enum st_err store;
	int64_t age_ms;
	enum sync_state state;
	uint64_t rejected;
	bool daemon;
	int64_t max_staleness;
	const char *expected; /* verdict cache daemon central age */
};

static void judge(const struct facts_case *c)
{
	struct sync_record record = record_of(c->age_ms, c->state, c->rejected);
	struct health_facts facts = { .store = c->store,
		.record = c->store ? NULL : &record,
		.now = now,
		/* Where there is a record the daemon's word must not matter. */
		.daemon_state = c->store ? c->state : SYNC_FALLBACK,
		.daemon_answers = c->daemon,
		.max_staleness_seconds = c->max_staleness };
	struct health h = health_judge(&facts);
	char got[128];

	snprintf(got, sizeof(got), "%s %s %s %s %lld", health_verdict_text(h.verdict), h.cache,
	    h.daemon, h.central, (long long)h.age_seconds);
	ASSERT_TEXT(got, c->expected);
}

static void judge_all(const struct facts_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		judge(&cases[i]);
}

#define JUDGE_ALL(cases) judge_all((cases), sizeof(cases) / sizeof((cases)[0]))

TEST(health, is_healthy_while_all_is_well)
{
	static const struct facts_case cases[] = {
		{ ST_OK, 0, SYNC_LIVE, 0, true, 0, "healthy ok ok ok 0" },
		{ ST_OK, 3999, SYNC_LIVE, 0, true, 0, "healthy ok ok ok 3" },
		/* A daemon that has just started has failed at nothing yet. */
		{ ST_OK, 60000, SYNC_STARTING, 0, true, 0, "healthy ok ok ok 60" },
		/* However old, while nobody set a limit. */
		{ ST_OK, NOW_MS, SYNC_LIVE, 0, true, 0, "healthy ok ok ok 10000" },
	};

	JUDGE_ALL(cases);
}

TEST(health, is_degraded_while_reads_work_and_something_else_does_not)
{
	static const struct facts_case cases[] = {
		{ ST_OK, 5000, SYNC_RETRYING, 0, true, 0, "degraded ok ok retrying 5" },
		{ ST_OK, 5000, SYNC_FALLBACK, 0, true, 0, "degraded ok ok fallback 5" },
		{ ST_OK, 5000, SYNC_LIVE, 0, false, 0, "degraded ok unreachable unknown 5" },
		/* What a dead daemon last saw of Central says nothing of now. */
		{ ST_OK, 5000, SYNC_FALLBACK, 0, false, 0, "degraded ok unreachable unknown 5" },
		{ ST_OK, 5000, SYNC_LIVE, 1, true, 0, "degraded ok ok ok 5" },
		{ ST_OK, 5000, SYNC_FALLBACK, 7, false, 0, "degraded ok unreachable unknown 5" },
	};

	JUDGE_ALL(cases);
}

TEST(health, is_unhealthy_where_reads_cannot_work)
{
	static const struct facts_case cases[] = {
		/* Without a record the daemon tells of Central. */
		{ ST_UNAVAILABLE, NEVER, SYNC_STARTING, 0, true, 0, "unhealthy empty ok ok -1" },
		{ ST_UNAVAILABLE, NEVER, SYNC_RETRYING, 0, true, 0,
		    "unhealthy empty ok retrying -1" },
		{ ST_UNAVAILABLE, NEVER, SYNC_FALLBACK, 0, true, 0,
		    "unhealthy empty ok fallback -1" },
		{ ST_UNAVAILABLE, NEVER, SYNC_LIVE, 0, false, 0,
		    "unhealthy empty unreachable unknown -1" },
		{ ST_CORRUPT, NEVER, SYNC_LIVE, 0, false, 0,
		    "unhealthy unreadable unreachable unknown -1" },
		{ ST_DENIED, NEVER, SYNC_LIVE, 0, true, 0, "unhealthy unreadable ok ok -1" },
		{ ST_FULL, NEVER, SYNC_LIVE, 0, true, 0, "unhealthy unreadable ok ok -1" },
		{ ST_SYSTEM, NEVER, SYNC_LIVE, 0, true, 0, "unhealthy unreadable ok ok -1" },
	};

	JUDGE_ALL(cases);
}

TEST(health, is_unhealthy_above_the_limit_of_age)
{
	static const struct facts_case cases[] = {
		{ ST_OK, 99999, SYNC_LIVE, 0, true, 100, "healthy ok ok ok 99" },
		{ ST_OK, 100000, SYNC_LIVE, 0, true, 100, "healthy ok ok ok 100" },
		{ ST_OK, 100001, SYNC_LIVE, 0, true, 100, "unhealthy stale ok ok 100" },
		{ ST_OK, 100001, SYNC_LIVE, 0, false, 100,
		    "unhealthy stale unreachable unknown 100" },
		/* An age that nobody knows is not young. */
		{ ST_OK, NEVER, SYNC_LIVE, 0, true, 100, "unhealthy stale ok ok -1" },
		{ ST_OK, NEVER, SYNC_LIVE, 0, true, 0, "healthy ok ok ok -1" },
		{ ST_OK, 5000, SYNC_LIVE, 0, true, 31536000, "healthy ok ok ok 5" },
	};

	JUDGE_ALL(cases);
}

/* After a reboot with a wall clock that went back the age is unknown. */
TEST(health, does_not_guess_an_age)
{
	struct sync_record record = { .confirmed_current = { "before", 5, NOW_MS + 5000 } };
	struct health_facts facts = {
		.record = &record, .now = now, .daemon_answers = true, .max_staleness_seconds = 100
	};
	struct health h = health_judge(&facts);

	CU_ASSERT_EQUAL(h.age_seconds, -1);
	ASSERT_TEXT(h.cache, "stale");
	CU_ASSERT_TRUE(health_too_stale(&record, &now, 100));
	CU_ASSERT_FALSE(health_too_stale(&record, &now, 0));
}
