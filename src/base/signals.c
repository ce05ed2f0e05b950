#include "base/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };

static void handled_set(sigset_t *set)
{
	sigemptyset(set);
	for (unsigned i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaddset(set, handled[i]);
}

enum st_err signals_open(int *fd)
{
	sigset_t set;
	int got;

	handled_set(&set);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return st_err_from_errno(errno);
	got = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (got < 0)
		return st_err_from_errno(errno);
	*fd = got;
	return ST_OK;
}

int signals_next(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}
