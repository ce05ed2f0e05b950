#include "store/write.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

/* Opening must fail: the error, and the line in a static buffer. */
static enum st_err fail_to_open(const struct store_options *options, char line[512])
{
	struct store_writer *w = NULL;
	struct buf why;
	enum st_err err;

	buf_init(&why, 4096);
	err = store_writer_open(options, &w, &why);
	snprintf(line, 512, "%s", buf_text(&why));
	buf_free(&why);
	store_writer_close(w);
	return err;
}

TEST(store_write, creates_the_directory_and_is_empty)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);
	struct store_snapshot s;
	struct store_txn *t;
	struct stat st;

	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_EMPTY);
	CU_ASSERT_EQUAL(store_writer_snapshot(w, &s), ST_UNAVAILABLE);
	CU_ASSERT_EQUAL(store_txn_begin(w, STORE_RUNNING, &t), ST_UNAVAILABLE);
	CU_ASSERT_EQUAL(store_txn_begin(w, STORE_COMING, &t), ST_UNAVAILABLE);
	CU_ASSERT_EQUAL(store_build_publish(w), ST_UNAVAILABLE);
	CU_ASSERT_EQUAL(store_writer_check_readers(w), 0);
	CU_ASSERT_EQUAL(stat(options.data_dir, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0750);
	store_writer_close(w);
}

/* Readers of another user need the directory's group, whatever the umask. */
TEST(store_write, modes_let_the_group_read)
{
	static const struct {
		const char *name;
		mode_t mode;
	} cases[] = {
		{ "lock", 0640 },
		{ "store-1", 02750 },
		{ "store-1/data.mdb", 0640 },
		{ "store-1/lock.mdb", 0660 },
	};
	struct store_options options = fixture_options();
	mode_t old = umask(0077);
	struct store_writer *w;
	struct stat st;

	CU_ASSERT_EQUAL(mkdir(options.data_dir, 0750), 0);
	CU_ASSERT_EQUAL(chmod(options.data_dir, 02750), 0);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(fixture_publish(w, 3, 1), ST_OK);
	umask(old);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(stat(fixture_path(&options, cases[i].name), &st), 0);
		CU_ASSERT_EQUAL(st.st_mode & 07777, cases[i].mode);
	}
	store_writer_close(w);
}

TEST(store_write, second_writer_is_refused_with_the_first_ones_pid)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);
	char line[512], expected[512];

	CU_ASSERT_EQUAL(fail_to_open(&options, line), ST_BUSY);
	snprintf(expected, sizeof(expected),
	    "data directory %s: another daemon uses it (process %ld)", options.data_dir,
	    (long)getpid());
	ASSERT_TEXT(line, expected);
	store_writer_close(w);
	store_writer_close(fixture_writer(&options));
}

/* Seen without a lock taken, from any process, and however the writer ends. */
TEST(store_write, readers_see_whether_there_is_one)
{
	struct store_options options = fixture_options();
	struct store_writer *w;
	struct store_reader *r;

	CU_ASSERT_EQUAL_FATAL(store_reader_open(&options, &r), ST_OK);
	CU_ASSERT_FALSE(store_reader_has_writer(r)); /* no directory */
	w = fixture_writer(&options);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_TRUE(store_reader_has_writer(r));
	store_writer_close(w);
	CU_ASSERT_FALSE(store_reader_has_writer(r)); /* the file is still there */
	/* To have looked is no lock. */
	w = fixture_writer(&options);
	CU_ASSERT_TRUE(store_reader_has_writer(r));
	store_writer_close(w);
	store_reader_close(r);
}

static int open_writer_and_die(void *arg)
{
	struct store_writer *w = fixture_writer(arg);

	kill(getpid(), SIGKILL);
	store_writer_close(w);
	return 0;
}

TEST(store_write, a_killed_one_is_none)
{
	struct store_options options = fixture_options();
	struct store_reader *r;

	CU_ASSERT_EQUAL_FATAL(store_reader_open(&options, &r), ST_OK);
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(open_writer_and_die, &options)), 1000 + SIGKILL);
	CU_ASSERT_FALSE(store_reader_has_writer(r));
	store_reader_close(r);
}

TEST(store_write, directory_that_is_a_file_is_refused)
{
	struct store_options options = fixture_options();
	char line[512], expected[512];

	close(open(options.data_dir, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CU_ASSERT_EQUAL(fail_to_open(&options, line), ST_INVALID);
	snprintf(expected, sizeof(expected), "data directory %s: can't be used: not a directory",
	    options.data_dir);
	ASSERT_TEXT(line, expected);
}

TEST(store_write, missing_parent_is_refused)
{
	struct store_options options = fixture_options();
	char path[256], line[512], expected[512];

	snprintf(path, sizeof(path), "%s/deeper", options.data_dir);
	options.data_dir = path;
	CU_ASSERT_EQUAL(fail_to_open(&options, line), ST_NOT_FOUND);
	snprintf(expected, sizeof(expected),
	    "data directory %s: can't be created: the directory above it does not exist", path);
	ASSERT_TEXT(line, expected);
}

TEST(store_write, endless_path_is_refused)
{
	static char path[PATH_MAX + 10];
	struct store_options options = { .data_dir = path, .map_size = FIXTURE_MAP };
	char line[512];

	memset(path, '/', sizeof(path) - 1);
	CU_ASSERT_EQUAL(fail_to_open(&options, line), ST_INVALID);
	ASSERT_TEXT(line, "data directory: the path is too long");
}

struct other_user {
	struct store_options options;
	char line[512];
	enum st_err writer, reader;
};

static int try_both(struct other_user *o)
{
	struct store_reader *r;
	struct store_snapshot s;

	o->writer = fail_to_open(&o->options, o->line);
	if (store_reader_open(&o->options, &r) != ST_OK)
		return 2;
	o->reader = store_snapshot_begin(r, &s);
	if (o->reader == ST_OK)
		store_snapshot_end(&s);
	store_reader_close(r);
	return 0;
}

static int as_nobody(void *arg)
{
	struct other_user *o = arg;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 77;
	return try_both(o);
}

TEST(store_write, without_permission_nothing_works)
{
	struct other_user *o = fixture_shared(sizeof(*o));
	char expected[512];

	if (geteuid() != 0) {
		puts("skipped: needs root to become another user");
		return;
	}
	o->options = fixture_store(3, 1);
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(as_nobody, o)), 0);
	CU_ASSERT_EQUAL(o->writer, ST_DENIED);
	snprintf(expected, sizeof(expected),
	    "data directory %s: can't be written to: no permission", o->options.data_dir);
	ASSERT_TEXT(o->line, expected);
	CU_ASSERT_EQUAL(o->reader, ST_DENIED);

	/* May read the data but not take part in locking. */
	CU_ASSERT_EQUAL(chmod(o->options.data_dir, 0755), 0);
	CU_ASSERT_EQUAL(chmod(fixture_path(&o->options, "store-1"), 0755), 0);
	CU_ASSERT_EQUAL(chmod(fixture_path(&o->options, "store-1/data.mdb"), 0644), 0);
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(as_nobody, o)), 0);
	CU_ASSERT_EQUAL(o->reader, ST_DENIED);
	CU_ASSERT_EQUAL(chmod(fixture_path(&o->options, "store-1/lock.mdb"), 0666), 0);
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(as_nobody, o)), 0);
	CU_ASSERT_EQUAL(o->reader, ST_OK);

	o->options = fixture_options();
	o->options.data_dir = "/proc/nobody-can-create-this";
	CU_ASSERT_EQUAL(fixture_wait(fixture_child(as_nobody, o)), 0);
	CU_ASSERT_NOT_EQUAL(o->writer, ST_OK);
	CU_ASSERT_EQUAL(o->reader, ST_UNAVAILABLE);
}

static int in_read_only_mount(void *arg)
{
	struct other_user *o = arg;
	const char *dir = o->options.data_dir;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(dir, dir, "none", MS_BIND, NULL) != 0 ||
	    mount(dir, dir, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
		return 77;
	return try_both(o);
}

TEST(store_write, read_only_mount_is_refused_by_both)
{
	struct other_user *o = fixture_shared(sizeof(*o));
	char expected[512];
	int code;

	o->options = fixture_store(3, 1);
	code = fixture_wait(fixture_child(in_read_only_mount, o));
	if (code == 77) {
		puts("skipped: can't mount here");
		return;
	}
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_EQUAL(o->writer, ST_DENIED);
	snprintf(expected, sizeof(expected),
	    "data directory %s: can't be written to: the file system is mounted read-only",
	    o->options.data_dir);
	ASSERT_TEXT(o->line, expected);
	CU_ASSERT_EQUAL(o->reader, ST_DENIED);
}

TEST(store_write, products_and_record_change_together_or_not_at_all)
{
	struct store_options options = fixture_store(20, 1);
	struct store_writer *w = fixture_writer(&options);
	struct sync_record record = fixture_record(2);
	struct store_snapshot before, after;
	struct store_txn *t;
	struct product p;

	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_READY);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &before), ST_OK);
	for (uint64_t i = 0; i < 25; i++) {
		struct product q = fixture_product(i, 2);

		store_txn_put(t, &q);
	}
	CU_ASSERT_TRUE(store_txn_delete(t, "P-000024", 8));
	CU_ASSERT_FALSE(store_txn_delete(t, "P-000024", 8));
	CU_ASSERT_FALSE(store_txn_delete(t, "", 0));
	store_txn_put_record(t, &record);
	CU_ASSERT_EQUAL(store_txn_count(t), 24);
	CU_ASSERT_TRUE(store_txn_get(t, "P-000020", 8, &p));
	CU_ASSERT_EQUAL(p.version, 2);
	CU_ASSERT_FALSE(store_txn_get(t, "P-000024", 8, &p));
	CU_ASSERT_TRUE(store_txn_get_record(t, &record));
	CU_ASSERT_EQUAL(record.event_offset, 2);
	/* Nobody sees any of it before, nor in a snapshot that is older. */
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &after), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&after, 20), 1);
	store_snapshot_end(&after);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&before, 20), 1);
	store_snapshot_end(&before);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &after), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&after, 24), 2);
	store_snapshot_end(&after);
	store_writer_close(w);
}

/* Read transactions are used again, with cursors that stood in the state before. */
TEST(store_write, each_snapshot_shows_the_newest_commit)
{
	struct store_options options = fixture_store(300, 1);
	struct store_writer *w = fixture_writer(&options);
	struct store_snapshot s;
	struct product p;

	for (int64_t version = 2; version < 12; version++) {
		CU_ASSERT_EQUAL_FATAL(fixture_commit(w, 300, version), ST_OK);
		CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
		CU_ASSERT_EQUAL(store_snapshot_product(&s, "P-000200", 8, &p), ST_OK);
		CU_ASSERT_EQUAL(p.version, version);
		CU_ASSERT_EQUAL(fixture_version(&s, 300), version);
		store_snapshot_end(&s);
	}
	store_writer_close(w);
}

TEST(store_write, abort_leaves_nothing)
{
	struct store_options options = fixture_store(20, 1);
	struct store_writer *w = fixture_writer(&options);
	struct product p = fixture_product(500, 2);
	struct store_snapshot s;
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	store_txn_put(t, &p);
	CU_ASSERT_TRUE(store_txn_delete(t, "P-000001", 8));
	store_txn_abort(t);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&s, 20), 1);
	store_snapshot_end(&s);
	store_writer_close(w);
}

TEST(store_write, first_error_sticks_and_undoes_all)
{
	static char long_id[PRODUCT_ID_MAX + 1];
	static const struct {
		struct product p;
		enum st_err err;
	} cases[] = {
		{ { { "", 0 }, 1, { "{}", 2 }, false, 0 }, ST_INVALID },
		{ { { long_id, sizeof(long_id) }, 1, { "{}", 2 }, false, 0 }, ST_INVALID },
		{ { { "a", 1 }, 1, { "{}", PRODUCT_JSON_MAX + 1 }, false, 0 }, ST_TOO_BIG },
	};
	struct store_options options = fixture_store(20, 1);
	struct store_writer *w = fixture_writer(&options);
	struct product good = fixture_product(0, 2), p;
	struct sync_record record = fixture_record(2);
	struct store_snapshot s;
	struct store_txn *t;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
		store_txn_put(t, &good);
		CU_ASSERT_EQUAL(store_txn_error(t), ST_OK);
		store_txn_put(t, &cases[i].p);
		CU_ASSERT_EQUAL(store_txn_error(t), cases[i].err);
		store_txn_put(t, &good);
		store_txn_put_record(t, &record);
		CU_ASSERT_FALSE(store_txn_delete(t, "P-000001", 8));
		CU_ASSERT_FALSE(store_txn_get(t, "P-000001", 8, &p));
		CU_ASSERT_FALSE(store_txn_get_record(t, &record));
		CU_ASSERT_EQUAL(store_txn_commit(t), cases[i].err);
	}
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&s, 20), 1);
	store_snapshot_end(&s);
	store_writer_close(w);
}

TEST(store_write, damaged_values_stop_a_transaction)
{
	struct store_options options = fixture_store(20, 1);
	struct store_writer *w;
	struct store_txn *t;
	struct product p;

	fixture_spoil(&options, 1, "products", "P-000007", fixture_flip_last);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	CU_ASSERT_FALSE(store_txn_get(t, "P-000007", 8, &p));
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_CORRUPT);
	store_writer_close(w);
}

TEST(store_write, one_transaction_of_a_target_at_a_time)
{
	struct store_options options = fixture_store(2, 1);
	struct store_writer *w = fixture_writer(&options);
	struct store_txn *running, *coming, *t;

	CU_ASSERT_EQUAL_FATAL(store_build_begin(w), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &running), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_COMING, &coming), ST_OK);
	CU_ASSERT_EQUAL(store_txn_begin(w, STORE_RUNNING, &t), ST_BUSY);
	CU_ASSERT_EQUAL(store_txn_begin(w, STORE_COMING, &t), ST_BUSY);
	CU_ASSERT_EQUAL(store_build_begin(w), ST_BUSY);
	CU_ASSERT_EQUAL(store_build_publish(w), ST_BUSY);
	CU_ASSERT_EQUAL(store_txn_commit(coming), ST_OK);
	CU_ASSERT_EQUAL(store_build_publish(w), ST_BUSY);
	store_txn_abort(running);
	CU_ASSERT_EQUAL(store_build_publish(w), ST_OK);
	store_writer_close(w);
}

/* Nobody could say how fresh it is, nor from where to go on. */
TEST(store_write, one_without_a_record_is_damaged)
{
	struct store_options options = fixture_store(2, 1);
	struct store_writer *w = fixture_writer(&options);

	CU_ASSERT_EQUAL_FATAL(store_build_begin(w), ST_OK);
	CU_ASSERT_EQUAL(store_build_publish(w), ST_OK);
	store_writer_close(w);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_DAMAGED);
	store_writer_close(w);
}
