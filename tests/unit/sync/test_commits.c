/*
 * What the engine makes of commits that fail, and of what it learns at an awkward
 * moment, seen from its inside.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "control/ends.h"
#include "metrics/metrics.h"
#include "sync/inside.h"
#include "sync/writes.h"
#include "unit.h"

static bool compared_all(const struct engine *e)
{
	return e->compare.running && !e->compare.call && e->compare.walk.done;
}

TEST(sync_commits, a_comparing_that_waits_for_its_look_ups_is_not_due)
{
	struct inside in;
	struct mono now;

	inside_begin(&in, 3);
	in.engine.record.state = SYNC_LIVE;
	in.engine.compare.next = mono_now();
	/* The list lacks one, and asking for it fails. */
	atomic_store(&in.products, 2);
	atomic_store(&in.product_status, 500);
	inside_turn_until(&in, compared_all);
	CU_ASSERT_EQUAL(in.engine.lookups.n_owed, 1);
	now = mono_now();
	CU_ASSERT_FALSE(mono_reached(compare_due(&in.engine, now), now));
	inside_end(&in);
}

static bool asks_for_a_page(const struct engine *e)
{
	return e->compare.call != NULL;
}

static bool asks_for_no_page(const struct engine *e)
{
	return e->compare.call == NULL;
}

static bool owes_nothing(const struct engine *e)
{
	return e->lookups.n_owed == 0;
}

TEST(sync_commits, a_pass_whose_page_cannot_be_stored_leaves_look_ups_to_themselves)
{
	enum { OWED = 40 };
	struct inside in;
	struct mono now;

	inside_begin(&in, OWED);
	for (long i = 0; i < OWED; i++)
		inside_owe(&in, i);
	/* One by one would take longer than the list. */
	compare_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(asks_for_a_page(&in.engine));
	CU_ASSERT_TRUE(compare_stands_in(&in.engine));
	inside_disk_full(true);
	inside_hear_until(&in, asks_for_no_page);
	inside_disk_full(false);
	CU_ASSERT_FALSE(compare_stands_in(&in.engine));
	CU_ASSERT_EQUAL(in.engine.lookups.n_owed, OWED);
	now = mono_now();
	CU_ASSERT_TRUE(mono_reached(lookups_due(&in.engine, now), now));
	inside_turn_until(&in, owes_nothing);
	CU_ASSERT_FALSE(inside_is_owed(&in, OWED - 1));
	inside_end(&in);
}

/* An event changes a product that nothing was known of, and another one has it looked up. */
static void change_and_owe(struct inside *in, uint64_t product)
{
	struct product p = fixture_product(product, INSIDE_VERSION + 1);
	struct event event = { .kind = EVENT_UPDATED,
		.offset = INSIDE_VERSION,
		.product_id = p.id,
		.version = p.version,
		.product = p };
	struct sync_record next = in->engine.record;
	struct change c;

	CU_ASSERT_EQUAL_FATAL(change_begin(&in->engine, &c), ST_OK);
	change_event(&c, &event);
	change_owe(&c, p.id);
	CU_ASSERT_EQUAL(change_commit(&c, &next), ST_OK);
}

static int64_t cached_version(struct inside *in, uint64_t product)
{
	struct product p = fixture_product(product, INSIDE_VERSION), found = { .version = -1 };
	struct store_snapshot s;

	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(in->engine.store, &s), ST_OK);
	if (store_snapshot_product(&s, p.id.data, p.id.len, &found))
		found.version = -1;
	store_snapshot_end(&s);
	return found.version;
}

TEST(sync_commits, a_page_settles_nothing_that_changed_before_anything_was_known_of_it)
{
	enum { OWED = 40 };
	struct inside in;

	inside_begin(&in, OWED + 1);
	for (long i = 0; i < OWED; i++)
		inside_owe(&in, i);
	compare_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(asks_for_a_page(&in.engine));
	change_and_owe(&in, OWED);
	CU_ASSERT_EQUAL(cached_version(&in, OWED), INSIDE_VERSION + 1);
	inside_hear_until(&in, asks_for_no_page);
	CU_ASSERT_EQUAL(cached_version(&in, OWED), INSIDE_VERSION + 1);
	CU_ASSERT_TRUE(known_is_owed(inside_known(&in, OWED)));
	inside_end(&in);
}

static bool has_failed_pages(const struct engine *e)
{
	return e->compare_failures.count > 0;
}

TEST(sync_commits, a_pass_that_fails_and_fails_leaves_look_ups_to_themselves)
{
	enum { OWED = 40 };
	struct inside in;

	inside_begin(&in, OWED);
	for (long i = 0; i < OWED; i++)
		inside_owe(&in, i);
	atomic_store(&in.list_status, 500);
	compare_tick(&in.engine, mono_now());
	in.engine.compare.failures = 100;
	inside_hear_until(&in, has_failed_pages);
	compare_tick(&in.engine, mono_now());
	CU_ASSERT_FALSE(compare_stands_in(&in.engine));
	inside_turn_until(&in, owes_nothing);
	inside_end(&in);
}

static bool catches_up(const struct engine *e)
{
	return e->full_sync.phase == FULL_SYNC_CATCH_UP;
}

static bool feed_has_failed(const struct engine *e)
{
	return e->event_failures.count > 0;
}

static bool has_full_sync(const struct engine *e)
{
	return e->record.full_syncs == 1;
}

TEST(sync_commits, a_full_sync_catches_up_over_a_commit_that_failed)
{
	struct inside in;

	inside_begin(&in, 3);
	/* Else the feed is asked only once in so long. */
	in.engine.settings.interval_ms = 3600000;
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	inside_turn_until(&in, catches_up);
	inside_disk_full(true);
	inside_turn_until(&in, feed_has_failed);
	inside_disk_full(false);
	CU_ASSERT_TRUE(catches_up(&in.engine));
	inside_turn_until(&in, has_full_sync);
	inside_end(&in);
}

/* Its deletion, below the head too, is not heard of: the pages hold it. */
TEST(sync_commits, a_late_event_brings_nothing_back_that_the_pages_lack)
{
	struct inside in;

	inside_begin(&in, 3);
	atomic_store(&in.first, 1);
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	inside_turn_until(&in, catches_up);
	in.engine.full_sync.head = INSIDE_VERSION + 2;
	change_and_owe(&in, 0);
	CU_ASSERT_EQUAL(cached_version(&in, 0), INSIDE_VERSION + 1);
	full_sync_caught_up(&in.engine);
	CU_ASSERT_EQUAL(in.engine.record.full_syncs, 1);
	CU_ASSERT_EQUAL(cached_version(&in, 0), -1);
	inside_end(&in);
}

/* Between the two the events of 5 and 6 are missing. */
static void receive_seven(struct inside *in)
{
	CU_ASSERT_EQUAL(offsets_add(&in->engine.follow.position.offsets, 7), ST_OK);
	atomic_store(&in->head, 8);
	atomic_store(&in->poll_end, 8);
}

/* The pages would have held what is missing; they are not to be seen now. */
TEST(sync_commits, a_full_sync_that_is_not_published_leaves_a_hole_to_be_asked_for)
{
	struct inside in;

	inside_begin(&in, 3);
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	inside_turn_until(&in, catches_up);
	receive_seven(&in);
	CU_ASSERT_EQUAL(report_commit(&in.engine), ST_OK);
	in.engine.full_sync.head = 8;
	inside_disk_full(true);
	full_sync_caught_up(&in.engine);
	inside_disk_full(false);
	CU_ASSERT_FALSE(full_sync_runs(&in.engine));
	CU_ASSERT_EQUAL(in.engine.follow.position.offsets.next, INSIDE_VERSION);
	inside_end(&in);
}

static bool asks_for_no_hole(const struct engine *e)
{
	return e->follow.hole_call == NULL;
}

TEST(sync_commits, a_hole_whose_answer_cannot_be_stored_is_asked_for_in_its_time)
{
	struct store_txn *other;
	struct inside in;
	struct mono now;

	inside_begin(&in, 3);
	receive_seven(&in);
	now = mono_now();
	hole_look(&in.engine.follow.hole, &in.engine.follow.position.offsets, 8, now);
	in.engine.follow.hole.due = now;
	in.engine.follow.next = mono_add_ms(now, 3600000);
	follow_tick(&in.engine, now);
	CU_ASSERT_FALSE(asks_for_no_hole(&in.engine));
	CU_ASSERT_EQUAL(store_txn_begin(in.engine.store, STORE_RUNNING, &other), ST_OK);
	inside_hear_until(&in, asks_for_no_hole);
	store_txn_abort(other);
	CU_ASSERT_TRUE(feed_has_failed(&in.engine));
	CU_ASSERT_EQUAL(hole_due(&in.engine.follow.hole).us, in.engine.follow.next.us);
	inside_end(&in);
}

static bool is_asked_for(const struct engine *e)
{
	return e->lookups.under_way > 0;
}

static bool is_answered(const struct engine *e)
{
	return e->lookups.under_way == 0;
}

TEST(sync_commits, a_look_up_in_a_store_that_was_found_damaged_stays_owed)
{
	struct inside in;

	inside_begin(&in, 3);
	inside_owe(&in, 1);
	lookups_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(is_asked_for(&in.engine));
	(void)storage_outcome(&in.engine, ST_CORRUPT);
	CU_ASSERT_TRUE(in.engine.damaged);
	inside_hear_until(&in, is_answered);
	CU_ASSERT_EQUAL(in.engine.lookups.n_owed, 1);
	CU_ASSERT_EQUAL(inside_known(&in, 1)->place, PLACE_OWED);
	inside_end(&in);
}

TEST(sync_commits, a_look_up_that_is_wanted_again_meanwhile_stays_owed_in_the_store)
{
	struct inside in;

	inside_begin(&in, 3);
	inside_owe(&in, 1);
	lookups_tick(&in.engine, mono_now());
	/* It did not change, but something newer speaks of it. */
	inside_owe(&in, 1);
	inside_hear_until(&in, is_answered);
	CU_ASSERT_TRUE(inside_is_owed(&in, 1));
	inside_turn_until(&in, owes_nothing);
	CU_ASSERT_FALSE(inside_is_owed(&in, 1));
	inside_end(&in);
}

TEST(sync_commits, what_is_tried_later_stands_in_the_order_of_its_times)
{
	static const int64_t ms[] = { 30000, 10000, 40000, 20000 };
	static const long order[] = { 1, 3, 0, 2 };
	struct known *k;
	struct inside in;
	size_t n = 0;

	inside_begin(&in, 4);
	for (long i = 0; i < 4; i++) {
		inside_owe(&in, i);
		k = inside_known(&in, i);
		k->next = mono_add_ms(mono_now(), ms[i]);
		known_move(k, PLACE_LATER);
	}
	for (k = TAILQ_FIRST(&in.engine.lookups.later); k; k = TAILQ_NEXT(k, queue))
		CU_ASSERT_PTR_EQUAL(k, inside_known(&in, order[n++]));
	CU_ASSERT_EQUAL(n, 4);
	inside_end(&in);
}

TEST(sync_commits, a_full_sync_that_fails_beside_a_commit_is_counted)
{
	struct product too_long = fixture_product(1, INSIDE_VERSION);
	static const char id[PRODUCT_ID_MAX + 1];
	struct sync_record next;
	struct inside in;
	struct change c;

	inside_begin(&in, 3);
	CU_ASSERT_EQUAL(store_build_begin(in.engine.store), ST_OK);
	in.engine.full_sync.phase = FULL_SYNC_PAGES;
	next = in.engine.record;
	CU_ASSERT_EQUAL(change_begin(&in.engine, &c), ST_OK);
	too_long.id = (struct span){ id, sizeof(id) };
	store_txn_put(c.coming, &too_long);
	/* The running one takes it all the same. */
	CU_ASSERT_EQUAL(change_commit(&c, &next), ST_OK);
	report_adopt(&in.engine, &next);
	CU_ASSERT_FALSE(full_sync_runs(&in.engine));
	CU_ASSERT_EQUAL(in.engine.record.full_sync_failures, 1);
	inside_end(&in);
}

/* ---- with a client that waits ---- */

static bool waits_for_a_product(const struct engine *e)
{
	const struct write *w = TAILQ_FIRST(&e->writes.all);

	return w && w->phase == WRITE_LOOKING && e->lookups.under_way > 0;
}

/* What is known of products is read anew after a failed commit: the id must not be of that. */
TEST(sync_commits, who_waits_for_a_look_up_is_answered_though_nothing_can_be_stored)
{
	struct inside in;
	int fd;

	inside_begin(&in, 3);
	atomic_store(&in.product_status, 500);
	fd = inside_forward(&in);
	inside_turn_until(&in, waits_for_a_product);
	inside_disk_full(true);
	inside_turn_until(&in, inside_has_no_write);
	inside_disk_full(false);
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "\"version_conflict\""));
	CU_ASSERT_EQUAL(atomic_load(&in.posts), 1);
	close(fd);
	inside_end(&in);
}

/* As a commit of anything else does, that fails. */
TEST(sync_commits, who_waits_for_a_look_up_has_it_though_all_was_read_anew)
{
	struct mono began = mono_now();
	struct inside in;
	int fd;

	inside_begin(&in, 3);
	fd = inside_forward(&in);
	inside_turn_until(&in, waits_for_a_product);
	known_reload(&in.engine);
	inside_turn_until(&in, inside_has_no_write);
	/* Not only when its time is over. */
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < in.engine.settings.write_budget_ms / 2);
	close(fd);
	inside_end(&in);
}

TEST(sync_commits, a_write_without_time_left_is_not_sent)
{
	struct inside in;
	struct write *w;
	const char *said;
	int fd;

	inside_begin(&in, 3);
	fd = inside_forward(&in);
	w = TAILQ_FIRST(&in.engine.writes.all);
	CU_ASSERT_EQUAL(w->phase, WRITE_READY);
	w->deadline = mono_now();
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE_FATAL(inside_has_no_write(&in.engine));
	said = raw_receive(fd);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"code\":\"overloaded\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"outcome\":\"not_sent\""));
	CU_ASSERT_EQUAL(atomic_load(&in.posts), 0);
	close(fd);
	inside_end(&in);
}

TEST(sync_commits, a_write_beyond_those_that_may_be_under_way_is_refused)
{
	struct inside in;
	const char *said;
	int fd;

	inside_begin(&in, 3);
	in.engine.writes.under_way = 256;
	fd = inside_forward(&in);
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE_FATAL(inside_has_no_write(&in.engine));
	said = raw_receive(fd);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"code\":\"overloaded\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"outcome\":\"not_sent\""));
	CU_ASSERT_EQUAL(atomic_load(&in.posts), 0);
	in.engine.writes.under_way = 0;
	close(fd);
	inside_end(&in);
}

static int asking = -1;

static bool is_told(const struct engine *e)
{
	struct pollfd p = { .fd = asking, .events = POLLIN };

	(void)e;
	return poll(&p, 1, 0) > 0;
}

TEST(sync_commits, a_write_beyond_the_bytes_that_may_wait_is_refused)
{
	const size_t most = (size_t)64 << 20;
	struct inside in;
	const char *said;

	inside_begin(&in, 3);
	in.engine.writes.bytes = most;
	asking = raw_connect(in.run_dir);
	raw_message(asking, INSIDE_UPDATE);
	inside_hear_until(&in, is_told);
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(asking), "\"taken\""));
	inside_hear_until(&in, is_told);
	said = raw_receive(asking);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"code\":\"overloaded\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"outcome\":\"not_sent\""));
	CU_ASSERT_EQUAL(in.engine.writes.bytes, most);
	in.engine.writes.bytes = 0;
	close(asking);
	inside_end(&in);
}

static void fail_all_requests(struct inside *in)
{
	static char url[10000] = "http://127.0.0.1/";
	struct central_options options = in->engine.settings.central;

	memset(url + strlen(url), 'x', sizeof(url) - 1 - strlen(url));
	options.url = url;
	CU_ASSERT_EQUAL(central_set_options(in->engine.central, &options), ST_OK);
}

TEST(sync_commits, a_write_that_cannot_be_started_is_reported)
{
	struct inside in;
	int fd;

	inside_begin(&in, 3);
	fail_all_requests(&in);
	fd = inside_forward(&in);
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(inside_has_no_write(&in.engine));
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "\"outcome\":\"not_sent\""));
	CU_ASSERT_EQUAL(in.engine.write_failures.count, 1);
	close(fd);
	inside_end(&in);
}

TEST(sync_commits, a_check_that_cannot_be_started_stays_owed)
{
	struct event event = { .offset = INSIDE_VERSION - 1, .product_id = { "P", 1 } };
	struct inside in;

	inside_begin(&in, 3);
	log_marks_add(&in.engine.follow.position.marks, &event);
	in.engine.follow.check_owed = true;
	fail_all_requests(&in);
	follow_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(feed_has_failed(&in.engine));
	CU_ASSERT_TRUE(in.engine.follow.check_owed);
	inside_end(&in);
}

TEST(sync_commits, a_hole_that_cannot_be_asked_for_has_its_time)
{
	struct inside in;
	struct mono now;

	inside_begin(&in, 3);
	receive_seven(&in);
	now = mono_now();
	hole_look(&in.engine.follow.hole, &in.engine.follow.position.offsets, 8, now);
	in.engine.follow.hole.due = now;
	in.engine.follow.next = mono_add_ms(now, 3600000);
	fail_all_requests(&in);
	follow_tick(&in.engine, now);
	CU_ASSERT_TRUE(feed_has_failed(&in.engine));
	CU_ASSERT_EQUAL(hole_due(&in.engine.follow.hole).us, in.engine.follow.next.us);
	inside_end(&in);
}
