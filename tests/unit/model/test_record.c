#include <string.h>

#include "base/clock.h"
#include "model/record.h"
#include "unit.h"

TEST(record, has_a_word_for_every_state)
{
	static const char *const words[] = { "starting", "live", "retrying", "fallback" };

	CU_ASSERT_EQUAL(sizeof(words) / sizeof(words[0]), SYNC_STATE_COUNT);
	for (unsigned i = 0; i < SYNC_STATE_COUNT; i++)
		ASSERT_TEXT(sync_state_text((enum sync_state)i), words[i]);
}

TEST(record, has_a_word_for_every_class_of_failure)
{
	static const char *const words[] = { "", "connect", "timeout", "http_5xx", "rate_limited",
		"auth", "bad_answer", "storage" };

	CU_ASSERT_EQUAL(sizeof(words) / sizeof(words[0]), FAILURE_CLASS_COUNT);
	for (unsigned i = 0; i < FAILURE_CLASS_COUNT; i++)
		ASSERT_TEXT(failure_class_text((enum failure_class)i), words[i]);
}

TEST(record, has_a_word_for_every_reason)
{
	static const char *const words[] = { "", "initial", "forced", "offset_gone", "offset_reset",
		"event_gap", "breaker_open", "store_rebuilt", "verify_mismatch" };

	CU_ASSERT_EQUAL(sizeof(words) / sizeof(words[0]), FULL_SYNC_REASON_COUNT);
	for (unsigned i = 0; i < FULL_SYNC_REASON_COUNT; i++)
		ASSERT_TEXT(full_sync_reason_text((enum full_sync_reason)i), words[i]);
}

/* Records come from a file: whatever number stands there, there is a text. */
TEST(record, has_an_empty_word_for_numbers_out_of_range)
{
	static const int numbers[] = { 99, 1000000, -1 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ASSERT_TEXT(sync_state_text((enum sync_state)numbers[i]), "");
		ASSERT_TEXT(failure_class_text((enum failure_class)numbers[i]), "");
		ASSERT_TEXT(full_sync_reason_text((enum full_sync_reason)numbers[i]), "");
	}
	ASSERT_TEXT(sync_state_text(SYNC_STATE_COUNT), "");
	ASSERT_TEXT(failure_class_text(FAILURE_CLASS_COUNT), "");
	ASSERT_TEXT(full_sync_reason_text(FULL_SYNC_REASON_COUNT), "");
}

TEST(stamp, of_now_names_the_boot_and_both_clocks)
{
	int64_t wall = wall_now_ms(), boot = mono_now().us / 1000;
	struct stamp s = stamp_now();

	CU_ASSERT_TRUE(stamp_is_set(&s));
	ASSERT_TEXT(s.boot_id, clock_boot_id());
	CU_ASSERT(s.wall_ms >= wall && s.wall_ms < wall + 10000);
	CU_ASSERT(s.boottime_ms >= boot && s.boottime_ms < boot + 10000);
	for (size_t i = strlen(s.boot_id); i < sizeof(s.boot_id); i++)
		CU_ASSERT_EQUAL(s.boot_id[i], '\0');
	CU_ASSERT_EQUAL(stamp_age_ms(&s, &s), 0);
}

TEST(stamp, is_set_unless_all_zero)
{
	struct stamp never = { { 0 }, 0, 0 }, wall = { { 0 }, 0, 1 }, boot = { { 0 }, 1, 0 };

	CU_ASSERT_FALSE(stamp_is_set(&never));
	CU_ASSERT_TRUE(stamp_is_set(&wall));
	CU_ASSERT_TRUE(stamp_is_set(&boot));
	/* The wall clock of a machine without a battery starts at 0. */
	memcpy(never.boot_id, "b", 1);
	CU_ASSERT_TRUE(stamp_is_set(&never));
}

TEST(stamp, age_goes_by_the_clock_that_can_be_trusted)
{
	static const struct {
		struct stamp then, now;
		int64_t age;
	} cases[] = {
		/* One boot: boot time, whatever was done to the wall clock. */
		{ { "b1", 1000, 50000 }, { "b1", 4000, 53000 }, 3000 },
		{ { "b1", 1000, 50000 }, { "b1", 4000, 99999999 }, 3000 },
		{ { "b1", 1000, 50000 }, { "b1", 4000, 7 }, 3000 },
		{ { "b1", 1000, 50000 }, { "b1", 1000, 50000 }, 0 },
		{ { "b1", 4000, 50000 }, { "b1", 1000, 53000 }, -1 },
		/* Another one: wall time, unless it went back. */
		{ { "b1", 1000, 50000 }, { "b2", 4000, 58000 }, 8000 },
		{ { "b1", 9000, 50000 }, { "b2", 10, 58000 }, 8000 },
		{ { "b1", 1000, 50000 }, { "b2", 4000, 49999 }, -1 },
		/* Boots without a name are never the same. */
		{ { "", 1000, 50000 }, { "", 4000, 58000 }, 8000 },
		/* Never. */
		{ { "", 0, 0 }, { "b1", 4000, 58000 }, -1 },
		{ { "", 0, 0 }, { "", 0, 0 }, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(stamp_age_ms(&cases[i].then, &cases[i].now), cases[i].age);
}
