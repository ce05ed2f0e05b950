/*
 * base/mutant.h: deliberate faults, to see the tests catch them.
 *
 * A build with TEST_HOOKS=1 reads one name from STORE_API_MUTANT; where the
 * code asks for that name it then does the wrong thing.  The names are listed
 * in tests/property/mutants.txt.  In all other builds this is `false` and the
 * faults are not compiled in.
 */
#ifndef BASE_MUTANT_H
#define BASE_MUTANT_H

#include <stdbool.h>

#ifdef TEST_HOOKS
bool mutant(const char *name);
/* Of that name: the program is gone, as by kill -9. */
void mutant_dies(const char *name);
#else
#define mutant(name) false
#define mutant_dies(name)
#endif

#endif
