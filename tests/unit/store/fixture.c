#include "fixture.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct store_options fixture_options(void)
{
	static char paths[256][64];
	static size_t used;
	char *path = paths[used++ % 256];
	const char *parent = unit_temp_dir();

	/* Some tests look at it as another user. */
	CU_ASSERT_EQUAL(chmod(parent, 0755), 0);
	CU_ASSERT_TRUE_FATAL(
	    snprintf(path, sizeof(paths[0]), "%s/data", parent) < (int)sizeof(paths[0]));
	return (struct store_options){ .data_dir = path, .map_size = FIXTURE_MAP };
}

const char *fixture_path(const struct store_options *options, const char *name)
{
	static char paths[4][128];
	static size_t used;
	char *path = paths[used++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", options->data_dir, name);
	return path;
}

struct store_writer *fixture_writer(const struct store_options *options)
{
	struct store_writer *w = NULL;
	struct buf why;

	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(store_writer_open(options, &w, &why), ST_OK);
	ASSERT_TEXT(buf_text(&why), "");
	buf_free(&why);
	return w;
}

struct product fixture_product(uint64_t number, int64_t version)
{
	static char ids[4][32], json[4][96];
	static size_t used;
	size_t i = used++ % 4;
	int id_len = snprintf(ids[i], sizeof(ids[i]), "P-%06llu", (unsigned long long)number);
	int json_len = snprintf(json[i], sizeof(json[i]), "{\"productId\":\"%s\",\"version\":%lld}",
	    ids[i], (long long)version);

	return (struct product){
		.id = { ids[i], (size_t)id_len },
		.version = version,
		.json = { json[i], (size_t)json_len },
	};
}

struct sync_record fixture_record(int64_t event_offset)
{
	return (struct sync_record){
		.event_offset = event_offset,
		.last_contact = { .boottime_ms = event_offset + 1, .wall_ms = event_offset + 2 },
		.failure_message = "none",
	};
}

static enum st_err put_all(struct store_txn *t, uint64_t n, int64_t version)
{
	struct sync_record record = fixture_record(version);

	for (uint64_t i = 0; i < n; i++) {
		struct product p = fixture_product(i, version);

		store_txn_put(t, &p);
	}
	store_txn_put_record(t, &record);
	return store_txn_commit(t);
}

enum st_err fixture_publish(struct store_writer *w, uint64_t n, int64_t version)
{
	struct store_txn *t;
	enum st_err err = store_build_begin(w);

	if (err == ST_OK)
		err = store_txn_begin(w, STORE_COMING, &t);
	if (err == ST_OK)
		err = put_all(t, n, version);
	return err == ST_OK ? store_build_publish(w) : err;
}

struct store_options fixture_store(uint64_t n, int64_t version)
{
	struct store_options options = fixture_options();
	struct store_writer *w = fixture_writer(&options);

	CU_ASSERT_EQUAL(fixture_publish(w, n, version), ST_OK);
	store_writer_close(w);
	return options;
}

enum st_err fixture_commit(struct store_writer *w, uint64_t n, int64_t version)
{
	struct store_txn *t;
	enum st_err err = store_txn_begin(w, STORE_RUNNING, &t);

	return err == ST_OK ? put_all(t, n, version) : err;
}

int64_t fixture_version(struct store_snapshot *s, uint64_t n)
{
	struct sync_record record;
	struct product p;

	if (store_snapshot_record(s, &record) != ST_OK || store_snapshot_count(s) != n ||
	    store_snapshot_seek(s, 0) != ST_OK)
		return -1;
	for (uint64_t i = 0; i < n; i++)
		if (store_snapshot_next(s, &p) != ST_OK || p.version != record.event_offset)
			return -1;
	return store_snapshot_next(s, &p) == ST_NOT_FOUND ? record.event_offset : -1;
}

int64_t fixture_read(const struct store_options *options, uint64_t n)
{
	struct store_reader *r;
	struct store_snapshot s;
	int64_t version = -2;

	if (store_reader_open(options, &r) != ST_OK)
		return -2;
	if (store_snapshot_begin(r, &s) == ST_OK) {
		version = fixture_version(&s, n);
		store_snapshot_end(&s);
	}
	store_reader_close(r);
	return version;
}

void fixture_spoil(const struct store_options *options, uint64_t generation, const char *database,
    const char *key, void (*spoil)(unsigned char *bytes, size_t len))
{
	unsigned char bytes[4096];
	char name[64];
	MDB_val k = { strlen(key), (void *)(uintptr_t)key }, v;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	snprintf(name, sizeof(name), "store-%llu", (unsigned long long)generation);
	CU_ASSERT_EQUAL_FATAL(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 4);
	mdb_env_set_mapsize(env, options->map_size);
	CU_ASSERT_EQUAL_FATAL(mdb_env_open(env, fixture_path(options, name), 0, 0640), 0);
	CU_ASSERT_EQUAL_FATAL(mdb_txn_begin(env, NULL, 0, &txn), 0);
	CU_ASSERT_EQUAL_FATAL(mdb_dbi_open(txn, database, 0, &dbi), 0);
	CU_ASSERT_EQUAL_FATAL(mdb_get(txn, dbi, &k, &v), 0);
	CU_ASSERT_TRUE_FATAL(v.mv_size <= sizeof(bytes));
	memcpy(bytes, v.mv_data, v.mv_size);
	spoil(bytes, v.mv_size);
	v.mv_data = bytes;
	CU_ASSERT_EQUAL(mdb_put(txn, dbi, &k, &v, 0), 0);
	CU_ASSERT_EQUAL(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

void fixture_flip_last(unsigned char *bytes, size_t len)
{
	bytes[len - 1] ^= 1;
}

pid_t fixture_child(int (*run)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(run(arg));
	CU_ASSERT_TRUE_FATAL(pid > 0);
	return pid;
}

int fixture_wait(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void *fixture_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(p, MAP_FAILED);
	return p;
}

uint32_t fixture_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}
