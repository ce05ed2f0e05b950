#include "base/mutant.h"

#ifdef TEST_HOOKS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

bool mutant(const char *name)
{
	const char *chosen = getenv("STORE_API_MUTANT");

	return chosen && strcmp(chosen, name) == 0;
}

void mutant_dies(const char *name)
{
	if (mutant(name))
		raise(SIGKILL);
}
#else
/* A translation unit must hold a declaration. */
typedef int mutant_unused;
#endif
