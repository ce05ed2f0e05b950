/* One budget: who may send when. */
#include "rules/budget.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct mono at(int64_t ms)
{
	return mono_add_ms((struct mono){ 1000000 }, ms);
}

static int64_t wait_of(const struct budget *b, enum budget_kind kind, int64_t now_ms)
{
	return mono_ms_between(at(now_ms), budget_earliest(b, kind, at(now_ms)));
}

TEST(rules_budget, what_is_more_urgent_may_go_lower)
{
	static const struct {
		int64_t remaining; /* of 100, and the window lasts 30 s more */
		int64_t waits[BUDGET_KIND_COUNT];
	} rows[] = {
		{ 100, { 0, 0, 0, 0, 0 } },
		{ 51, { 0, 0, 0, 0, 0 } },
		/* spread over what remains above the floor of each: 30, 20 and 10 requests */
		{ 50, { 0, 1000, 1500, 3000, 3000 } },
		{ 41, { 0, 1428, 2727, 30000, 30000 } },
		{ 40, { 0, 1500, 3000, 30000, 30000 } },
		{ 30, { 0, 3000, 30000, 30000, 30000 } },
		{ 21, { 0, 30000, 30000, 30000, 30000 } },
		{ 20, { 0, 30000, 30000, 30000, 30000 } },
		{ 1, { 0, 30000, 30000, 30000, 30000 } },
		{ 0, { 30000, 30000, 30000, 30000, 30000 } },
		{ -1, { 30000, 30000, 30000, 30000, 30000 } },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct budget b = { 0 };

		budget_spent(&b, at(0));
		budget_learned(&b, 100, rows[i].remaining, 30000, at(0));
		b.spread = at(0);
		for (enum budget_kind k = 0; k < BUDGET_KIND_COUNT; k++)
			CU_ASSERT_EQUAL(wait_of(&b, k, 0), rows[i].waits[k]);
	}
}

TEST(rules_budget, counts_by_itself_between_answers_and_begins_anew_with_the_window)
{
	struct budget b = { 0 };

	budget_learned(&b, 10, 10, 60000, at(0));
	for (int i = 0; i < 10; i++) {
		CU_ASSERT_EQUAL(wait_of(&b, BUDGET_WRITE, i), 0);
		budget_spent(&b, at(i));
	}
	CU_ASSERT_EQUAL(wait_of(&b, BUDGET_WRITE, 1000), 59000);
	CU_ASSERT_EQUAL(wait_of(&b, BUDGET_PAGE, 60000), 0);
	budget_spent(&b, at(60000));
	CU_ASSERT_EQUAL(b.remaining, 9);
}

TEST(rules_budget, a_429_stops_everything_for_as_long_as_was_asked)
{
	struct budget b = { 0 };

	budget_refused(&b, 7000, at(0));
	for (enum budget_kind k = 0; k < BUDGET_KIND_COUNT; k++)
		CU_ASSERT_EQUAL(wait_of(&b, k, 0), 7000);
	CU_ASSERT_EQUAL(wait_of(&b, BUDGET_WRITE, 7000), 0);
}

/* Its headers count beside it: the window that they told of is spent. */
TEST(rules_budget, a_429_within_a_window_spends_that)
{
	struct budget b = { 0 };

	budget_learned(&b, 100, 80, 30000, at(0));
	budget_refused(&b, 1000, at(0));
	for (enum budget_kind k = 0; k < BUDGET_KIND_COUNT; k++)
		CU_ASSERT_EQUAL(wait_of(&b, k, 0), 30000);
	CU_ASSERT_EQUAL(wait_of(&b, BUDGET_WRITE, 30000), 0);
	CU_ASSERT_EQUAL(b.limit, 100);
}

TEST(rules_budget, without_headers_a_429_halves_and_quiet_forgives)
{
	struct budget b = { 0 };

	for (int i = 0; i < 200; i++) {
		CU_ASSERT_EQUAL(wait_of(&b, BUDGET_COMPARE, i), 0);
		budget_spent(&b, at(i));
	}
	budget_refused(&b, 1000, at(200));
	CU_ASSERT_EQUAL(b.limit, 100);
	/* It grows back, and is forgotten when it is far above what is sent. */
	for (int minute = 1; minute < 20 && b.limit > 0; minute++)
		for (int i = 0; i < 20; i++)
			budget_spent(&b, at(minute * 61000 + i));
	CU_ASSERT_EQUAL(b.limit, 0);
}

/*
 * 100,000 products are 503 overlapping pages; Central allows 100 requests a
 * minute.  Beside them an idle event poll every 20 s and five writes a minute.
 * The pages may use 60 of 100, so nine windows are needed (543 s).
 */
TEST(rules_budget, a_long_full_sync_meets_no_429_and_delays_nobody)
{
	struct budget b = { 0 };
	int64_t used = 0, window = 0, now = 0;
	int pages = 503, late = 0, refused = 0;

	for (; pages > 0 && now < 3600000; now += 100) {
		bool poll = now % 20000 == 0, write = now % 12000 == 0;
		bool page = wait_of(&b, BUDGET_PAGE, now) <= 0;

		late += poll && wait_of(&b, BUDGET_EVENTS, now) > 2000;
		late += write && wait_of(&b, BUDGET_WRITE, now) > 0;
		for (int i = 0; i < poll + write + page; i++) {
			if (now - window >= 60000) {
				window = now;
				used = 0;
			}
			refused += ++used > 100;
			budget_spent(&b, at(now));
			budget_learned(&b, 100, 100 - used, window + 60000 - now, at(now));
		}
		pages -= page;
	}
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_EQUAL(late, 0);
	CU_ASSERT_TRUE(now <= 10 * 60000);
}

TEST(rules_budget, a_limit_of_nothing_is_none)
{
	struct budget b = { 0 };

	budget_learned(&b, 0, 0, 60000, at(0));
	CU_ASSERT_EQUAL(wait_of(&b, BUDGET_PAGE, 0), 0);
}
