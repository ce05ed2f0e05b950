/* What verify does between Central's answers: turned by hand, so that no time passes. */
#include <string.h>
#include <unistd.h>

#include "control/ends.h"
#include "sync/inside.h"
#include "unit.h"

#define VERIFY "{\"v\":1,\"id\":\"r\",\"type\":\"verify\"}"

static bool runs(const struct engine *e)
{
	return e->verify.phase != VERIFY_IDLE;
}

static bool has_ended(const struct engine *e)
{
	return !runs(e);
}

static bool pauses(const struct engine *e)
{
	return e->verify.phase == VERIFY_PAUSE || !runs(e);
}

static bool has_a_suspect(const struct engine *e)
{
	return e->verify.n_suspects > 0;
}

static int ask_verify(struct inside *in, const char *message)
{
	int fd = raw_connect(in->run_dir);

	raw_message(fd, message);
	return fd;
}

static int begin_verify(struct inside *in)
{
	int fd = ask_verify(in, VERIFY);

	inside_hear_until(in, runs);
	return fd;
}

static bool is_the_second(const struct engine *e)
{
	return strcmp(e->verify.id, "second") == 0;
}

/* Both are heard in one turn. */
TEST(sync_verify, who_gave_up_is_in_nobodys_way)
{
	struct inside in;
	int fd;

	inside_begin(&in, 3);
	close(begin_verify(&in));
	fd = ask_verify(&in, "{\"v\":1,\"id\":\"second\",\"type\":\"verify\"}");
	inside_hear_until(&in, is_the_second);
	close(fd);
	inside_end(&in);
}

/* The cache has this product in another version than Central. */
static void spoil(struct inside *in, uint64_t product)
{
	struct product p = fixture_product(product, INSIDE_VERSION + 1);
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_txn_begin(in->engine.store, STORE_RUNNING, &t), ST_OK);
	store_txn_put(t, &p);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
}

/* The pause of the second look is over, as far as time goes. */
static void end_pause(struct inside *in)
{
	inside_turn_until(in, pauses);
	in->engine.verify.next = mono_now();
}

/* Between the looks the list slides, so that a page of the second one reaches further. */
TEST(sync_verify, misses_nothing_where_the_list_slides_under_the_second_look)
{
	struct inside in;
	int fd;

	inside_begin(&in, 600);
	spoil(&in, 50);
	spoil(&in, 400);
	fd = begin_verify(&in);
	inside_turn_until(&in, has_a_suspect);
	/* The first look ends with the page that is under way, far above 50 and below 400. */
	in.engine.verify.marked = (struct mono){ 1 };
	inside_turn_until(&in, pauses);
	CU_ASSERT_EQUAL(in.engine.verify.n_suspects, 1);
	atomic_store(&in.first, 10);
	end_pause(&in);
	inside_turn_until(&in, has_a_suspect);
	end_pause(&in);
	inside_turn_until(&in, has_ended);
	CU_ASSERT_EQUAL(in.engine.record.compared_differed, 2);
	close(fd);
	inside_end(&in);
}

static bool feed_has_failed(const struct engine *e)
{
	return e->event_failures.count > 0;
}

static struct mono later;

static bool is_later(const struct engine *e)
{
	(void)e;
	return mono_reached(later, mono_now());
}

/* It wants to hear the feed soon; but a Central that can't answer is given its time. */
TEST(sync_verify, leaves_a_feed_that_fails_to_its_backoff)
{
	struct inside in;
	int fd;

	inside_begin(&in, 3);
	spoil(&in, 1);
	fd = begin_verify(&in);
	inside_turn_until(&in, pauses);
	atomic_store(&in.feed_status, 500);
	end_pause(&in);
	in.engine.follow.next = mono_now();
	inside_turn_until(&in, feed_has_failed);
	in.engine.follow.next = mono_add_ms(mono_now(), 60000);
	later = mono_add_ms(mono_now(), 500);
	inside_turn_until(&in, is_later);
	CU_ASSERT_TRUE(runs(&in.engine));
	CU_ASSERT_EQUAL(in.engine.event_failures.count, 1);
	close(fd);
	inside_end(&in);
}

static bool is_damaged(const struct engine *e)
{
	return e->damaged;
}

/* Checksums are looked at by all who read, not only by readers of requests. */
TEST(sync_verify, takes_damage_for_no_difference)
{
	struct inside in;
	int fd;

	inside_begin_damaged(&in, 3, "P-000001");
	fd = begin_verify(&in);
	inside_turn_until(&in, is_damaged);
	CU_ASSERT_TRUE(has_ended(&in.engine));
	CU_ASSERT_EQUAL(in.engine.full_sync.owed, FULL_SYNC_STORE_REBUILT);
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "comparing"));
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "damaged"));
	close(fd);
	inside_end(&in);
}

/* Nor does it hide what stands behind it from comparing: Central lacks both. */
TEST(sync_verify, comparing_finds_a_damaged_product_too)
{
	struct inside in;

	inside_begin_damaged(&in, 3, "P-000001");
	atomic_store(&in.products, 1);
	in.engine.record.state = SYNC_LIVE;
	in.engine.compare.next = mono_now();
	inside_turn_until(&in, is_damaged);
	CU_ASSERT_EQUAL(in.engine.full_sync.owed, FULL_SYNC_STORE_REBUILT);
	inside_end(&in);
}

static bool compares(const struct engine *e)
{
	return e->compare.call;
}

/* It finds what comparing would have found, but mends nothing. */
TEST(sync_verify, leaves_comparing_for_afterwards)
{
	struct inside in;
	int fd;

	inside_begin(&in, 300);
	in.engine.record.state = SYNC_LIVE;
	in.engine.compare.next = mono_now();
	inside_turn_until(&in, compares);
	fd = begin_verify(&in);
	inside_turn_until(&in, has_ended);
	CU_ASSERT_FALSE(in.engine.compare.running);
	CU_ASSERT_TRUE(mono_reached(in.engine.compare.next, mono_add_ms(mono_now(), 60000)));
	close(fd);
	inside_end(&in);
}
