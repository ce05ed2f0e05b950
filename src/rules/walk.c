#include "rules/walk.h"

#include <string.h>

#include "base/mutant.h"

void walk_begin(struct walk *w)
{
	*w = (struct walk){ .overlap = 1, .ordered = true, .total = -1 };
}

int walk_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

int walk_order(const void *a, const void *b)
{
	const struct span *left = a, *right = b;

	return walk_compare(left->data, left->len, right->data, right->len);
}

static bool is_above(const struct walk *w, const struct span *id)
{
	return walk_compare(id->data, id->len, w->held, w->held_len) > 0;
}

bool walk_covers(const struct walk *w, const char *id, size_t id_len)
{
	return w->done || (w->ordered && walk_compare(id, id_len, w->held, w->held_len) <= 0);
}

static void hold(struct walk *w, const struct span *id)
{
	memcpy(w->held, id->data, id->len);
	w->held_len = id->len;
}

static enum walk_verdict step_back(struct walk *w)
{
	int64_t step = w->overlap;

	w->overlap = w->overlap * 2 > WALK_OVERLAP_MAX ? WALK_OVERLAP_MAX : w->overlap * 2;
	w->offset = w->offset > step ? w->offset - step : 0;
	return WALK_BACK;
}

/* The number of products of a page, those included that can't be used. */
static int64_t number(const struct page *p)
{
	return (int64_t)(p->n + p->rejected);
}

static enum walk_verdict use(struct walk *w, const struct page *p, size_t first)
{
	w->pages++;
	w->products += p->n - first;
	if (p->n > first)
		hold(w, &p->products[p->n - 1].id);
	w->done = !p->has_more;
	return WALK_USE;
}

static enum walk_verdict by_offset(struct walk *w, const struct page *p, size_t *first)
{
	int64_t next = p->offset + number(p);

	if (p->offset != w->offset || (p->has_more && number(p) == 0))
		return WALK_BAD;
	w->total = p->total;
	*first = 0;
	while (*first < p->n && !is_above(w, &p->products[*first].id))
		++*first;
	/* Nothing is before offset 0.  Of products that can't be used the ids aren't known. */
	if (p->offset > 0 && *first == 0 && p->rejected == 0 && !mutant("pages-without-overlap"))
		return step_back(w);
	w->offset = next > w->overlap ? next - w->overlap : 0;
	/* The overlap must not be all of a page. */
	if (w->offset <= p->offset)
		w->offset = p->has_more ? p->offset + 1 : p->offset;
	return use(w, p, *first);
}

enum walk_verdict walk_page(struct walk *w, const struct page *p, size_t *first)
{
	if (p->dialect == PAGE_PAGES)
		return by_offset(w, p, first);
	w->ordered = false;
	*first = 0;
	if (p->has_more && number(p) == 0)
		return WALK_BAD;
	return use(w, p, 0);
}
