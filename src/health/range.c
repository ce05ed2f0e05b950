#include "health/range.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

/* A number at *at, which then stands behind it. */
static bool read_number(const char **at, double *out)
{
	const char *start = *at + (**at == '-'), *end = start + strspn(start, DIGITS);

	if (end == start)
		return false;
	if (*end == '.') {
		size_t fraction = strspn(end + 1, DIGITS);

		if (fraction == 0)
			return false;
		end += 1 + fraction;
	}
	*out = strtod(*at, NULL);
	*at = end;
	return true;
}

/* What stands before the colon; *at then stands behind the colon. */
static bool read_start(const char **at, double *out)
{
	if (**at == '~') {
		*out = -INFINITY;
		++*at;
	} else if (**at != ':' && !read_number(at, out)) {
		return false;
	}
	return *(*at)++ == ':';
}

enum st_err range_read(const char *text, struct range *out)
{
	struct range r = { .start = 0, .end = INFINITY, .inside = text[0] == '@' };
	const char *at = text + r.inside;
	bool has_start = strchr(at, ':') != NULL;
	size_t len = strlen(text);

	if (len >= sizeof(r.text))
		return ST_TOO_BIG;
	if (has_start && !read_start(&at, &r.start))
		return ST_INVALID;
	/* Only behind a colon may the end be left out. */
	if (!(has_start && *at == '\0') && !read_number(&at, &r.end))
		return ST_INVALID;
	if (*at != '\0' || r.start > r.end)
		return ST_INVALID;
	memcpy(r.text, text, len);
	*out = r;
	return ST_OK;
}

bool range_alerts(const struct range *r, double value)
{
	return (value >= r->start && value <= r->end) == r->inside;
}
