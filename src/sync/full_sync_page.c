/*
 * sync/full_sync_page.c: a page of Central's list into the coming generation.
 *
 * A product in it is as it was when the page was asked for, or a little later.
 * So what events told since that moment may be in the page or not: those
 * products were noted meanwhile (`touched`).  For them the running generation's
 * state is taken, and a look-up is owed, which goes to both.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "sync/state.h"

/* An id and its bytes, in one piece; the tree holds pointers to the former. */
static struct span *new_id(const char *id, size_t len)
{
	struct span *copy = malloc(sizeof(*copy) + len);

	if (copy) {
		*copy = (struct span){ (char *)(copy + 1), len };
		memcpy(copy + 1, id, len);
	}
	return copy;
}

static bool note(struct full_sync *f, const char *id, size_t len)
{
	struct span probe = { id, len }, *copy;

	if (tfind(&probe, &f->touched, walk_order))
		return true;
	copy = new_id(id, len);
	if (copy && tsearch(copy, &f->touched, walk_order))
		return true;
	free(copy);
	return false;
}

void full_sync_touched(struct engine *e, const char *id, size_t len)
{
	struct full_sync *f = &e->full_sync;

	if (f->phase != FULL_SYNC_PAGES || mutant("touched-not-noted"))
		return;
	/* Without memory for this the page can't be judged: it is asked for again. */
	if (!note(f, id, len)) {
		central_cancel(e->central, f->call);
		f->call = NULL;
	}
}

void full_sync_free_touched(void *touched)
{
	tdestroy(touched, free);
}

/*
 * A list in order is covered up to what is held, each page for itself.  One
 * without order is covered only when all of it is, so all is kept until then.
 */
void *full_sync_take_touched(struct engine *e)
{
	struct full_sync *f = &e->full_sync;
	void *taken = f->touched;

	if (!f->walk.ordered && !f->walk.done)
		return NULL;
	f->touched = NULL;
	return taken;
}

struct target {
	struct engine *engine;
	struct store_txn *coming;
	struct store_snapshot running;
	bool has_running;
	const struct span *from, *to; /* the page speaks of ids above, and up to; NULL: no end */
};

static bool in_running(struct target *t, const struct span *id, struct product *out)
{
	return t->has_running &&
	       store_snapshot_product(&t->running, id->data, id->len, out) == ST_OK;
}

static void count(
    struct full_sync *f, bool was_there, const struct product *was, const struct product *is)
{
	if (!was_there)
		f->added++;
	else if (was->json.len != is->json.len ||
		 memcmp(was->json.data, is->json.data, is->json.len) != 0)
		f->changed++;
}

static void put_product(struct target *t, const struct product *p)
{
	struct product was;
	bool there = in_running(t, &p->id, &was);

	count(&t->engine->full_sync, there, &was, p);
	store_txn_put(t->coming, p);
}

static bool is_between(const struct span *id, const struct span *from, const struct span *to)
{
	return walk_compare(id->data, id->len, from->data, from->len) > 0 &&
	       (!to || walk_compare(id->data, id->len, to->data, to->len) <= 0);
}

/*
 * Page or running generation, which is newer?  Versions don't tell, for lives.
 * What readers have seen already must not go back; a look-up will tell.
 */
static void settle_touched(struct target *t, const struct span *id)
{
	struct product running;

	if (in_running(t, id, &running))
		store_txn_put(t->coming, &running);
	else if (t->has_running)
		store_txn_delete(t->coming, id->data, id->len);
	known_owe(t->engine, id->data, id->len, false);
}

static void visit_touched(const void *node, VISIT visit, void *arg)
{
	const struct span *id = *(const struct span *const *)node;
	struct target *t = arg;

	if ((visit == postorder || visit == leaf) && is_between(id, t->from, t->to))
		settle_touched(t, id);
}

/* An answer to a question that was asked before the page would be older than it. */
static void outdate_lookups(struct engine *e, const struct page *page, size_t first)
{
	for (size_t i = first; i < page->n; i++)
		known_changed(e, page->products[i].id.data, page->products[i].id.len);
}

enum st_err full_sync_put_page(struct engine *e, const struct page *page, size_t first,
    const struct span *from, const void *touched)
{
	const struct walk *w = &e->full_sync.walk;
	struct span to = { w->held, w->held_len }, start = { "", 0 };
	struct target t = { .engine = e };
	enum st_err err = store_txn_begin(e->store, STORE_COMING, &t.coming);

	if (err)
		return err;
	t.has_running = engine_has_running(e) &&
	                store_writer_snapshot(e->store, &t.running) == ST_OK;
	for (size_t i = first; i < page->n; i++)
		put_product(&t, &page->products[i]);
	t.from = w->ordered ? from : &start;
	t.to = w->done ? NULL : &to;
	twalk_r(touched, visit_touched, &t);
	outdate_lookups(e, page, first);
	if (t.has_running)
		store_snapshot_end(&t.running);
	return store_txn_commit(t.coming);
}
