/*
 * config/load.c: files, then the environment, then what is left by default.
 *
 * A value is checked where it stands, also when a later source overrides it.
 * For each setting the last source that names it is kept, then all are set.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "config/settings.h"

#define SETTINGS_MAX 64
#define FILE_SUFFIX  "_FILE"

/* What a source says of one setting. */
struct choice {
	char *value;     /* NULL: nothing */
	bool from_file;  /* the value came out of NAME_FILE */
	unsigned source; /* number of the source */
};

struct load {
	enum config_program program;
	struct config *scratch; /* where values are tried */
	struct choice choices[SETTINGS_MAX];
	unsigned source; /* the one that is being read */
	struct buf *mistakes, *warnings;
};

static void say_place(struct buf *out, const struct config_line *line)
{
	if (line->number > 0)
		buf_addf(out, "%s:%u: ", line->file, line->number);
	else
		buf_addf(out, "%s: ", line->file);
}

/* A user and password before a host's name aren't for every eye. */
static void say_value(struct buf *out, const struct setting *s, const char *value)
{
	const char *slashes = strstr(value, "//"), *begin = slashes ? slashes + 2 : value;
	const char *at = s->set == set_url ? strrchr(value, '@') : NULL;

	if (s->secret)
		buf_adds(out, "***");
	else if (at && at >= begin)
		buf_addf(out, "%.*s***%s", (int)(begin - value), value, at);
	else
		buf_adds(out, value);
}

static void say_mistake(
    struct load *l, const struct config_line *line, const struct setting *s, const char *value)
{
	say_place(l->mistakes, line);
	buf_addf(l->mistakes, "%s=", s->name);
	say_value(l->mistakes, s, value);
	buf_addf(l->mistakes, ": allowed: %s\n", s->allowed);
}

static bool is_unwise(const struct setting *s, const struct config *c, int64_t *value)
{
	if (s->wise_max == 0)
		return false;
	memcpy(value, (const char *)c + s->offset, sizeof(*value));
	/* 0 means "at once" or "never": it is a choice, not a slip. */
	return *value != 0 && (*value < s->wise_min || *value > s->wise_max);
}

/* A good value of this source, owned by the choice from now on. */
static void choose(struct load *l, const struct config_line *line, const struct setting *s,
    char *value, bool from_file)
{
	struct choice *c = &l->choices[s - settings];

	if (c->value && c->source == l->source && c->from_file != from_file) {
		say_place(l->mistakes, line);
		buf_addf(l->mistakes, "%s and %s" FILE_SUFFIX ": allowed: one of the two\n",
		    s->name, s->name);
	} else if (c->value && c->source == l->source && line->number > 0) {
		say_place(l->warnings, line);
		buf_addf(l->warnings, "%s stands twice; this line counts\n", s->name);
	}
	if (c->value)
		explicit_bzero(c->value, strlen(c->value));
	free(c->value);
	*c = (struct choice){ value, from_file, l->source };
}

static void take_value(struct load *l, const struct config_line *line, const struct setting *s,
    const char *value, bool from_file)
{
	bool empty = value[0] == '\0';
	int64_t number;
	char *copy;

	if (!(s->users & l->program))
		return;
	if ((empty && !s->may_be_empty) || !s->set(s, value, l->scratch)) {
		say_mistake(l, line, s, value);
		return;
	}
	if (is_unwise(s, l->scratch, &number)) {
		say_place(l->warnings, line);
		buf_addf(l->warnings, "%s=%s is outside the recommended %lld to %lld\n", s->name,
		    value, (long long)s->wise_min, (long long)s->wise_max);
	}
	copy = strdup(value);
	if (copy)
		choose(l, line, s, copy, from_file);
}

/* NAME_FILE: the first line of that file is the value. */
static void take_secret_file(
    struct load *l, const struct config_line *line, const struct setting *s, const char *path)
{
	struct buf text;
	enum st_err err;

	if (!(s->users & l->program))
		return;
	buf_init(&text, 1024 * 1024);
	err = io_read_file(path, &text);
	if (err || text.len == 0 || strcspn(text.data, "\r\n") == 0) {
		say_place(l->mistakes, line);
		buf_addf(l->mistakes,
		    "%s" FILE_SUFFIX "=%s: %s; allowed: a file whose first line is %s\n", s->name,
		    path, err ? st_err_text(err) : "its first line is empty", s->allowed);
	} else {
		text.data[strcspn(text.data, "\r\n")] = '\0';
		take_value(l, line, s, text.data, true);
	}
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_free(&text);
}

/* The secret whose NAME_FILE this is, or NULL. */
static const struct setting *find_secret_file(const char *key, size_t len)
{
	size_t suffix = strlen(FILE_SUFFIX);
	const struct setting *s;

	if (len <= suffix || strncmp(key + len - suffix, FILE_SUFFIX, suffix) != 0)
		return NULL;
	s = setting_find(key, len - suffix);
	return s && s->secret ? s : NULL;
}

/* True if the key is one of ours. */
static bool take_line(struct load *l, const struct config_line *line)
{
	size_t len = strlen(line->key);
	const struct setting *s = setting_find(line->key, len);

	if (s) {
		take_value(l, line, s, line->value, false);
		return true;
	}
	s = find_secret_file(line->key, len);
	if (s)
		take_secret_file(l, line, s, line->value);
	return s != NULL;
}

static void take_file_line(void *arg, const struct config_line *line)
{
	struct load *l = arg;
	const char *nearest;

	if (line->mistake) {
		say_place(l->mistakes, line);
		buf_addf(l->mistakes, "%s%s%s; allowed: KEY=value, # comment, empty line\n",
		    line->key ? line->key : "", line->key ? ": " : "", line->mistake);
		return;
	}
	if (take_line(l, line))
		return;
	nearest = setting_nearest(line->key, strlen(line->key));
	say_place(l->mistakes, line);
	buf_addf(l->mistakes, "%s is no setting%s%s%s\n", line->key,
	    nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static void take_environment(struct load *l, char *const *environment)
{
	for (; environment && *environment; environment++) {
		const char *equals = strchr(*environment, '=');
		struct config_line line = { .file = "environment" };
		char *key;

		if (!equals)
			continue;
		key = strndup(*environment, (size_t)(equals - *environment));
		if (!key)
			continue;
		line.key = key;
		line.value = (char *)(uintptr_t)(equals + 1);
		take_line(l, &line);
		free(key);
	}
}

/* One process a core, and two at least, so that a crashed one is not all of them. */
static void default_processes(struct config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	c->pool_processes = cores < 2 ? 2 : cores > 64 ? 64 : cores;
}

/* By a file or the environment. */
static bool is_set(const struct load *l, const char *name)
{
	return l->choices[setting_find(name, strlen(name)) - settings].value != NULL;
}

static bool set_all(struct load *l, struct config *c)
{
	bool good = true;

	default_processes(c);
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];
		const char *value = l->choices[i].value ? l->choices[i].value : s->by_default;

		if (value[0] == '\0' && s->set == set_number)
			continue;
		good = s->set(s, value, c) && good;
	}
	c->store_id_set = is_set(l, "STORE_ID");
	c->central_api_url_set = is_set(l, "CENTRAL_API_URL");
	return good;
}

static void free_choices(struct load *l)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (l->choices[i].value)
			explicit_bzero(l->choices[i].value, strlen(l->choices[i].value));
		free(l->choices[i].value);
	}
}

enum st_err config_load(const struct config_sources *from, struct config **out,
    struct buf *mistakes, struct buf *warnings)
{
	struct load l = { .program = from->program, .mistakes = mistakes, .warnings = warnings };
	struct config *c = calloc(1, sizeof(*c));
	size_t before = mistakes->len;
	enum st_err err = ST_NOMEM;

	l.scratch = calloc(1, sizeof(*l.scratch));
	if (!c || !l.scratch)
		goto out;
	for (size_t i = 0; i < from->n_files; i++) {
		l.source++;
		err = config_read_file(from->files[i], take_file_line, &l);
		if (err)
			buf_addf(
			    mistakes, "%s: can't be read: %s\n", from->files[i], st_err_text(err));
	}
	l.source++;
	take_environment(&l, from->environment);
	err = ST_NOMEM;
	if (!set_all(&l, c))
		goto out;
	config_cross_check(c, from->program, mistakes);
	err = mistakes->len > before ? ST_INVALID : ST_OK;
	if (!err) {
		*out = c;
		c = NULL;
	}
out:
	free_choices(&l);
	config_free(l.scratch);
	config_free(c);
	return err;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < settings_count; i++)
		setting_clear(&settings[i], c);
	free(c);
}
