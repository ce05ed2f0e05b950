#include "bench/samples.h"

#include <stdio.h>
#include <stdlib.h>

#define SAMPLES_MAX 1000000

static double samples[SAMPLES_MAX];
static size_t count;

double ms_since(struct mono start)
{
	return (double)(mono_now().us - start.us) / 1000;
}

void samples_add(double ms)
{
	if (count < SAMPLES_MAX)
		samples[count++] = ms;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void samples_print(const char *prefix)
{
	printf("%srequests %zu\n", prefix, count);
	if (count > 0) {
		qsort(samples, count, sizeof(samples[0]), by_value);
		printf("%smedian_ms %.3f\n%sp99_ms %.3f\n%sworst_ms %.3f\n", prefix,
		    samples[count / 2], prefix, samples[count * 99 / 100], prefix,
		    samples[count - 1]);
	}
	fflush(stdout);
	count = 0;
}
