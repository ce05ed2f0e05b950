/*
 * health/range.h: thresholds as monitoring plugins take them.
 *
 *   [@]start:end      an alert outside of start to end; with @ inside of it
 *   10                outside of 0 to 10       10:      below 10
 *   ~:10              above 10                 @10:20   from 10 to 20
 *
 * Both ends belong to the range; start is 0 where it is left out, end is
 * infinity.  Source: Monitoring Plugins Development Guidelines, "Threshold and
 * ranges".
 */
#ifndef HEALTH_RANGE_H
#define HEALTH_RANGE_H

#include <stdbool.h>

#include "base/err.h"

#define RANGE_TEXT_SIZE 48

struct range {
	double start, end;          /* start <= end; either may be infinite */
	bool inside;                /* alert inside instead of outside */
	char text[RANGE_TEXT_SIZE]; /* as it was written; fit for perfdata as it is */
};

/*
 * Numbers are digits with an optional minus and an optional fraction.
 * ST_INVALID: it is no range, or its start lies above its end; ST_TOO_BIG: the
 * text has RANGE_TEXT_SIZE bytes or more.
 */
enum st_err range_read(const char *text, struct range *out);

bool range_alerts(const struct range *r, double value);

#endif
