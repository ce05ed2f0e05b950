/*
 * tool/check.h: `store-syncd --check`, a one-shot for cron, Nagios, Icinga and
 * systemd timers.  What is said of which state stands in store-syncd(8).
 */
#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

#include <stdbool.h>

/* True if the arguments ask for the check, in whatever place. */
bool check_wanted(int argc, char **argv);

/*
 * The whole check: settings, the daemon's answer, the store, a line on stdout.
 * Returns the exit code of a monitoring plugin, 0 to 3; where time runs out or
 * the store can't even be looked at, it ends the process with such a line and
 * code itself.
 */
int check_main(int argc, char **argv);

#endif
