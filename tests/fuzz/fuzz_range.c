/*
 * Thresholds as monitoring plugins take them.
 *
 * A valid one keeps its text, which reads the same; both its ends belong to it,
 * and an `@` in front turns every alert round.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "health/range.h"

static void check_alerts(const struct range *r, const struct range *turned)
{
	const double values[] = { r->start, r->end, 0, -1, 10, 1e300, -1e300, INFINITY, -INFINITY };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		bool within = values[i] >= r->start && values[i] <= r->end;

		HOLDS(range_alerts(r, values[i]) == (within == r->inside));
		HOLDS(range_alerts(turned, values[i]) != range_alerts(r, values[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[128], other[sizeof(text) + 1];
	struct range r, again, turned;

	if (size >= sizeof(text) - 1 || memchr(data, 0, size))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (range_read(text, &r))
		return 0;
	HOLDS(strcmp(r.text, text) == 0 && strspn(text, "@~:-.0123456789") == size);
	HOLDS(r.start <= r.end && r.inside == (text[0] == '@'));
	HOLDS(range_read(r.text, &again) == ST_OK);
	HOLDS(again.start == r.start && again.end == r.end && again.inside == r.inside);
	snprintf(other, sizeof(other), "%s%s", r.inside ? "" : "@", r.inside ? text + 1 : text);
	if (strlen(other) < RANGE_TEXT_SIZE) {
		HOLDS(range_read(other, &turned) == ST_OK);
		check_alerts(&r, &turned);
	}
	return 0;
}
