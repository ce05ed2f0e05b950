/* Products that Central doesn't let be asked for one by one are looked for in its list. */
#include "sync/inside.h"

#define PRODUCTS 700 /* several pages, so that the list is bisected both ways */

static bool has_failed(const struct engine *e)
{
	return e->lookups.failures > 0;
}

/* All are owed, and there in version 5. */
TEST(sync_lookups, finds_in_the_list_what_cannot_be_asked_for_alone)
{
	static const long owed[] = { 0, 210, 450, PRODUCTS - 1 };
	struct inside in;

	inside_begin(&in, PRODUCTS);
	atomic_store(&in.product_status, 404);
	for (size_t i = 0; i < sizeof(owed) / sizeof(owed[0]); i++)
		inside_owe(&in, owed[i]);
	inside_turn_until(&in, inside_owes_nothing);
	for (size_t i = 0; i < sizeof(owed) / sizeof(owed[0]); i++) {
		CU_ASSERT_PTR_NULL(inside_known(&in, owed[i]));
		CU_ASSERT_EQUAL(inside_version(&in, owed[i]), INSIDE_VERSION);
	}
	inside_end(&in);
}

TEST(sync_lookups, looks_in_the_list_again_when_that_failed)
{
	struct inside in;

	inside_begin(&in, 3);
	atomic_store(&in.product_status, 404);
	atomic_store(&in.list_status, 500);
	inside_owe(&in, 1);
	inside_turn_until(&in, has_failed);
	CU_ASSERT_TRUE(inside_is_owed(&in, 1));
	atomic_store(&in.list_status, 200);
	inside_turn_until(&in, inside_owes_nothing);
	CU_ASSERT_PTR_NULL(inside_known(&in, 1));
	inside_end(&in);
}
