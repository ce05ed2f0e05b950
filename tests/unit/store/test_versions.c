/* Stores of another version's format, for readers and for the writer. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "fixture.h"

static void copy_file(const char *from, const char *to)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	struct buf bytes;

	buf_init(&bytes, FIXTURE_MAP);
	CU_ASSERT_EQUAL_FATAL(io_read_file(from, &bytes), ST_OK);
	CU_ASSERT_EQUAL_FATAL(write(fd, bytes.data, bytes.len), (ssize_t)bytes.len);
	buf_free(&bytes);
	close(fd);
}

static int publish_next(void *arg)
{
	struct store_writer *w = fixture_writer(arg);
	enum st_err err = fixture_publish(w, 6, 2);

	store_writer_close(w);
	return err == ST_OK ? 0 : 1;
}

/* As a daemon of another version leaves it: linked, and the one before it not marked. */
static void publish_of_another_format(const struct store_options *options)
{
	CU_ASSERT_EQUAL_FATAL(mkdir(fixture_path(options, "store-9"), 0750), 0);
	copy_file(
	    fixture_path(options, "store-1/data.mdb"), fixture_path(options, "store-9/data.mdb"));
	fixture_spoil(options, 9, "meta", "format", fixture_flip_last);
	CU_ASSERT_EQUAL_FATAL(unlink(fixture_path(options, "current")), 0);
	CU_ASSERT_EQUAL_FATAL(symlink("store-9", fixture_path(options, "current")), 0);
}

TEST(store_versions, a_reader_keeps_what_it_has_if_it_cant_read_the_next_one)
{
	struct store_options options = fixture_store(5, 1);
	struct store_reader *r;
	struct store_snapshot s;

	CU_ASSERT_EQUAL_FATAL(store_reader_open(&options, &r), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	store_snapshot_end(&s);
	publish_of_another_format(&options);
	for (int i = 0; i < 3; i++) {
		store_reader_refresh(r);
		CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
		CU_ASSERT_EQUAL(fixture_version(&s, 5), 1);
		store_snapshot_end(&s);
	}
	CU_ASSERT_EQUAL(fixture_read(&options, 5), -2);
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(publish_next, &options)), 0);
	store_reader_refresh(r);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&s, 6), 2);
	store_snapshot_end(&s);
	store_reader_close(r);
}

/* As a worker that was there before the store, and was asked for nothing yet. */
TEST(store_versions, a_reader_that_never_read_has_what_was_there)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);
	struct store_reader *r;
	struct store_snapshot s;

	CU_ASSERT_EQUAL_FATAL(store_reader_open(&options, &r), ST_OK);
	store_reader_refresh(r);
	CU_ASSERT_EQUAL(fixture_publish(w, 5, 1), ST_OK);
	store_writer_close(w);
	store_reader_refresh(r);
	publish_of_another_format(&options);
	CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&s, 5), 1);
	store_snapshot_end(&s);
	store_reader_close(r);
}

/* Until the next one is complete nothing of it is touched: the way back is open. */
TEST(store_versions, a_store_of_another_format_stays_until_it_is_replaced)
{
	struct store_options options = fixture_store(5, 1);
	struct store_writer *w;

	fixture_spoil(&options, 1, "meta", "format", fixture_flip_last);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_DAMAGED);
	CU_ASSERT_EQUAL(store_build_begin(w), ST_OK);
	store_writer_close(w);
	fixture_spoil(&options, 1, "meta", "format", fixture_flip_last);
	CU_ASSERT_EQUAL(fixture_read(&options, 5), 1);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_READY);
	store_writer_close(w);
}
