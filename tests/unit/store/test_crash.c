/*
 * Readers and deaths while the store changes: what must hold is that nobody
 * ever reads less than was acknowledged before, and nothing but whole states.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define PRODUCTS 20
#define THREADS  16
#define FLIPS    40

struct shared {
	struct store_options options;
	atomic_int_fast64_t committed; /* raised after each commit and publication */
	atomic_bool done, go;
	atomic_uint_fast64_t reads, errors, mixed, older;
};

/* ---- flips under readers ---- */

static int flip(void *arg)
{
	struct shared *shared = arg;
	struct store_writer *w;
	struct buf why;
	int64_t version = 1;
	int code = 0;

	buf_init(&why, 4096);
	if (store_writer_open(&shared->options, &w, &why) != ST_OK)
		return 1;
	while (!atomic_load(&shared->go))
		sched_yield();
	for (int i = 0; code == 0 && i < FLIPS; i++) {
		for (int k = 0; code == 0 && k < 2; k++) {
			if (fixture_commit(w, PRODUCTS, ++version) != ST_OK)
				code = 2;
			atomic_store(&shared->committed, version);
		}
		if (fixture_publish(w, PRODUCTS, ++version) != ST_OK)
			code = 3;
		atomic_store(&shared->committed, version);
	}
	store_writer_close(w);
	atomic_store(&shared->done, true);
	return code;
}

struct reading {
	struct shared *shared;
	struct store_reader *reader;
};

static void *read_all_the_time(void *arg)
{
	struct reading *reading = arg;
	struct shared *shared = reading->shared;

	while (!atomic_load(&shared->done)) {
		int64_t committed = atomic_load(&shared->committed), seen;
		struct store_snapshot s;

		atomic_store(&shared->go, true);
		if (store_snapshot_begin(reading->reader, &s) != ST_OK) {
			atomic_fetch_add(&shared->errors, 1);
			continue;
		}
		seen = fixture_version(&s, PRODUCTS);
		store_snapshot_end(&s);
		atomic_fetch_add(&shared->reads, 1);
		if (seen == -1)
			atomic_fetch_add(&shared->mixed, 1);
		else if (seen < committed)
			atomic_fetch_add(&shared->older, 1);
	}
	return NULL;
}

TEST(store_crash, flips_under_reading_threads)
{
	struct shared *shared = fixture_shared(sizeof(*shared));
	struct reading reading = { .shared = shared };
	pthread_t threads[THREADS];
	pid_t child;

	shared->options = fixture_store(PRODUCTS, 1);
	child = fixture_child(flip, shared);
	CU_ASSERT_EQUAL_FATAL(store_reader_open(&shared->options, &reading.reader), ST_OK);
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(
		    pthread_create(&threads[i], NULL, read_all_the_time, &reading), 0);
	CU_ASSERT_EQUAL(fixture_wait(child), 0);
	/* Had it died, the readers would wait for ever. */
	atomic_store(&shared->done, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	store_reader_close(reading.reader);
	CU_ASSERT_TRUE(atomic_load(&shared->reads) > THREADS);
	CU_ASSERT_EQUAL(atomic_load(&shared->errors), 0);
	CU_ASSERT_EQUAL(atomic_load(&shared->mixed), 0);
	CU_ASSERT_EQUAL(atomic_load(&shared->older), 0);
	CU_ASSERT_EQUAL(fixture_read(&shared->options, PRODUCTS), 1 + 3 * FLIPS);
}

/* ---- death ---- */

#define DEATHS 30

static int work_until_killed(void *arg)
{
	struct shared *shared = arg;
	struct store_writer *w;
	struct store_snapshot s;
	struct buf why;
	int64_t version;

	buf_init(&why, 4096);
	if (store_writer_open(&shared->options, &w, &why) != ST_OK ||
	    store_writer_condition(w) != STORE_READY || store_writer_snapshot(w, &s) != ST_OK)
		return 1;
	version = fixture_version(&s, PRODUCTS);
	store_snapshot_end(&s);
	if (version < atomic_load(&shared->committed))
		return 2;
	for (;;) {
		version++;
		if ((version % 3 == 0 ? fixture_publish(w, PRODUCTS, version)
				      : fixture_commit(w, PRODUCTS, version)) != ST_OK)
			return 3;
		atomic_store(&shared->committed, version);
	}
}

/* At a moment that depends on nothing that the child does. */
static void pass_microseconds(uint32_t us)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000 <
		 (long)us);
}

TEST(store_crash, killed_at_any_moment_it_opens_with_the_last_acknowledged_state)
{
	struct shared *shared = fixture_shared(sizeof(*shared));
	uint64_t random = (uint64_t)time(NULL);
	int64_t known = 1; /* acknowledged, or seen, which must not be lost either */

	shared->options = fixture_store(PRODUCTS, known);
	atomic_store(&shared->committed, known);
	for (int i = 0; i < DEATHS; i++) {
		int64_t before = atomic_load(&shared->committed), seen;
		pid_t child = fixture_child(work_until_killed, shared);

		/* Every third one perhaps while it opens. */
		while (i % 3 != 0 && atomic_load(&shared->committed) == before &&
		       waitpid(child, NULL, WNOHANG) == 0)
			sched_yield();
		pass_microseconds(fixture_random(&random) % 8000);
		CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
		CU_ASSERT_EQUAL(fixture_wait(child), 1000 + SIGKILL);
		if (atomic_load(&shared->committed) > known)
			known = atomic_load(&shared->committed);
		/* One more may be there, which it could not acknowledge any more. */
		seen = fixture_read(&shared->options, PRODUCTS);
		CU_ASSERT_TRUE(seen == known || seen == known + 1);
		known = seen;
	}
	/* Two of three acknowledged one at least; how many more is the machine's affair. */
	CU_ASSERT_TRUE(known > DEATHS * 2 / 3);
	store_writer_close(fixture_writer(&shared->options));
	CU_ASSERT_EQUAL(fixture_read(&shared->options, PRODUCTS), known);
}
