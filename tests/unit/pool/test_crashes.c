/* Which deaths of workers are taken for damage of the store. */
#include <signal.h>

#include "pool/crashes.h"
#include "unit.h"

/* A status of waitpid(2): a death by a signal is its number, an exit code stands above. */
#define EXITED(code) ((code) << 8)

static struct crashes crashes;

static bool dies(int status, int64_t at_ms)
{
	return crashes_add(&crashes, status, mono_add_ms((struct mono){ 0 }, at_ms));
}

TEST(pool_crashes, are_many_within_a_minute_and_then_counted_anew)
{
	crashes = (struct crashes){ 0 };
	for (int64_t round = 0; round < 2; round++) {
		CU_ASSERT_FALSE(dies(SIGSEGV, round * 1000));
		CU_ASSERT_FALSE(dies(SIGBUS, round * 1000 + 1));
		CU_ASSERT_TRUE(dies(SIGABRT, round * 1000 + 2));
	}
}

TEST(pool_crashes, are_few_where_they_come_slowly)
{
	crashes = (struct crashes){ 0 };
	for (int64_t i = 0; i < 10; i++)
		CU_ASSERT_FALSE(dies(SIGSEGV, i * (CRASHES_WITHIN_MS / 2 + 1)));
	CU_ASSERT_TRUE(dies(SIGSEGV, 9 * (CRASHES_WITHIN_MS / 2 + 1) + 1));
}

/* The kernel's killer, somebody's stop, and a worker that can't start. */
TEST(pool_crashes, are_no_deaths_from_outside)
{
	crashes = (struct crashes){ 0 };
	for (int64_t i = 0; i < 10; i++) {
		CU_ASSERT_FALSE(dies(SIGKILL, i));
		CU_ASSERT_FALSE(dies(SIGTERM, i));
		CU_ASSERT_FALSE(dies(EXITED(71), i));
		CU_ASSERT_FALSE(dies(0, i));
	}
}
