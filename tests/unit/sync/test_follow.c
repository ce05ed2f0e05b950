/*
 * How the feed is asked: what the wait of a poll is, and whose log it is.
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

/* While a store is first filled, which takes long, a poll a second would take what pages need. */
TEST(sync_follow, waits_while_a_store_is_built_where_there_is_none)
{
	struct inside in;

	inside_begin(&in, 3);
	in.engine.settings.wait_seconds = 5;
	in.engine.record.state = SYNC_STARTING;
	in.engine.damaged = true;
	follow_reload(&in.engine);
	atomic_store(&in.list_status, 429);
	full_sync_want(&in.engine, FULL_SYNC_STORE_REBUILT, mono_now());
	inside_turn_until(&in, polls);
	CU_ASSERT_EQUAL(in.engine.follow.wait_seconds, 5);
	inside_end(&in);
}

/* ---- a Central that keeps no connection: its log is compared once a minute ---- */

static bool is_lost(const struct engine *e)
{
	return e->follow.lost;
}

static bool is_at_end(const struct engine *e)
{
	return e->follow.position.head == e->follow.position.offsets.next;
}

static bool has_compared(const struct engine *e)
{
	return !e->follow.call && e->follow.unchecked.n == 0;
}

static void receive(struct inside *in, int log, int events)
{
	atomic_store(&in->log, log);
	in->engine.follow.position.head = atomic_fetch_add(&in->poll_end, events) + events;
	inside_turn_until(in, is_at_end);
}

/* It is known to keep none, and its log was compared just now. */
static void begin_unkept(struct inside *in)
{
	inside_begin(in, 3);
	in->engine.settings.batch_limit = 100;
	in->engine.follow.unkept = 100;
	in->engine.follow.checked = mono_now();
}

static void minute_passes(struct inside *in)
{
	in->engine.follow.checked = mono_add_ms(mono_now(), -60000);
}

/* It grew on, past all that we remember of the old one, before the minute was over. */
TEST(sync_follow, notices_a_replaced_log_however_far_it_has_grown)
{
	struct inside in;

	begin_unkept(&in);
	receive(&in, 1, 30);
	receive(&in, 2, LOG_MARKS_MAX + 6);
	CU_ASSERT_FALSE(in.engine.follow.lost);
	minute_passes(&in);
	inside_turn_until(&in, is_lost);
	CU_ASSERT_EQUAL(in.engine.follow.lost_reason, FULL_SYNC_OFFSET_RESET);
	inside_end(&in);
}

/* Else what is remembered would be past the end of Central's log some day. */
TEST(sync_follow, remembers_the_last_events_of_a_log_that_is_the_same)
{
	struct inside in;

	begin_unkept(&in);
	receive(&in, 1, 30);
	receive(&in, 1, 30);
	CU_ASSERT_TRUE(in.engine.follow.unchecked.n > 0);
	minute_passes(&in);
	inside_turn_until(&in, has_compared);
	CU_ASSERT_FALSE(in.engine.follow.lost);
	CU_ASSERT_EQUAL(log_marks_oldest(&in.engine.follow.position.marks),
	    atomic_load(&in.poll_end) - LOG_MARKS_MAX);
	inside_end(&in);
}

/* ---- a log that loses its end during a full sync, and hands its offsets out again ---- */

static bool has_read_pages(const struct engine *e)
{
	return e->full_sync.phase == FULL_SYNC_TAIL;
}

static bool has_published(const struct engine *e)
{
	return !full_sync_runs(e);
}

/* Nothing of what was lost had been received, so nothing remembered of the log is missing in it. */
TEST(sync_follow, misses_no_change_told_below_the_head_that_a_full_sync_began_with)
{
	struct inside in;

	inside_begin(&in, 3);
	in.engine.settings.batch_limit = 100;
	/* The feed isn't polled until the pages are in. */
	in.engine.follow.next = mono_add_ms(mono_now(), 3600 * 1000);
	atomic_store(&in.head, 30);
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	inside_turn_until(&in, has_read_pages);
	CU_ASSERT_EQUAL(in.engine.full_sync.head, 30);
	/* Product 0 has changed since its page was read. */
	atomic_store(&in.log, 2);
	atomic_store(&in.poll_end, 25);
	atomic_store(&in.product_version, 2024);
	/* What readers have seen stays until it is looked up, however late that is. */
	in.engine.lookups.next = mono_add_ms(mono_now(), 3600 * 1000);
	inside_turn_until(&in, has_published);
	CU_ASSERT_EQUAL(inside_version(&in, 0), 2024);
	CU_ASSERT_EQUAL(in.engine.lookups.n_owed, 1);
	in.engine.lookups.next = mono_now();
	inside_turn_until(&in, inside_owes_nothing);
	CU_ASSERT_EQUAL(inside_version(&in, 0), 2024);
	inside_end(&in);
}

/* The list shows a new life, whose events are older than what readers have seen of the last one. */
TEST(sync_follow, looks_up_what_is_stale_for_readers_and_news_for_a_full_sync)
{
	struct inside in;
	long end;

	begin_unkept(&in);
	receive(&in, 2, 25);
	end = atomic_load(&in.poll_end);
	CU_ASSERT_EQUAL(inside_version(&in, 0), 2000 + end - 1);
	in.engine.follow.next = mono_add_ms(mono_now(), 3600 * 1000);
	atomic_store(&in.head, end);
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	inside_turn_until(&in, has_read_pages);
	atomic_store(&in.log, 1);
	atomic_store(&in.poll_end, end + 2);
	atomic_store(&in.product_version, (int)end + 1001);
	in.engine.lookups.next = mono_add_ms(mono_now(), 3600 * 1000);
	inside_turn_until(&in, has_published);
	CU_ASSERT_EQUAL(inside_version(&in, 0), INSIDE_VERSION);
	CU_ASSERT_TRUE(inside_is_owed(&in, 0));
	in.engine.lookups.next = mono_now();
	inside_turn_until(&in, inside_owes_nothing);
	CU_ASSERT_EQUAL(inside_version(&in, 0), 1000 + end + 1);
	inside_end(&in);
}

/* Nothing that is left tells whose log it is. */
TEST(sync_follow, trusts_no_log_whose_events_have_all_rotated_away)
{
	struct inside in;

	begin_unkept(&in);
	receive(&in, 1, 30);
	atomic_store(&in.oldest, atomic_load(&in.poll_end));
	minute_passes(&in);
	inside_turn_until(&in, is_lost);
	CU_ASSERT_EQUAL(in.engine.follow.lost_reason, FULL_SYNC_EVENT_GAP);
	inside_end(&in);
}

/* ---- a full sync that runs when events are lost ---- */

static bool has_a_page(const struct engine *e)
{
	return e->full_sync.walk.pages > 0;
}

static bool is_attached(const struct engine *e)
{
	return e->follow.attached;
}

/* Its pages were asked for after the head: they hold what those events told. */
TEST(sync_follow, loses_nothing_below_the_head_of_a_full_sync)
{
	struct inside in;

	inside_begin(&in, 1000);
	atomic_store(&in.head, 50);
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	inside_turn_until(&in, has_a_page);
	follow_lose(&in.engine, FULL_SYNC_EVENT_GAP);
	CU_ASSERT_FALSE(in.engine.follow.attached);
	CU_ASSERT_EQUAL(in.engine.follow.position.offsets.next, 50);
	atomic_store(&in.poll_end, 50);
	inside_turn_until(&in, is_attached);
	CU_ASSERT_EQUAL(in.engine.record.full_syncs, 1);
	CU_ASSERT_EQUAL(in.engine.record.event_offset, 50);
	inside_end(&in);
}
