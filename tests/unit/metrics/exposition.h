/*
 * exposition.h: a strict reader of the Prometheus text format, as far as this
 * project writes it: HELP and TYPE once and together in front of a family's
 * samples, no series twice, histograms cumulative and closed by +Inf.
 */
#ifndef METRICS_EXPOSITION_H
#define METRICS_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>

#define SERIES_MAX 2048

struct exposition {
	struct series {
		char key[192]; /* name{labels} as it stands */
		double value;
	} series[SERIES_MAX];
	size_t n;
	char family[96]; /* the one that is open, and its type */
	char type[16];
	char families[64][96];
	size_t n_families;
	char error[320]; /* "" where all is well */
};

/* False with error filled, which names the line. */
bool exposition_read(const char *text, struct exposition *out);

/* The value of a series, NaN where there is none. */
double exposition_value(const struct exposition *e, const char *key);
bool exposition_has(const struct exposition *e, const char *key);

/* The series whose key begins like this. */
size_t exposition_count(const struct exposition *e, const char *beginning);

#endif
