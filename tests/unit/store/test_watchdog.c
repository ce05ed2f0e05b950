/* What a reader does to the writer is noticed, and mended by a new generation. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"
#include "intruder.h"
#include "store/writer.h"

#define LIMIT_MS 1500 /* what is not held is had within this, under valgrind too */

static struct {
	struct store_options options;
	char lock_file[200];
	volatile int *stands; /* the intruder has done it */
} it;

static void prepare(void)
{
	it.options = fixture_store(10, 1);
	it.stands = fixture_shared(sizeof(*it.stands));
	snprintf(it.lock_file, sizeof(it.lock_file), "%s",
	    fixture_path(&it.options, "store-1/lock.mdb"));
}

static int hold(void *arg)
{
	(void)arg;
	*it.stands = intruder_hold(it.lock_file) ? 1 : -1;
	return pause();
}

/* In a process of its own, since to close the file would drop the writer's locks. */
static int set_back(void *arg)
{
	(void)arg;
	return intruder_set_back(it.lock_file) ? 0 : 1;
}

static bool intruder_stands(void)
{
	struct mono deadline = mono_add_ms(mono_now(), 10000);

	while (!*it.stands && !mono_reached(deadline, mono_now()))
		;
	return *it.stands == 1;
}

static int begin_a_transaction(void *arg)
{
	struct store_writer *w = fixture_writer(&it.options);
	struct store_txn *t;

	(void)arg;
	return (int)store_txn_begin(w, STORE_RUNNING, &t);
}

TEST(store_watchdog, a_held_lock_ends_the_daemon_and_the_next_builds_anew)
{
	struct store_writer *w;
	pid_t intruder;

	prepare();
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(begin_a_transaction, NULL)), ST_OK);
	watchdog_limit(LIMIT_MS);
	intruder = fixture_child(hold, NULL);
	CU_ASSERT_TRUE(intruder_stands());
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(begin_a_transaction, NULL)), STORE_EXIT_STUCK);
	/* Readers don't mind. */
	CU_ASSERT_EQUAL(fixture_read(&it.options, 10), 1);
	w = fixture_writer(&it.options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_DAMAGED);
	CU_ASSERT_EQUAL(fixture_publish(w, 10, 2), ST_OK);
	CU_ASSERT_EQUAL(fixture_commit(w, 10, 3), ST_OK);
	store_writer_close(w);
	CU_ASSERT_EQUAL(fixture_read(&it.options, 10), 3);
	kill(intruder, SIGKILL);
	fixture_wait(intruder);
	watchdog_limit(10000);
}

/* One that lets go in time, or dies, does no harm. */
TEST(store_watchdog, a_lock_that_is_free_again_condemns_nothing)
{
	struct store_writer *w;
	pid_t intruder;

	prepare();
	watchdog_limit(LIMIT_MS);
	intruder = fixture_child(hold, NULL);
	CU_ASSERT_TRUE(intruder_stands());
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(begin_a_transaction, NULL)), STORE_EXIT_STUCK);
	kill(intruder, SIGKILL);
	fixture_wait(intruder);
	w = fixture_writer(&it.options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_READY);
	CU_ASSERT_EQUAL(fixture_commit(w, 10, 2), ST_OK);
	store_writer_close(w);
	watchdog_limit(10000);
}

TEST(store_watchdog, a_commit_that_was_taken_back_is_damage)
{
	struct store_writer *w;
	struct store_txn *t;

	prepare();
	w = fixture_writer(&it.options);
	CU_ASSERT_EQUAL(fixture_commit(w, 10, 2), ST_OK);
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(set_back, NULL)), 0);
	CU_ASSERT_EQUAL(store_txn_begin(w, STORE_RUNNING, &t), ST_CORRUPT);
	CU_ASSERT_EQUAL(fixture_publish(w, 10, 3), ST_OK);
	CU_ASSERT_EQUAL(fixture_commit(w, 10, 4), ST_OK);
	store_writer_close(w);
	CU_ASSERT_EQUAL(fixture_read(&it.options, 10), 4);
}
