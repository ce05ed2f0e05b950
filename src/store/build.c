/*
 * Building a generation and putting it in the place of the running one: the
 * writer's half of what generation.c explains.  What must be on the disk
 * before what:
 *
 *   data of N+1, its directory, its name in DATA_DIR
 *      before  the link to it, durably
 *      before  the mark in N
 *      before  the files of N are removed
 *
 * Cut anywhere, the link leads to a complete generation.  Between link and
 * mark it is both true that new readers see N+1 and that others still begin in
 * N; that is repaired at the next start by setting the mark then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/index.h"
#include "store/layout.h"
#include "store/writer.h"

#define DIR_MODE  0750
#define GONE_NAME "gone" /* gone-N: being removed */
#define LINK_TEMP "current.new"

static enum st_err temp_path(const struct store_writer *w, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/" LINK_TEMP, w->data_dir) < PATH_MAX ? ST_OK
	                                                                        : ST_TOO_BIG;
}

enum st_err build_sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return generation_error(errno);
	rc = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return generation_error(rc);
}

/* ---- removing ---- */

/* Only what LMDB made: what an operator left in there stays, with a line in the log. */
static void remove_dir(const char *path)
{
	static const char *const names[] = { "data.mdb", "lock.mdb" };
	char file[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (snprintf(file, sizeof(file), "%s/%s", path, names[i]) < PATH_MAX)
			unlink(file);
	if (rmdir(path) != 0 && errno != ENOENT)
		log_warn("old generation not removed", log_text("path", path),
		    log_text("error", strerror(errno)));
}

/*
 * Remove store-N.  It gets another name first, so that a reader that is about
 * to open it finds either all of it or nothing.
 */
static void remove_generation(const struct store_writer *w, uint64_t number, bool mark)
{
	char path[PATH_MAX], gone[PATH_MAX];
	struct generation *g;

	if (generation_path(w->data_dir, GENERATION_NAME, number, path) != ST_OK ||
	    generation_path(w->data_dir, GONE_NAME, number, gone) != ST_OK)
		return;
	if (rename(path, gone) != 0) {
		if (errno != ENOENT)
			log_warn("old generation not removed", log_text("path", path),
			    log_text("error", strerror(errno)));
		return;
	}
	/* If this one is so damaged that we die of it, the next start only removes it. */
	if (mark && watchdog_open(gone, number, w->map_size, GENERATION_WRITE, &g) == ST_OK) {
		build_mark(g, true);
		generation_unref(g);
	}
	remove_dir(gone);
}

static void clean_gone(struct store_writer *w, uint64_t number)
{
	char path[PATH_MAX];

	if (generation_path(w->data_dir, GONE_NAME, number, path) == ST_OK)
		remove_dir(path);
}

/* Below the linked one: readers may be in it, if we died before the mark.  Above: half-built. */
static void clean_store(struct store_writer *w, uint64_t number)
{
	if (number != w->linked)
		remove_generation(w, number, number < w->linked);
}

static void for_each(
    struct store_writer *w, const char *prefix, void (*clean)(struct store_writer *, uint64_t))
{
	DIR *dir = opendir(w->data_dir);
	struct dirent *entry;
	uint64_t number;

	if (dir == NULL) {
		log_warn("old generations not removed", log_text("path", w->data_dir),
		    log_text("error", strerror(errno)));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (generation_number(entry->d_name, prefix, &number) != ST_OK)
			continue;
		if (number > w->last)
			w->last = number;
		clean(w, number);
	}
	closedir(dir);
}

void build_clean_up(struct store_writer *w)
{
	char path[PATH_MAX];

	if (temp_path(w, path) == ST_OK)
		unlink(path);
	w->last = w->linked;
	for_each(w, GONE_NAME, clean_gone);
	for_each(w, GENERATION_NAME, clean_store);
}

/* ---- building ---- */

/* With the group bit of DATA_DIR, which mkdir(2) passes on, and whatever the umask. */
static enum st_err make_dir(const char *path)
{
	struct stat st;

	if (mkdir(path, DIR_MODE) != 0 || stat(path, &st) != 0)
		return generation_error(errno);
	if ((st.st_mode & 0777) != DIR_MODE && chmod(path, (st.st_mode & S_ISGID) | DIR_MODE) != 0)
		return generation_error(errno);
	return ST_OK;
}

static enum st_err write_first(const struct generation *g)
{
	uint32_t format = LAYOUT_FORMAT;
	MDB_val key = layout_key(LAYOUT_FORMAT_KEY);
	MDB_val value = { .mv_size = sizeof(format), .mv_data = &format };
	MDB_txn *txn;
	int rc = watchdog_begin(g, &txn);

	if (rc != 0)
		return generation_error(rc);
	rc = mdb_put(txn, g->format, &key, &value, 0);
	if (rc == 0)
		rc = index_write_empty(txn, g);
	if (rc == 0)
		return generation_commit(g, txn);
	mdb_txn_abort(txn);
	return generation_error(rc);
}

enum st_err store_build_begin(struct store_writer *w)
{
	uint64_t number = w->last + 1;
	struct generation *g = NULL;
	char path[PATH_MAX];
	enum st_err err;

	if ((w->txns & 1U << STORE_COMING) != 0)
		return ST_BUSY;
	store_build_abandon(w);
	err = generation_path(w->data_dir, GENERATION_NAME, number, path);
	if (err == ST_OK)
		err = make_dir(path);
	if (err != ST_OK)
		return err;
	w->last = number;
	err = watchdog_open(path, number, w->map_size, GENERATION_BUILD, &g);
	if (err == ST_OK)
		err = write_first(g);
	if (err == ST_OK) {
		w->coming = g;
		return ST_OK;
	}
	generation_unref(g);
	remove_generation(w, number, false);
	return err;
}

void store_build_abandon(struct store_writer *w)
{
	uint64_t number;

	if (w->coming == NULL)
		return;
	number = w->coming->number;
	generation_unref(w->coming);
	w->coming = NULL;
	remove_generation(w, number, false);
}

/* ---- publishing ---- */

static enum st_err write_mark(struct generation *g, bool superseded)
{
	uint32_t yes = 1;
	MDB_val key = layout_key(LAYOUT_SUPERSEDED_KEY);
	MDB_val value = { .mv_size = sizeof(yes), .mv_data = &yes };
	MDB_txn *txn;
	int rc = watchdog_begin(g, &txn);

	if (rc != 0)
		return generation_error(rc);
	rc = superseded ? mdb_put(txn, g->unnamed, &key, &value, 0)
	                : mdb_del(txn, g->unnamed, &key, NULL);
	if (rc == 0)
		return generation_commit(g, txn);
	mdb_txn_abort(txn);
	return generation_error(rc);
}

enum st_err build_mark(struct generation *g, bool superseded)
{
	enum st_err err = write_mark(g, superseded);

	/* Readers have reserved the slack too.  It moves the map: not under a snapshot. */
	if (err == ST_FULL && g->refs == 1) {
		int rc = mdb_env_set_mapsize(g->env, g->map_size + GENERATION_MAP_SLACK);

		err = rc == 0 ? write_mark(g, superseded) : generation_error(rc);
	}
	return err;
}

static enum st_err make_durable(const struct store_writer *w, const struct generation *g)
{
	char path[PATH_MAX];
	enum st_err err = generation_error(mdb_env_sync(g->env, 1));

	if (err == ST_OK)
		err = generation_path(w->data_dir, GENERATION_NAME, g->number, path);
	if (err == ST_OK)
		err = build_sync_dir(path);
	return err == ST_OK ? build_sync_dir(w->data_dir) : err;
}

/* Atomic, but not durable yet. */
static enum st_err point_link(const struct store_writer *w, uint64_t number)
{
	char target[64], temp[PATH_MAX], link[PATH_MAX];
	enum st_err err = temp_path(w, temp);

	if (err == ST_OK)
		err = generation_link(w->data_dir, link);
	if (err != ST_OK)
		return err;
	snprintf(target, sizeof(target), GENERATION_NAME "-%llu", (unsigned long long)number);
	unlink(temp);
	if (symlink(target, temp) != 0 || rename(temp, link) != 0)
		return generation_error(errno);
	return ST_OK;
}

static void point_link_back(const struct store_writer *w)
{
	char link[PATH_MAX];

	if (w->linked != 0)
		point_link(w, w->linked);
	else if (generation_link(w->data_dir, link) == ST_OK)
		unlink(link);
}

/* The link leads to the coming one, durably: nothing can fail any more that would undo it. */
static void take_over(struct store_writer *w)
{
	struct generation *old = w->running;
	uint64_t old_number = w->linked;
	enum st_err err = old != NULL ? build_mark(old, true) : ST_OK;

	/* Then they move on at their next store_reader_refresh(). */
	if (err != ST_OK)
		log_warn("superseded generation not marked", log_text("path", w->data_dir),
		    log_text("error", st_err_text(err)));
	w->running = w->coming;
	w->coming = NULL;
	w->linked = w->running->number;
	w->condition = STORE_READY;
	crash_forget(w);
	generation_unref(old);
	if (old_number != 0)
		remove_generation(w, old_number, false);
}

enum st_err store_build_publish(struct store_writer *w)
{
	enum st_err err;

	if (w->coming == NULL)
		return ST_UNAVAILABLE;
	if (w->txns != 0)
		return ST_BUSY;
	err = make_durable(w, w->coming);
	/* From here on each commit of it is durable. */
	if (err == ST_OK)
		err = generation_error(mdb_env_set_flags(w->coming->env, MDB_NOSYNC, 0));
	if (err == ST_OK)
		err = point_link(w, w->coming->number);
	if (err == ST_OK) {
		err = build_sync_dir(w->data_dir);
		if (err != ST_OK)
			point_link_back(w);
	}
	if (err != ST_OK) {
		store_build_abandon(w);
		return err;
	}
	take_over(w);
	return ST_OK;
}
