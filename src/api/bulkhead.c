#include "api/bulkhead.h"

static unsigned share(unsigned n, unsigned divisor)
{
	return n / divisor > 0 ? n / divisor : 1;
}

void bulkhead_init(struct bulkhead *b, unsigned threads)
{
	b->most = share(threads, 2);
	b->most_forces = share(b->most, 4);
	atomic_init(&b->held, 0);
	atomic_init(&b->forces, 0);
}

/* Not by adding first and looking then: that would turn others away for a moment. */
static bool take(atomic_uint *held, unsigned most)
{
	unsigned n = atomic_load(held);

	while (n < most)
		if (atomic_compare_exchange_weak(held, &n, n + 1))
			return true;
	return false;
}

bool bulkhead_enter(struct bulkhead *b, enum bulkhead_place place)
{
	if (place == BULKHEAD_FORCE && !take(&b->forces, b->most_forces))
		return false;
	if (take(&b->held, b->most))
		return true;
	if (place == BULKHEAD_FORCE)
		atomic_fetch_sub(&b->forces, 1);
	return false;
}

void bulkhead_leave(struct bulkhead *b, enum bulkhead_place place)
{
	atomic_fetch_sub(&b->held, 1);
	if (place == BULKHEAD_FORCE)
		atomic_fetch_sub(&b->forces, 1);
}
