#include "rules/backoff.h"

static int64_t between(int64_t low, int64_t high, uint32_t random)
{
	return low + (int64_t)((uint64_t)(high - low) * random >> 32);
}

int64_t backoff_ms(unsigned failures, int64_t asked_ms, uint32_t random)
{
	int64_t ceiling = BACKOFF_FIRST_MS;

	for (unsigned i = 1; i < failures && ceiling < BACKOFF_MAX_MS; i++)
		ceiling *= 2;
	if (ceiling > BACKOFF_MAX_MS)
		ceiling = BACKOFF_MAX_MS;
	if (asked_ms > 0)
		return asked_ms + between(0, BACKOFF_FIRST_MS, random);
	return between(ceiling / 10, ceiling, random);
}
