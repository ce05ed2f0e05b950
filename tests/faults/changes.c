#include "faults/changes.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "faults/disk.h"
#include "faults/examine.h"
#include "store/write.h"

#define PRODUCTS  300
#define JSON_ROOM 9000 /* some need pages of their own */
#define AT_ONCE   12   /* products of a commit, at most */

/* What the store should hold: a product's JSON follows from its number and version. */
struct life {
	struct store_options options;
	struct store_writer *writer;
	struct store_snapshot old; /* keeps pages of a past commit from being used again */
	bool has_old;
	int marks;
	uint64_t random;
	int64_t versions[PRODUCTS]; /* 0: not there */
	struct sync_record record;
};

static struct product product_of(size_t number, int64_t version, char id[32], char json[JSON_ROOM])
{
	uint64_t state = number * 1000003 + (uint64_t)version;
	size_t text = dice(&state, 16) ? dice(&state, 400) : dice(&state, JSON_ROOM - 200);
	int id_len = snprintf(id, 32, "P-%04zu", number);
	int len = snprintf(json, JSON_ROOM,
	    "{\"productId\":\"%s\",\"version\":%lld,\"name\":\"%0*d\"}", id, (long long)version,
	    (int)text + 1, (int)number);

	return (struct product){
		.id = { id, (size_t)id_len }, .version = version, .json = { json, (size_t)len }
	};
}

static uint64_t state_of(const struct life *l)
{
	uint64_t state = examine_record_hash(&l->record);
	char id[32], json[JSON_ROOM];

	for (size_t i = 0; i < PRODUCTS; i++) {
		struct product p = product_of(i, l->versions[i], id, json);

		if (l->versions[i] > 0)
			state += examine_product_hash(&p);
	}
	return state;
}

static bool mark(struct life *l, const char *word, uint64_t state)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s %llx\n", word, (unsigned long long)state);

	return write(l->marks, line, (size_t)n) == n;
}

static void put(struct life *l, struct store_txn *t, size_t number)
{
	char id[32], json[JSON_ROOM];
	struct product p = product_of(number, l->versions[number], id, json);

	if (l->versions[number] > 0)
		store_txn_put(t, &p);
	else
		store_txn_delete(t, p.id.data, p.id.len);
}

static void put_rest(struct life *l, struct store_txn *t)
{
	char position[40];
	struct doubt doubt = { .owed = 1 };
	char id[32];
	int n = snprintf(
	    position, sizeof(position), "position %lld", (long long)l->record.event_offset);
	int id_len = snprintf(id, sizeof(id), "P-%04u", dice(&l->random, PRODUCTS));

	store_txn_put_record(t, &l->record);
	store_txn_put_position(t, position, (size_t)n);
	store_txn_put_doubt(t, id, (size_t)id_len, dice(&l->random, 2) ? &doubt : NULL);
}

static enum st_err commit(struct life *l)
{
	size_t changed = 1 + dice(&l->random, AT_ONCE);
	size_t numbers[AT_ONCE];
	struct store_txn *t;
	enum st_err err = store_txn_begin(l->writer, STORE_RUNNING, &t);

	if (err != ST_OK)
		return err;
	for (size_t i = 0; i < changed; i++) {
		numbers[i] = dice(&l->random, PRODUCTS);
		l->versions[numbers[i]] = dice(&l->random, 5) ? l->record.event_offset : 0;
	}
	for (size_t i = 0; i < changed; i++)
		put(l, t, numbers[i]);
	put_rest(l, t);
	mark(l, "try", state_of(l));
	return store_txn_commit(t);
}

/* A full sync's way: several commits beside the running generation, then the flip. */
static enum st_err replace(struct life *l)
{
	enum st_err err = store_build_begin(l->writer);

	for (size_t i = 0; err == ST_OK && i < PRODUCTS;) {
		struct store_txn *t;

		err = store_txn_begin(l->writer, STORE_COMING, &t);
		if (err != ST_OK)
			break;
		for (size_t end = i + PRODUCTS / 3; i < end && i < PRODUCTS; i++)
			put(l, t, i);
		put_rest(l, t);
		err = store_txn_commit(t);
	}
	if (err != ST_OK)
		return err;
	if (store_writer_condition(l->writer) == STORE_READY && dice(&l->random, 4) == 0) {
		store_build_abandon(l->writer);
		return ST_OK;
	}
	mark(l, "try", state_of(l));
	return store_build_publish(l->writer);
}

static enum st_err open_writer(struct life *l)
{
	struct buf why;
	enum st_err err;

	buf_init(&why, 4096);
	err = store_writer_open(&l->options, &l->writer, &why);
	if (err != ST_OK)
		fprintf(stderr, "%s\n", buf_text(&why));
	buf_free(&why);
	return err;
}

static void turn_snapshot(struct life *l)
{
	if (l->has_old)
		store_snapshot_end(&l->old);
	l->has_old = !l->has_old && store_writer_snapshot(l->writer, &l->old) == ST_OK;
}

static enum st_err step(struct life *l)
{
	enum st_err err = ST_OK;
	uint32_t what = dice(&l->random, 100);

	l->record.event_offset++;
	if (l->record.event_offset == 1 || what < 2)
		err = replace(l);
	else if (what < 95)
		err = commit(l);
	else if (what < 99)
		turn_snapshot(l);
	else {
		if (l->has_old)
			turn_snapshot(l);
		store_writer_close(l->writer);
		l->writer = NULL;
		err = open_writer(l);
	}
	if (err == ST_OK)
		mark(l, "done", 0);
	return err;
}

int changes_make(const char *dir, unsigned long commits, uint64_t seed)
{
	static struct life l;
	char marks[PATH_MAX], data[PATH_MAX];
	enum st_err err;

	snprintf(data, sizeof(data), "%s/" CHANGES_DATA_DIR, dir);
	snprintf(marks, sizeof(marks), "%s/" CHANGES_MARKS, dir);
	l.options = (struct store_options){ .data_dir = data, .map_size = EXAMINE_MAP };
	l.random = seed;
	for (size_t i = 0; i < PRODUCTS; i++)
		l.versions[i] = 1;
	l.marks = open(marks, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	err = l.marks < 0 ? ST_SYSTEM : open_writer(&l);
	for (unsigned long i = 0; err == ST_OK && i < commits; i++)
		err = step(&l);
	if (l.has_old)
		turn_snapshot(&l);
	store_writer_close(l.writer);
	if (err != ST_OK)
		fprintf(stderr, "the writer failed: %s\n", st_err_text(err));
	return err != ST_OK;
}
