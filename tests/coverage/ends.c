/*
 * ends.c: in programs that count which lines are run (make coverage).  Counters
 * are written by exit() alone; so the linker puts these before _exit() and
 * raise() everywhere (--wrap), and a signal that nobody handles does it too.
 * What is killed by SIGKILL, or crashes without a handler of its own, stays
 * uncounted.
 */
#include <signal.h>
#include <unistd.h>

void __gcov_dump(void);
void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));
int __real_raise(int number);
int __wrap_raise(int number);

static const int ending[] = { SIGHUP, SIGINT, SIGTERM };

void __wrap__exit(int code)
{
	__gcov_dump();
	__real__exit(code);
}

int __wrap_raise(int number)
{
	__gcov_dump();
	return __real_raise(number);
}

static void end(int number)
{
	__gcov_dump();
	signal(number, SIG_DFL);
	__real_raise(number);
}

__attribute__((constructor)) static void handle_ends(void)
{
	struct sigaction now, handled = { .sa_handler = end };

	for (unsigned i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			sigaction(ending[i], &handled, NULL);
}
