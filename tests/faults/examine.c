#include "faults/examine.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "store/read.h"
#include "store/write.h"

#define PRODUCTS_MAX 5000
#define STEP         7 /* the page index is asked for each so manieth position */

uint64_t examine_product_hash(const struct product *p)
{
	return hash_bytes(
	    p->json.data, p->json.len, hash_bytes(p->id.data, p->id.len, (uint64_t)p->version));
}

uint64_t examine_record_hash(const struct sync_record *r)
{
	return hash_bytes(r, sizeof(*r), 1);
}

static bool broken(char why[EXAMINE_WHY_SIZE], const char *what, enum st_err err)
{
	snprintf(why, EXAMINE_WHY_SIZE, "%s: %s", what, st_err_text(err));
	return false;
}

static bool walk(struct store_snapshot *s, uint64_t ids[PRODUCTS_MAX], uint64_t *n, uint64_t *state,
    char why[EXAMINE_WHY_SIZE])
{
	struct product p;
	enum st_err err = store_snapshot_seek(s, 0);

	*n = 0;
	while (err == ST_OK && *n < PRODUCTS_MAX) {
		err = store_snapshot_next(s, &p);
		if (err != ST_OK)
			break;
		*state += examine_product_hash(&p);
		ids[(*n)++] = hash_bytes(p.id.data, p.id.len, 0);
	}
	if (err != ST_NOT_FOUND)
		return broken(why, "walking all products", err);
	if (store_snapshot_count(s) != *n)
		return broken(why, "their count", ST_CORRUPT);
	return true;
}

static bool seek_all(struct store_snapshot *s, const uint64_t ids[PRODUCTS_MAX], uint64_t n,
    char why[EXAMINE_WHY_SIZE])
{
	for (uint64_t i = 0; i < n; i += STEP) {
		struct product p;
		enum st_err err = store_snapshot_seek(s, i);

		if (err == ST_OK)
			err = store_snapshot_next(s, &p);
		if (err != ST_OK)
			return broken(why, "the page index", err);
		if (hash_bytes(p.id.data, p.id.len, 0) != ids[i])
			return broken(why, "the page index leads elsewhere", ST_CORRUPT);
	}
	return true;
}

static bool look(struct store_snapshot *s, uint64_t *state, char why[EXAMINE_WHY_SIZE])
{
	static uint64_t ids[PRODUCTS_MAX];
	struct sync_record record;
	uint64_t n;
	enum st_err err = store_snapshot_record(s, &record);

	if (err != ST_OK)
		return broken(why, "the record", err);
	*state = examine_record_hash(&record);
	return walk(s, ids, &n, state, why) && seek_all(s, ids, n, why);
}

static bool as_reader(
    const struct store_options *options, uint64_t *state, char why[EXAMINE_WHY_SIZE])
{
	struct store_reader *r;
	struct store_snapshot s;
	enum st_err err = store_reader_open(options, &r);
	bool good;

	if (err != ST_OK)
		return broken(why, "a reader", err);
	err = store_snapshot_begin(r, &s);
	if (err == ST_UNAVAILABLE) {
		*state = 0;
		good = true;
	} else if (err != ST_OK) {
		good = broken(why, "a reader's snapshot", err);
	} else {
		good = look(&s, state, why);
		store_snapshot_end(&s);
	}
	store_reader_close(r);
	return good;
}

static enum st_err ignore_doubt(void *n, const char *id, size_t id_len, const struct doubt *doubt)
{
	(void)id;
	(void)doubt;
	*(size_t *)n += id_len;
	return ST_OK;
}

/* The parts that only the writer reads, and one change. */
static bool change(struct store_writer *w, char why[EXAMINE_WHY_SIZE])
{
	static const char json[] = "{\"productId\":\"~after\",\"version\":1}";
	struct product p = {
		.id = { "~after", 6 }, .version = 1, .json = { json, sizeof(json) - 1 }
	};
	struct store_txn *t;
	struct buf position;
	size_t n = 0;
	enum st_err err = store_txn_begin(w, STORE_RUNNING, &t);

	if (err != ST_OK)
		return broken(why, "the next change", err);
	buf_init(&position, 1 << 20);
	store_txn_get_position(t, &position);
	buf_free(&position);
	store_txn_each_doubt(t, ignore_doubt, &n);
	store_txn_put(t, &p);
	err = store_txn_commit(t);
	return err == ST_OK || broken(why, "the next commit", err);
}

static bool after_change(struct store_writer *w, uint64_t count, char why[EXAMINE_WHY_SIZE])
{
	struct store_snapshot s;
	uint64_t state;
	bool good;
	enum st_err err = store_writer_snapshot(w, &s);

	if (err != ST_OK)
		return broken(why, "a snapshot after the next commit", err);
	good = look(&s, &state, why);
	if (good && store_snapshot_count(&s) != count + 1)
		good = broken(why, "what the next commit left", ST_CORRUPT);
	store_snapshot_end(&s);
	return good;
}

static bool as_writer(struct store_writer *w, uint64_t expected, char why[EXAMINE_WHY_SIZE])
{
	enum store_condition condition = store_writer_condition(w);
	struct store_snapshot s;
	uint64_t state, count;
	bool good;

	if (condition == STORE_EMPTY && expected == 0)
		return true;
	if (condition != STORE_READY || store_writer_snapshot(w, &s) != ST_OK)
		return broken(why, "the next writer finds no good store", ST_CORRUPT);
	good = look(&s, &state, why);
	count = store_snapshot_count(&s);
	store_snapshot_end(&s);
	if (good && state != expected)
		good = broken(why, "the next writer finds another state than readers", ST_CORRUPT);
	return good && change(w, why) && after_change(w, count, why);
}

bool examine(const char *data_dir, uint64_t *state, char why[EXAMINE_WHY_SIZE])
{
	struct store_options options = { .data_dir = data_dir, .map_size = EXAMINE_MAP };
	struct store_writer *w;
	struct buf text;
	enum st_err err;
	bool good;

	if (!as_reader(&options, state, why))
		return false;
	buf_init(&text, 4096);
	err = store_writer_open(&options, &w, &text);
	buf_free(&text);
	if (err != ST_OK)
		return broken(why, "the next writer", err);
	good = as_writer(w, *state, why);
	store_writer_close(w);
	return good;
}
