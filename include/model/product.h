/*
 * model/product.h: a product as Central sends it and as clients get it.
 *
 * What we must know of a product is its id and its version.  All else goes
 * through untouched: the JSON that clients get has the six known members first
 * (productId, name, available, version, lastUpdated, price), each with the
 * very bytes that came in, then unknown ones in the order in which they came.
 * Space between members is dropped, within a value it stays.
 * Members that are missing stay missing.  Manual: store-api(7).
 */
#ifndef MODEL_PRODUCT_H
#define MODEL_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "model/doc.h"

#define PRODUCT_ID_MAX      511 /* bytes; the longest key that LMDB takes */
#define PRODUCT_VERSION_MAX (INT64_C(1) << 53)
#define PRODUCT_JSON_MAX    (1024 * 1024) /* bytes of `json`; a larger product is rejected */

/*
 * Spans point into memory of whoever made the struct: valid until that is
 * freed (a page, a batch of events, a store transaction).
 */
struct product {
	struct span id;   /* decoded, 1-511 bytes of UTF-8 */
	int64_t version;  /* 0 to 2^53 */
	struct span json; /* what clients get */
	bool partial;     /* a write's numbers over name and price of an older version */
	uint64_t hash;    /* of one from the store: another one where anything of it is another */
};

/* Bytes of storage that a product of so many bytes of text may need. */
#define PRODUCT_ROOM(text_len) (2 * (text_len) + 16)

/*
 * Read one product from a node; its id and JSON are appended to `storage`,
 * which must have the room beforehand (buf_room()): spans into it must not move.
 * PRODUCT_ROOM(span of the node) bytes are enough.
 * ST_INVALID with *why (a constant text) if it can't be used: no object, id
 * missing, empty, longer than 511 bytes or no string; version missing or no
 * integer in range; ST_TOO_BIG above PRODUCT_JSON_MAX; ST_NOMEM.
 */
enum st_err product_read(const struct doc *d, const struct doc_node *node, struct buf *storage,
    struct product *out, const char **why);

#endif
