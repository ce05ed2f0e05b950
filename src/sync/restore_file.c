/*
 * sync/restore_file.c: from the file into a generation, in short steps.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rules/position.h"
#include "sync/restore.h"

#define STEP_MS 10
#define AT_ONCE 64 /* products between two looks at the clock */

/*
 * How far above its offset a backup may have been ahead of the feed: events past
 * a hole, looked-up products.  As far as a position goes at most.
 */
#define AHEAD_MAX 100000

struct restore {
	int fd;
	enum restore_phase phase;
	struct backup *file;
	struct backup_header header;
	uint64_t products;
	uint64_t added, changed, before; /* beside the running generation, and what that holds */
};

static enum st_err restore_rewind(struct restore *r, struct buf *why)
{
	backup_close(r->file);
	r->file = NULL;
	r->products = 0;
	return backup_open(r->fd, &r->file, why);
}

enum st_err restore_open(int fd, const char *store_id, struct restore **out, struct buf *why)
{
	struct restore *r = calloc(1, sizeof(*r));
	enum st_err err;

	if (!r)
		return ST_NOMEM;
	r->fd = fd;
	err = restore_rewind(r, why);
	if (!err)
		r->header = *backup_header(r->file);
	if (!err && strcmp(r->header.store_id, store_id) != 0) {
		buf_addf(why, "a backup of the store %s, and this one is %s (STORE_ID)",
		    r->header.store_id, store_id);
		err = ST_INVALID;
	}
	if (err)
		restore_close(r);
	else
		*out = r;
	return err;
}

void restore_close(struct restore *r)
{
	if (!r)
		return;
	backup_close(r->file);
	free(r);
}

enum restore_phase restore_phase(const struct restore *r)
{
	return r->phase;
}

const struct backup_header *restore_header(const struct restore *r)
{
	return &r->header;
}

uint64_t restore_products(const struct restore *r)
{
	return r->products;
}

/* ---- steps ---- */

/* What is done with each product. */
typedef void take_product(void *arg, const struct product *p);

/* Up to the end of the step, or of the file: ST_NOT_FOUND. */
static enum st_err read_on(struct restore *r, take_product *take, void *arg, struct buf *why)
{
	struct mono end = mono_add_ms(mono_now(), STEP_MS);
	struct product p;
	enum st_err err;

	do {
		for (int i = 0; i < AT_ONCE; i++) {
			err = backup_next(r->file, &p, why);
			if (err)
				return err;
			r->products++;
			take(arg, &p);
		}
	} while (!mono_reached(end, mono_now()));
	return ST_OK;
}

static void only_look(void *arg, const struct product *p)
{
	(void)arg;
	(void)p;
}

struct target {
	struct restore *restore;
	struct store_txn *coming;
	struct store_snapshot running;
	bool has_running;
};

static void put(void *arg, const struct product *p)
{
	struct target *t = arg;
	struct product was;
	bool there = t->has_running &&
	             store_snapshot_product(&t->running, p->id.data, p->id.len, &was) == ST_OK;

	if (!there)
		t->restore->added++;
	else if (was.json.len != p->json.len ||
		 memcmp(was.json.data, p->json.data, p->json.len) != 0)
		t->restore->changed++;
	store_txn_put(t->coming, p);
}

static enum st_err check_on(struct restore *r, struct buf *why)
{
	enum st_err err = read_on(r, only_look, NULL, why);

	if (err == ST_NOT_FOUND) {
		r->phase = RESTORE_CHECKED;
		err = ST_OK;
	}
	return err;
}

static bool is_same(const struct backup_header *a, const struct backup_header *b)
{
	return strcmp(a->store_id, b->store_id) == 0 && a->offset == b->offset &&
	       a->products == b->products && strcmp(a->time, b->time) == 0;
}

/* What changes behind the first line, its sum shows. */
static enum st_err begin_to_build(struct restore *r, struct store_writer *w, struct buf *why)
{
	enum st_err err = restore_rewind(r, why);

	if (!err && !is_same(backup_header(r->file), &r->header)) {
		buf_adds(why, "the file was changed while it was read");
		err = ST_INVALID;
	}
	if (!err)
		err = store_build_begin(w);
	if (!err)
		r->phase = RESTORE_BUILDING;
	return err;
}

static enum st_err build_on(struct restore *r, struct store_writer *w, struct buf *why)
{
	struct target t = { .restore = r };
	enum st_err err = store_txn_begin(w, STORE_COMING, &t.coming), end;

	if (err)
		return err;
	t.has_running = store_writer_snapshot(w, &t.running) == ST_OK;
	if (t.has_running)
		r->before = store_snapshot_count(&t.running);
	end = read_on(r, put, &t, why);
	if (t.has_running)
		store_snapshot_end(&t.running);
	if (end && end != ST_NOT_FOUND) {
		store_txn_abort(t.coming);
		return end;
	}
	err = store_txn_commit(t.coming);
	if (!err && end)
		r->phase = RESTORE_READY;
	return err;
}

static enum st_err say(enum st_err err, struct buf *why)
{
	if (err && why->len == 0)
		buf_addf(why, "the store can't be written: %s", st_err_text(err));
	return err;
}

enum st_err restore_step(struct restore *r, struct store_writer *w, struct buf *why)
{
	enum st_err err = ST_OK;

	switch (r->phase) {
	case RESTORE_CHECKING: err = check_on(r, why); break;
	case RESTORE_CHECKED: err = begin_to_build(r, w, why); break;
	case RESTORE_BUILDING:
		err = build_on(r, w, why);
		if (err)
			store_build_abandon(w);
		break;
	case RESTORE_READY: break;
	}
	return say(err, why);
}

/* ---- the end ---- */

/* Not confirmed current: that is for the feed to say. */
static void fill_record(const struct restore *r, int64_t took_ms, struct sync_record *record)
{
	int64_t now = wall_now_ms() / 1000;
	uint64_t sum = r->before + r->added;

	record->event_offset = r->header.offset;
	record->confirmed_current = (struct stamp){ .wall_ms = 0 };
	record->products_rejected = 0;
	record->full_syncs++;
	record->full_sync_reason = FULL_SYNC_STORE_REBUILT;
	record->full_sync_owed = FULL_SYNC_NONE;
	record->full_sync_at = now;
	record->full_sync_ms = took_ms;
	record->full_sync_products = r->products;
	record->full_sync_added = r->added;
	record->full_sync_changed = r->changed;
	record->full_sync_removed = sum > r->products ? sum - r->products : 0;
	if (record->initialized_at == 0)
		record->initialized_at = now;
}

static void put_position(const struct restore *r, struct store_txn *t)
{
	struct position p;
	struct buf bytes;

	memset(&p, 0, sizeof(p));
	position_begin(&p, r->header.offset);
	p.ran_ahead = r->header.offset + AHEAD_MAX;
	buf_init(&bytes, SIZE_MAX / 2);
	position_write(&p, &bytes);
	if (!bytes.err)
		store_txn_put_position(t, bytes.data, bytes.len);
	buf_free(&bytes);
	position_free(&p);
}

enum st_err restore_publish(struct restore *r, struct store_writer *w, struct sync_record *record,
    int64_t took_ms, struct buf *why)
{
	struct sync_record next = *record;
	struct store_txn *t;
	enum st_err err = store_txn_begin(w, STORE_COMING, &t);

	if (!err) {
		fill_record(r, took_ms, &next);
		store_txn_put_record(t, &next);
		put_position(r, t);
		err = store_txn_commit(t);
	}
	if (!err)
		err = store_build_publish(w);
	else
		store_build_abandon(w);
	if (!err)
		*record = next;
	return say(err, why);
}

static void read_record(struct store_writer *w, struct sync_record *out)
{
	struct store_snapshot s;

	if (store_writer_snapshot(w, &s))
		return;
	if (store_snapshot_record(&s, out))
		memset(out, 0, sizeof(*out));
	store_snapshot_end(&s);
}

enum st_err restore_file(struct store_writer *w, const char *store_id, int fd,
    struct backup_header *out, struct buf *why)
{
	struct sync_record record = { .event_offset = 0 };
	struct mono began = mono_now();
	struct restore *r;
	enum st_err err = restore_open(fd, store_id, &r, why);

	if (err)
		return err;
	while (!err && r->phase != RESTORE_READY)
		err = restore_step(r, w, why);
	read_record(w, &record);
	if (!err)
		err = restore_publish(r, w, &record, mono_ms_between(began, mono_now()), why);
	if (!err)
		*out = r->header;
	restore_close(r);
	return err;
}
