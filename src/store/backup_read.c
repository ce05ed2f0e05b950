/*
 * The reading half of a backup: line by line, believing nothing.  The file is
 * read with pread(2), so that whoever else holds the descriptor can't move it,
 * and never mapped: a file that is cut meanwhile is one that ends too early.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "model/event.h"
#include "store/backup.h"

#define CHUNK      ((size_t)256 << 10)
#define LINE_BYTES ((size_t)PRODUCT_JSON_MAX + 1)
#define NODES_MAX  600000 /* of a line: more than its bytes can hold */

struct backup {
	int fd;
	off_t at;           /* of the file: what comes next from there */
	struct buf bytes;   /* read, from `line` on not used yet */
	size_t line;        /* in `bytes` */
	uint64_t lines;     /* used so far; the number of the last one */
	uint64_t products;  /* so far */
	struct sha256 *sum; /* of the lines used so far */
	struct backup_header header;
	struct buf first; /* the first line, */
	struct doc head;  /* and what it says */
	/* There: the id of the next product that is partial; NULL: none is. */
	const struct doc_node *partial;
	char last_id[PRODUCT_ID_MAX];
	size_t last_len;
	struct buf storage; /* of the product that was given out last */
};

static enum st_err refuse(const struct backup *b, struct buf *why, const char *what)
{
	buf_addf(why, "line %" PRIu64 ": %s", b->lines, what);
	return ST_INVALID;
}

/* More of the file behind what is there; *more false at its end. */
static enum st_err read_more(struct backup *b, bool *more, struct buf *why)
{
	char *room;
	ssize_t n;

	buf_drop(&b->bytes, b->line);
	b->line = 0;
	room = buf_room(&b->bytes, CHUNK);
	if (!room)
		return b->bytes.err;
	do
		n = pread(b->fd, room, CHUNK, b->at);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		buf_addf(why, "the file can't be read: %s", strerror(errno));
		return ST_SYSTEM;
	}
	buf_commit(&b->bytes, (size_t)n);
	b->at += n;
	*more = n > 0;
	return ST_OK;
}

/* The next line without its end; ST_NOT_FOUND: there is none. */
static enum st_err next_line(struct backup *b, struct span *out, struct buf *why)
{
	size_t seen = 0;
	bool more = true;
	enum st_err err;

	b->lines++;
	for (;;) {
		const char *line = b->bytes.data ? b->bytes.data + b->line : "";
		size_t there = b->bytes.len - b->line;
		const char *end = memchr(line + seen, '\n', there - seen);

		if (end) {
			*out = (struct span){ line, (size_t)(end - line) };
			b->line += out->len + 1;
			return ST_OK;
		}
		if (!more && there == 0)
			return ST_NOT_FOUND;
		if (!more)
			return refuse(b, why, "it has no end: the file is cut");
		if (there > LINE_BYTES)
			return refuse(b, why, "it is longer than any product");
		seen = there;
		err = read_more(b, &more, why);
		if (err)
			return err;
	}
}

static void add_to_sum(struct backup *b, const struct span *line)
{
	sha256_add(b->sum, line->data, line->len + 1);
}

/* ---- the first line ---- */

static enum st_err read_text(
    const struct doc *d, const char *name, size_t size, char *out, bool may_be_empty)
{
	struct buf text;
	enum st_err err;

	buf_init(&text, size - 1);
	err = doc_string(d, doc_member(d, doc_root(d), name), &text);
	if (!err && (text_has_control(buf_text(&text), text.len) || (!text.len && !may_be_empty)))
		err = ST_INVALID;
	if (!err)
		memcpy(out, buf_text(&text), text.len + 1);
	buf_free(&text);
	return err;
}

static enum st_err read_partial(struct backup *b, const struct doc_node *ids, struct buf *why)
{
	if (ids && ids->type != DOC_ARRAY)
		return refuse(b, why, "partial is no list of ids");
	b->partial = ids ? doc_first(&b->head, ids) : NULL;
	return ST_OK;
}

static enum st_err read_header(struct backup *b, struct buf *why)
{
	const struct doc *d = &b->head;
	struct backup_header *h = &b->header;
	const struct doc_node *root = doc_root(d);
	int64_t format, products;

	if (doc_int(d, doc_member(d, root, "format"), 0, INT64_MAX, &format))
		return refuse(b, why, "this is no backup of Store API");
	if (format != BACKUP_FORMAT) {
		buf_addf(why, "a backup of format %" PRId64 "; this program knows format %d only",
		    format, BACKUP_FORMAT);
		return ST_INVALID;
	}
	if (read_text(d, "storeId", sizeof(h->store_id), h->store_id, false))
		return refuse(b, why, "storeId is missing or no such text");
	if (doc_int(d, doc_member(d, root, "offset"), 0, EVENT_OFFSET_MAX, &h->offset))
		return refuse(b, why, "offset is missing or no offset of the event feed");
	if (doc_int(d, doc_member(d, root, "products"), 0, INT64_MAX, &products))
		return refuse(b, why, "products is missing or no number");
	if (read_text(d, "time", sizeof(h->time), h->time, true))
		return refuse(b, why, "time is missing or no such text");
	h->products = (uint64_t)products;
	return read_partial(b, doc_member(d, root, "partial"), why);
}

static enum st_err take_header(struct backup *b, struct buf *why)
{
	struct span line;
	enum st_err err = next_line(b, &line, why);

	if (err == ST_NOT_FOUND)
		return refuse(b, why, "the file is empty");
	if (err)
		return err;
	add_to_sum(b, &line);
	buf_add(&b->first, line.data, line.len);
	if (b->first.err)
		return b->first.err;
	err = doc_parse(b->first.data, b->first.len, NODES_MAX, &b->head, NULL);
	if (err)
		return err == ST_NOMEM ? err : refuse(b, why, "this is no backup of Store API");
	return read_header(b, why);
}

enum st_err backup_open(int fd, struct backup **out, struct buf *why)
{
	struct backup *b;
	struct stat st;
	enum st_err err;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		buf_adds(why, "this is no regular file");
		return ST_INVALID;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		return ST_NOMEM;
	b->fd = fd;
	buf_init(&b->bytes, LINE_BYTES + 2 * CHUNK);
	buf_init(&b->first, LINE_BYTES + CHUNK);
	buf_init(&b->storage, PRODUCT_ROOM(LINE_BYTES + CHUNK));
	err = sha256_new(&b->sum);
	if (!err)
		err = take_header(b, why);
	if (err)
		backup_close(b);
	else
		*out = b;
	return err;
}

void backup_close(struct backup *b)
{
	if (!b)
		return;
	doc_free(&b->head);
	buf_free(&b->first);
	buf_free(&b->bytes);
	buf_free(&b->storage);
	sha256_free(b->sum);
	free(b);
}

const struct backup_header *backup_header(const struct backup *b)
{
	return &b->header;
}

/* ---- the others ---- */

/* No product of ours begins like this: its id comes first. */
static bool is_trailer(const struct span *line)
{
	static const char begin[] = "{\"sha256\":";

	return line->len >= sizeof(begin) - 1 && memcmp(line->data, begin, sizeof(begin) - 1) == 0;
}

static enum st_err check_end(struct backup *b, const struct span *line, struct buf *why)
{
	char sum[SHA256_TEXT_SIZE];
	struct doc d;
	struct span rest;
	bool same;
	enum st_err err = sha256_text(b->sum, sum);

	if (err)
		return err;
	if (b->products != b->header.products) {
		buf_addf(why, "%" PRIu64 " products, where the first line says %" PRIu64,
		    b->products, b->header.products);
		return ST_INVALID;
	}
	if (b->partial)
		return refuse(b, why, "a product is missing that the first line calls partial");
	err = doc_parse(line->data, line->len, NODES_MAX, &d, NULL);
	if (err)
		return err == ST_NOMEM ? err : refuse(b, why, "the sum is no JSON");
	same = doc_root(&d)->count == 1 &&
	       doc_is_text(&d, doc_member(&d, doc_root(&d), "sha256"), sum);
	doc_free(&d);
	if (!same)
		return refuse(b, why, "the sum is another one: the file was changed");
	err = next_line(b, &rest, why);
	return err == ST_OK ? refuse(b, why, "there is more behind the sum") : err;
}

static bool is_partial(const struct backup *b, const struct span *id)
{
	struct buf text;
	bool same;

	if (!b->partial)
		return false;
	buf_init(&text, PRODUCT_ID_MAX);
	same = doc_string(&b->head, b->partial, &text) == ST_OK && text.len == id->len &&
	       memcmp(text.data, id->data, id->len) == 0;
	buf_free(&text);
	return same;
}

static bool rises(const struct backup *b, const struct span *id)
{
	size_t shorter = id->len < b->last_len ? id->len : b->last_len;
	int order = memcmp(id->data, b->last_id, shorter);

	return order > 0 || (order == 0 && id->len > b->last_len);
}

static enum st_err read_product(
    struct backup *b, const struct span *line, struct product *out, struct buf *why)
{
	const char *what;
	struct doc d;
	enum st_err err = doc_parse(line->data, line->len, NODES_MAX, &d, NULL);

	if (err)
		return err == ST_NOMEM ? err : refuse(b, why, "this is no JSON");
	buf_reset(&b->storage);
	err = buf_room(&b->storage, PRODUCT_ROOM(line->len))
	          ? product_read(&d, doc_root(&d), &b->storage, out, &what)
	          : ST_NOMEM;
	doc_free(&d);
	if (err)
		return err == ST_NOMEM ? err : refuse(b, why, what);
	if (!rises(b, &out->id))
		return refuse(b, why, "its productId does not follow the one before it");
	memcpy(b->last_id, out->id.data, out->id.len);
	b->last_len = out->id.len;
	out->partial = is_partial(b, &out->id);
	if (out->partial)
		b->partial = doc_next(
		    &b->head, doc_member(&b->head, doc_root(&b->head), "partial"), b->partial);
	return ST_OK;
}

enum st_err backup_next(struct backup *b, struct product *out, struct buf *why)
{
	struct span line;
	enum st_err err = next_line(b, &line, why);

	if (err == ST_NOT_FOUND)
		return refuse(b, why, "the file is cut: it ends before its sum");
	if (err)
		return err;
	if (is_trailer(&line))
		return check_end(b, &line, why);
	if (b->products == b->header.products) {
		buf_addf(why, "more products than the %" PRIu64 " that the first line says",
		    b->header.products);
		return ST_INVALID;
	}
	err = read_product(b, &line, out, why);
	if (!err)
		b->products++;
	add_to_sum(b, &line);
	return err;
}
