/*
 * base/notify.h: what a service manager is told, and how often it wants a sign
 * of life: the datagrams of sd_notify(3), at the socket that NOTIFY_SOCKET
 * names.  Without that variable all of this does nothing.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdint.h>

/*
 * One or more lines KEY=value (READY=1, STATUS=…, WATCHDOG=1, …).  What can't
 * be sent at once is dropped: nobody here waits for the service manager.
 */
void notify_send(const char *lines);

/*
 * How often WATCHDOG=1 is wanted, in milliseconds: half of what WATCHDOG_USEC
 * allows, so that one may come late.  0: never, or not from this process.
 */
int64_t notify_watchdog_ms(void);

#endif
