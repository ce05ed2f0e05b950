/*
 * format GENERATION NUMBER: makes the store in that directory say that it is of
 * that format.  No program of ours has it open meanwhile.
 */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MAP_SIZE ((size_t)256 << 20)

static int put(MDB_env *env, uint32_t format)
{
	MDB_val key = { 6, "format" }, value = { sizeof(format), &format };
	MDB_txn *txn;
	MDB_dbi meta;
	int rc = mdb_txn_begin(env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "meta", 0, &meta);
	if (rc == 0)
		rc = mdb_put(txn, meta, &key, &value, 0);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

int main(int argc, char **argv)
{
	MDB_env *env;
	int rc;

	if (argc != 3) {
		fputs("usage: format GENERATION NUMBER\n", stderr);
		return 2;
	}
	rc = mdb_env_create(&env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, 5);
	if (rc == 0)
		rc = mdb_env_set_mapsize(env, MAP_SIZE);
	if (rc == 0)
		rc = mdb_env_open(env, argv[1], 0, 0640);
	if (rc == 0)
		rc = put(env, (uint32_t)strtoul(argv[2], NULL, 10));
	mdb_env_close(env);
	if (rc != 0)
		fprintf(stderr, "%s: %s\n", argv[1], mdb_strerror(rc));
	return rc != 0;
}
