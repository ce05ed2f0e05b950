#include "rules/breaker.h"

#include <limits.h>

unsigned breaker_count(unsigned failures, enum failure_class c)
{
	if (c == FAILURE_RATE_LIMITED || c == FAILURE_STORAGE || failures == UINT_MAX)
		return failures;
	return failures + 1;
}

unsigned breaker_count_write(unsigned failures, enum failure_class c)
{
	return c == FAILURE_CONNECT || c == FAILURE_TIMEOUT ? breaker_count(failures, c) : failures;
}

bool breaker_is_open(unsigned failures, unsigned threshold)
{
	return failures >= threshold;
}

enum sync_state breaker_state(unsigned failures, unsigned threshold)
{
	return breaker_is_open(failures, threshold) ? SYNC_FALLBACK : SYNC_RETRYING;
}
