#include "exposition.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fail(struct exposition *e, const char *line, const char *what)
{
	snprintf(e->error, sizeof(e->error), "%s: %.200s", what, line);
	return false;
}

static size_t name_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == ':')
		n++;
	return n > 0 && !isdigit((unsigned char)s[0]) ? n : 0;
}

/* "# HELP name text": opens a family. */
static bool read_help(struct exposition *e, const char *line)
{
	size_t n = name_length(line + 7);

	if (n == 0 || n >= sizeof(e->family) || line[7 + n] != ' ' || !line[8 + n])
		return fail(e, line, "bad HELP");
	snprintf(e->family, sizeof(e->family), "%.*s", (int)n, line + 7);
	for (size_t i = 0; i < e->n_families; i++)
		if (strcmp(e->families[i], e->family) == 0)
			return fail(e, line, "a family twice");
	if (e->n_families == sizeof(e->families) / sizeof(e->families[0]))
		return fail(e, line, "too many families");
	strcpy(e->families[e->n_families++], e->family);
	e->type[0] = '\0';
	return true;
}

/* "# TYPE name type": right behind its HELP. */
static bool read_type(struct exposition *e, const char *line)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	size_t n = name_length(line + 7);

	if (n == 0 || n != strlen(e->family) || strncmp(line + 7, e->family, n) != 0 ||
	    line[7 + n] != ' ' || e->type[0])
		return fail(e, line, "TYPE without its HELP");
	for (size_t i = 0; i < 3; i++)
		if (strcmp(line + 8 + n, types[i]) == 0)
			strcpy(e->type, types[i]);
	return e->type[0] ? true : fail(e, line, "unknown TYPE");
}

/* Behind "{": name="value",… up to and with "}"; escapes are \\, \" and \n only. */
static const char *skip_labels(const char *s)
{
	for (;;) {
		size_t n = name_length(s);

		if (n == 0 || s[n] != '=' || s[n + 1] != '"')
			return NULL;
		for (s += n + 2; *s != '"'; s++) {
			if (*s == '\\' && *++s != '\\' && *s != '"' && *s != 'n')
				return NULL;
			if (!*s)
				return NULL;
		}
		if (s[1] == '}')
			return s + 2;
		if (s[1] != ',')
			return NULL;
		s += 2;
	}
}

static bool belongs(const struct exposition *e, const char *name, size_t n)
{
	static const char *const suffixes[] = { "_bucket", "_sum", "_count" };
	size_t family = strlen(e->family);

	if (n < family || strncmp(name, e->family, family) != 0)
		return false;
	if (strcmp(e->type, "histogram") != 0)
		return n == family;
	for (size_t i = 0; i < 3; i++)
		if (n - family == strlen(suffixes[i]) &&
		    strncmp(name + family, suffixes[i], n - family) == 0)
			return true;
	return false;
}

static bool add_series(struct exposition *e, const char *line, size_t key_len, double value)
{
	struct series *s = &e->series[e->n];

	if (e->n == SERIES_MAX || key_len >= sizeof(s->key))
		return fail(e, line, "too many series, or too long");
	snprintf(s->key, sizeof(s->key), "%.*s", (int)key_len, line);
	s->value = value;
	if (exposition_has(e, s->key))
		return fail(e, line, "a series twice");
	e->n++;
	return true;
}

static bool read_sample(struct exposition *e, const char *line)
{
	size_t name = name_length(line);
	const char *at = line + name;
	double value;
	char *end;

	if (name == 0)
		return fail(e, line, "no name");
	if (!e->type[0] || !belongs(e, line, name))
		return fail(e, line, "not of the open family");
	if (*at == '{' && !(at = skip_labels(at + 1)))
		return fail(e, line, "bad labels");
	if (*at != ' ')
		return fail(e, line, "no value");
	value = strtod(at + 1, &end);
	if (end == at + 1 || *end || isspace((unsigned char)at[1]))
		return fail(e, line, "bad value");
	if (strcmp(e->type, "gauge") != 0 && !(value >= 0))
		return fail(e, line, "a counter below 0");
	return add_series(e, line, (size_t)(at - line), value);
}

/* Buckets of one histogram stand together, grow, and +Inf is the count. */
static bool check_buckets(struct exposition *e)
{
	double bound = -1, value = -1;

	for (size_t i = 0; i < e->n; i++) {
		const char *le = strstr(e->series[i].key, ",le=\"");
		char count[256];
		double b;

		if (!le)
			continue;
		b = strtod(le + 5, NULL);
		if (b <= bound || e->series[i].value < value)
			return fail(e, e->series[i].key, "buckets out of order");
		bound = b;
		value = e->series[i].value;
		if (!isinf(b))
			continue;
		snprintf(count, sizeof(count), "%.*s_count%.*s}",
		    (int)(strstr(e->series[i].key, "_bucket{") - e->series[i].key),
		    e->series[i].key, (int)(le - strchr(e->series[i].key, '{')),
		    strchr(e->series[i].key, '{'));
		if (exposition_value(e, count) != value)
			return fail(e, count, "+Inf is not the count");
		bound = value = -1;
	}
	return bound < 0 ? true : fail(e, "", "a histogram without +Inf");
}

bool exposition_read(const char *text, struct exposition *e)
{
	memset(e, 0, sizeof(*e));
	while (*text) {
		const char *end = strchr(text, '\n');
		char line[512];
		bool ok;

		if (!end || (size_t)(end - text) >= sizeof(line))
			return fail(e, text, "no end of line");
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		if (strncmp(line, "# HELP ", 7) == 0)
			ok = read_help(e, line);
		else if (strncmp(line, "# TYPE ", 7) == 0)
			ok = read_type(e, line);
		else
			ok = read_sample(e, line);
		if (!ok)
			return false;
		text = end + 1;
	}
	return check_buckets(e);
}

double exposition_value(const struct exposition *e, const char *key)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->series[i].key, key) == 0)
			return e->series[i].value;
	return NAN;
}

bool exposition_has(const struct exposition *e, const char *key)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->series[i].key, key) == 0)
			return true;
	return false;
}

size_t exposition_count(const struct exposition *e, const char *beginning)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += strncmp(e->series[i].key, beginning, strlen(beginning)) == 0;
	return n;
}
