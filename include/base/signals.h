/*
 * base/signals.h: signals as a descriptor to poll.
 *
 * Both long-running programs block the signals that they handle, in every
 * thread, and read them from one signalfd in their loop.
 */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include "base/err.h"

/*
 * Ignore SIGPIPE; block SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGCHLD; the
 * descriptor (non-blocking, close-on-exec) reports them.  The caller closes it.
 */
enum st_err signals_open(int *fd);

/* The next signal that waits, or 0. */
int signals_next(int fd);

#endif
