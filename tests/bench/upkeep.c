/*
 * upkeep.c: what changes cost the store, to be run by itself or under a
 * profiler (tests/bench/upkeep.sh).
 *
 *   upkeep fill DIR N            a store with N products of about 150 bytes, built in order, 200
 *                                in a transaction, as a full sync does
 *   upkeep update DIR N EVENTS BATCH [bare]   random products get a new quantity
 *   upkeep create DIR N EVENTS BATCH [bare]   products come, at random places
 *   upkeep delete DIR N EVENTS BATCH [bare]   those that create made go
 *
 * BATCH changes are one commit.  The last three print what they wrote to the
 * file, in bytes for each change.  Bare: the page index isn't kept.  The
 * difference is its cost, and the store of no more use.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/index.h"
#include "store/write.h"

#define MAP_SIZE  ((size_t)4 << 30)
#define FILL_PAGE 200

static bool bare;

/* The linker puts these in the place of the index's own (--wrap in the Makefile). */
int __wrap_index_inserted(struct index_writer *w, const MDB_val *id);
int __wrap_index_deleted(struct index_writer *w, const MDB_val *id);
int __real_index_inserted(struct index_writer *w, const MDB_val *id);
int __real_index_deleted(struct index_writer *w, const MDB_val *id);

int __wrap_index_inserted(struct index_writer *w, const MDB_val *id)
{
	return bare ? 0 : __real_index_inserted(w, id);
}

int __wrap_index_deleted(struct index_writer *w, const MDB_val *id)
{
	return bare ? 0 : __real_index_deleted(w, id);
}

static uint32_t random_below(uint32_t n)
{
	return (uint32_t)((double)random() / ((double)RAND_MAX + 1) * n);
}

/* "PROD-0000123", or one that comes behind it. */
static void name_product(char id[32], uint32_t number, const char *behind)
{
	snprintf(id, 32, "PROD-%07u%s", number, behind);
}

static void put(struct store_txn *t, const char *id, int64_t version, unsigned available)
{
	struct product p = { .version = version };
	char json[256];
	int len = snprintf(json, sizeof(json),
	    "{\"productId\":\"%s\",\"name\":\"A thing of the longer kind\",\"available\":%u,"
	    "\"version\":%" PRId64 ",\"lastUpdated\":\"2026-01-01T00:00:00Z\",\"price\":9.90}",
	    id, available, version);

	p.id = (struct span){ id, strlen(id) };
	p.json = (struct span){ json, (size_t)len };
	store_txn_put(t, &p);
}

static enum st_err fill(struct store_writer *w, uint32_t n)
{
	struct sync_record record = { .state = SYNC_LIVE };
	struct store_txn *t;
	enum st_err err = store_build_begin(w);

	for (uint32_t i = 0; i < n && !err;) {
		err = store_txn_begin(w, STORE_COMING, &t);
		if (err)
			break;
		do {
			char id[32];

			name_product(id, i, "");
			put(t, id, 1, 10);
		} while (++i < n && i % FILL_PAGE != 0);
		store_txn_put_record(t, &record);
		err = store_txn_commit(t);
	}
	return err ? err : store_build_publish(w);
}

static void update_one(struct store_txn *t, uint32_t n)
{
	struct product was;
	char id[32];

	name_product(id, random_below(n), "");
	if (store_txn_get(t, id, strlen(id), &was))
		put(t, id, was.version + 1, random_below(1000));
}

static void create_one(struct store_txn *t, uint32_t n)
{
	char id[32], behind[16];

	snprintf(behind, sizeof(behind), "-%08lx", (unsigned long)random());
	name_product(id, random_below(n), behind);
	put(t, id, 1, 10);
}

static void delete_one(struct store_txn *t, uint32_t n)
{
	char id[32], behind[16];

	snprintf(behind, sizeof(behind), "-%08lx", (unsigned long)random());
	name_product(id, random_below(n), behind);
	store_txn_delete(t, id, strlen(id));
}

static const struct change {
	const char *name;
	void (*one)(struct store_txn *t, uint32_t n);
} changes[] = { { "update", update_one }, { "create", create_one }, { "delete", delete_one } };

/* One commit, with the record and a position of some length, as the daemon's are. */
static enum st_err change_batch(
    struct store_writer *w, const struct change *change, uint32_t n, uint32_t batch)
{
	static const char position[2048];
	struct sync_record record = { .state = SYNC_LIVE };
	struct store_txn *t;
	enum st_err err = store_txn_begin(w, STORE_RUNNING, &t);

	if (err)
		return err;
	for (uint32_t i = 0; i < batch; i++)
		change->one(t, n);
	store_txn_put_record(t, &record);
	store_txn_put_position(t, position, sizeof(position));
	return store_txn_commit(t);
}

/* What this process has written so far, to whatever it was. */
static uint64_t bytes_written(void)
{
	uint64_t bytes = 0;
	FILE *f = fopen("/proc/self/io", "re");
	char line[128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "wchar: %" SCNu64, &bytes) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return bytes;
}

/* The same changes in each run. */
#define SEED 7

static enum st_err run(struct store_writer *w, const struct change *change, char **numbers)
{
	uint32_t n = (uint32_t)strtoul(numbers[0], NULL, 10);
	uint32_t events = (uint32_t)strtoul(numbers[1], NULL, 10);
	uint32_t batch = (uint32_t)strtoul(numbers[2], NULL, 10);
	uint64_t before = bytes_written();
	enum st_err err = ST_OK;

	if (events == 0 || batch == 0)
		return ST_INVALID;
	srandom(SEED);
	for (uint32_t done = 0; done < events && !err; done += batch)
		err = change_batch(w, change, n, batch);
	if (!err)
		printf("%" PRIu64 "\n", (bytes_written() - before) / events);
	return err;
}

static enum st_err act(struct store_writer *w, int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "fill") == 0)
		return fill(w, (uint32_t)strtoul(argv[3], NULL, 10));
	for (size_t i = 0; argc >= 6 && i < sizeof(changes) / sizeof(changes[0]); i++)
		if (strcmp(argv[1], changes[i].name) == 0)
			return run(w, &changes[i], argv + 3);
	fprintf(stderr, "usage: upkeep fill DIR N | "
			"upkeep update|create|delete DIR N EVENTS BATCH [bare]\n");
	return ST_INVALID;
}

int main(int argc, char **argv)
{
	struct store_options options = { argc > 2 ? argv[2] : "", MAP_SIZE };
	struct store_writer *w = NULL;
	struct buf why;
	enum st_err err;

	bare = argc == 7 && strcmp(argv[6], "bare") == 0;
	buf_init(&why, 4096);
	err = store_writer_open(&options, &w, &why);
	if (!err)
		err = act(w, argc, argv);
	if (err)
		fprintf(stderr, "%s %s\n", st_err_text(err), buf_text(&why));
	store_writer_close(w);
	buf_free(&why);
	return err != ST_OK;
}
