#include "store/read.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static struct store_reader *open_reader(const struct store_options *options)
{
	struct store_reader *r = NULL;

	CU_ASSERT_EQUAL_FATAL(store_reader_open(options, &r), ST_OK);
	return r;
}

TEST(store_read, no_store_yet_is_unavailable)
{
	struct store_options options = fixture_options();
	struct store_reader *r = open_reader(&options);
	struct store_snapshot s = { .visited = 77 };
	struct store_writer *w;

	CU_ASSERT_EQUAL(store_snapshot_begin(r, &s), ST_UNAVAILABLE);
	CU_ASSERT_EQUAL(s.visited, 77);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(store_snapshot_begin(r, &s), ST_UNAVAILABLE);
	CU_ASSERT_EQUAL(fixture_publish(w, 3, 5), ST_OK);
	store_writer_close(w);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&s, 3), 5);
	store_snapshot_end(&s);
	store_reader_close(r);
}

TEST(store_read, releases_take_nothing)
{
	struct store_snapshot s = { 0 };

	store_snapshot_end(NULL);
	store_snapshot_end(&s);
	store_reader_close(NULL);
	store_writer_close(NULL);
	store_txn_abort(NULL);
	CU_PASS("no crash");
}

TEST(store_read, product_by_id)
{
	static const struct {
		const char *id;
		size_t len;
		enum st_err err;
	} cases[] = {
		{ "P-000041", 8, ST_OK },
		{ "P-000100", 8, ST_NOT_FOUND },
		{ "P-00004", 7, ST_NOT_FOUND },
		{ "P-000041\0", 9, ST_NOT_FOUND },
		{ "p-000041", 8, ST_NOT_FOUND },
		{ "", 0, ST_NOT_FOUND },
		{ "\0", 1, ST_NOT_FOUND },
	};
	struct store_options options = fixture_store(100, 9);
	struct store_reader *r = open_reader(&options);
	static char long_id[PRODUCT_ID_MAX + 1];
	struct product p, expected = fixture_product(41, 9);
	struct store_snapshot s;

	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(
		    store_snapshot_product(&s, cases[i].id, cases[i].len, &p), cases[i].err);
	CU_ASSERT_EQUAL(store_snapshot_product(&s, long_id, sizeof(long_id), &p), ST_NOT_FOUND);
	CU_ASSERT_EQUAL(store_snapshot_product(&s, long_id, 4096, &p), ST_NOT_FOUND);
	CU_ASSERT_EQUAL(p.version, 9);
	CU_ASSERT_TRUE(p.id.len == 8 && memcmp(p.id.data, "P-000041", 8) == 0);
	CU_ASSERT_PTR_NOT_EQUAL(p.id.data, cases[0].id);
	CU_ASSERT_TRUE(p.json.len == expected.json.len &&
		       memcmp(p.json.data, expected.json.data, p.json.len) == 0);
	CU_ASSERT_EQUAL(store_snapshot_count(&s), 100);
	store_snapshot_end(&s);
	store_reader_close(r);
}

/* The number of the product that comes next, -1 at the end. */
static int next_number(struct store_snapshot *s)
{
	struct product p;

	for (int i = 0; i < 100 && store_snapshot_next(s, &p) == ST_OK; i++)
		return p.id.data[7] - '0' + 10 * (p.id.data[6] - '0');
	return -1;
}

TEST(store_read, walks_from_an_offset)
{
	struct store_options options = fixture_store(100, 1);
	struct store_reader *r = open_reader(&options);
	struct store_snapshot s;
	struct product p;

	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_next(&s, &p), ST_NOT_FOUND); /* not positioned */
	CU_ASSERT_EQUAL(store_snapshot_seek(&s, 97), ST_OK);
	CU_ASSERT_EQUAL(next_number(&s), 97);
	/* A look-up in between does not move the walk. */
	CU_ASSERT_EQUAL(store_snapshot_product(&s, "P-000003", 8, &p), ST_OK);
	CU_ASSERT_EQUAL(next_number(&s), 98);
	CU_ASSERT_EQUAL(next_number(&s), 99);
	CU_ASSERT_EQUAL(next_number(&s), -1);
	CU_ASSERT_EQUAL(next_number(&s), -1);
	for (uint64_t past = 100; past != 0; past *= 1000003) {
		CU_ASSERT_EQUAL(store_snapshot_seek(&s, past), ST_OK);
		CU_ASSERT_EQUAL(next_number(&s), -1);
		if (past > UINT64_MAX / 1000003)
			break;
	}
	CU_ASSERT_EQUAL(store_snapshot_seek(&s, UINT64_MAX), ST_OK);
	CU_ASSERT_EQUAL(next_number(&s), -1);
	CU_ASSERT_EQUAL(store_snapshot_seek(&s, 0), ST_OK);
	CU_ASSERT_EQUAL(next_number(&s), 0);
	store_snapshot_end(&s);
	store_reader_close(r);
}

TEST(store_read, walks_from_behind_an_id)
{
	static const struct {
		const char *id;
		int next;
	} cases[] = {
		{ "", 0 },
		{ "A", 0 },
		{ "P-000000", 1 },
		{ "P-000041", 42 },
		{ "P-000041x", 42 },
		{ "P-00004", 40 },
		{ "P-000099", -1 },
		{ "\xff", -1 },
	};
	struct store_options options = fixture_store(100, 1);
	struct store_reader *r = open_reader(&options);
	struct store_snapshot s;

	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(
		    store_snapshot_seek_after(&s, cases[i].id, strlen(cases[i].id)), ST_OK);
		CU_ASSERT_EQUAL(next_number(&s), cases[i].next);
	}
	store_snapshot_end(&s);
	store_reader_close(r);
}

TEST(store_read, empty_store_has_an_empty_list)
{
	struct store_options options = fixture_store(0, 1);
	struct store_reader *r = open_reader(&options);
	struct store_snapshot s;
	struct product p;

	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_count(&s), 0);
	CU_ASSERT_EQUAL(store_snapshot_seek(&s, 0), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_next(&s, &p), ST_NOT_FOUND);
	CU_ASSERT_EQUAL(store_snapshot_seek_after(&s, "", 0), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_next(&s, &p), ST_NOT_FOUND);
	CU_ASSERT_EQUAL(store_snapshot_seek_after(&s, "a", 1), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_next(&s, &p), ST_NOT_FOUND);
	store_snapshot_end(&s);
	store_reader_close(r);
}

/* Ids of the shortest and longest length, and bytes that a comparison of text would get wrong. */
TEST(store_read, ids_of_any_bytes_in_byte_order)
{
	static char shorter[PRODUCT_ID_MAX - 1], longest[PRODUCT_ID_MAX], higher[PRODUCT_ID_MAX];
	const struct span sorted[] = {
		{ "\0", 1 },
		{ "\0\0", 2 },
		{ "A", 1 },
		{ "A\0", 2 },
		{ "a/b", 3 },
		{ shorter, sizeof(shorter) },
		{ longest, sizeof(longest) },
		{ higher, sizeof(higher) },
		{ "z\xc3\xa4", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
	};
	enum { N = sizeof(sorted) / sizeof(sorted[0]) };
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);
	static char too_long[600];
	struct store_snapshot s;
	struct store_txn *t;
	struct product p;

	memset(shorter, 'l', sizeof(shorter));
	memset(longest, 'l', sizeof(longest));
	memset(higher, 'l', sizeof(higher));
	memset(too_long, 'l', sizeof(too_long));
	higher[sizeof(higher) - 1] = 'm';
	CU_ASSERT_EQUAL_FATAL(fixture_publish(w, 0, 1), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	for (size_t i = 0; i < N; i++) {
		struct product q = { sorted[i * 7 % N], 3, { "{}", 2 }, false, 0 };

		store_txn_put(t, &q);
	}
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	for (size_t i = 0; i < N; i++) {
		CU_ASSERT_EQUAL(store_snapshot_seek(&s, i), ST_OK);
		CU_ASSERT_EQUAL_FATAL(store_snapshot_next(&s, &p), ST_OK);
		CU_ASSERT_TRUE(
		    p.id.len == sorted[i].len && memcmp(p.id.data, sorted[i].data, p.id.len) == 0);
		CU_ASSERT_EQUAL(
		    store_snapshot_product(&s, sorted[i].data, sorted[i].len, &p), ST_OK);
	}
	/* Behind an id that is longer than any: after `longest`, which begins it. */
	CU_ASSERT_EQUAL(store_snapshot_seek_after(&s, too_long, sizeof(too_long)), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_next(&s, &p), ST_OK);
	CU_ASSERT_EQUAL(p.id.data[PRODUCT_ID_MAX - 1], 'm');
	store_snapshot_end(&s);
	store_writer_close(w);
}

TEST(store_read, a_flipped_bit_in_a_product_is_seen_and_passed_over)
{
	struct store_options options = fixture_store(10, 1);
	struct store_reader *r;
	struct store_snapshot s;
	struct product p = { .version = -7 };

	fixture_spoil(&options, 1, "products", "P-000004", fixture_flip_last);
	r = open_reader(&options);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_product(&s, "P-000004", 8, &p), ST_CORRUPT);
	CU_ASSERT_EQUAL(p.version, -7);
	CU_ASSERT_EQUAL(store_snapshot_product(&s, "P-000005", 8, &p), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_seek(&s, 3), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_next(&s, &p), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_next(&s, &p), ST_CORRUPT);
	CU_ASSERT_EQUAL(next_number(&s), 5);
	store_snapshot_end(&s);
	CU_ASSERT_FALSE(store_reader_take_damage(r));
	/* It goes on being read, and since it is current still, the daemon is to know. */
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	store_snapshot_end(&s);
	CU_ASSERT_TRUE(store_reader_take_damage(r));
	CU_ASSERT_FALSE(store_reader_take_damage(r));
	store_reader_close(r);
}

TEST(store_read, a_flipped_bit_in_the_record_is_seen)
{
	struct store_options options = fixture_store(10, 1);
	struct store_reader *r;
	struct store_snapshot s;
	struct sync_record record;

	fixture_spoil(&options, 1, NULL, "record", fixture_flip_last);
	r = open_reader(&options);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_record(&s, &record), ST_CORRUPT);
	store_snapshot_end(&s);
	store_reader_close(r);
}

TEST(store_read, another_format_is_told_from_damage)
{
	struct store_options options = fixture_store(10, 1);
	struct store_reader *r;
	struct store_snapshot s;

	fixture_spoil(&options, 1, "meta", "format", fixture_flip_last);
	r = open_reader(&options);
	CU_ASSERT_EQUAL(store_snapshot_begin(r, &s), ST_FORMAT);
	store_reader_close(r);
}

TEST(store_read, stats)
{
	struct store_options options = fixture_store(10000, 1);
	struct store_reader *r = open_reader(&options);
	struct store_snapshot s, second;
	struct store_stats stats;

	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &second), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_stats(&s, &stats), ST_OK);
	CU_ASSERT_EQUAL(stats.readers, 2);
	CU_ASSERT_EQUAL(stats.readers_max, 4608);
	CU_ASSERT_EQUAL(stats.map_bytes, FIXTURE_MAP);
	CU_ASSERT_TRUE(stats.used_bytes > 10000 * 60);
	CU_ASSERT_TRUE(stats.used_bytes <= stats.file_bytes);
	CU_ASSERT_TRUE(stats.file_bytes < FIXTURE_MAP / 4);
	store_snapshot_end(&s);
	store_snapshot_end(&second);
	store_reader_close(r);
}

static void *end_it(void *arg)
{
	struct store_snapshot *s = arg;
	int64_t version = fixture_version(s, 50);

	store_snapshot_end(s);
	return version == 4 ? arg : NULL;
}

/* What LMDB forbids without NOTLS: many snapshots of a thread, one ended by another. */
TEST(store_read, snapshots_belong_to_no_thread)
{
	struct store_options options = fixture_store(50, 4);
	struct store_reader *r = open_reader(&options);
	struct store_snapshot s[3];
	struct store_stats stats;
	pthread_t thread;
	void *result;

	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s[i]), ST_OK);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, end_it, &s[1]), 0);
	pthread_join(thread, &result);
	CU_ASSERT_PTR_EQUAL(result, &s[1]);
	CU_ASSERT_EQUAL(fixture_version(&s[0], 50), 4);
	/* The slot of the ended one is used again. */
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s[1]), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_stats(&s[1], &stats), ST_OK);
	CU_ASSERT_EQUAL(stats.readers, 3);
	for (int i = 0; i < 3; i++)
		store_snapshot_end(&s[i]);
	store_reader_close(r);
}

struct holder {
	struct store_options options;
	int ready; /* pipe to write to when the snapshot is held */
};

static int hold_snapshot(void *arg)
{
	struct holder *h = arg;
	struct store_reader *r;
	struct store_snapshot s;

	if (store_reader_open(&h->options, &r) != ST_OK || store_snapshot_begin(r, &s) != ST_OK ||
	    write(h->ready, "x", 1) != 1)
		return 1;
	for (;;)
		pause();
}

TEST(store_read, slot_of_a_killed_reader_is_freed)
{
	struct holder h = { .options = fixture_store(5, 1) };
	struct store_writer *w;
	struct store_snapshot s;
	struct store_stats stats;
	pid_t child;
	int fds[2];
	char c;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	h.ready = fds[1];
	child = fixture_child(hold_snapshot, &h);
	CU_ASSERT_EQUAL_FATAL(read(fds[0], &c, 1), 1);
	w = fixture_writer(&h.options);
	CU_ASSERT_EQUAL(store_writer_check_readers(w), 0);
	kill(child, SIGKILL);
	CU_ASSERT_EQUAL(fixture_wait(child), 1000 + SIGKILL);
	CU_ASSERT_EQUAL(store_writer_check_readers(w), 1);
	CU_ASSERT_EQUAL(store_writer_check_readers(w), 0);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_stats(&s, &stats), ST_OK);
	CU_ASSERT_EQUAL(stats.readers, 1);
	store_snapshot_end(&s);
	store_writer_close(w);
	close(fds[0]);
	close(fds[1]);
}

/* Takes what is left of the table, then dies. */
static int take_all_slots(void *arg)
{
	struct holder *h = arg;
	static struct store_snapshot s[5000];
	struct store_reader *r;
	size_t n = 0;
	enum st_err err;

	if (store_reader_open(&h->options, &r) != ST_OK)
		return 1;
	while (n < 5000 && (err = store_snapshot_begin(r, &s[n])) == ST_OK)
		n++;
	if (err != ST_FULL || n < 4600)
		return 2;
	/* A slot that is given back serves the next one. */
	store_snapshot_end(&s[9]);
	if (store_snapshot_begin(r, &s[9]) != ST_OK || write(h->ready, "x", 1) != 1)
		return 3;
	for (;;)
		pause();
}

static pid_t fill_table(struct holder *h, int fds[2])
{
	pid_t child;
	char c;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	h->ready = fds[1];
	child = fixture_child(take_all_slots, h);
	CU_ASSERT_EQUAL_FATAL(read(fds[0], &c, 1), 1);
	close(fds[0]);
	close(fds[1]);
	return child;
}

static int read_version(void *arg)
{
	return (int)fixture_read(arg, 5);
}

/* The environment stays in use, so that the table isn't simply made anew by the next one. */
TEST(store_read, full_reader_table_is_told_and_cleared_of_the_dead)
{
	struct holder h = { .options = fixture_store(5, 6) };
	struct store_reader *r = open_reader(&h.options);
	struct store_snapshot first, s;
	pid_t child;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &first), ST_OK);
	child = fill_table(&h, fds);
	CU_ASSERT_EQUAL(store_snapshot_begin(r, &s), ST_FULL);
	kill(child, SIGKILL);
	CU_ASSERT_EQUAL(fixture_wait(child), 1000 + SIGKILL);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&s, 5), 6);
	/* One who opens it while the table is full of the dead. */
	child = fill_table(&h, fds);
	kill(child, SIGKILL);
	CU_ASSERT_EQUAL(fixture_wait(child), 1000 + SIGKILL);
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(read_version, &h.options)), 6);
	store_snapshot_end(&s);
	store_snapshot_end(&first);
	store_reader_close(r);
}
