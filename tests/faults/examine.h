/*
 * examine.h: what a store's directory holds, as its readers and its next writer
 * see it.  For child processes: a broken store may kill who looks.
 */
#ifndef FAULTS_EXAMINE_H
#define FAULTS_EXAMINE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/product.h"
#include "model/record.h"

/* The room for a state's products, and for the words below. */
#define EXAMINE_MAP      ((size_t)64 << 20)
#define EXAMINE_WHY_SIZE 200

/* Adds up over the products, in any order; a record's is added once. */
uint64_t examine_product_hash(const struct product *p);
uint64_t examine_record_hash(const struct sync_record *r);

/*
 * Reads all of it: every checksum, the count, the page index at each position.
 * Then opens it as the daemon would, which must find the same, and commits one
 * more change.  *state: the hash of what is there, 0: no store yet.  False
 * with words in why: it broke a promise.
 */
bool examine(const char *data_dir, uint64_t *state, char why[EXAMINE_WHY_SIZE]);

#endif
