#include "api/bulkhead.h"

#include "unit.h"

TEST(bulkhead, half_of_the_threads_and_a_quarter_of_that_for_forces)
{
	static const struct {
		unsigned threads, most, forces;
	} cases[] = { { 2, 1, 1 }, { 3, 1, 1 }, { 4, 2, 1 }, { 15, 7, 1 }, { 16, 8, 2 },
		{ 256, 128, 32 }, { 1, 1, 1 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bulkhead b;
		unsigned n = 0, forces = 0;

		bulkhead_init(&b, cases[i].threads);
		while (bulkhead_enter(&b, BULKHEAD_FORCE))
			forces++;
		CU_ASSERT_EQUAL(forces, cases[i].forces);
		while (bulkhead_enter(&b, BULKHEAD_WRITE))
			n++;
		CU_ASSERT_EQUAL(n + forces, cases[i].most);
		/* Forces stand among the others: with all places held there is none for them. */
		bulkhead_leave(&b, BULKHEAD_FORCE);
		CU_ASSERT_TRUE(bulkhead_enter(&b, BULKHEAD_WRITE));
		CU_ASSERT_FALSE(bulkhead_enter(&b, BULKHEAD_FORCE));
		bulkhead_leave(&b, BULKHEAD_WRITE);
		CU_ASSERT_TRUE(bulkhead_enter(&b, BULKHEAD_FORCE));
	}
}
