/*
 * tool/order.h: orders to the daemon that take their time: verify and restore.
 */
#ifndef TOOL_ORDER_H
#define TOOL_ORDER_H

#include "control/client.h"
#include "tool/command.h"
#include "tool/progress.h"

/* How far it is, shown as the daemon tells it. */
struct order {
	struct progress progress;
	bool quiet; /* nothing is shown */
	bool begun;
	enum control_phase phase; /* of what is shown */
};

/* For a listener. */
void order_progress(struct order *o, const struct control_progress *p);

/* What is said next stands in a line of its own. */
void order_pause(struct order *o);

/* Its failure in one line on stderr; the exit code.  report: of an exchange that was ST_OK. */
int order_failed(const struct tool *t, enum st_err err, const struct control_report *report);

#endif
