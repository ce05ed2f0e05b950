/* Files that somebody removes or replaces under running programs. */
#include <stdio.h>
#include <unistd.h>

#include "fixture.h"

static bool is_in_place_after(const char *name, void (*spoil)(const char *path))
{
	struct store_options options = fixture_store(10, 1);
	struct store_writer *w = fixture_writer(&options);
	bool in_place;

	CU_ASSERT_TRUE(store_writer_is_in_place(w));
	spoil(fixture_path(&options, name));
	in_place = store_writer_is_in_place(w);
	/* A new generation mends it. */
	CU_ASSERT_EQUAL(fixture_publish(w, 10, 2), ST_OK);
	CU_ASSERT_TRUE(store_writer_is_in_place(w));
	store_writer_close(w);
	CU_ASSERT_EQUAL(fixture_read(&options, 10), 2);
	return in_place;
}

static void take_away(const char *path)
{
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static void put_there(const char *path)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(f, NULL);
	fclose(f);
}

static void replace(const char *path)
{
	take_away(path);
	put_there(path);
}

TEST(store_place, the_writer_notices_what_is_gone_or_another_one)
{
	CU_ASSERT_FALSE(is_in_place_after("current", take_away));
	CU_ASSERT_FALSE(is_in_place_after("store-1/data.mdb", take_away));
	CU_ASSERT_FALSE(is_in_place_after("store-1/data.mdb", replace));
	CU_ASSERT_FALSE(is_in_place_after("store-1/lock.mdb", take_away));
	CU_ASSERT_FALSE(is_in_place_after("store-1/lock.mdb", replace));
}

TEST(store_place, a_reader_makes_no_lock_file)
{
	struct store_options options = fixture_store(10, 1);
	const char *path = fixture_path(&options, "store-1/lock.mdb");
	struct store_reader *r;
	struct store_snapshot s;

	take_away(path);
	CU_ASSERT_EQUAL_FATAL(store_reader_open(&options, &r), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_begin(r, &s), ST_CORRUPT);
	store_reader_close(r);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
}

/* Who has it open is in the same table as the writer, and reads on. */
TEST(store_place, a_reader_goes_on_without_lock_file_and_follows_another_one)
{
	struct store_options options = fixture_store(10, 1);
	const char *path = fixture_path(&options, "store-1/lock.mdb");
	struct store_reader *r;
	struct store_snapshot s = { 0 };

	CU_ASSERT_EQUAL_FATAL(store_reader_open(&options, &r), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	store_snapshot_end(&s);
	take_away(path);
	store_reader_refresh(r);
	CU_ASSERT_EQUAL(store_snapshot_begin(r, &s), ST_OK);
	store_snapshot_end(&s);
	/* What a daemon that starts now makes: another table. */
	put_there(path);
	store_reader_refresh(r);
	CU_ASSERT_EQUAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&s, 10), 1);
	store_snapshot_end(&s);
	store_reader_close(r);
}
