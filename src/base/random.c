#include "base/random.h"

#include <sys/random.h>

#include "base/clock.h"

uint32_t random_bits(void)
{
	uint32_t bits;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
		bits = (uint32_t)mono_now().us * UINT32_C(2654435761);
	return bits;
}
