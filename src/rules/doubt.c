#include "rules/doubt.h"

#include "base/mutant.h"

bool doubt_is_open(const struct doubt *d)
{
	return stamp_is_set(&d->since);
}

bool doubt_is_kept(const struct doubt *d)
{
	return doubt_is_open(d) || d->owed;
}

/* A clock that jumped, or another boot, makes a doubt longer, never shorter. */
int64_t doubt_left_ms(const struct doubt *d, const struct stamp *now)
{
	int64_t age, lasts = d->brief ? DOUBT_BRIEF_MS : DOUBT_MS;

	if (!doubt_is_open(d))
		return 0;
	age = stamp_age_ms(&d->since, now);
	if (age < 0)
		return lasts;
	return age < lasts ? lasts - age : 0;
}

static enum doubt_action ask(struct doubt *d)
{
	d->owed = 1;
	return DOUBT_ASK;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What one event is decided by. */
struct situation {
	const struct doubt_product *product;
	const struct event *event;
	enum doubt_trust trust;
	const struct stamp *now;
};

/* So new that late events of an earlier life may still come, though none was seen. */
static bool is_new(const struct doubt *d, const struct stamp *now)
{
	int64_t age = stamp_age_ms(&d->since, now);

	return doubt_is_open(d) && age < DOUBT_BRIEF_MS && !mutant("new-life-by-version");
}

static enum doubt_action updated(const struct situation *s, struct doubt *d)
{
	const struct doubt_product *p = s->product;
	int64_t version = s->event->version;

	if (mutant("no-tombstone") && !p->there)
		return DOUBT_PUT;
	if (d->tombstone > 0 && version <= d->tombstone)
		return DOUBT_STALE;
	if ((d->by_lookup && !mutant("updates-in-doubt-by-version")) || is_new(d, s->now))
		return ask(d);
	/* Nothing told us that it was created; maybe a life that is over sent this. */
	if (!p->there)
		return ask(d);
	if (version < p->version || (version == p->version && !p->partial))
		return mutant("no-version-guard") ? DOUBT_PUT : DOUBT_STALE;
	return s->trust == DOUBT_TRUST_NO_YOUNG && p->version <= DOUBT_YOUNG ? ask(d) : DOUBT_PUT;
}

static enum doubt_action created(const struct situation *s, struct doubt *d)
{
	bool first = !doubt_is_open(d) && s->trust != DOUBT_TRUST_NO_YOUNG;

	d->since = *s->now;
	d->brief = 0;
	if (mutant("newest-version-wins"))
		return !s->product->there || s->event->version > s->product->version ? DOUBT_PUT
		                                                                     : DOUBT_STALE;
	if (first && !s->product->there)
		return DOUBT_PUT;
	/* There is, or was, another life of it; its late events may still come. */
	d->by_lookup = 1;
	return ask(d);
}

static enum doubt_action deleted(const struct situation *s, struct doubt *d)
{
	const struct doubt_product *p = s->product;
	bool first = !doubt_is_open(d), believed = s->trust == DOUBT_TRUST_ALL;
	bool exact = p->there && s->event->version == p->version + 1;

	if (mutant("delete-believed-by-version"))
		first = believed = true;
	if (mutant("any-delete-believed"))
		first = believed = exact = p->there;
	d->since = *s->now;
	d->brief = 0;
	d->by_lookup = 1;
	if (!first || !exact || !believed)
		return ask(d);
	d->tombstone = s->event->version;
	return DOUBT_DELETE;
}

enum doubt_action doubt_event(const struct doubt_product *p, struct doubt *d, const struct event *e,
    enum doubt_trust trust, const struct stamp *now)
{
	struct situation s = { p, e, trust, now };

	switch (e->kind) {
	case EVENT_UPDATED: return updated(&s, d);
	case EVENT_CREATED: return created(&s, d);
	case EVENT_DELETED: return deleted(&s, d);
	case EVENT_UNUSABLE: break;
	}
	if (mutant("unusable-event-dropped"))
		return DOUBT_STALE;
	return ask(d);
}

static void begin(struct doubt *d, bool brief, const struct stamp *now)
{
	/* A brief one begins anew with each such answer; it may become a long one. */
	if (!doubt_is_open(d) || d->brief) {
		d->since = *now;
		d->brief = brief;
	}
	d->by_lookup = 1;
}

void doubt_settled(const struct doubt_product *p, struct doubt *d,
    const struct doubt_product *found, bool same, const struct stamp *now)
{
	int64_t gone = larger(d->tombstone, p->there ? p->version : 0);
	bool same_life = p->there && found->version >= p->version && found->version > DOUBT_YOUNG;

	if (doubt_left_ms(d, now) == 0)
		*d = (struct doubt){ .owed = 0 };
	d->owed = 0;
	d->tombstone = 0;
	/* It went without our having seen it go: its late events may come. */
	if (!found->there && p->there)
		begin(d, false, now);
	else if (found->there && !same && !same_life && !mutant("look-up-without-doubt"))
		begin(d, true, now);
	if (!found->there && doubt_is_open(d))
		d->tombstone = gone;
}

void doubt_overtaken(struct doubt *d, bool there)
{
	if (!there || d->tombstone == 0)
		return;
	d->tombstone = 0;
	d->owed = 1;
}

enum doubt_write_action doubt_write(
    const struct doubt_product *p, const struct doubt *d, const struct doubt_write *w)
{
	if (mutant("conflict-merged") && w->new_version > p->version)
		return DOUBT_WRITE_MERGE;
	if (doubt_is_open(d) && !mutant("write-beats-doubt"))
		return DOUBT_WRITE_ASK;
	if (w->shown && !p->partial)
		return DOUBT_WRITE_NONE;
	if (!w->applied)
		return DOUBT_WRITE_ASK;
	if (p->there && !p->partial && w->requested_version == p->version &&
	    w->new_version == p->version + 1)
		return DOUBT_WRITE_MERGE;
	return DOUBT_WRITE_ASK;
}
