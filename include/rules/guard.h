/*
 * rules/guard.h: what an event does to a cached product.
 *
 * An update or create is applied when it is newer than what is cached: events
 * can come twice, and a full sync may have brought a later state already.
 * Events are no sequence of versions, so a jump is no error.  A delete carries
 * the last version + 1, so it is newer than the product that it ends; one that
 * isn't newer belongs to an earlier life of that product.
 */
#ifndef RULES_GUARD_H
#define RULES_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"

enum guard_decision { GUARD_PUT, GUARD_DELETE, GUARD_STALE };

/* cached_version: of the product that is there; -1 if there is none.  Not for EVENT_UNUSABLE. */
enum guard_decision guard_event(int64_t cached_version, const struct event *e);

#endif
