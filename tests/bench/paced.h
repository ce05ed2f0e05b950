/*
 * paced.h: an open-loop client.  Each request has a moment at which it is due,
 * whatever became of those before it, and its wait counts from then: so a server
 * that stands still for a second shows in all requests of that second, and not in
 * one for each connection (coordinated omission).
 */
#ifndef BENCH_PACED_H
#define BENCH_PACED_H

/*
 * WEB PRODUCTS PER_SECOND CONNECTIONS: GETs of one product each, until SIGTERM.
 * Beside the waits it prints
 *
 *   failed   answers that weren't 200, and those that never came
 *   late     sent more than a millisecond after they were due, since all
 *            connections were busy; that time is in their wait
 *   unsent   due and still not sent at the end; these are in no wait
 */
int paced(char **argv);

#endif
