/*
 * Generations: how the whole store is replaced under its readers.
 *
 *   DATA_DIR/lock             held by the daemon, the only writer
 *   DATA_DIR/current          a link to store-7
 *   DATA_DIR/store-7/         the running generation: data.mdb, lock.mdb
 *   DATA_DIR/store-8/         the coming one, while it is built
 *   DATA_DIR/gone-6/          an old one while it is removed
 *
 * Numbers only grow.  A new generation takes over in this order (build.c):
 *
 *   1. store-8 is complete and on the disk     readers see 7
 *   2. `current` is renamed over, durably      who opens anew sees 8
 *   3. the mark "superseded" is committed in 7 who begins a snapshot sees 8
 *   4. store-7 is renamed to gone-7 and removed
 *
 * A reader looks for the mark inside the very transaction that it is going to
 * read from, so after step 3 nobody begins to read the old state; nothing is
 * written between 2 and 3.  Those who still read 7 keep its files by their
 * mappings.  After a death at any instant the link names a complete
 * generation, and the daemon removes all others when it starts.
 *
 * Each generation has a directory, and so a lock.mdb, of its own: readers of
 * the old file and of the new one must not share a reader table.  The daemon
 * creates both files, readers never: whoever came first would own lock.mdb.
 *
 * Within a process LMDB wants an environment opened once, since closing any
 * descriptor of lock.mdb drops the locks by which others see that this process
 * lives.  So a generation is one object with a reference count.
 *
 * Versions that differ.  A generation has one format (layout.c), and a program
 * reads and writes just one.  A daemon that finds another one in its place,
 * older or newer, builds a new generation by a full sync, and leaves what is
 * there untouched until that is complete: whoever goes back to the version
 * before finds its own store.  It can't mark it as superseded; a responder
 * that was reading it moves on when it sees the link changed, in two seconds,
 * and one that can't read the new format goes on with what it has.
 */
#include "store/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "store/layout.h"

#define DATA_MODE 0640
#define LOCK_MODE 0660 /* a reader writes into its slot of the table */

enum st_err generation_error(int rc)
{
	static const struct {
		int rc;
		enum st_err err;
	} table[] = {
		{ MDB_SUCCESS, ST_OK },
		{ MDB_NOTFOUND, ST_NOT_FOUND },
		{ MDB_MAP_FULL, ST_FULL },
		{ MDB_READERS_FULL, ST_FULL },
		{ MDB_TXN_FULL, ST_FULL },
		{ MDB_PAGE_NOTFOUND, ST_CORRUPT },
		{ MDB_CORRUPTED, ST_CORRUPT },
		{ MDB_VERSION_MISMATCH, ST_FORMAT },
		{ MDB_INVALID, ST_CORRUPT },
		{ MDB_INCOMPATIBLE, ST_CORRUPT },
		/* Of a program that uses it rightly only pages that are wrong can bring these. */
		{ MDB_CURSOR_FULL, ST_CORRUPT },
		{ MDB_PAGE_FULL, ST_CORRUPT },
		{ MDB_BAD_TXN, ST_CORRUPT },
		{ MDB_BAD_VALSIZE, ST_CORRUPT },
		{ MDB_BAD_DBI, ST_CORRUPT },
		{ EBADF, ST_CORRUPT }, /* an empty file: LMDB would write, a reader can't */
		{ ENOENT, ST_NOT_FOUND },
		{ ENOSPC, ST_FULL },
		{ EDQUOT, ST_FULL },
		{ EFBIG, ST_FULL },
		{ EACCES, ST_DENIED },
		{ EPERM, ST_DENIED },
		{ EROFS, ST_DENIED },
		{ ENOTDIR, ST_INVALID },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].rc == rc)
			return table[i].err;
	return rc > 0 ? st_err_from_errno(rc) : ST_SYSTEM;
}

/* What is left on a disk where a write was just cut short by its end. */
#define DISK_FULL_BYTES (1 << 20)

enum st_err generation_commit(const struct generation *g, MDB_txn *txn)
{
	int rc = mdb_txn_commit(txn);
	struct statvfs disk;
	int fd;

	if (rc == EIO && mdb_env_get_fd(g->env, &fd) == 0 && fstatvfs(fd, &disk) == 0 &&
	    disk.f_bavail < DISK_FULL_BYTES / disk.f_bsize + 1)
		rc = ENOSPC;
	return generation_error(rc);
}

enum st_err generation_path(
    const char *data_dir, const char *prefix, uint64_t number, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s-%llu", data_dir, prefix, (unsigned long long)number);

	return n > 0 && n < PATH_MAX ? ST_OK : ST_TOO_BIG;
}

enum st_err generation_link(const char *data_dir, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/" GENERATION_LINK, data_dir);

	return n > 0 && n < PATH_MAX ? ST_OK : ST_TOO_BIG;
}

enum st_err generation_number(const char *name, const char *prefix, uint64_t *out)
{
	size_t skip = strlen(prefix);
	uint64_t number;

	if (strncmp(name, prefix, skip) != 0 || name[skip] != '-')
		return ST_INVALID;
	name += skip + 1;
	if (text_to_uint(name, strlen(name), GENERATION_NUMBER_MAX, &number) != ST_OK ||
	    name[0] == '0')
		return ST_INVALID;
	*out = number;
	return ST_OK;
}

enum st_err generation_linked(const char *data_dir, uint64_t *out)
{
	char path[PATH_MAX], target[64];
	ssize_t n;

	if (generation_link(data_dir, path) != ST_OK)
		return ST_TOO_BIG;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return errno == EINVAL ? ST_CORRUPT : generation_error(errno);
	target[n] = '\0';
	return generation_number(target, GENERATION_NAME, out) == ST_OK ? ST_OK : ST_CORRUPT;
}

/* mdb_env_open() has one mode for both files, and the umask cuts it. */
static int set_modes(const char *path)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = { { "data.mdb", DATA_MODE }, { "lock.mdb", LOCK_MODE } };
	char file[PATH_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (snprintf(file, sizeof(file), "%s/%s", path, files[i].name) >= PATH_MAX)
			return ENAMETOOLONG;
		if (chmod(file, files[i].mode) != 0)
			return errno;
	}
	return 0;
}

/* LMDB's table: 128 bytes and a line of 64 for each reader; it extends what is too short. */
#define LOCK_FILE_SIZE (128 + 64 * GENERATION_READERS_MAX)

/*
 * LMDB would make it sparse, and whoever first writes into a page of the table
 * (in mapped memory) on a full disk would die of SIGBUS.  Before LMDB opens it:
 * to close it later would drop our locks.
 */
static int make_lock_file(const char *path)
{
	char file[PATH_MAX];
	int fd, rc;

	if (snprintf(file, sizeof(file), "%s/lock.mdb", path) >= PATH_MAX)
		return ENAMETOOLONG;
	fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, LOCK_MODE);
	if (fd < 0)
		return errno;
	rc = posix_fallocate(fd, 0, LOCK_FILE_SIZE);
	close(fd);
	return rc;
}

static int open_env(const char *path, size_t map_size, enum generation_mode mode, MDB_env **out)
{
	/*
	 * NOTLS: read transactions belong to snapshots, not to threads.  Read-ahead
	 * stays on: the store fits into memory, and lists read it in order.
	 */
	unsigned flags = MDB_NOTLS;
	MDB_env *env;
	int rc = mdb_env_create(&env);

	if (rc != 0)
		return rc;
	if (mode == GENERATION_READ) {
		flags |= MDB_RDONLY;
		map_size += GENERATION_MAP_SLACK;
	} else if (mode == GENERATION_BUILD) {
		flags |= MDB_NOSYNC;
	}
	rc = mdb_env_set_mapsize(env, map_size);
	if (rc == 0 && mode == GENERATION_BUILD)
		rc = make_lock_file(path);
	if (rc == 0 && mode == GENERATION_READ)
		rc = generation_check_lock_file(path);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(env, GENERATION_READERS_MAX);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, 5);
	if (rc == 0)
		rc = mdb_env_open(env, path, flags, DATA_MODE);
	if (rc == 0 && mode != GENERATION_READ)
		rc = set_modes(path);
	if (rc != 0)
		mdb_env_close(env);
	else
		*out = env;
	return rc;
}

static int open_others(struct generation *g, MDB_txn *txn, unsigned flags)
{
	const struct {
		const char *name;
		MDB_dbi *dbi;
	} databases[] = {
		{ LAYOUT_PRODUCTS, &g->products },
		{ LAYOUT_CHUNKS, &g->chunks },
		{ LAYOUT_GROUPS, &g->groups },
		{ LAYOUT_DOUBTS, &g->doubts },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(databases) / sizeof(databases[0]); i++)
		rc = mdb_dbi_open(txn, databases[i].name, flags, databases[i].dbi);
	return rc;
}

static enum st_err check_format(struct generation *g, MDB_txn *txn)
{
	MDB_val key = layout_key(LAYOUT_FORMAT_KEY), value;
	uint32_t format;
	int rc = mdb_get(txn, g->format, &key, &value);

	if (rc != 0)
		return rc == MDB_NOTFOUND ? ST_CORRUPT : generation_error(rc);
	if (layout_read_number(&value, &format) != ST_OK)
		return ST_CORRUPT;
	return format == LAYOUT_FORMAT ? ST_OK : ST_FORMAT;
}

/*
 * Where lock.mdb can't be opened for writing because the file system is
 * mounted read-only, LMDB opens without locks and says nothing: then the
 * daemon knows of no reader and may reuse the pages that it reads.
 */
static bool has_locks(MDB_env *env)
{
	MDB_envinfo info;

	return mdb_env_info(env, &info) == 0 && info.me_numreaders > 0;
}

/* Of another format only the database meta is known. */
static enum st_err open_databases(struct generation *g, MDB_txn *txn, bool build)
{
	unsigned flags = build ? MDB_CREATE : 0;
	int rc = mdb_dbi_open(txn, LAYOUT_META, flags, &g->format);
	enum st_err err = ST_OK;

	if (rc == 0 && !build)
		err = check_format(g, txn);
	if (rc == 0 && err == ST_OK)
		rc = open_others(g, txn, flags);
	if (rc == 0 && err == ST_OK)
		rc = mdb_dbi_open(txn, NULL, 0, &g->unnamed);
	if (err != ST_OK)
		return err;
	return rc == MDB_NOTFOUND ? ST_CORRUPT : generation_error(rc);
}

/* The handles of the databases, in a transaction that ends here. */
static enum st_err prepare(struct generation *g, enum generation_mode mode)
{
	bool build = mode == GENERATION_BUILD;
	enum st_err err;
	MDB_txn *txn;
	int rc = mdb_txn_begin(g->env, NULL, build ? 0 : MDB_RDONLY, &txn);

	if (rc == MDB_READERS_FULL && mdb_reader_check(g->env, NULL) == 0)
		rc = mdb_txn_begin(g->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return generation_error(rc);
	if (!build && !has_locks(g->env)) {
		mdb_txn_abort(txn);
		return ST_DENIED;
	}
	err = open_databases(g, txn, build);
	if (err != ST_OK)
		mdb_txn_abort(txn);
	else
		err = generation_error(mdb_txn_commit(txn));
	return err;
}

enum st_err generation_open(const char *path, uint64_t number, size_t map_size,
    enum generation_mode mode, struct generation **out)
{
	struct generation *g = calloc(1, sizeof(*g));
	enum st_err err;
	int rc;

	if (g == NULL)
		return ST_NOMEM;
	g->number = number;
	g->map_size = map_size;
	g->refs = 1;
	pthread_mutex_init(&g->lock, NULL);
	rc = open_env(path, map_size, mode, &g->env);
	/* Invalid is what the file says of its pages: LMDB seeks to a place that there can't be. */
	err = rc == EINVAL ? ST_CORRUPT : generation_error(rc);
	if (err == ST_OK)
		err = generation_error(generation_remember_files(g, path));
	if (err == ST_OK)
		err = prepare(g, mode);
	if (err != ST_OK)
		generation_unref(g);
	else
		*out = g;
	return err;
}

static void slot_free(struct slot *slot)
{
	if (slot == NULL)
		return;
	if (slot->unnamed != NULL)
		mdb_cursor_close(slot->unnamed);
	if (slot->groups != NULL)
		mdb_cursor_close(slot->groups);
	if (slot->chunks != NULL)
		mdb_cursor_close(slot->chunks);
	if (slot->lookup != NULL)
		mdb_cursor_close(slot->lookup);
	if (slot->products != NULL)
		mdb_cursor_close(slot->products);
	if (slot->txn != NULL)
		mdb_txn_abort(slot->txn);
	free(slot);
}

void generation_ref(struct generation *g)
{
	pthread_mutex_lock(&g->lock);
	g->refs++;
	pthread_mutex_unlock(&g->lock);
}

static void generation_close(struct generation *g)
{
	while (g->idle != NULL) {
		struct slot *slot = g->idle;

		g->idle = slot->next;
		slot_free(slot);
	}
	if (g->env != NULL)
		mdb_env_close(g->env);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* Drop a reference, and with it the slot that it was for, if any. */
static void let_go(struct generation *g, struct slot *slot)
{
	unsigned left;

	pthread_mutex_lock(&g->lock);
	if (slot != NULL) {
		slot->next = g->idle;
		g->idle = slot;
	}
	left = --g->refs;
	pthread_mutex_unlock(&g->lock);
	if (left == 0)
		generation_close(g);
}

void generation_unref(struct generation *g)
{
	if (g != NULL)
		let_go(g, NULL);
}

static int slot_new(struct generation *g, struct slot **out)
{
	struct slot *slot = calloc(1, sizeof(*slot));
	int rc;

	if (slot == NULL)
		return ENOMEM;
	rc = mdb_txn_begin(g->env, NULL, MDB_RDONLY, &slot->txn);
	if (rc == 0)
		rc = mdb_cursor_open(slot->txn, g->products, &slot->products);
	if (rc == 0)
		rc = mdb_cursor_open(slot->txn, g->products, &slot->lookup);
	if (rc == 0)
		rc = mdb_cursor_open(slot->txn, g->chunks, &slot->chunks);
	if (rc == 0)
		rc = mdb_cursor_open(slot->txn, g->groups, &slot->groups);
	if (rc == 0)
		rc = mdb_cursor_open(slot->txn, g->unnamed, &slot->unnamed);
	if (rc != 0)
		slot_free(slot);
	else
		*out = slot;
	return rc;
}

/* An idle one renewed, which allocates nothing, or a new one; and a reference for it. */
static int slot_take(struct generation *g, struct slot **out)
{
	struct slot *slot;
	int rc;

	pthread_mutex_lock(&g->lock);
	g->refs++;
	slot = g->idle;
	if (slot != NULL)
		g->idle = slot->next;
	pthread_mutex_unlock(&g->lock);
	if (slot == NULL) {
		rc = slot_new(g, out);
	} else {
		rc = mdb_txn_renew(slot->txn);
		slot->has_looked = false;
		if (rc != 0)
			slot_free(slot);
		else
			*out = slot;
	}
	if (rc != 0)
		let_go(g, NULL);
	return rc;
}

enum st_err generation_snapshot(struct generation *g, struct store_snapshot *out)
{
	struct slot *slot;
	int rc = slot_take(g, &slot);

	/* The table may be full of the dead. */
	if (rc == MDB_READERS_FULL && mdb_reader_check(g->env, NULL) == 0)
		rc = slot_take(g, &slot);
	if (rc != 0)
		return generation_error(rc);
	*out = (struct store_snapshot){ .generation = g, .slot = slot };
	return ST_OK;
}

void store_snapshot_end(struct store_snapshot *s)
{
	if (s == NULL || s->generation == NULL)
		return;
	mdb_txn_reset(s->slot->txn);
	let_go(s->generation, s->slot);
	*s = (struct store_snapshot){ 0 };
}
