#include "store/generation.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static bool exists(const struct store_options *options, const char *name)
{
	struct stat st;

	return lstat(fixture_path(options, name), &st) == 0;
}

static void assert_link(const struct store_options *options, const char *expected)
{
	char target[64] = "";
	ssize_t n = readlink(fixture_path(options, "current"), target, sizeof(target) - 1);

	CU_ASSERT_TRUE(n > 0);
	ASSERT_TEXT(target, expected);
}

/* How many generations there are, in whatever state. */
static int count_generations(const struct store_options *options)
{
	DIR *dir = opendir(options->data_dir);
	struct dirent *entry;
	int n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir)) != NULL)
		n += strncmp(entry->d_name, "store-", 6) == 0 ||
		     strncmp(entry->d_name, "gone-", 5) == 0;
	closedir(dir);
	return n;
}

TEST(store_generation, names)
{
	static const struct {
		const char *name;
		enum st_err err;
		uint64_t number;
	} cases[] = {
		{ "store-1", ST_OK, 1 },
		{ "store-9007199254740992", ST_OK, UINT64_C(1) << 53 },
		{ "store-9007199254740993", ST_INVALID, 0 },
		{ "store-99999999999999999999999", ST_INVALID, 0 },
		{ "store-0", ST_INVALID, 0 },
		{ "store-01", ST_INVALID, 0 },
		{ "store-", ST_INVALID, 0 },
		{ "store-1x", ST_INVALID, 0 },
		{ "store--1", ST_INVALID, 0 },
		{ "store1", ST_INVALID, 0 },
		{ "store", ST_INVALID, 0 },
		{ "gone-1", ST_INVALID, 0 },
		{ "./store-1", ST_INVALID, 0 },
		{ "", ST_INVALID, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t number = 0;

		CU_ASSERT_EQUAL(generation_number(cases[i].name, "store", &number), cases[i].err);
		CU_ASSERT_EQUAL(number, cases[i].number);
	}
}

TEST(store_generation, coming_one_is_invisible_until_published)
{
	struct store_options options = fixture_store(3, 1);
	struct store_writer *w = fixture_writer(&options);
	struct product p = fixture_product(77, 2);
	struct store_snapshot old, new;
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_build_begin(w), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_COMING, &t), ST_OK);
	CU_ASSERT_EQUAL(store_txn_count(t), 0);
	store_txn_put(t, &p);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &old), ST_OK);
	CU_ASSERT_EQUAL(fixture_version(&old, 3), 1);
	assert_link(&options, "store-1");
	CU_ASSERT_EQUAL(store_build_publish(w), ST_OK);
	assert_link(&options, "store-2");
	/* The old snapshot is read to its end, though its files have no name any more. */
	CU_ASSERT_FALSE(exists(&options, "store-1"));
	CU_ASSERT_EQUAL(fixture_version(&old, 3), 1);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &new), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_count(&new), 1);
	store_snapshot_end(&new);
	store_snapshot_end(&old);
	CU_ASSERT_EQUAL(store_txn_begin(w, STORE_COMING, &t), ST_UNAVAILABLE);
	store_writer_close(w);
}

TEST(store_generation, published_one_goes_on_durably)
{
	struct store_options options = fixture_store(3, 1);
	struct store_writer *w = fixture_writer(&options);
	unsigned flags = 0;
	struct store_snapshot s;

	CU_ASSERT_EQUAL(fixture_publish(w, 4, 2), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(mdb_env_get_flags(s.generation->env, &flags), 0);
	CU_ASSERT_EQUAL(flags & (MDB_NOSYNC | MDB_NOMETASYNC), 0);
	store_snapshot_end(&s);
	CU_ASSERT_EQUAL(fixture_commit(w, 5, 3), ST_OK);
	store_writer_close(w);
	CU_ASSERT_EQUAL(fixture_read(&options, 5), 3);
	CU_ASSERT_EQUAL(count_generations(&options), 1);
}

TEST(store_generation, abandoned_one_leaves_nothing_and_no_number)
{
	struct store_options options = fixture_store(3, 1);
	struct store_writer *w = fixture_writer(&options);

	CU_ASSERT_EQUAL(store_build_begin(w), ST_OK);
	store_build_abandon(w);
	store_build_abandon(w);
	CU_ASSERT_EQUAL(count_generations(&options), 1);
	CU_ASSERT_EQUAL(store_build_begin(w), ST_OK);
	CU_ASSERT_EQUAL(store_build_begin(w), ST_OK);
	CU_ASSERT_TRUE(exists(&options, "store-4"));
	CU_ASSERT_EQUAL(count_generations(&options), 2);
	store_writer_close(w);
	CU_ASSERT_EQUAL(count_generations(&options), 1);
	CU_ASSERT_EQUAL(fixture_read(&options, 3), 1);
}

static int die_while_building(void *arg)
{
	struct store_options *options = arg;
	struct store_writer *w;
	struct store_txn *t;
	struct buf why;
	struct product p = fixture_product(1, 1);

	buf_init(&why, 4096);
	if (store_writer_open(options, &w, &why) != ST_OK || store_build_begin(w) != ST_OK ||
	    store_txn_begin(w, STORE_COMING, &t) != ST_OK)
		return 1;
	store_txn_put(t, &p);
	if (store_txn_commit(t) == ST_OK)
		raise(SIGKILL);
	return 2;
}

TEST(store_generation, half_built_one_is_invisible_and_removed_at_the_next_start)
{
	struct store_options options = fixture_store(3, 1);

	CU_ASSERT_EQUAL(fixture_wait(fixture_child(die_while_building, &options)), 1000 + SIGKILL);
	CU_ASSERT_TRUE(exists(&options, "store-2/data.mdb"));
	CU_ASSERT_EQUAL(fixture_read(&options, 3), 1);
	store_writer_close(fixture_writer(&options));
	CU_ASSERT_FALSE(exists(&options, "store-2"));
	CU_ASSERT_EQUAL(count_generations(&options), 1);
	CU_ASSERT_EQUAL(fixture_read(&options, 3), 1);
}

TEST(store_generation, half_built_first_one_is_no_store)
{
	struct store_options options = fixture_options();
	struct store_writer *w;

	CU_ASSERT_EQUAL(fixture_wait(fixture_child(die_while_building, &options)), 1000 + SIGKILL);
	CU_ASSERT_EQUAL(fixture_read(&options, 1), -2);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_EMPTY);
	CU_ASSERT_EQUAL(count_generations(&options), 0);
	CU_ASSERT_EQUAL(fixture_publish(w, 2, 1), ST_OK);
	/* A number is never given twice: a reader may be about to open that name. */
	assert_link(&options, "store-2");
	store_writer_close(w);
}

TEST(store_generation, leftovers_of_removing_are_removed)
{
	struct store_options options = fixture_store(3, 1);

	CU_ASSERT_EQUAL(mkdir(fixture_path(&options, "gone-7"), 0700), 0);
	close(open(fixture_path(&options, "gone-7/data.mdb"), O_CREAT | O_WRONLY, 0600));
	CU_ASSERT_EQUAL(symlink("store-8", fixture_path(&options, "current.new")), 0);
	CU_ASSERT_EQUAL(mkdir(fixture_path(&options, "store-x"), 0700), 0);
	store_writer_close(fixture_writer(&options));
	CU_ASSERT_FALSE(exists(&options, "gone-7"));
	CU_ASSERT_FALSE(exists(&options, "current.new"));
	CU_ASSERT_TRUE(exists(&options, "store-x")); /* not ours */
	CU_ASSERT_EQUAL(fixture_read(&options, 3), 1);
}

/* ---- readers across generations: the reader is a child that is asked through pipes ---- */

struct peer {
	struct store_options options;
	uint64_t products;
	pid_t pid;
	int ask[2], answer[2];
};

/*
 * 'v': which version a new snapshot shows; 'r': refresh; 'h': begin a snapshot
 * and hold it; 'e': end that.
 */
static int serve(void *arg)
{
	struct peer *p = arg;
	struct store_reader *r;
	struct store_snapshot s, held = { 0 };
	int64_t answer;
	char question;

	close(p->ask[1]);
	if (store_reader_open(&p->options, &r) != ST_OK)
		return 1;
	while (read(p->ask[0], &question, 1) == 1) {
		answer = 0;
		if (question == 'r') {
			store_reader_refresh(r);
		} else if (question == 'h') {
			answer = store_snapshot_begin(r, &held);
		} else if (question == 'e') {
			store_snapshot_end(&held);
		} else {
			enum st_err err = store_snapshot_begin(r, &s);

			if (err != ST_OK) {
				answer = -100 - (int64_t)err;
			} else {
				answer = fixture_version(&s, p->products);
				store_snapshot_end(&s);
			}
		}
		if (write(p->answer[1], &answer, sizeof(answer)) != sizeof(answer))
			return 2;
	}
	store_reader_close(r);
	return 0;
}

static int64_t ask(struct peer *p, char question)
{
	int64_t answer = -3;

	CU_ASSERT_EQUAL(write(p->ask[1], &question, 1), 1);
	CU_ASSERT_EQUAL(read(p->answer[0], &answer, sizeof(answer)), sizeof(answer));
	return answer;
}

static void peer_start(struct peer *p)
{
	CU_ASSERT_EQUAL_FATAL(pipe(p->ask), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(p->answer), 0);
	p->pid = fixture_child(serve, p);
	close(p->ask[0]);
	close(p->answer[1]);
}

static void peer_end(struct peer *p)
{
	close(p->ask[1]);
	CU_ASSERT_EQUAL(fixture_wait(p->pid), 0);
	close(p->answer[0]);
}

/* Open files of a process that have no name any more. */
static int count_deleted_files(pid_t pid)
{
	char path[64], target[PATH_MAX];
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	dir = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir)) != NULL) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[len > 0 ? len : 0] = '\0';
		n += strstr(target, ".mdb (deleted)") != NULL;
	}
	closedir(dir);
	return n;
}

TEST(store_generation, readers_move_on_by_the_mark)
{
	struct peer p = { .options = fixture_store(5, 1), .products = 5 };
	struct store_writer *w;

	peer_start(&p);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 1);
	w = fixture_writer(&p.options);
	CU_ASSERT_EQUAL(fixture_publish(w, 5, 2), ST_OK);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 2);
	CU_ASSERT_EQUAL(fixture_commit(w, 5, 3), ST_OK);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 3);
	CU_ASSERT_EQUAL(count_deleted_files(p.pid), 0);
	store_writer_close(w);
	peer_end(&p);
}

TEST(store_generation, refresh_lets_an_idle_process_go_of_the_old_one)
{
	struct peer p = { .options = fixture_store(5, 1), .products = 5 };
	struct store_writer *w;

	peer_start(&p);
	CU_ASSERT_EQUAL(ask(&p, 'r'), 0);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 1);
	CU_ASSERT_EQUAL(ask(&p, 'r'), 0);
	w = fixture_writer(&p.options);
	CU_ASSERT_EQUAL(fixture_publish(w, 5, 2), ST_OK);
	CU_ASSERT_TRUE(count_deleted_files(p.pid) > 0);
	CU_ASSERT_EQUAL(ask(&p, 'r'), 0);
	CU_ASSERT_EQUAL(count_deleted_files(p.pid), 0);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 2);
	store_writer_close(w);
	peer_end(&p);
}

/* The daemon died between link and mark: readers are still in the old one. */
TEST(store_generation, start_marks_an_old_one_that_readers_are_still_in)
{
	struct peer p = { .options = fixture_store(5, 1), .products = 5 };
	struct store_writer *w;

	peer_start(&p);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 1);
	/* Keep it from being marked, and put it back as it was. */
	CU_ASSERT_EQUAL(
	    rename(fixture_path(&p.options, "store-1"), fixture_path(&p.options, "keep")), 0);
	CU_ASSERT_EQUAL(unlink(fixture_path(&p.options, "current")), 0);
	CU_ASSERT_EQUAL(mkdir(fixture_path(&p.options, "store-1"), 0700), 0);
	w = fixture_writer(&p.options);
	CU_ASSERT_EQUAL(fixture_publish(w, 5, 2), ST_OK);
	store_writer_close(w);
	CU_ASSERT_EQUAL(
	    rename(fixture_path(&p.options, "keep"), fixture_path(&p.options, "store-1")), 0);
	assert_link(&p.options, "store-2");
	CU_ASSERT_EQUAL(ask(&p, 'v'), 1);
	store_writer_close(fixture_writer(&p.options));
	CU_ASSERT_EQUAL(ask(&p, 'v'), 2);
	CU_ASSERT_EQUAL(count_generations(&p.options), 1);
	peer_end(&p);
}

/* Not a page is left: what the commits free can't be used again while a reader holds on. */
TEST(store_generation, mark_finds_room_in_a_full_map)
{
	struct peer p = { .options = fixture_options(), .products = 0 };
	struct sync_record record = fixture_record(1);
	struct store_writer *w;
	struct store_txn *t;
	enum st_err err;

	p.options.map_size = (size_t)1 << 20;
	w = fixture_writer(&p.options);
	CU_ASSERT_EQUAL(fixture_publish(w, 0, 1), ST_OK);
	store_writer_close(w);
	peer_start(&p);
	CU_ASSERT_EQUAL(ask(&p, 'h'), ST_OK);
	w = fixture_writer(&p.options);
	do {
		CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
		store_txn_put_record(t, &record);
		err = store_txn_commit(t);
	} while (err == ST_OK);
	CU_ASSERT_EQUAL(err, ST_FULL);
	CU_ASSERT_EQUAL(fixture_publish(w, 0, 2), ST_OK);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 2);
	CU_ASSERT_EQUAL(ask(&p, 'e'), 0);
	store_writer_close(w);
	peer_end(&p);
}

TEST(store_generation, marked_but_linked_one_is_used_again)
{
	struct store_options options = fixture_store(5, 1);
	struct store_reader *r;
	struct store_snapshot s;
	struct store_writer *w;

	/* Its successor was lost, link and all. */
	CU_ASSERT_EQUAL(
	    link(fixture_path(&options, "store-1/data.mdb"), fixture_path(&options, "data.mdb")),
	    0);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(fixture_publish(w, 5, 2), ST_OK);
	store_writer_close(w);
	CU_ASSERT_EQUAL(
	    rename(fixture_path(&options, "store-2"), fixture_path(&options, "lost")), 0);
	CU_ASSERT_EQUAL(mkdir(fixture_path(&options, "store-1"), 0750), 0);
	CU_ASSERT_EQUAL(
	    rename(fixture_path(&options, "data.mdb"), fixture_path(&options, "store-1/data.mdb")),
	    0);
	close(open(fixture_path(&options, "store-1/lock.mdb"), O_CREAT | O_WRONLY, 0660));
	CU_ASSERT_EQUAL(unlink(fixture_path(&options, "current")), 0);
	CU_ASSERT_EQUAL(symlink("store-1", fixture_path(&options, "current")), 0);

	CU_ASSERT_EQUAL(store_reader_open(&options, &r), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_begin(r, &s), ST_CORRUPT);
	store_reader_close(r);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_READY);
	store_writer_close(w);
	CU_ASSERT_EQUAL(fixture_read(&options, 5), 1);
}

TEST(store_generation, reader_finds_a_new_store_in_an_emptied_directory)
{
	struct peer p = { .options = fixture_store(5, 1), .products = 5 };
	struct store_writer *w;

	peer_start(&p);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 1);
	unlink(fixture_path(&p.options, "store-1/data.mdb"));
	unlink(fixture_path(&p.options, "store-1/lock.mdb"));
	rmdir(fixture_path(&p.options, "store-1"));
	unlink(fixture_path(&p.options, "current"));
	w = fixture_writer(&p.options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_EMPTY);
	CU_ASSERT_EQUAL(fixture_publish(w, 5, 7), ST_OK);
	assert_link(&p.options, "store-1");
	CU_ASSERT_EQUAL(ask(&p, 'v'), 1);
	CU_ASSERT_EQUAL(ask(&p, 'r'), 0);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 7);
	store_writer_close(w);
	peer_end(&p);
}

/* ---- damage ---- */

static void damage_format(const struct store_options *options)
{
	fixture_spoil(options, 1, "meta", "format", fixture_flip_last);
}

static void damage_record(const struct store_options *options)
{
	fixture_spoil(options, 1, NULL, "record", fixture_flip_last);
}

static void damage_head(const struct store_options *options)
{
	int fd = open(fixture_path(options, "store-1/data.mdb"), O_WRONLY | O_CLOEXEC);
	char junk[8192];

	memset(junk, 'j', sizeof(junk));
	CU_ASSERT_EQUAL(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
	close(fd);
}

/* In LMDB's first page stands how large its pages are. */
static void damage_page_size(const struct store_options *options)
{
	int fd = open(fixture_path(options, "store-1/data.mdb"), O_WRONLY | O_CLOEXEC);

	CU_ASSERT_EQUAL(pwrite(fd, "\xff", 1, 0x2b), 1);
	close(fd);
}

static void damage_by_emptying(const struct store_options *options)
{
	CU_ASSERT_EQUAL(truncate(fixture_path(options, "store-1/data.mdb"), 0), 0);
}

static void damage_by_removing_data(const struct store_options *options)
{
	CU_ASSERT_EQUAL(unlink(fixture_path(options, "store-1/data.mdb")), 0);
}

static void damage_by_removing_all(const struct store_options *options)
{
	damage_by_removing_data(options);
	CU_ASSERT_EQUAL(unlink(fixture_path(options, "store-1/lock.mdb")), 0);
	CU_ASSERT_EQUAL(rmdir(fixture_path(options, "store-1")), 0);
}

static void damage_link(const struct store_options *options)
{
	CU_ASSERT_EQUAL(unlink(fixture_path(options, "current")), 0);
	CU_ASSERT_EQUAL(symlink("../elsewhere", fixture_path(options, "current")), 0);
}

TEST(store_generation, damage_is_told_and_mended_by_a_new_one)
{
	static void (*const damages[])(const struct store_options *) = {
		damage_format,
		damage_record,
		damage_head,
		damage_page_size,
		damage_by_emptying,
		damage_by_removing_data,
		damage_by_removing_all,
		damage_link,
	};

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct store_options options = fixture_store(5, 1);
		struct store_reader *r;
		struct store_snapshot s;
		struct sync_record record;
		struct store_writer *w;
		struct store_txn *t;

		damages[i](&options);
		CU_ASSERT_EQUAL_FATAL(store_reader_open(&options, &r), ST_OK);
		if (damages[i] == damage_record) {
			CU_ASSERT_EQUAL_FATAL(store_snapshot_begin(r, &s), ST_OK);
			CU_ASSERT_EQUAL(store_snapshot_record(&s, &record), ST_CORRUPT);
			store_snapshot_end(&s);
		} else {
			CU_ASSERT_EQUAL(store_snapshot_begin(r, &s),
			    damages[i] == damage_format ? ST_FORMAT : ST_CORRUPT);
		}
		store_reader_close(r);
		w = fixture_writer(&options);
		CU_ASSERT_EQUAL(store_writer_condition(w), STORE_DAMAGED);
		CU_ASSERT_EQUAL(store_writer_snapshot(w, &s), ST_UNAVAILABLE);
		CU_ASSERT_EQUAL(store_txn_begin(w, STORE_RUNNING, &t), ST_UNAVAILABLE);
		CU_ASSERT_EQUAL(fixture_publish(w, 6, 2), ST_OK);
		CU_ASSERT_EQUAL(store_writer_condition(w), STORE_READY);
		store_writer_close(w);
		CU_ASSERT_EQUAL(fixture_read(&options, 6), 2);
		CU_ASSERT_EQUAL(count_generations(&options), 1);
	}
}

/* A reader that had the damaged one open gets no mark; its own checksum error sends it on. */
TEST(store_generation, reader_in_a_damaged_one_finds_the_new_one)
{
	struct peer p = { .options = fixture_store(5, 1), .products = 5 };
	struct store_writer *w;

	fixture_spoil(&p.options, 1, NULL, "record", fixture_flip_last);
	peer_start(&p);
	CU_ASSERT_EQUAL(ask(&p, 'v'), -1);
	CU_ASSERT_EQUAL(ask(&p, 'v'), -1);
	w = fixture_writer(&p.options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_DAMAGED);
	CU_ASSERT_EQUAL(fixture_publish(w, 5, 2), ST_OK);
	CU_ASSERT_EQUAL(ask(&p, 'v'), 2);
	store_writer_close(w);
	peer_end(&p);
}

/* "current" that is a directory can't be replaced by a link. */
TEST(store_generation, link_that_is_none_is_refused)
{
	struct store_options options = fixture_options();
	struct store_writer *w = NULL;
	struct buf why;
	char expected[512];

	CU_ASSERT_EQUAL(mkdir(options.data_dir, 0750), 0);
	CU_ASSERT_EQUAL(mkdir(fixture_path(&options, "current"), 0750), 0);
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(store_writer_open(&options, &w, &why), ST_INVALID);
	snprintf(expected, sizeof(expected),
	    "data directory %s: \"current\" is not the link that the store makes; move it away",
	    options.data_dir);
	ASSERT_TEXT(buf_text(&why), expected);
	buf_free(&why);
}
