/*
 * rules/doubt.h: what an event, a look-up or an answered write does to a
 * product.  Pure decisions; who calls them carries them out.
 *
 * Ordinary updates are decided by version: newer than what is cached is put,
 * all else is stale.  Events are no sequence of versions: a jump is no error.
 * One of a product that isn't cached is settled by asking Central.
 *
 * Versions begin at 1 again when a product is deleted and created anew, and
 * its events can come in any order.  Neither "a delete carries the cached
 * version + 1" nor "the newest version wins" tells two lives apart: one takes a
 * living product away, the other freezes a dead one's state.  So a create or a
 * delete puts its product in doubt for DOUBT_MS, longer than Central remembers
 * the keys of writes:
 *
 *                  create, product not there            put at once
 *   no doubt ──────create, product there ───▶ in doubt  ask Central
 *                  delete of cached version + 1         delete at once (if believed)
 *                  any other delete                     ask Central
 *
 *   in doubt:      create, delete                       ask Central
 *                  update, before any sign of a delete  by version; ask while it is new
 *                  update, after one                    ask; stale at or below the tombstone
 *   end of doubt:                                       ask Central once more
 *
 * A look-up runs ahead of the feed: what it finds can be a life of which no
 * event has come yet, and late events of the life before would undo it.  So a
 * state that only a look-up has told of is in doubt as well, for DOUBT_BRIEF_MS,
 * which is longer than events are late (its time stands still while the feed
 * can't be read); unless its version is so high that a
 * new life can't have got there unseen.  The pages of a full sync run ahead in the
 * same way, of all events whose offset was handed out before its last page; and
 * an event that fills a hole was overtaken by others, maybe of the next life.
 *
 * Asking means: what Central answers for that one product replaces what is
 * cached, whatever its version.  An answer is as new as its question; so where
 * the product changed in between, the question is asked again.  While only
 * look-ups may change a product, nothing else can come in between.
 */
#ifndef RULES_DOUBT_H
#define RULES_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/doubt.h"
#include "model/event.h"

#define DOUBT_MS       150000
#define DOUBT_BRIEF_MS 10000
#define DOUBT_YOUNG    32 /* a version that a new life may have reached unseen */

/* The product as it is cached. */
struct doubt_product {
	bool there;
	int64_t version;
	bool partial; /* a write's numbers over the name and price of before */
};

enum doubt_action {
	DOUBT_PUT,    /* the event's product */
	DOUBT_DELETE, /* the cached product */
	DOUBT_STALE,  /* nothing: it is older than what is known */
	DOUBT_ASK,    /* nothing yet: a look-up is owed (d->owed is set) */
};

/* What can be believed of events, since a page can be newer than they are. */
enum doubt_trust {
	DOUBT_TRUST_ALL,
	DOUBT_TRUST_NO_DELETE, /* a full sync runs, or has ended within DOUBT_MS */
	DOUBT_TRUST_NO_YOUNG,  /* a list or later events ran ahead of it, or some are missing */
};

/*
 * d: all zero where nothing is known; changed, and to be kept if doubt_is_kept().
 */
enum doubt_action doubt_event(const struct doubt_product *p, struct doubt *d, const struct event *e,
    enum doubt_trust trust, const struct stamp *now);

/*
 * A look-up's answer, which replaces what is cached.  p: that, found: the
 * answer; same: they are equal in all.  Ends a doubt whose time is over.
 */
void doubt_settled(const struct doubt_product *p, struct doubt *d,
    const struct doubt_product *found, bool same, const struct stamp *now);

/*
 * A full sync's page took the place of what is cached.  Where it holds a product
 * that was held for gone, events of its new life may have been dropped as stale.
 */
void doubt_overtaken(struct doubt *d, bool there);

/* Milliseconds until the doubt ends: 0 if there is none or it is over. */
int64_t doubt_left_ms(const struct doubt *d, const struct stamp *now);

bool doubt_is_open(const struct doubt *d);

/* False: it says nothing, forget it. */
bool doubt_is_kept(const struct doubt *d);

/* An answered write, applied or refused for its version. */
struct doubt_write {
	bool applied;
	int64_t requested_version, new_version; /* new_version 0: none was named */
	bool shown; /* readers see just these numbers already: the event was faster */
};

enum doubt_write_action {
	DOUBT_WRITE_MERGE, /* quantity and version into the cached product */
	DOUBT_WRITE_ASK,   /* look the product up before the client is answered */
	DOUBT_WRITE_NONE,  /* nothing: a full product shows them */
};

/*
 * A write answer is no product: it has no name and no price.  It is merged
 * only if it was applied to exactly the cached version, led to the next one,
 * and the product isn't in doubt.  Where a full product that isn't in doubt has
 * this version, quantity and time already, there is nothing left to do.
 */
enum doubt_write_action doubt_write(
    const struct doubt_product *p, const struct doubt *d, const struct doubt_write *w);

#endif
