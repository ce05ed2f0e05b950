#include "central/central.h"

#include <stdio.h>
#include <time.h>

static int64_t scale = 1, began_ms;

static int64_t real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clock_scale(unsigned times)
{
	scale = times;
	began_ms = real_ms();
}

int64_t clock_ms(void)
{
	return began_ms + (real_ms() - began_ms) * scale;
}

int64_t clock_real(int64_t scaled_ms)
{
	return (scaled_ms + scale - 1) / scale;
}

void clock_http_date(char out[40])
{
	time_t now = (time_t)(clock_ms() / 1000);
	struct tm tm;

	gmtime_r(&now, &tm);
	if (strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		out[0] = '\0';
}

void clock_rfc3339(char out[32])
{
	time_t now = (time_t)(clock_ms() / 1000);
	struct tm tm;

	gmtime_r(&now, &tm);
	if (strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, 32, "1970-01-01T00:00:00Z");
}
