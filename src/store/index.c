/*
 * The page index: the product at offset 4,000,000 without four million steps.
 *
 * Two databases count the products, in chunks of up to 128 and in groups of up
 * to 8,192.  The key of an entry is the lowest id that may be in it; it ends
 * where the next one begins.  Each key of groups is a key of chunks too.
 *
 *   groups    \0: 7000                            m: 5100
 *   chunks    \0: 120   cat: 90  ...  lamp: 128   m: 64   mug: 100  ...
 *   products  apple, axe, ...                     map, mat, ...
 *
 * To find offset 7100: groups from the first on until the sum would pass it
 * (at m, 100 remain), chunks from m on likewise (at mug, 36 remain), products
 * from the first that is not below mug on.  An entry's key need not exist as a
 * product: deleting one leaves the entry.  The first key of both is a single
 * zero byte, which no id is below.
 *
 * How full the entries are (index_write.c) bounds the steps: two neighbours
 * always hold more than half of the maximum together, so N products have at
 * most N/2048 + 1 groups, each at most 2 * 8192/64 + 1 = 257 chunks, of at most
 * 128 products.  As a full sync leaves them, in order, they are full: N/8192
 * groups of 64 chunks.
 *
 * Counts that contradict each other or the products give MDB_CORRUPTED here
 * where they are met with.
 */
#include "store/index.h"

#include "store/layout.h"

/*
 * From the entry that the cursor stands on, go to the one that holds *offset,
 * and make *offset relative to it.
 */
static int walk_entries(
    MDB_cursor *entries, MDB_val *key, MDB_val *value, uint64_t *offset, uint64_t *visited)
{
	for (;;) {
		uint32_t count;
		int rc;

		++*visited;
		if (layout_read_number(value, &count) != ST_OK)
			return MDB_CORRUPTED;
		if (*offset < count)
			return 0;
		*offset -= count;
		rc = mdb_cursor_get(entries, key, value, MDB_NEXT);
		if (rc != 0)
			return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
	}
}

int index_seek(struct slot *slot, uint64_t offset, uint64_t *visited)
{
	MDB_val key, value;
	int rc = mdb_cursor_renew(slot->txn, slot->groups);

	if (rc == 0)
		rc = mdb_cursor_renew(slot->txn, slot->chunks);
	if (rc == 0)
		rc = mdb_cursor_renew(slot->txn, slot->products);
	if (rc == 0)
		rc = mdb_cursor_get(slot->groups, &key, &value, MDB_FIRST);
	if (rc == 0)
		rc = walk_entries(slot->groups, &key, &value, &offset, visited);
	if (rc == 0)
		rc = mdb_cursor_get(slot->chunks, &key, &value, MDB_SET_KEY);
	if (rc == 0)
		rc = walk_entries(slot->chunks, &key, &value, &offset, visited);
	if (rc == 0)
		rc = mdb_cursor_get(slot->products, &key, &value, MDB_SET_RANGE);
	for (++*visited; rc == 0 && offset > 0; offset--, ++*visited)
		rc = mdb_cursor_get(slot->products, &key, &value, MDB_NEXT);
	return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}
