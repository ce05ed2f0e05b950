/*
 * store/index.h: the page index, which makes a position in the list cheap.
 * Private to the store; explained in src/store/index.c.  Functions return
 * codes of LMDB, as generation_error() takes them.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include <lmdb.h>
#include <stdint.h>

#include "model/product.h"
#include "store/generation.h"

/* The most products of one entry. */
#define INDEX_CHUNK_MAX 128
#define INDEX_GROUP_MAX 8192

/* The first entry of both levels begins at the lowest id there can be. */
#define INDEX_LOWEST     "\0"
#define INDEX_LOWEST_LEN 1

/*
 * Put slot's products cursor on the product at this offset, which must be
 * below the number of products.  Adds the entries looked at to *visited.
 */
int index_seek(struct slot *slot, uint64_t offset, uint64_t *visited);

/* index_write.c, with the cursors of a write transaction: */
struct index_writer {
	MDB_cursor *products, *chunks, *groups;
};

int index_writer_open(struct index_writer *w, MDB_txn *txn, const struct generation *g);
void index_writer_close(struct index_writer *w);

/* The entries of an empty store; once, when a generation is made. */
int index_write_empty(MDB_txn *txn, const struct generation *g);

/* After a product that was not there was put, or one was deleted. */
int index_inserted(struct index_writer *w, const MDB_val *id);
int index_deleted(struct index_writer *w, const MDB_val *id);

#endif
