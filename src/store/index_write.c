/*
 * Upkeep of the page index (drawn in index.c).  Both levels follow the same
 * rules; a unit of a chunk is a product, a unit of a group is a chunk.
 *
 * Insert: count one up in the group and the chunk that cover the id.  Above
 * the maximum the entry splits at a unit: in the middle, or, where less than an
 * eighth lies behind the new id, just before that.  So what comes in order, as
 * a full sync does, leaves full entries behind, also while a few later ids
 * are there already.
 *
 * Delete: count one down.  Two neighbours join when they hold no more than
 * half of the maximum together, or one of them nothing.  Half, so that entries
 * don't join and split in turn.  Chunks of different groups don't join, as
 * each group begins with a chunk; when groups join, the chunks at the seam do.
 *
 * An update changes nothing here.
 */
#include <string.h>

#include "store/index.h"
#include "store/layout.h"

/* Keys are copied before anything is written: LMDB may move a page then. */
struct id {
	size_t len;
	char bytes[PRODUCT_ID_MAX];
};

struct entry {
	struct id from;
	uint32_t count;
};

struct level {
	MDB_cursor *entries;
	MDB_cursor *units;
	const struct level *below; /* NULL: units are products */
	MDB_cursor *above;         /* entries of the level above, or NULL */
	uint32_t max;
};

static struct level chunk_level(const struct index_writer *w)
{
	return (struct level){ w->chunks, w->products, NULL, w->groups, INDEX_CHUNK_MAX };
}

static struct level group_level(const struct index_writer *w, const struct level *chunks)
{
	return (struct level){ w->groups, w->chunks, chunks, NULL, INDEX_GROUP_MAX };
}

static MDB_val id_key(const struct id *id)
{
	return (MDB_val){ .mv_size = id->len, .mv_data = (void *)(uintptr_t)id->bytes };
}

static int copy_id(const MDB_val *key, struct id *out)
{
	if (key->mv_size > sizeof(out->bytes))
		return MDB_CORRUPTED;
	out->len = key->mv_size;
	memcpy(out->bytes, key->mv_data, key->mv_size);
	return 0;
}

static int copy_entry(const MDB_val *key, const MDB_val *value, struct entry *out)
{
	return layout_read_number(value, &out->count) == ST_OK ? copy_id(key, &out->from)
	                                                       : MDB_CORRUPTED;
}

static int compare(const MDB_val *a, const MDB_val *b)
{
	size_t common = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
	int order = memcmp(a->mv_data, b->mv_data, common);

	return order != 0 ? order : (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
}

/* Move the cursor to the entry that covers the id, and copy it. */
static int find(MDB_cursor *entries, const MDB_val *id, struct entry *out)
{
	MDB_val key = *id, value;
	int rc = mdb_cursor_get(entries, &key, &value, MDB_SET_RANGE);

	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(entries, &key, &value, MDB_LAST);
	else if (rc == 0 && compare(&key, id) != 0)
		rc = mdb_cursor_get(entries, &key, &value, MDB_PREV);
	return rc == 0 ? copy_entry(&key, &value, out) : rc;
}

static int put(MDB_cursor *entries, const struct id *from, uint32_t count)
{
	MDB_val key = id_key(from), value = { .mv_size = sizeof(count), .mv_data = &count };

	return mdb_cursor_put(entries, &key, &value, 0);
}

/* *count is what the entry that covers the id holds now. */
static int add(MDB_cursor *entries, const MDB_val *id, int by, uint32_t *count)
{
	struct entry e;
	MDB_val key, value = { .mv_size = sizeof(*count), .mv_data = count };
	int rc = find(entries, id, &e);

	if (rc != 0)
		return rc;
	if (by < 0 && e.count == 0)
		return MDB_CORRUPTED;
	*count = by < 0 ? e.count - 1 : e.count + 1;
	key = id_key(&e.from);
	return mdb_cursor_put(entries, &key, &value, MDB_CURRENT);
}

/* A place where an entry may split, and how much lies before it. */
struct cut {
	struct id at;
	uint32_t before; /* 0: no such place */
};

/*
 * Walk the units of e, which is to split since id came into it.  *middle is the
 * first at or behind the middle, *own the one that id is, or is in.
 */
static int find_cuts(const struct level *level, const struct entry *e, const MDB_val *id,
    struct cut *middle, struct cut *own)
{
	MDB_val key = id_key(&e->from), value;
	uint32_t before = 0;
	int rc = mdb_cursor_get(level->units, &key, &value, MDB_SET_RANGE);

	while (rc == 0 && before < e->count) {
		uint32_t weight = 1;

		if (level->below != NULL && layout_read_number(&value, &weight) != ST_OK)
			return MDB_CORRUPTED;
		if (before > 0 && before >= e->count / 2 && middle->before == 0) {
			middle->before = before;
			rc = copy_id(&key, &middle->at);
		}
		if (rc == 0 && compare(&key, id) <= 0) {
			own->before = before;
			rc = copy_id(&key, &own->at);
		}
		before += weight;
		if (rc == 0)
			rc = mdb_cursor_get(level->units, &key, &value, MDB_NEXT);
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Join the entry that begins at this id to the one before it, if the rules say so. */
static int join(const struct level *level, const struct id *at)
{
	MDB_val key = id_key(at), value;
	struct entry left, right;
	int rc = mdb_cursor_get(level->entries, &key, &value, MDB_SET_KEY);

	if (rc == 0)
		rc = copy_entry(&key, &value, &right);
	if (rc == 0)
		rc = mdb_cursor_get(level->entries, &key, &value, MDB_PREV);
	if (rc == MDB_NOTFOUND)
		return 0; /* the first */
	if (rc == 0)
		rc = copy_entry(&key, &value, &left);
	if (rc != 0)
		return rc;
	if (left.count > 0 && right.count > 0 && left.count + right.count > level->max / 2)
		return 0;
	key = id_key(at);
	if (level->above != NULL) {
		rc = mdb_cursor_get(level->above, &key, &value, MDB_SET);
		if (rc != MDB_NOTFOUND)
			return rc; /* 0: a group begins here */
	}
	rc = mdb_cursor_get(level->entries, &key, &value, MDB_SET);
	if (rc == 0)
		rc = mdb_cursor_del(level->entries, 0);
	if (rc == 0)
		rc = put(level->entries, &left.from, left.count + right.count);
	if (rc == 0 && level->below != NULL)
		rc = join(level->below, at);
	return rc;
}

/* Join the entry that covers the id with its neighbours, if the rules say so. */
static int join_around(const struct level *level, const MDB_val *id)
{
	MDB_val key, value;
	struct entry e;
	struct id next;
	int rc = find(level->entries, id, &e);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(level->entries, &key, &value, MDB_NEXT);
	if (rc == 0) {
		rc = copy_id(&key, &next);
		if (rc == 0)
			rc = join(level, &next);
	} else if (rc == MDB_NOTFOUND) {
		rc = 0;
	}
	return rc == 0 ? join(level, &e.from) : rc;
}

/* Split the entry that covers the id, which just came into it. */
static int split(const struct level *level, const MDB_val *id)
{
	struct cut middle = { .before = 0 }, own = { .before = 0 };
	const struct cut *cut;
	struct entry e;
	MDB_val key;
	int rc = find(level->entries, id, &e);

	if (rc == 0)
		rc = find_cuts(level, &e, id, &middle, &own);
	if (rc != 0)
		return rc;
	cut = own.before > 0 && e.count - own.before < level->max / 8 ? &own : &middle;
	if (cut->before == 0)
		return MDB_CORRUPTED;
	rc = put(level->entries, &e.from, cut->before);
	if (rc == 0)
		rc = put(level->entries, &cut->at, e.count - cut->before);
	key = id_key(&cut->at);
	return rc == 0 ? join_around(level, &key) : rc;
}

int index_writer_open(struct index_writer *w, MDB_txn *txn, const struct generation *g)
{
	int rc = mdb_cursor_open(txn, g->products, &w->products);

	if (rc == 0)
		rc = mdb_cursor_open(txn, g->chunks, &w->chunks);
	if (rc == 0)
		rc = mdb_cursor_open(txn, g->groups, &w->groups);
	if (rc != 0)
		index_writer_close(w);
	return rc;
}

void index_writer_close(struct index_writer *w)
{
	MDB_cursor *const cursors[] = { w->products, w->chunks, w->groups };

	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++)
		if (cursors[i] != NULL)
			mdb_cursor_close(cursors[i]);
	*w = (struct index_writer){ 0 };
}

int index_write_empty(MDB_txn *txn, const struct generation *g)
{
	const MDB_dbi levels[] = { g->chunks, g->groups };
	uint32_t none = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(levels) / sizeof(levels[0]); i++) {
		MDB_val key = { INDEX_LOWEST_LEN, (void *)(uintptr_t)INDEX_LOWEST };
		MDB_val value = { sizeof(none), &none };

		rc = mdb_put(txn, levels[i], &key, &value, 0);
	}
	return rc;
}

/* An entry covers every id; where none is found, the index is damaged. */
static int missing_is_corrupt(int rc)
{
	return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

int index_inserted(struct index_writer *w, const MDB_val *id)
{
	struct level chunks = chunk_level(w), groups = group_level(w, &chunks);
	uint32_t in_chunk = 0, in_group = 0;
	int rc = add(w->chunks, id, 1, &in_chunk);

	if (rc == 0)
		rc = add(w->groups, id, 1, &in_group);
	if (rc == 0 && in_chunk > INDEX_CHUNK_MAX)
		rc = split(&chunks, id);
	if (rc == 0 && in_group > INDEX_GROUP_MAX)
		rc = split(&groups, id);
	return missing_is_corrupt(rc);
}

int index_deleted(struct index_writer *w, const MDB_val *id)
{
	struct level chunks = chunk_level(w), groups = group_level(w, &chunks);
	uint32_t in_chunk = 0, in_group = 0;
	int rc = add(w->chunks, id, -1, &in_chunk);

	if (rc == 0)
		rc = add(w->groups, id, -1, &in_group);
	if (rc == 0)
		rc = join_around(&groups, id);
	if (rc == 0)
		rc = join_around(&chunks, id);
	return missing_is_corrupt(rc);
}
