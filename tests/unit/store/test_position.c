/* What is kept beside the products: position and doubts. */
#include <string.h>

#include "fixture.h"

static struct doubt doubt_of(int64_t tombstone)
{
	return (struct doubt){ .since = { .boot_id = "b", .boottime_ms = 5, .wall_ms = 6 },
		.tombstone = tombstone,
		.by_lookup = 1 };
}

TEST(store_position, comes_back_whole_and_goes_with_its_generation)
{
	struct store_options options = fixture_store(3, 1);
	struct store_writer *w = fixture_writer(&options);
	struct store_txn *t;
	struct buf bytes;

	buf_init(&bytes, 1000);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	CU_ASSERT_FALSE(store_txn_get_position(t, &bytes));
	store_txn_put_position(t, "abc", 3);
	store_txn_put_position(t, "defg", 4);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	store_writer_close(w);

	w = fixture_writer(&options);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	CU_ASSERT_TRUE(store_txn_get_position(t, &bytes));
	CU_ASSERT_EQUAL(bytes.len, 4);
	CU_ASSERT_EQUAL(memcmp(bytes.data, "defg", 4), 0);
	store_txn_abort(t);
	/* A new generation knows nothing of it. */
	CU_ASSERT_EQUAL(fixture_publish(w, 3, 2), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	CU_ASSERT_FALSE(store_txn_get_position(t, &bytes));
	CU_ASSERT_EQUAL(store_txn_error(t), ST_OK);
	store_txn_abort(t);
	store_writer_close(w);
	buf_free(&bytes);
}

TEST(store_position, damage_is_seen)
{
	struct store_options options = fixture_store(3, 1);
	struct store_writer *w = fixture_writer(&options);
	struct store_txn *t;
	struct buf bytes;

	buf_init(&bytes, 1000);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	store_txn_put_position(t, "abcdefgh", 8);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	store_writer_close(w);
	fixture_spoil(&options, 1, NULL, "position", fixture_flip_last);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	CU_ASSERT_FALSE(store_txn_get_position(t, &bytes));
	CU_ASSERT_EQUAL(store_txn_error(t), ST_CORRUPT);
	store_txn_abort(t);
	store_writer_close(w);
	buf_free(&bytes);
}

struct seen {
	unsigned n;
	int64_t tombstones;
	char last[8];
	enum st_err stop;
};

static enum st_err see(void *arg, const char *id, size_t id_len, const struct doubt *doubt)
{
	struct seen *s = arg;

	s->n++;
	s->tombstones += doubt->tombstone;
	CU_ASSERT_TRUE(doubt->by_lookup == 1 && doubt->since.wall_ms == 6);
	CU_ASSERT_TRUE(s->n == 1 || memcmp(s->last, id, id_len) < 0);
	memcpy(s->last, id, id_len);
	return s->stop;
}

TEST(store_position, doubts_are_kept_by_product_in_order)
{
	struct store_options options = fixture_store(3, 1);
	struct store_writer *w = fixture_writer(&options);
	struct doubt one = doubt_of(1), ten = doubt_of(10), more = doubt_of(100);
	struct seen seen = { .stop = ST_OK };
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	store_txn_each_doubt(t, see, &seen);
	CU_ASSERT_EQUAL(seen.n, 0);
	store_txn_put_doubt(t, "B", 1, &one);
	store_txn_put_doubt(t, "A", 1, &ten);
	store_txn_put_doubt(t, "C", 1, &one);
	store_txn_put_doubt(t, "C", 1, NULL);
	store_txn_put_doubt(t, "D", 1, NULL); /* nothing was known: fine */
	store_txn_put_doubt(t, "B", 1, &more);
	store_txn_each_doubt(t, see, &seen);
	CU_ASSERT_EQUAL(seen.n, 2);
	CU_ASSERT_EQUAL(seen.tombstones, 110);
	seen = (struct seen){ .stop = ST_NOMEM };
	store_txn_each_doubt(t, see, &seen);
	CU_ASSERT_EQUAL(seen.n, 1);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_NOMEM);
	store_writer_close(w);
}
