/* A map or a disk that is full: what is there is read on, and writing goes on when there is room. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "store/write.h"

static char big_json[100000];

static enum st_err put_big(struct store_writer *w, uint64_t number, size_t n)
{
	struct sync_record record = fixture_record((int64_t)number);
	struct store_txn *t;
	enum st_err err = store_txn_begin(w, STORE_RUNNING, &t);

	if (err != ST_OK)
		return err;
	memset(big_json, ' ', sizeof(big_json));
	for (size_t i = 0; i < n; i++) {
		struct product p = fixture_product(number + i, 1);

		p.json = (struct span){ big_json, n > 1 ? 4000 : sizeof(big_json) };
		store_txn_put(t, &p);
	}
	store_txn_put_record(t, &record);
	return store_txn_commit(t);
}

/* Put more and more, in large transactions and then in small ones, until nothing fits. */
static enum st_err fill(struct store_writer *w, uint64_t *number)
{
	static const size_t sizes[] = { 100, 20, 1 };
	enum st_err err = ST_OK;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		while ((err = put_big(w, *number, sizes[i])) == ST_OK)
			*number += sizes[i];
		if (err != ST_FULL)
			return err;
	}
	return err;
}

/* It is full: reading works, writing doesn't, deleting does, and then writing does again. */
static bool goes_on(struct store_writer *w, uint64_t number)
{
	struct store_snapshot s;
	struct store_txn *t;
	struct product p;
	bool ok = store_writer_snapshot(w, &s) == ST_OK;

	if (!ok)
		return false;
	ok = store_snapshot_count(&s) == number && store_snapshot_seek(&s, number - 1) == ST_OK &&
	     store_snapshot_next(&s, &p) == ST_OK;
	store_snapshot_end(&s);
	for (uint64_t i = 0; ok && i < 100; i++) {
		p = fixture_product(i, 1);
		ok = store_txn_begin(w, STORE_RUNNING, &t) == ST_OK &&
		     store_txn_delete(t, p.id.data, p.id.len) && store_txn_commit(t) == ST_OK;
	}
	for (uint64_t i = 0; ok && i < 3; i++)
		ok = put_big(w, i * 10, 10) == ST_OK;
	return ok;
}

TEST(store_write, full_map_keeps_serving_and_goes_on)
{
	struct store_options options = fixture_options();
	struct store_writer *w;
	uint64_t number = 0;

	options.map_size = (size_t)16 << 20;
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL_FATAL(fixture_publish(w, 0, 0), ST_OK);
	CU_ASSERT_EQUAL(fill(w, &number), ST_FULL);
	CU_ASSERT_TRUE(number > 2000);
	CU_ASSERT_TRUE(goes_on(w, number));
	store_writer_close(w);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_READY);
	store_writer_close(w);
}

static int on_small_disk(void *arg)
{
	struct store_options *options = arg;
	struct store_writer *w;
	struct buf why;
	uint64_t number = 0;
	int fd;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mkdir(options->data_dir, 0750) != 0 ||
	    mount("none", options->data_dir, "tmpfs", 0, "size=12m") != 0)
		return 77;
	/* A file of somebody else's, who will make room. */
	fd = open(fixture_path(options, "ballast"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, 4 << 20) != 0)
		return 1;
	buf_init(&why, 4096);
	if (store_writer_open(options, &w, &why) != ST_OK || fixture_publish(w, 0, 0) != ST_OK)
		return 2;
	if (fill(w, &number) != ST_FULL || number < 500)
		return 3;
	/* A second generation has no room either; the running one stays. */
	if (fixture_publish(w, 20000, 1) != ST_FULL)
		return 4;
	store_build_abandon(w);
	if (ftruncate(fd, 0) != 0 || put_big(w, number, 100) != ST_OK)
		return 5;
	number += 100;
	if (fill(w, &number) != ST_FULL || !goes_on(w, number))
		return 6;
	store_writer_close(w);
	close(fd);
	return 0;
}

TEST(store_write, full_disk_keeps_serving_and_goes_on)
{
	struct store_options options = fixture_options();
	int code = fixture_wait(fixture_child(on_small_disk, &options));

	if (code == 77) {
		puts("skipped: can't mount here");
		return;
	}
	CU_ASSERT_EQUAL(code, 0);
}
