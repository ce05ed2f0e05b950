/*
 * The writing half of a backup: lines into a buffer, the buffer into the sum
 * and the file.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json_writer.h"
#include "base/sha256.h"
#include "store/backup.h"

#define CHUNK ((size_t)256 << 10)
#define PARTIAL_MAX \
	(2 * CHUNK) /* bytes of a first line, which must not be longer than a product's */

struct writing {
	int fd;
	struct sha256 *sum;
	struct buf lines;
	const struct backup_listener *listener; /* or NULL */
	uint64_t products;                      /* all that there are to write */
};

static enum st_err flush(struct writing *w)
{
	enum st_err err = w->lines.err;

	if (!err) {
		sha256_add(w->sum, w->lines.data, w->lines.len);
		err = io_write_all(w->fd, w->lines.data, w->lines.len);
	}
	buf_reset(&w->lines);
	return err;
}

/* Which products are partial; a member that is there only where some are. */
static void add_partial(struct writing *w, struct store_snapshot *s, struct json_writer *jw)
{
	struct product p;
	bool some = false;
	/* What is damaged is met again by whoever writes the products. */
	enum st_err err = store_snapshot_seek(s, 0);

	while (!err && w->lines.len < PARTIAL_MAX && !(err = store_snapshot_next(s, &p))) {
		if (!p.partial)
			continue;
		if (!some) {
			jw_name(jw, "partial");
			jw_begin_array(jw);
			some = true;
		}
		jw_string(jw, p.id.data, p.id.len);
	}
	if (some)
		jw_end_array(jw);
}

static void add_header(struct writing *w, struct store_snapshot *s, const struct backup_header *h)
{
	struct json_writer jw;

	jw_init(&jw, &w->lines);
	jw_begin_object(&jw);
	jw_name(&jw, "format");
	jw_int(&jw, BACKUP_FORMAT);
	jw_name(&jw, "storeId");
	jw_text(&jw, h->store_id);
	jw_name(&jw, "offset");
	jw_int(&jw, h->offset);
	jw_name(&jw, "products");
	jw_uint(&jw, h->products);
	jw_name(&jw, "time");
	jw_text(&jw, h->time);
	add_partial(w, s, &jw);
	jw_end_object(&jw);
	buf_addc(&w->lines, '\n');
}

/* A line end in it can only stand between values of a member that we don't know. */
static void add_product(struct buf *lines, const struct product *p)
{
	size_t from = lines->len;

	buf_add(lines, p->json.data, p->json.len);
	for (size_t i = from; i < lines->len; i++)
		if (lines->data[i] == '\n' || lines->data[i] == '\r')
			lines->data[i] = ' ';
	buf_addc(lines, '\n');
}

static enum st_err write_products(struct writing *w, struct store_snapshot *s, uint64_t *n)
{
	struct product p;
	enum st_err err = store_snapshot_seek(s, 0);

	for (*n = 0; !err && !(err = store_snapshot_next(s, &p)); ++*n) {
		add_product(&w->lines, &p);
		if (w->lines.len < CHUNK)
			continue;
		err = flush(w);
		if (!err && w->listener)
			w->listener->written(w->listener->arg, *n + 1, w->products);
	}
	if (err == ST_NOT_FOUND)
		err = flush(w);
	return err;
}

static enum st_err write_sum(struct writing *w)
{
	char text[SHA256_TEXT_SIZE];
	enum st_err err = sha256_text(w->sum, text);

	if (err)
		return err;
	buf_addf(&w->lines, "{\"sha256\":\"%s\"}\n", text);
	return w->lines.err ? w->lines.err : io_write_all(w->fd, w->lines.data, w->lines.len);
}

static enum st_err fill_header(
    struct store_snapshot *s, const char *store_id, struct backup_header *h)
{
	struct sync_record record;
	enum st_err err = store_snapshot_record(s, &record);

	if (err)
		return err == ST_NOT_FOUND ? ST_UNAVAILABLE : err;
	snprintf(h->store_id, sizeof(h->store_id), "%s", store_id);
	h->offset = record.event_offset;
	h->products = store_snapshot_count(s);
	text_time(wall_now_ms() / 1000, h->time);
	return ST_OK;
}

enum st_err backup_write(struct store_snapshot *s, const char *store_id, int fd,
    const struct backup_listener *listener, struct backup_header *out)
{
	struct writing w = { .fd = fd, .listener = listener };
	struct backup_header h;
	uint64_t n = 0;
	enum st_err err = fill_header(s, store_id, &h);

	if (err)
		return err;
	err = sha256_new(&w.sum);
	if (err)
		return err;
	w.products = h.products;
	buf_init(&w.lines, CHUNK + PRODUCT_JSON_MAX + 1);
	add_header(&w, s, &h);
	err = write_products(&w, s, &n);
	/* The page index and the products say different things. */
	if (!err && n != h.products)
		err = ST_CORRUPT;
	if (!err)
		err = write_sum(&w);
	if (!err)
		*out = h;
	buf_free(&w.lines);
	sha256_free(w.sum);
	return err;
}
