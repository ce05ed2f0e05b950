/*
 * The writer: takes the directory, opens what is there, and changes it in
 * transactions.  How generations replace each other is in build.c.
 */
#include "store/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/index.h"
#include "store/layout.h"
#include "store/writer.h"

#define DIR_MODE       0750
#define LOCK_FILE_MODE 0640

/* One line for the operator. */
static enum st_err refuse(
    const struct store_writer *w, struct buf *why, const char *what, int errnum)
{
	const char *reason;

	switch (errnum) {
	case ENOENT: reason = "the directory above it does not exist"; break;
	case ENOTDIR: reason = "not a directory"; break;
	case EACCES:
	case EPERM: reason = "no permission"; break;
	case EROFS: reason = "the file system is mounted read-only"; break;
	case ENOSPC: reason = "no space left on the disk"; break;
	default: reason = strerror(errnum); break;
	}
	buf_addf(why, "data directory %s: %s: %s", w->data_dir, what, reason);
	return generation_error(errnum);
}

/* Or else a power cut takes the new directory, and with it all that was committed. */
static void keep_directory(const struct store_writer *w)
{
	char above[PATH_MAX];
	enum st_err err;

	if (snprintf(above, sizeof(above), "%s/..", w->data_dir) >= PATH_MAX)
		return;
	err = build_sync_dir(above);
	if (err != ST_OK)
		log_warn("the directory above the data directory can't be flushed",
		    log_text("path", above), log_text("error", st_err_text(err)));
}

static enum st_err take_directory(const struct store_writer *w, struct buf *why)
{
	struct stat st;

	if (mkdir(w->data_dir, DIR_MODE) == 0)
		keep_directory(w);
	else if (errno != EEXIST)
		return refuse(w, why, "can't be created", errno);
	if (stat(w->data_dir, &st) != 0)
		return refuse(w, why, "can't be used", errno);
	if (!S_ISDIR(st.st_mode))
		return refuse(w, why, "can't be used", ENOTDIR);
	/* By effective user; says so also where the mount is read-only. */
	if (eaccess(w->data_dir, R_OK | W_OK | X_OK) != 0)
		return refuse(w, why, "can't be written to", errno);
	return ST_OK;
}

static enum st_err say_busy(const struct store_writer *w, int fd, struct buf *why)
{
	char pid[16];
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	buf_addf(why, "data directory %s: another daemon uses it", w->data_dir);
	if (pid[0] != '\0')
		buf_addf(why, " (process %s)", pid);
	return ST_BUSY;
}

static int lock_all(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

/* The file stays; the lock goes with the last descriptor, however we end. */
static enum st_err take_lock(struct store_writer *w, struct buf *why)
{
	char path[PATH_MAX];
	enum st_err err;
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/" GENERATION_WRITER_LOCK, w->data_dir) >= PATH_MAX)
		return refuse(w, why, "can't be used", ENAMETOOLONG);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_FILE_MODE);
	if (fd < 0)
		return refuse(w, why, "its lock file can't be opened", errno);
	rc = lock_all(fd);
	if (rc != 0) {
		err = rc == EAGAIN || rc == EACCES ? say_busy(w, fd, why)
		                                   : refuse(w, why, "can't be locked", rc);
		close(fd);
		return err;
	}
	w->lock_fd = fd;
	/* Who we are, for say_busy() of another one; on a full disk it does without. */
	if (ftruncate(fd, 0) == 0 && dprintf(fd, "%ld\n", (long)getpid()) < 0)
		log_debug("lock file not written", log_text("path", path));
	/* Readers of our group look at it, whatever the umask was when it was made. */
	if (fchmod(fd, LOCK_FILE_MODE) != 0)
		log_debug("mode of the lock file not set", log_text("path", path));
	return ST_OK;
}

/*
 * What opening can't find out: the record, which there must be, and the mark, which
 * doesn't belong here.
 */
static enum st_err check_running(struct store_writer *w)
{
	struct store_snapshot s;
	struct sync_record record;
	bool superseded;
	enum st_err err = store_writer_snapshot(w, &s);

	if (err != ST_OK)
		return err;
	err = store_snapshot_record(&s, &record);
	superseded = err == ST_OK && s.slot->superseded;
	store_snapshot_end(&s);
	/*
	 * Marked and linked: its successor was lost by a disk that did not keep
	 * what it had confirmed.  It is an older state, whole in itself, and
	 * knows the offset to go on from.
	 */
	return superseded ? build_mark(w->running, false) : err;
}

static enum st_err open_linked(struct store_writer *w, enum st_err link_err)
{
	char path[PATH_MAX];
	enum st_err err = link_err;

	if (err == ST_OK)
		err = generation_path(w->data_dir, GENERATION_NAME, w->linked, path);
	if (err == ST_OK && crash_is_likely(w, path))
		err = crash_probe(w, path);
	if (err == ST_OK)
		err = watchdog_open(path, w->linked, w->map_size, GENERATION_WRITE, &w->running);
	if (err == ST_OK)
		err = check_running(w);
	if (err != ST_OK) {
		generation_unref(w->running);
		w->running = NULL;
	}
	return err;
}

static enum st_err open_store(struct store_writer *w, struct buf *why)
{
	enum st_err err = generation_linked(w->data_dir, &w->linked);
	bool empty = err == ST_NOT_FOUND;
	char path[PATH_MAX];
	struct stat st;

	/* rename(2) puts a link in the place of a link or file, not of a directory. */
	if (generation_link(w->data_dir, path) == ST_OK && lstat(path, &st) == 0 &&
	    S_ISDIR(st.st_mode)) {
		buf_addf(why,
		    "data directory %s: \"" GENERATION_LINK
		    "\" is not the link that the store makes; move it away",
		    w->data_dir);
		return ST_INVALID;
	}
	build_clean_up(w);
	if (empty) {
		w->condition = STORE_EMPTY;
		return ST_OK;
	}
	err = open_linked(w, err);
	switch (err) {
	case ST_OK: w->condition = STORE_READY; return ST_OK;
	case ST_DENIED:
	case ST_NOMEM:
	case ST_FULL:
		/* Nothing is wrong with the store; a new one would meet the same. */
		buf_addf(why, "data directory %s: the store can't be opened: %s", w->data_dir,
		    st_err_text(err));
		return err;
	default:
		log_warn(err == ST_FORMAT ? "store of another version" : "store damaged",
		    log_text("path", w->data_dir), log_text("error", st_err_text(err)));
		w->condition = STORE_DAMAGED;
		return ST_OK;
	}
}

enum st_err store_writer_open(
    const struct store_options *options, struct store_writer **out, struct buf *why)
{
	struct store_writer *w = calloc(1, sizeof(*w));
	enum st_err err;

	if (w == NULL) {
		buf_adds(why, "no memory");
		return ST_NOMEM;
	}
	w->lock_fd = -1;
	w->map_size = options->map_size;
	if (snprintf(w->data_dir, sizeof(w->data_dir), "%s", options->data_dir) >= PATH_MAX) {
		buf_adds(why, "data directory: the path is too long");
		err = ST_INVALID;
	} else {
		err = take_directory(w, why);
	}
	if (err == ST_OK)
		err = take_lock(w, why);
	if (err == ST_OK) {
		crash_watch(w);
		watchdog_ready();
		err = open_store(w, why);
	}
	if (err != ST_OK)
		store_writer_close(w);
	else
		*out = w;
	return err;
}

void store_writer_close(struct store_writer *w)
{
	if (w == NULL)
		return;
	store_build_abandon(w);
	generation_unref(w->running);
	if (w->lock_fd >= 0) {
		crash_watch_end();
		close(w->lock_fd);
	}
	free(w);
}

void store_writer_settled(struct store_writer *w)
{
	crash_forget(w);
}

enum store_condition store_writer_condition(const struct store_writer *w)
{
	return w->condition;
}

bool store_writer_is_in_place(const struct store_writer *w)
{
	char path[PATH_MAX];

	return w->running == NULL || generation_link(w->data_dir, path) != ST_OK ||
	       generation_place(w->running, path) == GENERATION_IN_PLACE;
}

enum st_err store_writer_snapshot(struct store_writer *w, struct store_snapshot *out)
{
	enum st_err err;

	if (w->running == NULL)
		return ST_UNAVAILABLE;
	watchdog_arm();
	err = generation_snapshot(w->running, out);
	watchdog_rest();
	return err;
}

unsigned store_writer_check_readers(struct store_writer *w)
{
	int dead = 0, rc;

	if (w->running == NULL)
		return 0;
	watchdog_arm();
	rc = mdb_reader_check(w->running->env, &dead);
	watchdog_rest();
	return rc == 0 ? (unsigned)dead : 0;
}

enum st_err store_txn_begin(
    struct store_writer *w, enum store_target target, struct store_txn **out)
{
	struct generation *g = target == STORE_RUNNING ? w->running : w->coming;
	struct store_txn *t;
	int rc;

	if (g == NULL)
		return ST_UNAVAILABLE;
	if ((w->txns & 1U << target) != 0)
		return ST_BUSY;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return ST_NOMEM;
	rc = watchdog_begin(g, &t->txn);
	if (rc == 0)
		rc = index_writer_open(&t->index, t->txn, g);
	if (rc != 0) {
		if (t->txn != NULL)
			mdb_txn_abort(t->txn);
		free(t);
		return generation_error(rc);
	}
	t->writer = w;
	t->generation = g;
	t->target = target;
	w->txns |= 1U << target;
	*out = t;
	return ST_OK;
}

static void txn_free(struct store_txn *t)
{
	t->writer->txns &= ~(1U << t->target);
	free(t);
}

uint64_t store_writer_commits(const struct store_writer *w)
{
	return w->commits;
}

enum st_err store_txn_commit(struct store_txn *t)
{
	enum st_err err = t->err;

	if (err != ST_OK) {
		store_txn_abort(t);
		return err;
	}
	index_writer_close(&t->index);
	err = generation_commit(t->generation, t->txn);
	if (!err && t->target == STORE_RUNNING)
		t->writer->commits++;
	txn_free(t);
	return err;
}

void store_txn_abort(struct store_txn *t)
{
	if (t == NULL)
		return;
	index_writer_close(&t->index);
	mdb_txn_abort(t->txn);
	txn_free(t);
}

enum st_err store_txn_error(const struct store_txn *t)
{
	return t->err;
}

void txn_note(struct store_txn *t, enum st_err err)
{
	if (t->err == ST_OK)
		t->err = err;
}

static bool is_id_len(size_t len)
{
	return len > 0 && len <= PRODUCT_ID_MAX;
}

MDB_val txn_key(const char *data, size_t len)
{
	return (MDB_val){ .mv_size = len, .mv_data = (void *)(uintptr_t)data };
}

uint64_t store_txn_count(struct store_txn *t)
{
	MDB_stat st;

	return mdb_stat(t->txn, t->generation->products, &st) == 0 ? st.ms_entries : 0;
}

void store_txn_put(struct store_txn *t, const struct product *p)
{
	MDB_val key = txn_key(p->id.data, p->id.len);
	MDB_val value = { .mv_size = layout_product_size(p) };
	uint64_t before;
	int rc;

	if (!is_id_len(p->id.len))
		txn_note(t, ST_INVALID);
	if (p->json.len > (size_t)PRODUCT_JSON_MAX)
		txn_note(t, ST_TOO_BIG);
	if (t->err != ST_OK)
		return;
	before = store_txn_count(t);
	rc = mdb_put(t->txn, t->generation->products, &key, &value, MDB_RESERVE);
	if (rc == 0)
		layout_write_product(p, value.mv_data);
	if (rc == 0 && store_txn_count(t) > before)
		rc = index_inserted(&t->index, &key);
	txn_note(t, generation_error(rc));
}

bool store_txn_delete(struct store_txn *t, const char *id, size_t id_len)
{
	MDB_val key = txn_key(id, id_len);
	int rc;

	if (t->err != ST_OK || !is_id_len(id_len))
		return false;
	rc = mdb_del(t->txn, t->generation->products, &key, NULL);
	if (rc == MDB_NOTFOUND)
		return false;
	if (rc == 0)
		rc = index_deleted(&t->index, &key);
	txn_note(t, generation_error(rc));
	return rc == 0;
}

bool store_txn_get(struct store_txn *t, const char *id, size_t id_len, struct product *out)
{
	MDB_val key = txn_key(id, id_len), value;
	enum st_err err;
	int rc;

	if (t->err != ST_OK || !is_id_len(id_len))
		return false;
	rc = mdb_cursor_get(t->index.products, &key, &value, MDB_SET_KEY);
	if (rc == MDB_NOTFOUND)
		return false;
	err = rc == 0 ? layout_read_product(&key, &value, out) : generation_error(rc);
	txn_note(t, err);
	return err == ST_OK;
}

void store_txn_put_record(struct store_txn *t, const struct sync_record *record)
{
	unsigned char bytes[LAYOUT_RECORD_SIZE];
	MDB_val key = layout_key(LAYOUT_RECORD_KEY);
	MDB_val value = { .mv_size = sizeof(bytes), .mv_data = bytes };

	if (t->err != ST_OK)
		return;
	layout_write_record(record, bytes);
	txn_note(t, generation_error(mdb_put(t->txn, t->generation->unnamed, &key, &value, 0)));
}

bool store_txn_get_record(struct store_txn *t, struct sync_record *out)
{
	MDB_val key = layout_key(LAYOUT_RECORD_KEY), value;
	enum st_err err;
	int rc;

	if (t->err != ST_OK)
		return false;
	rc = mdb_get(t->txn, t->generation->unnamed, &key, &value);
	if (rc == MDB_NOTFOUND)
		return false;
	err = rc == 0 ? layout_read_record(&value, out) : generation_error(rc);
	txn_note(t, err);
	return err == ST_OK;
}
