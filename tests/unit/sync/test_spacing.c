/* When there is another full sync, after one that failed or that has to begin again. */
#include <unistd.h>

#include "control/ends.h"
#include "sync/inside.h"
#include "unit.h"

static bool has_asked_for_pages(const struct engine *e)
{
	return e->full_sync.phase == FULL_SYNC_PAGES && e->full_sync.call;
}

static bool has_given_up(const struct engine *e)
{
	return !full_sync_runs(e);
}

/* What is wanted when one has failed; `before` and `meanwhile` (NONE: nothing) were wanted too. */
static enum full_sync_reason wanted_after(
    enum full_sync_reason before, enum full_sync_reason reason, enum full_sync_reason meanwhile)
{
	enum full_sync_reason wanted;
	struct inside in;

	inside_begin(&in, 3);
	atomic_store(&in.list_status, 500);
	/* Nobody asks for it: it has to wait. */
	pace_full_sync_ended(&in.engine.full_sync.pace, mono_now());
	if (before)
		full_sync_want(&in.engine, before, mono_now());
	in.engine.full_sync.pace.streak = reason == FULL_SYNC_FORCED;
	full_sync_want(&in.engine, reason, mono_now());
	CU_ASSERT_EQUAL(in.engine.full_sync.wanted, reason);
	full_sync_tick(&in.engine, mono_now());
	if (meanwhile)
		full_sync_want(&in.engine, meanwhile, mono_now());
	inside_hear_until(&in, has_asked_for_pages);
	/* One failure is the last one of many. */
	in.engine.full_sync.failures = in.engine.settings.failures_max;
	inside_hear_until(&in, has_given_up);
	wanted = in.engine.full_sync.wanted;
	CU_ASSERT_FALSE(wanted && mono_reached(in.engine.full_sync.due, mono_now()));
	inside_end(&in);
	return wanted;
}

TEST(sync_spacing, what_only_a_full_sync_mends_is_wanted_until_one_is_done)
{
	static const enum full_sync_reason none = FULL_SYNC_NONE, forced = FULL_SYNC_FORCED,
					   gap = FULL_SYNC_EVENT_GAP;

	CU_ASSERT_EQUAL(wanted_after(none, forced, none), none);
	CU_ASSERT_EQUAL(wanted_after(none, gap, none), gap);
	CU_ASSERT_EQUAL(wanted_after(none, forced, gap), gap);
	CU_ASSERT_EQUAL(wanted_after(gap, forced, none), gap);
}

#define SYNC "{\"v\":1,\"id\":\"r\",\"type\":\"sync\",\"wait\":true}"

static bool is_waited_for(const struct engine *e)
{
	return !STAILQ_EMPTY(&e->full_sync.waiters);
}

static int wait_for_a_sync(struct inside *in)
{
	int fd = raw_connect(in->run_dir);

	raw_message(fd, SYNC);
	inside_hear_until(in, is_waited_for);
	return fd;
}

static bool has_failed_once(const struct engine *e)
{
	return e->record.full_sync_failures == 1 && !full_sync_runs(e);
}

static bool has_failed_twice(const struct engine *e)
{
	return e->record.full_sync_failures == 2 && !full_sync_runs(e);
}

static bool is_due(struct inside *in)
{
	struct mono now = mono_now();

	return mono_reached(full_sync_due(&in->engine, now), now);
}

static void runs_again_at_once_and_then_in_its_time(struct inside *in)
{
	int fd = wait_for_a_sync(in);

	inside_turn_until(in, has_failed_once);
	CU_ASSERT_TRUE(is_due(in));
	inside_turn_until(in, has_failed_twice);
	CU_ASSERT_FALSE(is_due(in));
	CU_ASSERT_FALSE(STAILQ_EMPTY(&in->engine.full_sync.waiters));
	close(fd);
}

TEST(sync_spacing, holds_for_a_feed_that_begins_anew_with_each_full_sync)
{
	struct inside in;

	inside_begin(&in, 300);
	atomic_store(&in.head, 1000);
	atomic_store(&in.poll_end, 2);
	runs_again_at_once_and_then_in_its_time(&in);
	inside_end(&in);
}

TEST(sync_spacing, spares_whoever_waits_for_a_repair_too)
{
	struct inside in;

	inside_begin(&in, 3);
	in.engine.verify.phase = VERIFY_REPAIR;
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	full_sync_tick(&in.engine, mono_now());
	full_sync_restart(&in.engine, FULL_SYNC_OFFSET_RESET);
	CU_ASSERT_TRUE(is_due(&in));
	in.engine.verify.phase = VERIFY_IDLE;
	inside_end(&in);
}

/* Two readings that agree are believed; these never do. */
TEST(sync_spacing, holds_for_a_list_that_is_shorter_each_time)
{
	struct inside in;
	int fd;

	inside_begin(&in, 300);
	atomic_store(&in.products, 100);
	fd = wait_for_a_sync(&in);
	inside_turn_until(&in, has_failed_once);
	CU_ASSERT_TRUE(is_due(&in));
	atomic_store(&in.products, 50);
	inside_turn_until(&in, has_failed_twice);
	CU_ASSERT_FALSE(is_due(&in));
	close(fd);
	inside_end(&in);
}

/* One is owed, and perhaps somebody asks for one. */
static void owe_one(struct inside *in, const char *asked_by)
{
	inside_begin(in, 3);
	full_sync_want(&in->engine, FULL_SYNC_EVENT_GAP, mono_now());
	if (asked_by)
		full_sync_ask(&in->engine, asked_by);
}

/* What was wrong with the store is not wrong with the backup in its place. */
TEST(sync_spacing, forgets_what_was_owed_to_a_store_that_is_no_more)
{
	struct inside in;
	const struct full_sync *f = &in.engine.full_sync;

	owe_one(&in, NULL);
	full_sync_superseded(&in.engine);
	CU_ASSERT_EQUAL(f->wanted, FULL_SYNC_NONE);
	CU_ASSERT_EQUAL(f->owed, FULL_SYNC_NONE);
	inside_end(&in);

	owe_one(&in, "asker");
	full_sync_superseded(&in.engine);
	CU_ASSERT_EQUAL(f->wanted, FULL_SYNC_FORCED);
	CU_ASSERT_EQUAL(f->owed, FULL_SYNC_NONE);
	ASSERT_TEXT(f->asked_by, "asker");
	inside_end(&in);
}

TEST(sync_spacing, one_that_was_put_off_is_still_whoevers_who_asked_for_it)
{
	struct inside in;
	const struct full_sync *f = &in.engine.full_sync;

	owe_one(&in, "asker");
	full_sync_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(full_sync_runs(&in.engine));
	full_sync_put_off(&in.engine);
	CU_ASSERT_EQUAL(f->wanted, FULL_SYNC_EVENT_GAP);
	ASSERT_TEXT(f->asked_by, "asker");
	full_sync_superseded(&in.engine);
	CU_ASSERT_EQUAL(f->wanted, FULL_SYNC_FORCED);
	inside_end(&in);
}
