#include "rules/shrink.h"

#include "base/mutant.h"

/* Two readings of a large list, some time apart, may differ by what was changed in between. */
static bool same(uint64_t a, uint64_t b)
{
	uint64_t more = a > b ? a : b, less = a > b ? b : a;

	return more - less <= more / 100;
}

bool shrink_believes(struct shrink *s, uint64_t before, uint64_t found, unsigned percent)
{
	bool struck = s->struck;
	uint64_t dropped = before > found ? before - found : 0;

	s->struck = false;
	if (dropped * 100 <= before * percent || mutant("no-shrink-guard"))
		return true;
	if (struck && same(s->found, found))
		return true;
	s->struck = true;
	s->found = found;
	return false;
}
