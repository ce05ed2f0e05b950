#include "api/list_query.h"

#include <string.h>

#include "api/query.h"
#include "base/hash.h"
#include "model/product.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200 /* what is asked for above this counts as this */
#define STORAGE_MAX   65536
#define SEEN_SLOTS    512 /* more than twice as many as ids */
#define ID_ALLOWED    "an id of up to 511 bytes of UTF-8, or nothing"
#define IDS_ALLOWED   "1 to 200 ids of 1 to 511 bytes of UTF-8, with commas between them"

enum parameter { OFFSET, LIMIT, AFTER, IDS, PARAMETERS };

static const char *const names[PARAMETERS] = { "offset", "limit", "after", "ids" };

static const struct {
	enum parameter one, other;
	const char *allowed;
} exclusions[] = {
	{ AFTER, OFFSET, "not together with offset" },
	{ IDS, OFFSET, "not together with offset" },
	{ IDS, AFTER, "not together with after" },
	{ IDS, LIMIT, "not together with limit" },
};

static enum st_err refuse(struct query_problem *bad, const char *name, const char *allowed)
{
	*bad = (struct query_problem){ name, allowed };
	return ST_INVALID;
}

/* An id as Central may have made it: control bytes are no reason against it. */
static bool decode_id(struct span raw, struct buf *storage, struct span *out)
{
	size_t from = storage->len;

	if (text_percent_decode(raw.data, raw.len, true, storage))
		return false;
	*out = (struct span){ storage->data + from, storage->len - from };
	return out->len <= PRODUCT_ID_MAX && text_is_utf8(out->data, out->len);
}

/* seen: where an id's hash leads, the place behind one of q->ids; 0: none. */
static void add_once(struct list_query *q, uint8_t seen[SEEN_SLOTS], struct span id)
{
	size_t slot = hash_bytes(id.data, id.len, 0) % SEEN_SLOTS;

	for (; seen[slot] > 0; slot = (slot + 1) % SEEN_SLOTS) {
		const struct span *other = &q->ids[seen[slot] - 1];

		if (other->len == id.len && memcmp(other->data, id.data, id.len) == 0)
			return;
	}
	q->ids[q->n_ids++] = id;
	seen[slot] = (uint8_t)q->n_ids;
}

static bool is_plain(struct span raw)
{
	return !memchr(raw.data, '%', raw.len) && !memchr(raw.data, '+', raw.len);
}

/* What is plain stays where it is. */
static bool read_after(struct list_query *q, struct span raw, bool plain)
{
	if (!plain)
		return decode_id(raw, &q->storage, &q->after);
	q->after = raw;
	return raw.len <= PRODUCT_ID_MAX && text_is_utf8(raw.data, raw.len);
}

/* Split at commas first, so that `%2C` belongs to an id. */
static bool read_ids(struct list_query *q, struct span raw, bool plain)
{
	const char *at = raw.data, *stop = raw.data + raw.len;
	uint8_t seen[SEEN_SLOTS] = { 0 };

	/* And so is what stands between two commas. */
	if (plain && !text_is_utf8(raw.data, raw.len))
		return false;
	for (size_t n = 0; n < LIST_IDS_MAX; n++) {
		const char *comma = memchr(at, ',', (size_t)(stop - at));
		const char *end = comma ? comma : stop;
		struct span id = { at, (size_t)(end - at) };

		if (!plain && !decode_id(id, &q->storage, &id))
			return false;
		if (id.len == 0 || id.len > PRODUCT_ID_MAX)
			return false;
		add_once(q, seen, id);
		if (!comma)
			return true;
		at = comma + 1;
	}
	return false;
}

static enum st_err read_numbers(
    struct span query, struct list_query *q, bool given[], struct query_problem *bad)
{
	struct query_number numbers[] = {
		[OFFSET] = { names[OFFSET], 0, QUERY_NUMBER_MAX, 0, "one integer from 0 to 2^53",
		    false },
		[LIMIT] = { names[LIMIT], 1, QUERY_NUMBER_MAX, LIMIT_DEFAULT,
		    "one integer from 1 to 2^53; above 200 counts as 200", false },
	};
	const struct query_number *wrong = query_read_numbers(query, numbers, 2);

	if (wrong)
		return refuse(bad, wrong->name, wrong->allowed);
	q->offset = numbers[OFFSET].value;
	q->limit = numbers[LIMIT].value < LIMIT_MAX ? numbers[LIMIT].value : LIMIT_MAX;
	given[OFFSET] = numbers[OFFSET].given;
	given[LIMIT] = numbers[LIMIT].given;
	return ST_OK;
}

static enum st_err read_texts(
    struct span query, struct list_query *q, bool given[], struct query_problem *bad)
{
	struct span after = { 0 }, ids = { 0 };
	bool plain = true;
	enum st_err after_err = query_find(query, names[AFTER], &after);
	enum st_err ids_err = query_find(query, names[IDS], &ids);

	given[AFTER] = after_err != ST_NOT_FOUND;
	given[IDS] = ids_err != ST_NOT_FOUND;
	if (given[AFTER] || given[IDS])
		plain = is_plain(query);
	/* Decoding never makes it longer: with this the spans stay in place. */
	if (!plain && !buf_room(&q->storage, query.len))
		return ST_NOMEM;
	if (after_err == ST_INVALID || (given[AFTER] && !read_after(q, after, plain)))
		return refuse(bad, names[AFTER], ID_ALLOWED);
	if (ids_err == ST_INVALID || (given[IDS] && !read_ids(q, ids, plain)))
		return refuse(bad, names[IDS], IDS_ALLOWED);
	return ST_OK;
}

enum st_err list_query_read(struct span query, struct list_query *out, struct query_problem *bad)
{
	bool given[PARAMETERS];
	enum st_err err;

	out->n_ids = 0;
	buf_init(&out->storage, STORAGE_MAX);
	err = read_numbers(query, out, given, bad);
	if (!err)
		err = read_texts(query, out, given, bad);
	for (size_t i = 0; !err && i < sizeof(exclusions) / sizeof(exclusions[0]); i++)
		if (given[exclusions[i].one] && given[exclusions[i].other])
			err = refuse(bad, names[exclusions[i].one], exclusions[i].allowed);
	if (!err)
		out->form = given[IDS] ? LIST_IDS : given[AFTER] ? LIST_AFTER : LIST_BY_OFFSET;
	return err;
}

void list_query_free(struct list_query *q)
{
	buf_free(&q->storage);
}
