/*
 * model/event.h: one answer of Central's event feed.
 *
 *   {"events":[…]|null,"nextOffset":N,"hasMore":bool,"count":n}
 *   event: {"offset","timestamp","eventType","productId","version","data":{product}}
 *
 * An event that can't be used must stop nothing: it keeps its offset and comes
 * out as EVENT_UNUSABLE, with the product's id where that could be read.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "model/product.h"

#define EVENT_OFFSET_MAX ((INT64_C(1) << 53) - 1)

enum event_kind {
	EVENT_UPDATED, /* inventory_updated, product_updated, product_modified */
	EVENT_CREATED, /* product_created */
	EVENT_DELETED, /* product_deleted: version is the last one + 1 */
	EVENT_UNUSABLE, /* unknown type, broken data, id or version of data another than the event's */
};

struct event {
	int64_t offset;
	size_t place; /* in the answer, from 0 */
	enum event_kind kind;
	struct span timestamp;  /* as sent, "" if it is no string */
	struct span type;       /* as sent, for the log */
	struct span product_id; /* decoded, 1-511 bytes; empty if unreadable or longer */
	bool unkeepable; /* its product's id is too long to be cached; kind is as its type says */
	int64_t version; /* the event's; -1 if unreadable */
	struct product product; /* for UPDATED and CREATED only */
	const char *why;        /* for UNUSABLE: a constant text, else NULL */
};

/*
 * Spans point into `storage`.  Events are sorted by offset (Central's lists
 * are not); of two with the same offset both stay, in the order of the answer.
 */
struct event_batch {
	struct event *events;
	size_t n;
	int64_t next_offset;
	bool has_more;
	struct buf storage;
};

/*
 * ST_INVALID with *why for what is no such answer (events neither array nor
 * null, an element without a usable offset, nextOffset missing or out of
 * range); `hasMore` may be missing, `count` is not looked at.  ST_TOO_BIG above
 * 4,000,000 JSON values, ST_NOMEM.  The text is not needed afterwards.  The
 * caller frees with event_batch_free().
 */
enum st_err event_batch_read(
    const char *text, size_t len, struct event_batch *out, const char **why);
void event_batch_free(struct event_batch *b);

#endif
