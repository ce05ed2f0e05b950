/* Central's list is answered, but not with the page that was asked for; or not at all. */
#include <string.h>
#include <unistd.h>

#include "control/ends.h"
#include "sync/inside.h"
#include "unit.h"

static bool full_sync_has_failed(const struct engine *e)
{
	return e->full_sync.failures > 0;
}

TEST(sync_pages, of_another_place_are_not_put_into_a_store)
{
	struct inside in;

	inside_begin(&in, 3);
	atomic_store(&in.astray, 1);
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	inside_turn_until(&in, full_sync_has_failed);
	CU_ASSERT_EQUAL(in.engine.record.failure_class, FAILURE_BAD_ANSWER);
	CU_ASSERT_PTR_NOT_NULL(strstr(in.engine.record.failure_message, "not the one"));
	CU_ASSERT_EQUAL(in.engine.full_sync.walk.pages, 0);
	inside_end(&in);
}

static bool comparing_has_failed(const struct engine *e)
{
	return e->compare.failures > 0;
}

TEST(sync_pages, of_another_place_are_not_compared)
{
	struct inside in;

	inside_begin(&in, 3);
	atomic_store(&in.astray, 1);
	in.engine.record.state = SYNC_LIVE;
	in.engine.compare.next = mono_now();
	inside_turn_until(&in, comparing_has_failed);
	CU_ASSERT_EQUAL(in.engine.compare.walk.pages, 0);
	inside_end(&in);
}

static unsigned seen;

static bool verify_has_failed_again(const struct engine *e)
{
	return e->verify.phase == VERIFY_IDLE || e->verify.failures > seen;
}

static bool verify_runs(const struct engine *e)
{
	return e->verify.phase != VERIFY_IDLE;
}

/* It asks a few times, whose pauses are over at once here; then it says that it can't tell. */
static void expect_verify_to_fail(struct inside *in)
{
	int fd = raw_connect(in->run_dir), tries;

	raw_message(fd, "{\"v\":1,\"id\":\"r\",\"type\":\"verify\"}");
	inside_hear_until(in, verify_runs);
	for (tries = 0; verify_runs(&in->engine); tries++) {
		seen = in->engine.verify.failures;
		in->engine.verify.next = mono_now();
		inside_turn_until(in, verify_has_failed_again);
	}
	CU_ASSERT_TRUE(tries > 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "comparing"));
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "central_unavailable"));
	close(fd);
}

TEST(sync_pages, of_another_place_end_a_verify)
{
	struct inside in;

	inside_begin(&in, 3);
	atomic_store(&in.astray, 1);
	expect_verify_to_fail(&in);
	inside_end(&in);
}

TEST(sync_pages, that_never_come_end_a_verify)
{
	struct inside in;

	inside_begin(&in, 3);
	atomic_store(&in.list_status, 500);
	expect_verify_to_fail(&in);
	inside_end(&in);
}
