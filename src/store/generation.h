/*
 * store/generation.h: one LMDB environment, opened once in this process and
 * shared by its threads.  Private to the store; see src/store/generation.c.
 */
#ifndef STORE_GENERATION_H
#define STORE_GENERATION_H

#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "store/read.h"

/*
 * The slots of the reader table, fixed by whoever makes the file: twice the
 * largest pool (2,048 threads; a reload runs old and new ones side by side)
 * and some for the tools.
 */
#define GENERATION_READERS_MAX 4608

/*
 * Readers reserve this much more than the writer may fill, so that the mark
 * still finds room in a full map and every reader can see it.
 */
#define GENERATION_MAP_SLACK ((size_t)1 << 20)

/* The highest number; above it no name of a generation is read. */
#define GENERATION_NUMBER_MAX (UINT64_C(1) << 53)

enum generation_mode {
	GENERATION_READ,
	GENERATION_WRITE, /* every commit is durable */
	GENERATION_BUILD, /* create it; nothing is durable until mdb_env_sync() */
};

/* A read transaction with its cursors, in use by one snapshot or idle (reset). */
struct slot {
	struct slot *next;
	MDB_txn *txn;
	MDB_cursor *products; /* walks; a single product is found by the next one */
	MDB_cursor *lookup;
	MDB_cursor *chunks, *groups, *unnamed;

	/* What the unnamed database holds, once this snapshot has looked (read.c). */
	bool has_looked;
	bool superseded;
	MDB_val record; /* mv_data NULL: none */

	/*
	 * The record that was read last, for as long as it stays the same.  Told by its
	 * hash: the id that LMDB gives a read transaction may be of an older commit than
	 * what it reads.
	 */
	bool knows_record;
	uint64_t known_hash;
	struct sync_record known;
};

struct generation {
	uint64_t number;
	MDB_env *env;
	MDB_dbi products, chunks, groups, doubts;
	MDB_dbi format;  /* LAYOUT_META */
	MDB_dbi unnamed; /* the record, the position, the mark */
	size_t map_size;
	dev_t dev; /* which file it is, whatever its name has become */
	ino_t ino;
	ino_t lock_ino;      /* lock.mdb beside it */
	atomic_bool suspect; /* something in it was corrupt */

	pthread_mutex_t lock; /* guards the two below */
	unsigned refs;        /* one of its holder, one of each snapshot */
	struct slot *idle;
};

/* The only place where codes of LMDB (and errno values, which it passes on) become ours. */
enum st_err generation_error(int rc);

/*
 * mdb_txn_commit().  ST_FULL also where the disk's end cut a write short, which
 * LMDB calls an I/O error.
 */
enum st_err generation_commit(const struct generation *g, MDB_txn *txn);

/* DATA_DIR/PREFIX-N; ST_TOO_BIG. */
#define GENERATION_NAME "store"
enum st_err generation_path(
    const char *data_dir, const char *prefix, uint64_t number, char out[PATH_MAX]);

/* The N of a name PREFIX-N; ST_INVALID if it isn't of that form. */
enum st_err generation_number(const char *name, const char *prefix, uint64_t *out);

/*
 * DATA_DIR/lock: the writer holds an open-file-description lock on all of it,
 * which readers can see without taking one, and which belongs to no process.
 */
#define GENERATION_WRITER_LOCK "lock"

/* The path of the link; ST_TOO_BIG. */
#define GENERATION_LINK "current"
enum st_err generation_link(const char *data_dir, char out[PATH_MAX]);

/* Where it points.  ST_NOT_FOUND: nothing there; ST_CORRUPT: it is no link to a generation. */
enum st_err generation_linked(const char *data_dir, uint64_t *out);

/*
 * Open the environment in this directory; the caller gets the first reference.
 * ST_NOT_FOUND: not there; ST_DENIED: also where LMDB would read without
 * locks; ST_CORRUPT: damaged; ST_FORMAT.
 */
enum st_err generation_open(const char *path, uint64_t number, size_t map_size,
    enum generation_mode mode, struct generation **out);

/* MDB_CORRUPTED where there is data and no lock.mdb: a reader must not make one. */
int generation_check_lock_file(const char *dir);

/* Note which files they are that were opened in this directory. */
int generation_remember_files(struct generation *g, const char *dir);

enum generation_place {
	GENERATION_IN_PLACE,
	GENERATION_UNLOCKED,  /* lock.mdb is gone */
	GENERATION_ELSEWHERE, /* who opens it now gets other files, or none */
};
enum generation_place generation_place(const struct generation *g, const char *dir);

void generation_ref(struct generation *g);

/* With the last reference it is closed.  NULL is fine. */
void generation_unref(struct generation *g);

/* The snapshot holds a reference of its own; store_snapshot_end() drops it. */
enum st_err generation_snapshot(struct generation *g, struct store_snapshot *out);

#endif
