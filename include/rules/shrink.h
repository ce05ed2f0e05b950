/*
 * rules/shrink.h: when a catalogue that shrank is believed.
 *
 * An empty or much smaller list is what a Central in trouble answers too.  It
 * takes the place of the cache only when a second full sync, a complete
 * reading of its own, finds the same.
 */
#ifndef RULES_SHRINK_H
#define RULES_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

struct shrink {
	bool struck;    /* the last full sync was not believed, */
	uint64_t found; /* since it found only so many products */
};

/*
 * before: products in the cache, found: in the new list, percent: the share
 * that may go at once (FULL_SYNC_MAX_DROP_PERCENT).  True: believe it.  False:
 * read it a second time.
 */
bool shrink_believes(struct shrink *s, uint64_t before, uint64_t found, unsigned percent);

#endif
