/*
 * model/update.h: stock updates: what a client asks for, what goes on to
 * Central, and what Central answers.
 *
 *   one     {"storeId":"…","productId":"…","delta":-2,"version":6,"idempotencyKey":"…"}
 *   batch   {"storeId":"…","updates":[{…as above without storeId…}, … 1 to 100]}
 *
 * Both programs use it: the responders check what clients send and say every
 * mistake at once; the daemon writes Central's request and reads its answer.
 * Manual: store-api(7).
 */
#ifndef MODEL_UPDATE_H
#define MODEL_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "model/doc.h"
#include "model/product.h"

#define UPDATE_DELTA_MAX   INT64_C(2147483647)
#define UPDATE_KEY_MAX     200 /* bytes of a client's idempotency key */
#define UPDATE_BATCH_MAX   100
#define UPDATE_VERSION_MAX PRODUCT_VERSION_MAX

/* Spans point into the storage of the list that it belongs to. */
struct update {
	struct span product_id; /* decoded, 1-511 bytes of UTF-8 without control bytes */
	struct span
	    key; /* decoded, 1-200 bytes of UTF-8 without control bytes, as the client sent it */
	int64_t delta;   /* not 0, within ±UPDATE_DELTA_MAX */
	int64_t version; /* 1 to 2^53 */
};

struct update_list {
	bool batch; /* asked for as one, also with a single item */
	struct update *items;
	size_t n;             /* 1 to UPDATE_BATCH_MAX; one that is no batch: 1 */
	struct span store_id; /* decoded; .data NULL where there was none */
	struct buf storage;
};

/* One bad member. */
struct update_fault {
	int64_t index;     /* in the batch, from 0; -1: no item of a batch */
	struct span field; /* its name; "" for an item that is no object, or a body that is none */
	const char *issue; /* for people: a constant text, without a full stop */
};

#define UPDATE_FAULTS_MAX 512 /* every member of a batch, and then some */

/* Spans point into the body, or are constant. */
struct update_faults {
	struct update_fault list[UPDATE_FAULTS_MAX];
	size_t n;
	char product_id[PRODUCT_ID_MAX]; /* of one that is no batch, where it is one */
	size_t product_id_len;           /* 0: none */
};

/*
 * Read a request body.  ST_INVALID: `faults` names every bad member; ST_NOMEM.
 * The body is not needed after ST_OK; the caller frees with update_list_free().
 */
enum st_err update_list_read(const char *body, size_t len, bool batch, struct update_list *out,
    struct update_faults *faults);
void update_list_free(struct update_list *l); /* one that is all zero is fine */

/*
 * The same from a control message: `items` is an array of objects that hold the
 * four members.  ST_INVALID for anything that update_list_read() would refuse.
 * `batch` stays for the caller to set.
 */
enum st_err update_list_read_items(
    const struct doc *d, const struct doc_node *items, struct update_list *out);

/* That array, as one JSON value. */
void update_list_write_items(const struct update_list *l, struct buf *out);

/* The body for Central: its form follows l->batch; each key has "STORE_ID-" before it. */
void update_list_write_request(const struct update_list *l, const char *store_id, struct buf *out);

/* What Central said of one item.  Spans are "" where a member was missing. */
struct update_result {
	struct span product_id; /* decoded */
	bool applied;
	int64_t new_quantity;                  /* counts only where new_version > 0 */
	int64_t new_version;                   /* 0: none was named */
	struct span last_updated;              /* decoded */
	struct span error_type, error_message; /* decoded; "" where applied */
};

/* What a result says, by its errorType. */
enum update_verdict {
	UPDATE_APPLIED,
	UPDATE_CONFLICT,   /* version_conflict: the version was not the product's */
	UPDATE_NO_PRODUCT, /* product_not_found */
	UPDATE_REFUSED,    /* any other documented refusal: nothing was changed */
	UPDATE_OWN_ERROR,  /* an error of Central's own: it may have been applied */
};
enum update_verdict update_verdict_of(const struct update_result *r);

struct update_results {
	struct update_result *items;
	size_t n;
	struct buf storage;
};

/*
 * Central's answer to this list.  ST_INVALID with *why (a constant text) for
 * anything but the documented JSON: not one result for each item in its order
 * (the products' ids must be those asked for; a single refusal may name none), a
 * refusal without errorType, an applied one without newVersion; ST_NOMEM.  The
 * caller frees with update_results_free().
 */
enum st_err update_results_read(const char *text, size_t len, const struct update_list *asked,
    struct update_results *out, const char **why);
void update_results_free(struct update_results *r); /* one that is all zero is fine */

/* In a control message: an array of results, and back. */
void update_results_write_items(const struct update_results *r, struct buf *out);
enum st_err update_results_read_items(
    const struct doc *d, const struct doc_node *items, struct update_results *out);

/*
 * The same product with a write's numbers in it: `available`, `version` and,
 * where it isn't empty, `lastUpdated` replaced (added where they were missing),
 * all else byte for byte.  It is as partial as it was.  Appended to storage, which
 * may move; spans of *out point there.  ST_CORRUPT where `was` is no product's
 * JSON; ST_TOO_BIG where it would be larger than any product; ST_NOMEM.
 */
enum st_err update_merge(const struct product *was, const struct update_result *result,
    struct buf *storage, struct product *out);

#endif
