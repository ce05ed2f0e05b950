/*
 * store/layout.h: the bytes of keys and values in a generation.  Private to
 * the store; drawn in src/store/layout.c.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include <lmdb.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/product.h"
#include "model/record.h"

/*
 * Raised with every change of what is drawn in layout.c, doubts included; but
 * the sync record may get more members at its end.
 */
#define LAYOUT_FORMAT 3

/* Names of the databases of a generation, beside the unnamed one. */
#define LAYOUT_PRODUCTS "products"
#define LAYOUT_CHUNKS   "chunks"
#define LAYOUT_GROUPS   "groups"
#define LAYOUT_DOUBTS   "doubts"
#define LAYOUT_META     "meta"

/* The key of "meta". */
#define LAYOUT_FORMAT_KEY "format"

/* Keys of the unnamed one; the mark stands behind the record (read.c). */
#define LAYOUT_RECORD_KEY     "record"
#define LAYOUT_POSITION_KEY   "position"
#define LAYOUT_SUPERSEDED_KEY "superseded"

#define LAYOUT_PRODUCT_HEADER 24
#define LAYOUT_RECORD_HEADER  16
/* As large as the first record of this format was. */
#define LAYOUT_RECORD_LEAST (LAYOUT_RECORD_HEADER + 616)
#define LAYOUT_RECORD_SIZE  (LAYOUT_RECORD_HEADER + sizeof(struct sync_record))

/* A constant text as a key, without its NUL. */
MDB_val layout_key(const char *text);

size_t layout_product_size(const struct product *p);

/* Writes layout_product_size(p) bytes. */
void layout_write_product(const struct product *p, void *out);

/* Spans of *out point into key and value.  ST_CORRUPT if the checksum is wrong. */
enum st_err layout_read_product(const MDB_val *key, const MDB_val *value, struct product *out);

void layout_write_record(const struct sync_record *record, unsigned char out[LAYOUT_RECORD_SIZE]);
enum st_err layout_read_record(const MDB_val *value, struct sync_record *out);

/* What tells a record from others; not looked at is whether it is right. */
uint64_t layout_record_hash(const MDB_val *value);

/* Any bytes behind their checksum: LAYOUT_SEAL bytes more than there are. */
#define LAYOUT_SEAL sizeof(uint64_t)
void layout_seal(const MDB_val *key, const void *bytes, size_t len, void *out);
/* ST_CORRUPT if the checksum is wrong; *out points into the value. */
enum st_err layout_unseal(const MDB_val *key, const MDB_val *value, MDB_val *out);

/* The number behind an index entry or the format key.  ST_CORRUPT if it is none. */
enum st_err layout_read_number(const MDB_val *value, uint32_t *out);

#endif
