/*
 * Random histories on the rules alone: a Central and a store of four products
 * in a few arrays, with injected time.  Events get their offsets and become
 * readable late, out of order or never; look-ups, pages and write answers travel for a while.
 *
 * What must hold: within one life of a product, and from life to life, no
 * reader sees it go back, vanish while it lives or return when its life is
 * over; and when all is quiet and the last doubt has ended, the store is what
 * Central is.  The history's number is its seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/doubt.h"
#include "rules/hole.h"
#include "rules/position.h"
#include "unit.h"

#define PRODUCTS   4
#define PAGES      2
#define EVENTS_MAX 800
#define ACTIVE_MS  60000
#define END_MS     420000
#define HELD_MS    1000
#define HISTORIES  4000

struct state {
	bool there;
	int life;
	int64_t version;
};

struct published {
	struct event event;
	size_t product;
	struct state state; /* after the change */
	int64_t readable_at;
};

/* One thing that travels: when Central looks at it, when its answer is here. */
struct trip {
	bool under_way;
	uint64_t asked; /* moment */
	int64_t served_at, back_at;
	bool served;
	struct state seen[PRODUCTS];
	int64_t from, head;
	size_t events[EVENTS_MAX], n_events;
};

struct world {
	unsigned random;
	int64_t now;
	uint64_t moment;

	struct state central[PRODUCTS];
	struct published feed[EVENTS_MAX], held;
	size_t n_feed;
	int64_t held_until; /* the change is made, but its offset not handed out yet; 0: none */
	bool loses;         /* some events are never published */

	bool filled, lost;
	struct state running[PRODUCTS], coming[PRODUCTS];
	struct doubt doubt[PRODUCTS];
	uint64_t changed[PRODUCTS], wanted[PRODUCTS];
	struct trip lookup[PRODUCTS], poll, hole_trip, page, write;
	size_t write_product;
	struct doubt_write write_answer;
	struct position position;
	struct hole hole;

	bool syncing, detached;
	size_t pages_done;
	int64_t head;
	bool touched[PRODUCTS], touched_before[PRODUCTS];
	int64_t flipped_at, next_sync;
	const char *wrong;
};

static int64_t roll(struct world *w, int64_t below)
{
	return rand_r(&w->random) % below;
}

static struct stamp stamp_of(const struct world *w)
{
	return (struct stamp){ .boot_id = "x", .boottime_ms = w->now + 1, .wall_ms = w->now + 1 };
}

static struct mono mono_of(const struct world *w)
{
	return (struct mono){ w->now * 1000 };
}

/* ---- Central ---- */

static void hand_out(struct world *w, struct published p)
{
	p.event.offset = (int64_t)w->n_feed;
	p.readable_at = w->now + (roll(w, 2) ? 0 : roll(w, 3000));
	if (w->loses && roll(w, 25) == 0)
		p.readable_at = INT64_MAX;
	w->feed[w->n_feed++] = p;
}

/* Central changes first and hands the offset out then: a later change can be quicker. */
static void append(struct world *w, size_t product, enum event_kind kind)
{
	const struct state *s = &w->central[product];
	struct published p = { .product = product, .state = *s };

	p.event = (struct event){ .kind = kind,
		.version = kind == EVENT_DELETED ? s->version + 1 : s->version };
	if (w->held_until > 0 || roll(w, 8) > 0) {
		hand_out(w, p);
		return;
	}
	w->held = p;
	w->held_until = w->now + 1 + roll(w, HELD_MS);
}

static void hand_out_held(struct world *w)
{
	if (w->held_until == 0 || w->now < w->held_until)
		return;
	w->held_until = 0;
	hand_out(w, w->held);
}

static void change_central(struct world *w)
{
	size_t i = (size_t)roll(w, PRODUCTS);
	struct state *s = &w->central[i];

	if (w->n_feed + 2 >= EVENTS_MAX)
		return;
	if (!s->there) {
		*s = (struct state){ true, s->life + 1, 1 };
		append(w, i, EVENT_CREATED);
	} else if (roll(w, 4) == 0) {
		append(w, i, EVENT_DELETED);
		s->there = false;
	} else {
		s->version++;
		append(w, i, EVENT_UPDATED);
	}
}

/* In the order in which they became readable: from the first at or above `from` on. */
static void serve_events(struct world *w, struct trip *t)
{
	size_t order[EVENTS_MAX], n = 0, first;

	for (size_t i = 0; i < w->n_feed; i++) {
		size_t at = n;

		if (w->feed[i].readable_at > w->now)
			continue;
		while (at > 0 && w->feed[order[at - 1]].readable_at > w->feed[i].readable_at) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		n++;
	}
	for (first = 0; first < n && w->feed[order[first]].event.offset < t->from; first++)
		;
	t->n_events = 0;
	for (; first < n; first++) {
		size_t at = t->n_events++;

		for (; at > 0 && t->events[at - 1] > order[first]; at--)
			t->events[at] = t->events[at - 1];
		t->events[at] = order[first];
	}
	t->head = (int64_t)w->n_feed;
}

/* ---- trips ---- */

static void set_off(struct world *w, struct trip *t, int64_t longest)
{
	t->under_way = true;
	t->served = false;
	t->asked = ++w->moment;
	t->served_at = w->now + roll(w, longest);
	t->back_at = t->served_at + roll(w, longest);
}

static bool is_back(struct world *w, struct trip *t, bool events)
{
	if (!t->under_way)
		return false;
	if (!t->served && w->now >= t->served_at) {
		t->served = true;
		memcpy(t->seen, w->central, sizeof(t->seen));
		if (events)
			serve_events(w, t);
	}
	if (!t->served || w->now < t->back_at)
		return false;
	t->under_way = false;
	return true;
}

/* ---- the store ---- */

static void show(struct world *w, size_t i, struct state s)
{
	struct state was = w->running[i];

	if (w->filled && was.there && s.there &&
	    (s.life < was.life || (s.life == was.life && s.version < was.version)))
		w->wrong = "a product went back";
	if (w->filled && was.there && !s.there && w->central[i].there &&
	    w->central[i].life == was.life)
		w->wrong = "a living product was taken away";
	if (w->filled && !was.there && s.there && was.life > 0 && s.life <= was.life)
		w->wrong = "a life that had ended came back";
	if (!s.there)
		s.life = was.life;
	w->running[i] = s;
}

static void owe(struct world *w, size_t i)
{
	w->doubt[i].owed = 1;
	w->wanted[i] = ++w->moment;
}

static bool is_covered(const struct world *w, size_t i)
{
	return w->syncing && i < w->pages_done * (PRODUCTS / PAGES);
}

static enum doubt_trust trust_of(const struct world *w, const struct event *event, int64_t top)
{
	if (event->offset < w->position.ran_ahead || event->offset < top ||
	    (w->filled && w->detached))
		return DOUBT_TRUST_NO_YOUNG;
	return w->syncing || w->now - w->flipped_at < DOUBT_MS ? DOUBT_TRUST_NO_DELETE
	                                                       : DOUBT_TRUST_ALL;
}

static void take_event(struct world *w, const struct published *p, int64_t top)
{
	size_t i = p->product;
	struct doubt_product is = { w->running[i].there, w->running[i].version, false };
	struct stamp now = stamp_of(w);
	struct state gone = { false, p->state.life, 0 };

	w->touched[i] = true;
	switch (doubt_event(&is, &w->doubt[i], &p->event, trust_of(w, &p->event, top), &now)) {
	case DOUBT_PUT:
		show(w, i, p->state);
		if (is_covered(w, i) &&
		    (!w->coming[i].there || p->event.version > w->coming[i].version))
			w->coming[i] = p->state;
		break;
	case DOUBT_DELETE: show(w, i, gone); break;
	case DOUBT_ASK: owe(w, i); return;
	case DOUBT_STALE:
		if (is_covered(w, i) && p->event.kind == EVENT_UPDATED && w->coming[i].there &&
		    p->event.version > w->coming[i].version)
			owe(w, i);
		return;
	}
	w->changed[i] = ++w->moment;
}

static void take_answer(struct world *w, const struct trip *t)
{
	int64_t top = offsets_top(&w->position.offsets);

	for (size_t k = 0; k < t->n_events; k++) {
		const struct published *p = &w->feed[t->events[k]];

		if (offsets_has(&w->position.offsets, p->event.offset))
			continue;
		offsets_add(&w->position.offsets, p->event.offset);
		take_event(w, p, top);
	}
	if (t->n_events == 0 && t->head > w->position.head)
		w->position.head = t->head;
	hole_look(&w->hole, &w->position.offsets, w->position.head, mono_of(w));
}

static void settle(struct world *w, size_t i, const struct trip *t)
{
	struct doubt_product is = { w->running[i].there, w->running[i].version, false };
	struct doubt_product found = { t->seen[i].there, t->seen[i].version, false };
	bool again = w->wanted[i] > t->asked;
	struct stamp now = stamp_of(w);

	if (w->changed[i] >= t->asked)
		return;
	doubt_settled(&is, &w->doubt[i], &found,
	    is.there == found.there && is.version == found.version &&
		w->running[i].life == t->seen[i].life,
	    &now);
	show(w, i, t->seen[i]);
	if (is_covered(w, i))
		w->coming[i] = t->seen[i];
	w->touched[i] = true;
	w->doubt[i].owed = again;
}

static void look_up(struct world *w)
{
	struct stamp now = stamp_of(w);

	for (size_t i = 0; i < PRODUCTS; i++) {
		struct trip *t = &w->lookup[i];

		if (doubt_is_open(&w->doubt[i]) && doubt_left_ms(&w->doubt[i], &now) == 0 &&
		    !w->doubt[i].owed) {
			if (w->doubt[i].brief)
				memset(&w->doubt[i], 0, sizeof(w->doubt[i]));
			else
				owe(w, i);
		}
		if (is_back(w, t, false))
			settle(w, i, t);
		if (w->doubt[i].owed && !t->under_way && w->filled)
			set_off(w, t, 400);
	}
}

/* ---- writes ---- */

static void write(struct world *w)
{
	struct trip *t = &w->write;
	size_t i = w->write_product;
	struct state *s = &w->central[i];

	if (t->under_way && !t->served && w->now >= t->served_at) {
		w->write_answer.applied = s->there &&
		                          s->version == w->write_answer.requested_version;
		if (w->write_answer.applied) {
			s->version++;
			append(w, i, EVENT_UPDATED);
		}
		w->write_answer.new_version = s->there ? s->version : 0;
	}
	if (is_back(w, t, false)) {
		struct doubt_product is = { w->running[i].there, w->running[i].version, false };

		if (doubt_write(&is, &w->doubt[i], &w->write_answer) == DOUBT_WRITE_MERGE) {
			struct state merged = w->running[i];

			merged.version = w->write_answer.new_version;
			show(w, i, merged);
			if (is_covered(w, i) && w->coming[i].version < merged.version)
				w->coming[i] = merged;
			w->touched[i] = true;
			w->changed[i] = ++w->moment;
		} else {
			owe(w, i);
		}
	}
	if (!t->under_way && w->now < ACTIVE_MS && w->n_feed + 2 < EVENTS_MAX && roll(w, 3) == 0) {
		w->write_product = (size_t)roll(w, PRODUCTS);
		w->write_answer.requested_version = w->running[w->write_product].version;
		if (w->running[w->write_product].there)
			set_off(w, t, 300);
	}
}

/* ---- the full sync ---- */

static void begin_sync(struct world *w)
{
	w->syncing = true;
	w->pages_done = 0;
	w->head = (int64_t)w->n_feed;
	w->page.under_way = false;
	memset(w->touched, 0, sizeof(w->touched));
	w->detached = w->lost || !w->filled;
	if (w->detached) {
		position_begin(&w->position, w->head);
		w->poll.under_way = w->hole_trip.under_way = false;
		w->hole = (struct hole){ .there = false };
	}
}

static void take_page(struct world *w)
{
	size_t each = PRODUCTS / PAGES, from = w->pages_done * each;

	for (size_t i = from; i < from + each; i++) {
		w->coming[i] = w->page.seen[i];
		w->changed[i] = ++w->moment;
		if (!w->touched_before[i])
			continue;
		if (w->filled)
			w->coming[i] = w->running[i];
		owe(w, i);
	}
	w->pages_done++;
}

static void flip(struct world *w)
{
	for (size_t i = 0; i < PRODUCTS; i++) {
		bool owed = w->doubt[i].owed;

		/* What was noted before anybody could see it was never shown. */
		if (!w->filled)
			memset(&w->running[i], 0, sizeof(w->running[i]));
		show(w, i, w->coming[i]);
		doubt_overtaken(&w->doubt[i], w->coming[i].there);
		if (w->doubt[i].owed && !owed)
			owe(w, i);
	}
	offsets_skip_to(&w->position.offsets, w->head);
	w->position.ran_ahead = (int64_t)w->n_feed;
	hole_look(&w->hole, &w->position.offsets, w->position.head, mono_of(w));
	w->syncing = w->detached = w->lost = false;
	w->filled = true;
	w->flipped_at = w->now;
	w->next_sync = w->now + 20000 + roll(w, 100000);
}

static void sync(struct world *w)
{
	bool due = !w->filled || w->lost || (w->now >= w->next_sync && w->now < 2 * ACTIVE_MS);

	if (!w->syncing && due)
		begin_sync(w);
	if (!w->syncing)
		return;
	if (is_back(w, &w->page, false)) {
		memcpy(w->touched_before, w->touched, sizeof(w->touched));
		memset(w->touched, 0, sizeof(w->touched));
		take_page(w);
	}
	/* An offset that is handed out after the last page was asked for is handed out before the tail. */
	if (w->pages_done == PAGES && w->held_until == 0)
		flip(w);
	else if (w->pages_done < PAGES && !w->page.under_way)
		set_off(w, &w->page, 900);
}

/* ---- the feed ---- */

static void gap(struct world *w)
{
	int64_t missing = w->position.offsets.next;

	w->lost = true;
	if (w->syncing && missing < w->head)
		offsets_skip_to(&w->position.offsets, w->head);
	else if (w->syncing)
		w->syncing = false;
	w->hole = (struct hole){ .there = false };
}

static void follow(struct world *w)
{
	bool can = w->syncing || (w->filled && !w->lost);

	if (!can)
		return;
	if (is_back(w, &w->poll, true))
		take_answer(w, &w->poll);
	if (!w->poll.under_way) {
		w->poll.from = offsets_top(&w->position.offsets);
		set_off(w, &w->poll, 500);
	}
	if (is_back(w, &w->hole_trip, true)) {
		size_t n = w->hole_trip.n_events;

		take_answer(w, &w->hole_trip);
		if (hole_answered(&w->hole, &w->position.offsets, n,
			n ? (int64_t)w->hole_trip.events[n - 1] : -1, mono_of(w)) == HOLE_GAP)
			gap(w);
		else
			hole_look(&w->hole, &w->position.offsets, w->position.head, mono_of(w));
	} else if (!w->hole_trip.under_way && mono_reached(hole_due(&w->hole), mono_of(w))) {
		w->hole_trip.from = hole_ask(&w->hole, mono_of(w));
		set_off(w, &w->hole_trip, 500);
	}
}

/* ---- a history ---- */

static bool is_quiet(const struct world *w)
{
	for (size_t i = 0; i < PRODUCTS; i++)
		if (doubt_is_kept(&w->doubt[i]) || w->lookup[i].under_way)
			return false;
	return w->filled && !w->syncing && !w->hole.there && w->now > 2 * ACTIVE_MS;
}

static const char *run(unsigned seed)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *wrong;

	w->random = seed;
	w->loses = roll(w, 3) == 0;
	for (size_t i = 0; i < PRODUCTS; i++)
		if (roll(w, 2))
			w->central[i] = (struct state){ true, 1, 1 + roll(w, 5) };
	while (!w->wrong && w->now < END_MS && !is_quiet(w)) {
		bool active = w->now < ACTIVE_MS;

		w->now += active ? 1 + roll(w, 250) : 1 + roll(w, 900);
		if (active && roll(w, 3) > 0)
			change_central(w);
		hand_out_held(w);
		follow(w);
		look_up(w);
		write(w);
		sync(w);
	}
	for (size_t i = 0; i < PRODUCTS && !w->wrong; i++)
		if (w->running[i].there != w->central[i].there ||
		    (w->central[i].there && (w->running[i].version != w->central[i].version ||
						w->running[i].life != w->central[i].life)))
			w->wrong = "the store is not what Central is";
	if (!w->wrong && !is_quiet(w))
		w->wrong = "it never came to rest";
	wrong = w->wrong;
	position_free(&w->position);
	free(w);
	return wrong;
}

TEST(rules_history, the_store_becomes_what_central_is_and_never_goes_back)
{
	unsigned failed = 0;

	for (unsigned seed = 1; seed <= HISTORIES && failed < 5; seed++) {
		const char *wrong = run(seed);

		if (!wrong)
			continue;
		failed++;
		printf("history %u: %s\n", seed, wrong);
	}
	CU_ASSERT_EQUAL(failed, 0);
}
