#include "store/index.h"

#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "store/layout.h"

/*
 * The index against a plain model: which of the numbers 0 to MODEL_MAX-1 are
 * there, with which version (0: none).
 */
#define MODEL_MAX 40000

struct model {
	int64_t versions[MODEL_MAX];
	uint64_t count;
};

static void model_set(struct model *m, struct store_txn *t, uint32_t number, int64_t version)
{
	struct product p = fixture_product(number, version);
	bool was_there = m->versions[number] != 0;

	if (version > 0)
		store_txn_put(t, &p);
	else
		CU_ASSERT_EQUAL(store_txn_delete(t, p.id.data, p.id.len), was_there);
	m->count = m->count + (version > 0) - was_there;
	m->versions[number] = version;
}

static uint32_t number_of(const MDB_val *value)
{
	uint32_t n = 0;

	CU_ASSERT_EQUAL(layout_read_number(value, &n), ST_OK);
	return n;
}

/* How many units stand from the cursor's place on below the key (NULL: to the end). */
static uint64_t sum_below(MDB_cursor *units, MDB_val *key, MDB_val *value, int *rc, bool weigh,
    MDB_txn *txn, const MDB_val *end)
{
	MDB_dbi dbi = mdb_cursor_dbi(units);
	uint64_t sum = 0;

	while (*rc == 0 && (end == NULL || mdb_cmp(txn, dbi, key, end) < 0)) {
		sum += weigh ? number_of(value) : 1;
		*rc = mdb_cursor_get(units, key, value, MDB_NEXT);
	}
	return sum;
}

/* Every entry counts what lies up to the next one, and neighbours are no emptier than promised. */
static void check_level(struct slot *slot, MDB_cursor *entries, MDB_cursor *units, bool groups)
{
	uint32_t max = groups ? INDEX_GROUP_MAX : INDEX_CHUNK_MAX, last = 0;
	MDB_val key, value, unit_key, unit_value;
	int unit_rc, rc;

	CU_ASSERT_EQUAL(mdb_cursor_renew(slot->txn, entries), 0);
	CU_ASSERT_EQUAL(mdb_cursor_renew(slot->txn, units), 0);
	unit_rc = mdb_cursor_get(units, &unit_key, &unit_value, MDB_FIRST);
	rc = mdb_cursor_get(entries, &key, &value, MDB_FIRST);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	CU_ASSERT_TRUE(key.mv_size == 1 && *(char *)key.mv_data == 0);
	for (bool first = true; rc == 0; first = false) {
		uint32_t count = number_of(&value);
		bool nested = true;

		if (!groups && !first) {
			MDB_val group = key, ignored;

			CU_ASSERT_EQUAL(mdb_cursor_renew(slot->txn, slot->groups), 0);
			nested = mdb_cursor_get(slot->groups, &group, &ignored, MDB_SET) !=
			         MDB_NOTFOUND;
		} else if (groups) {
			/* A group begins where a chunk does. */
			CU_ASSERT_TRUE(unit_rc == 0 && mdb_cmp(slot->txn, mdb_cursor_dbi(entries),
							   &key, &unit_key) == 0);
			nested = first;
		}
		CU_ASSERT_TRUE(count <= max);
		if (!nested)
			CU_ASSERT_TRUE(count > 0 && last > 0 && count + last > max / 2);
		last = count;
		rc = mdb_cursor_get(entries, &key, &value, MDB_NEXT);
		CU_ASSERT_EQUAL(sum_below(units, &unit_key, &unit_value, &unit_rc, groups,
				    slot->txn, rc == 0 ? &key : NULL),
		    count);
	}
}

static void check_index(struct store_snapshot *s)
{
	check_level(s->slot, s->slot->chunks, s->slot->products, false);
	check_level(s->slot, s->slot->groups, s->slot->chunks, true);
}

static void check_seeks(const struct model *m, struct store_snapshot *s, uint64_t *random)
{
	static uint32_t sorted[MODEL_MAX];
	uint64_t n = 0;

	for (uint32_t i = 0; i < MODEL_MAX; i++)
		if (m->versions[i] != 0)
			sorted[n++] = i;
	CU_ASSERT_EQUAL(store_snapshot_count(s), n);
	for (int i = 0; i < 200; i++) {
		uint64_t offset = i < 3 ? n + (uint64_t)i - 1 : fixture_random(random) % (n + 2);
		struct product p, expected;

		CU_ASSERT_EQUAL(store_snapshot_seek(s, offset), ST_OK);
		if (offset >= n) {
			CU_ASSERT_EQUAL(store_snapshot_next(s, &p), ST_NOT_FOUND);
			continue;
		}
		for (uint64_t k = offset; k < n && k < offset + 3; k++) {
			expected = fixture_product(sorted[k], m->versions[sorted[k]]);
			CU_ASSERT_EQUAL_FATAL(store_snapshot_next(s, &p), ST_OK);
			CU_ASSERT_EQUAL(p.version, expected.version);
			CU_ASSERT_TRUE(p.id.len == expected.id.len &&
				       memcmp(p.id.data, expected.id.data, p.id.len) == 0);
		}
	}
}

static void check(const struct model *m, struct store_writer *w, uint64_t *random)
{
	struct store_snapshot s;

	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	/* In this order: looking at the index renews cursors that seeking must renew. */
	check_seeks(m, &s, random);
	check_index(&s);
	store_snapshot_end(&s);
}

/* One batch: so many steps in a window of the numbers, of which some are deletes. */
static void batch(
    struct model *m, struct store_writer *w, uint64_t *random, uint32_t steps, uint32_t deletes)
{
	uint32_t from = fixture_random(random) % MODEL_MAX;
	uint32_t width = fixture_random(random) % 4 == 0 ? 600 : MODEL_MAX;
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	for (uint32_t i = 0; i < steps; i++) {
		uint32_t number = (from + fixture_random(random) % width) % MODEL_MAX;
		bool remove = fixture_random(random) % 100 < deletes;

		model_set(m, t, number, remove ? 0 : fixture_random(random) % 1000 + 1);
	}
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	check(m, w, random);
}

/* All of them, in steps of so many numbers: 1 is in order; a large odd one scatters. */
static void sweep(
    struct model *m, struct store_writer *w, uint64_t *random, uint32_t step, int64_t version)
{
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	for (uint32_t i = 0; i < MODEL_MAX; i++)
		model_set(m, t, (uint32_t)((uint64_t)i * step % MODEL_MAX), version);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	check(m, w, random);
}

TEST(store_index, agrees_with_a_plain_list)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);
	struct model *m = calloc(1, sizeof(*m));
	uint64_t random = 1;

	CU_ASSERT_EQUAL_FATAL(fixture_publish(w, 0, 1), ST_OK);
	check(m, w, &random);
	for (int round = 0; round < 12; round++)
		batch(m, w, &random, 4000, 10);
	for (int round = 0; round < 12; round++)
		batch(m, w, &random, 4000, 85);
	sweep(m, w, &random, 9973, 0); /* empty, in no order */
	CU_ASSERT_EQUAL(m->count, 0);
	sweep(m, w, &random, 1, 5);
	for (int round = 0; round < 6; round++)
		batch(m, w, &random, 6000, 60);
	sweep(m, w, &random, MODEL_MAX - 1, 0); /* from the end */
	sweep(m, w, &random, 9973, 7);
	sweep(m, w, &random, 1, 0);
	batch(m, w, &random, 3000, 20);
	free(m);
	store_writer_close(w);
}

static void build(struct store_writer *w, uint64_t n)
{
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_build_begin(w), ST_OK);
	for (uint64_t i = 0; i < n;) {
		CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_COMING, &t), ST_OK);
		for (uint64_t end = i + 10000; i < n && i < end; i++) {
			struct product p = fixture_product(i, 1);

			store_txn_put(t, &p);
		}
		CU_ASSERT_EQUAL_FATAL(store_txn_commit(t), ST_OK);
	}
	CU_ASSERT_EQUAL_FATAL(store_build_publish(w), ST_OK);
}

static void delete_range(struct store_writer *w, uint64_t from, uint64_t end)
{
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	for (uint64_t i = from; i < end; i++) {
		struct product p = fixture_product(i, 1);

		CU_ASSERT_TRUE(store_txn_delete(t, p.id.data, p.id.len));
	}
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
}

static void assert_entries(struct store_writer *w, uint64_t chunks, uint64_t groups)
{
	struct store_snapshot s;
	MDB_stat st;

	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	check_index(&s);
	CU_ASSERT_EQUAL(mdb_stat(s.slot->txn, s.generation->chunks, &st), 0);
	CU_ASSERT_EQUAL(st.ms_entries, chunks);
	CU_ASSERT_EQUAL(mdb_stat(s.slot->txn, s.generation->groups, &st), 0);
	CU_ASSERT_EQUAL(st.ms_entries, groups);
	store_snapshot_end(&s);
}

TEST(store_index, emptied_entries_between_full_ones_go)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);

	build(w, 3 * 8192);
	assert_entries(w, 3 * 64, 3);
	delete_range(w, 128, 256); /* one chunk */
	assert_entries(w, 3 * 64 - 1, 3);
	delete_range(w, 8192, 2 * 8192); /* one group */
	assert_entries(w, 2 * 64 - 1, 2);
	delete_range(w, 0, 128);
	delete_range(w, 256, 8192);
	assert_entries(w, 64, 1);
	delete_range(w, 2 * 8192, 3 * 8192);
	assert_entries(w, 1, 1);
	store_writer_close(w);
}

/* Two small chunks with the border of two groups between them join when the groups do. */
TEST(store_index, chunks_join_where_groups_do_and_not_before)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);

	build(w, 2 * 8192);
	delete_range(w, 8192 - 127, 8192 + 127);
	assert_entries(w, 2 * 64, 2);
	for (uint64_t i = 0; i < 8192 - 256; i += 128)
		delete_range(w, i, i + 100);
	for (uint64_t i = 8192 + 256; i < 2 * 8192; i += 128)
		delete_range(w, i, i + 100);
	/* 62 pairs with 28 and 28, two full ones, and between these the two with one product. */
	assert_entries(w, 62 + 2 + 1, 1);
	store_writer_close(w);
}

/* A page of 50 at this offset: how many entries are visited. */
static uint64_t visited_at(struct store_writer *w, uint64_t offset)
{
	struct product p, expected = fixture_product(offset, 1);
	struct store_snapshot s;
	uint64_t visited;

	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_seek(&s, offset), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_next(&s, &p), ST_OK);
	CU_ASSERT_EQUAL(memcmp(p.id.data, expected.id.data, p.id.len), 0);
	for (int i = 1; i < 50; i++)
		CU_ASSERT_EQUAL(store_snapshot_next(&s, &p), ST_OK);
	visited = store_snapshot_visited(&s);
	store_snapshot_end(&s);
	return visited;
}

/*
 * In order: n/8192 groups, 64 chunks, 128 products, and the page itself; a flat
 * walk would visit the offset.
 */
#define VISITS_IN_ORDER(n) ((n) / 8192 + 1 + 64 + 128 + 50)

TEST(store_index, position_in_100000_is_cheap)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);

	build(w, 100000);
	CU_ASSERT_TRUE(visited_at(w, 0) <= 2 + 50);
	for (uint64_t offset = 89900; offset < 90200; offset++)
		CU_ASSERT_TRUE(visited_at(w, offset) <= VISITS_IN_ORDER(100000));
	store_writer_close(w);
}

TEST(store_index, position_in_1000000_is_cheap)
{
	struct store_options options = fixture_options();
	struct store_writer *w;

	options.map_size = (size_t)256 << 20;
	w = fixture_writer(&options);
	build(w, 1000000);
	CU_ASSERT_TRUE(visited_at(w, 0) <= 2 + 50);
	for (uint64_t offset = 990000; offset < 999900; offset += 97)
		CU_ASSERT_TRUE(visited_at(w, offset) <= VISITS_IN_ORDER(1000000));
	store_writer_close(w);
}

/* Ten products with high ids are there first, as events of new ones come during a full sync. */
TEST(store_index, order_fills_chunks_also_below_later_ids)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);
	struct store_snapshot s;
	struct store_txn *t;
	MDB_stat st;

	CU_ASSERT_EQUAL_FATAL(store_build_begin(w), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_COMING, &t), ST_OK);
	for (uint64_t i = 0; i < 20010; i++) {
		struct product p = fixture_product(i < 10 ? 900000 + i : i - 10, 1);

		store_txn_put(t, &p);
	}
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_build_publish(w), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	check_index(&s);
	CU_ASSERT_EQUAL(mdb_stat(s.slot->txn, s.generation->chunks, &st), 0);
	CU_ASSERT_TRUE(st.ms_entries <= 20010 / 117 + 2);
	CU_ASSERT_EQUAL(mdb_stat(s.slot->txn, s.generation->groups, &st), 0);
	CU_ASSERT_TRUE(st.ms_entries <= 20010 / 7000 + 2);
	store_snapshot_end(&s);
	store_writer_close(w);
}

static void take_100(unsigned char *bytes, size_t len)
{
	uint32_t count;

	CU_ASSERT_EQUAL_FATAL(len, sizeof(count));
	memcpy(&count, bytes, sizeof(count));
	count -= 100;
	memcpy(bytes, &count, sizeof(count));
}

TEST(store_index, contradicting_counts_are_corrupt)
{
	struct store_options options = fixture_store(300, 1);
	struct store_reader *r;
	struct store_snapshot s;

	fixture_spoil(&options, 1, "chunks", "P-000128", take_100);
	CU_ASSERT_EQUAL_FATAL(store_reader_open(&options, &r), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_seek(&s, 100), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_seek(&s, 299), ST_CORRUPT);
	store_snapshot_end(&s);
	store_reader_close(r);
}
