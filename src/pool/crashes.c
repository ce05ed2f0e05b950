#include "pool/crashes.h"

#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

/* Of these the program dies by itself; others come from outside. */
static bool is_crash(int status)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		if (WIFSIGNALED(status) && WTERMSIG(status) == crashes[i])
			return true;
	return false;
}

bool crashes_add(struct crashes *c, int status, struct mono now)
{
	struct mono first;

	if (!is_crash(status))
		return false;
	c->at[c->n % CRASHES_MANY] = now;
	c->n++;
	if (c->n < CRASHES_MANY)
		return false;
	first = c->at[c->n % CRASHES_MANY];
	if (mono_ms_between(first, now) > CRASHES_WITHIN_MS)
		return false;
	c->n = 0;
	return true;
}
