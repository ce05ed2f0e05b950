/*
 * How the feed is asked: what the wait of a poll is.
 */
#include "sync/inside.h"
#include "unit.h"

static bool polls(const struct engine *e)
{
	return e->follow.call != NULL && !e->follow.checking;
}

static bool polls_not(const struct engine *e)
{
	return !polls(e);
}

/* Whether Central is there shows with the first answer, which mustn't take its wait. */
TEST(sync_follow, waits_only_while_it_is_live)
{
	struct inside in;

	inside_begin(&in, 3);
	in.engine.settings.wait_seconds = 5;
	in.engine.settings.interval_ms = 3600 * 1000;
	in.engine.record.state = SYNC_STARTING;
	inside_turn_until(&in, polls);
	CU_ASSERT_EQUAL(in.engine.follow.wait_seconds, 0);
	inside_turn_until(&in, polls_not);
	CU_ASSERT_EQUAL(in.engine.record.state, SYNC_LIVE);
	/* And the one that waits comes at once, not after the interval. */
	inside_turn_until(&in, polls);
	CU_ASSERT_EQUAL(in.engine.follow.wait_seconds, 5);
	inside_end(&in);
}
