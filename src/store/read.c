/*
 * Snapshots, and the reader that gives them out.
 *
 * A snapshot that begins takes an idle read transaction of the open generation
 * and renews it; that allocates nothing.  Only where the mark of a superseded
 * generation is seen, or there is none yet, the link is followed (see
 * generation.c).  The reader holds one reference to its generation, each
 * snapshot another; so the old one closes with its last snapshot.
 */
#include "store/read.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/generation.h"
#include "store/index.h"
#include "store/layout.h"

/* A flip lasts milliseconds, and whoever needs this many meets no flips. */
#define TRIES_MAX 16

struct store_reader {
	pthread_mutex_t lock; /* guards current; held while a generation is opened */
	struct generation *current;
	struct log_repeat foreign; /* what took its place can't be read */
	atomic_bool damaged;       /* to be told by store_reader_take_damage() */
	size_t map_size;
	char data_dir[];
};

enum st_err store_reader_open(const struct store_options *options, struct store_reader **out)
{
	size_t size = strlen(options->data_dir) + 1;
	struct store_reader *r = calloc(1, sizeof(*r) + size);

	if (r == NULL)
		return ST_NOMEM;
	memcpy(r->data_dir, options->data_dir, size);
	r->map_size = options->map_size;
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return ST_OK;
}

void store_reader_close(struct store_reader *r)
{
	if (r == NULL)
		return;
	generation_unref(r->current);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/*
 * True if DATA_DIR/current leads to the very files that g has open.  Where only
 * lock.mdb is gone nobody can open it anew, but who has it reads on.
 */
static bool is_current(const struct store_reader *r, const struct generation *g)
{
	char path[PATH_MAX];

	return generation_link(r->data_dir, path) == ST_OK &&
	       generation_place(g, path) != GENERATION_ELSEWHERE;
}

bool store_reader_take_damage(struct store_reader *r)
{
	return atomic_exchange(&r->damaged, false);
}

bool store_reader_has_writer(struct store_reader *r)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	bool held;
	int fd;

	if (snprintf(path, sizeof(path), "%s/" GENERATION_WRITER_LOCK, r->data_dir) >= PATH_MAX)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	close(fd);
	return held;
}

static enum st_err open_current(struct store_reader *r)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		char path[PATH_MAX];
		uint64_t number;
		enum st_err err = generation_linked(r->data_dir, &number);

		if (err != ST_OK)
			return err == ST_NOT_FOUND ? ST_UNAVAILABLE : err;
		err = generation_path(r->data_dir, GENERATION_NAME, number, path);
		if (err == ST_OK)
			err = generation_open(
			    path, number, r->map_size, GENERATION_READ, &r->current);
		/* Not found: replaced and removed since the link was read. */
		if (err != ST_NOT_FOUND)
			return err;
	}
	return ST_CORRUPT;
}

/* The generation that is to be let go of, or NULL. */
static struct generation *replace_current(struct store_reader *r)
{
	struct generation *old = r->current;

	r->current = NULL;
	if (open_current(r) != ST_FORMAT)
		return old;
	r->current = old;
	if (log_repeat_failed(&r->foreign, mono_now()))
		log_error("store replaced by one of another version's format: start this again",
		    log_text("path", r->data_dir),
		    log_number("records", (int64_t)r->foreign.unlogged));
	return NULL;
}

void store_reader_refresh(struct store_reader *r)
{
	struct generation *old = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->current == NULL)
		(void)open_current(r);
	else if (!is_current(r, r->current))
		old = replace_current(r);
	pthread_mutex_unlock(&r->lock);
	generation_unref(old);
}

/* A reference to the open generation; opens it if there is none. */
static enum st_err take_current(struct store_reader *r, struct generation **out)
{
	enum st_err err = ST_OK;

	pthread_mutex_lock(&r->lock);
	if (r->current == NULL)
		err = open_current(r);
	if (err == ST_OK) {
		generation_ref(r->current);
		*out = r->current;
	}
	pthread_mutex_unlock(&r->lock);
	return err;
}

/* Something in g was corrupt: perhaps it was replaced meanwhile. */
static void look_again(struct store_reader *r, const struct generation *g)
{
	store_reader_refresh(r);
	pthread_mutex_lock(&r->lock);
	if (r->current == g)
		atomic_store(&r->damaged, true);
	pthread_mutex_unlock(&r->lock);
}

static bool is_key(const MDB_val *key, const char *text)
{
	return key->mv_size == strlen(text) && memcmp(key->mv_data, text, key->mv_size) == 0;
}

/* The mark's key stands behind the record's, so one search finds both. */
static enum st_err look_at_unnamed(const struct store_snapshot *s)
{
	MDB_val key = layout_key(LAYOUT_RECORD_KEY), value;
	struct slot *slot = s->slot;
	int rc;

	if (slot->has_looked)
		return ST_OK;
	slot->superseded = false;
	slot->record = (MDB_val){ 0 };
	rc = mdb_cursor_renew(slot->txn, slot->unnamed);
	if (rc == 0)
		rc = mdb_cursor_get(slot->unnamed, &key, &value, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(slot->unnamed, &key, &value, MDB_NEXT)) {
		if (is_key(&key, LAYOUT_RECORD_KEY))
			slot->record = value;
		if (is_key(&key, LAYOUT_SUPERSEDED_KEY))
			slot->superseded = true;
	}
	slot->has_looked = rc == MDB_NOTFOUND;
	return slot->has_looked ? ST_OK : generation_error(rc);
}

enum st_err store_snapshot_begin(struct store_reader *r, struct store_snapshot *out)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		struct store_snapshot s = { 0 };
		struct generation *g;
		enum st_err err = take_current(r, &g);

		if (err != ST_OK)
			return err;
		if (atomic_load(&g->suspect) && atomic_exchange(&g->suspect, false)) {
			look_again(r, g);
			generation_unref(g);
			continue;
		}
		err = generation_snapshot(g, &s);
		if (err == ST_OK)
			err = look_at_unnamed(&s);
		if (err == ST_OK && !s.slot->superseded) {
			generation_unref(g);
			*out = s;
			return ST_OK;
		}
		store_snapshot_end(&s);
		if (err == ST_CORRUPT)
			look_again(r, g);
		generation_unref(g);
		if (err != ST_OK)
			return err;
		store_reader_refresh(r);
	}
	return ST_CORRUPT;
}

uint64_t store_snapshot_count(struct store_snapshot *s)
{
	MDB_stat st;

	return mdb_stat(s->slot->txn, s->generation->products, &st) == 0 ? st.ms_entries : 0;
}

/* Corruption makes the next snapshot look whether the store was replaced meanwhile. */
static enum st_err noting(struct store_snapshot *s, enum st_err err)
{
	if (err == ST_CORRUPT)
		atomic_store(&s->generation->suspect, true);
	return err;
}

/* The record changes with the store; most reads come between two changes. */
static enum st_err read_record(struct slot *slot)
{
	uint64_t hash = layout_record_hash(&slot->record);
	enum st_err err;

	if (slot->knows_record && slot->known_hash == hash)
		return ST_OK;
	err = layout_read_record(&slot->record, &slot->known);
	slot->knows_record = err == ST_OK;
	slot->known_hash = hash;
	return err;
}

enum st_err store_snapshot_record(struct store_snapshot *s, struct sync_record *out)
{
	enum st_err err = look_at_unnamed(s);

	if (err == ST_OK)
		err = s->slot->record.mv_data ? read_record(s->slot) : ST_NOT_FOUND;
	if (err == ST_OK)
		*out = s->slot->known;
	return noting(s, err);
}

/*
 * By cursor, for the key in the map: the caller's need not live as long.  And
 * where a cursor stands on a page already, what lies there is found at once.
 */
static int find_product(struct store_snapshot *s, MDB_val *key, MDB_val *value)
{
	int rc = s->looked_up ? 0 : mdb_cursor_renew(s->slot->txn, s->slot->lookup);

	if (rc == 0)
		rc = mdb_cursor_get(s->slot->lookup, key, value, MDB_SET_KEY);
	/* After an error it stands nowhere. */
	s->looked_up = rc == 0 || rc == MDB_NOTFOUND;
	return rc;
}

enum st_err store_snapshot_product(
    struct store_snapshot *s, const char *id, size_t id_len, struct product *out)
{
	MDB_val key = { .mv_size = id_len, .mv_data = (void *)(uintptr_t)id }, value;
	struct product found;
	enum st_err err;
	int rc;

	if (id_len == 0 || id_len > PRODUCT_ID_MAX)
		return ST_NOT_FOUND;
	rc = find_product(s, &key, &value);
	err = rc != 0 ? generation_error(rc) : layout_read_product(&key, &value, &found);
	if (err == ST_OK)
		*out = found;
	return noting(s, err);
}

/* As index_seek(), without the index. */
static int seek_first(struct store_snapshot *s)
{
	MDB_val key, value;
	int rc = mdb_cursor_renew(s->slot->txn, s->slot->products);

	s->visited++;
	if (rc == 0)
		rc = mdb_cursor_get(s->slot->products, &key, &value, MDB_FIRST);
	return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

enum st_err store_snapshot_seek(struct store_snapshot *s, uint64_t offset)
{
	int rc;

	s->position = SNAPSHOT_NOWHERE;
	if (offset >= store_snapshot_count(s))
		return ST_OK;
	rc = offset == 0 ? seek_first(s) : index_seek(s->slot, offset, &s->visited);
	if (rc == 0)
		s->position = SNAPSHOT_AT;
	return noting(s, generation_error(rc));
}

enum st_err store_snapshot_seek_after(struct store_snapshot *s, const char *id, size_t id_len)
{
	/* A key above a longer id is also above its first 511 bytes, and the other way round. */
	size_t len = id_len < PRODUCT_ID_MAX ? id_len : PRODUCT_ID_MAX;
	MDB_val key = { .mv_size = len, .mv_data = (void *)(uintptr_t)id }, value;
	int rc;

	if (id_len == 0)
		return store_snapshot_seek(s, 0);
	s->position = SNAPSHOT_NOWHERE;
	s->visited++;
	rc = mdb_cursor_renew(s->slot->txn, s->slot->products);
	if (rc == 0)
		rc = mdb_cursor_get(s->slot->products, &key, &value, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		return ST_OK;
	if (rc == 0)
		s->position = key.mv_size == len && memcmp(key.mv_data, id, len) == 0
		                  ? SNAPSHOT_BEFORE
		                  : SNAPSHOT_AT;
	return noting(s, generation_error(rc));
}

enum st_err store_snapshot_next(struct store_snapshot *s, struct product *out)
{
	MDB_cursor_op op = s->position == SNAPSHOT_AT ? MDB_GET_CURRENT : MDB_NEXT;
	MDB_val key, value;
	int rc;

	if (s->position == SNAPSHOT_NOWHERE)
		return ST_NOT_FOUND;
	s->visited += op == MDB_NEXT;
	rc = mdb_cursor_get(s->slot->products, &key, &value, op);
	s->position = rc == 0 ? SNAPSHOT_BEFORE : SNAPSHOT_NOWHERE;
	return noting(s, rc != 0 ? generation_error(rc) : layout_read_product(&key, &value, out));
}

uint64_t store_snapshot_visited(const struct store_snapshot *s)
{
	return s->visited;
}

/* mdb_reader_list() calls this for each slot in use, and once for a headline. */
static int count_line(const char *line, void *lines)
{
	(void)line;
	++*(uint32_t *)lines;
	return 0;
}

enum st_err store_snapshot_stats(struct store_snapshot *s, struct store_stats *out)
{
	const struct generation *g = s->generation;
	/* LMDB's own comes first: free pages. */
	const MDB_dbi dbis[] = { 0, g->unnamed, g->format, g->products, g->chunks, g->groups,
		g->doubts };
	uint64_t pages = 2; /* the two that say where all others are */
	uint32_t lines = 0;
	MDB_envinfo info;
	struct stat st;
	MDB_stat db;
	int fd, rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(dbis) / sizeof(dbis[0]); i++) {
		rc = mdb_stat(s->slot->txn, dbis[i], &db);
		if (rc == 0)
			pages += db.ms_branch_pages + db.ms_leaf_pages + db.ms_overflow_pages;
	}
	if (rc == 0)
		rc = mdb_env_info(g->env, &info);
	if (rc == 0)
		rc = mdb_env_get_fd(g->env, &fd);
	if (rc == 0 && fstat(fd, &st) != 0)
		rc = errno;
	if (rc == 0 && mdb_reader_list(g->env, count_line, &lines) < 0)
		rc = EIO;
	if (rc != 0)
		return generation_error(rc);
	*out = (struct store_stats){
		.used_bytes = pages * db.ms_psize,
		.file_bytes = (uint64_t)st.st_size,
		.map_bytes = g->map_size,
		.readers = lines > 0 ? lines - 1 : 0,
		.readers_max = info.me_maxreaders,
	};
	return ST_OK;
}
