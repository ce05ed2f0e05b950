/*
 * intruder hold|hold-readers|fill-readers|set-back|cut LOCK_FILE: a responder that was taken over.  Says
 * `done`; who holds then stays until it is killed.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/intruder.h"

static const struct {
	const char *name;
	bool (*act)(const char *lock_file);
	bool stays;
} deeds[] = {
	{ "hold", intruder_hold, true },
	{ "hold-readers", intruder_hold_readers, true },
	{ "fill-readers", intruder_fill_readers, true },
	{ "set-back", intruder_set_back, false },
	{ "cut", intruder_cut, false },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (strcmp(argv[1], deeds[i].name) != 0)
			continue;
		if (!deeds[i].act(argv[2])) {
			perror(argv[2]);
			return 1;
		}
		puts("done");
		fflush(stdout);
		while (deeds[i].stays)
			pause();
		return 0;
	}
	fputs("usage: intruder hold|set-back|cut LOCK_FILE\n", stderr);
	return 2;
}
