/*
 * What stands in the databases of a generation.  Integers are in the byte
 * order of the machine, as all else in an LMDB file.
 *
 *   products   id (1-511 bytes)  ->  0  u64  hash
 *                                    8  i64  version
 *                                   16  u32  flags: LAYOUT_PARTIAL
 *                                   20  u32  length of the JSON
 *                                   24       JSON, ready to be sent
 *   chunks     first id covered  ->  u32 number of products    } the page index,
 *   groups     first id covered  ->  u32 number of products    } see index.c
 *   doubts     id                ->  u64  hash, then struct doubt
 *   meta       "format"          ->  u32 LAYOUT_FORMAT
 *   (unnamed)  "record"          ->  0  u64  hash
 *                                    8  u32  LAYOUT_FORMAT
 *                                   12  u32  bytes of the record
 *                                   16       struct sync_record
 *              "position"        ->  u64  hash, then the bytes of rules/position.h
 *              "superseded"      ->  u32 1: another generation took its place
 *
 * LMDB has no checksums, so each value that readers show has its own: XXH3 of
 * all bytes behind the hash, seeded with XXH3 of the key, so that an intact
 * value under a wrong key is noticed as well.  It is looked at on every read,
 * but that a record whose hash was just met is taken for the same one.
 * The counts of the index have none: wrong ones move a page, they make up
 * nothing, and a new generation counts anew.
 *
 * What everybody reads and each commit writes stands in the unnamed database,
 * beside the records that LMDB keeps there of the others: no page is its own.
 *
 * Versions that differ.  The database meta and its key "format" are the same in all
 * of them: a program that finds neither takes the store for damaged.
 * A sync record may get more members at its end within a format, if 0 in them
 * means what there was before: a program passes over what is behind its own,
 * and takes what isn't there yet for 0.  So pool, tools and daemon of different
 * versions read each other's stores, and a daemon that is older than the store
 * goes on with it.  Any other change raises LAYOUT_FORMAT; what happens then is
 * in generation.c.
 */
#include "store/layout.h"

#include <string.h>

#include "base/hash.h"

#define HASH_SIZE      sizeof(uint64_t)
#define LAYOUT_PARTIAL 1u

struct product_header {
	uint64_t hash;
	int64_t version;
	uint32_t flags;
	uint32_t json_len;
};

struct record_header {
	uint64_t hash;
	uint32_t format;
	uint32_t size;
};

_Static_assert(sizeof(struct product_header) == LAYOUT_PRODUCT_HEADER, "padding");
_Static_assert(sizeof(struct record_header) == LAYOUT_RECORD_HEADER, "padding");
_Static_assert(LAYOUT_RECORD_SIZE >= LAYOUT_RECORD_LEAST, "a record that lost members");

static uint64_t hash_of(const void *key, size_t key_len, const void *value, size_t value_len)
{
	return hash_bytes((const unsigned char *)value + HASH_SIZE, value_len - HASH_SIZE,
	    hash_bytes(key, key_len, 0));
}

MDB_val layout_key(const char *text)
{
	/* LMDB wants no const, and writes to no key. */
	return (MDB_val){ .mv_size = strlen(text), .mv_data = (void *)(uintptr_t)text };
}

size_t layout_product_size(const struct product *p)
{
	return LAYOUT_PRODUCT_HEADER + p->json.len;
}

void layout_write_product(const struct product *p, void *out)
{
	struct product_header header = {
		.version = p->version,
		.flags = p->partial ? LAYOUT_PARTIAL : 0,
		.json_len = (uint32_t)p->json.len,
	};
	char *bytes = out;

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), p->json.data, p->json.len);
	header.hash = hash_of(p->id.data, p->id.len, bytes, layout_product_size(p));
	memcpy(bytes, &header.hash, sizeof(header.hash));
}

enum st_err layout_read_product(const MDB_val *key, const MDB_val *value, struct product *out)
{
	struct product_header header;

	if (value->mv_size < sizeof(header))
		return ST_CORRUPT;
	memcpy(&header, value->mv_data, sizeof(header));
	if (header.json_len != value->mv_size - sizeof(header) ||
	    header.hash != hash_of(key->mv_data, key->mv_size, value->mv_data, value->mv_size))
		return ST_CORRUPT;
	out->id = (struct span){ key->mv_data, key->mv_size };
	out->version = header.version;
	out->partial = (header.flags & LAYOUT_PARTIAL) != 0;
	out->json = (struct span){ (const char *)value->mv_data + sizeof(header), header.json_len };
	out->hash = header.hash;
	return ST_OK;
}

void layout_write_record(const struct sync_record *record, unsigned char out[LAYOUT_RECORD_SIZE])
{
	struct record_header header = { .format = LAYOUT_FORMAT, .size = sizeof(*record) };

	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), record, sizeof(*record));
	header.hash = hash_of(
	    LAYOUT_RECORD_KEY, strlen(LAYOUT_RECORD_KEY), out, LAYOUT_RECORD_SIZE);
	memcpy(out, &header.hash, sizeof(header.hash));
}

uint64_t layout_record_hash(const MDB_val *value)
{
	uint64_t hash = 0;

	if (value->mv_size >= sizeof(hash))
		memcpy(&hash, value->mv_data, sizeof(hash));
	return hash;
}

enum st_err layout_read_record(const MDB_val *value, struct sync_record *out)
{
	struct record_header header;

	if (value->mv_size < LAYOUT_RECORD_LEAST)
		return ST_CORRUPT;
	memcpy(&header, value->mv_data, sizeof(header));
	if (header.format != LAYOUT_FORMAT || header.size != value->mv_size - sizeof(header) ||
	    header.hash != hash_of(LAYOUT_RECORD_KEY, strlen(LAYOUT_RECORD_KEY), value->mv_data,
			       value->mv_size))
		return ST_CORRUPT;
	memset(out, 0, sizeof(*out));
	memcpy(out, (const char *)value->mv_data + sizeof(header),
	    header.size < sizeof(*out) ? header.size : sizeof(*out));
	return ST_OK;
}

void layout_seal(const MDB_val *key, const void *bytes, size_t len, void *out)
{
	uint64_t hash;

	memcpy((char *)out + LAYOUT_SEAL, bytes, len);
	hash = hash_of(key->mv_data, key->mv_size, out, LAYOUT_SEAL + len);
	memcpy(out, &hash, sizeof(hash));
}

enum st_err layout_unseal(const MDB_val *key, const MDB_val *value, MDB_val *out)
{
	uint64_t hash;

	if (value->mv_size < LAYOUT_SEAL)
		return ST_CORRUPT;
	memcpy(&hash, value->mv_data, sizeof(hash));
	if (hash != hash_of(key->mv_data, key->mv_size, value->mv_data, value->mv_size))
		return ST_CORRUPT;
	*out = (MDB_val){ value->mv_size - LAYOUT_SEAL, (char *)value->mv_data + LAYOUT_SEAL };
	return ST_OK;
}

enum st_err layout_read_number(const MDB_val *value, uint32_t *out)
{
	if (value->mv_size != sizeof(*out))
		return ST_CORRUPT;
	memcpy(out, value->mv_data, sizeof(*out));
	return ST_OK;
}
