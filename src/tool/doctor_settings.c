/*
 * tool/doctor_settings.c: the settings as pool and daemon read them.
 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/doctor.h"

#define TEXT_LIMIT ((size_t)1024 * 1024)

/* A finding for each line; what is in `seen` already was found for the other program. */
static void find_lines(struct doctor *d, enum grade grade, const char *advice,
    const struct buf *lines, struct buf *seen)
{
	for (const char *at = buf_text(lines); *at;) {
		size_t len = strcspn(at, "\n");
		char *line = strndup(at, len);

		if (line && !strstr(buf_text(seen), line)) {
			doctor_find(d, grade, advice, "%s", line);
			buf_addf(seen, "%s\n", line);
		}
		free(line);
		at += len + (at[len] != '\0');
	}
}

/* NULL where there are mistakes, which are found then, or a file isn't for us. */
static struct config *load_as(struct doctor *d, enum config_program program,
    const struct config_arguments *a, struct buf *seen)
{
	struct config_sources from = { program, a->files, a->n_files, environ };
	struct buf mistakes, warnings;
	struct config *c = NULL;

	for (size_t i = 0; i < a->n_files; i++)
		if (access(a->files[i], R_OK) != 0 && errno == EACCES) {
			doctor_find(d, GRADE_NOTE, NULL,
			    "%s may not be read by this user; root sees more", a->files[i]);
			return NULL;
		}
	buf_init(&mistakes, TEXT_LIMIT);
	buf_init(&warnings, TEXT_LIMIT);
	(void)config_load(&from, &c, &mistakes, &warnings);
	find_lines(
	    d, GRADE_FAIL, "put that right: the program refuses to start with it", &mistakes, seen);
	find_lines(d, GRADE_NOTE, NULL, &warnings, seen);
	buf_free(&mistakes);
	buf_free(&warnings);
	return c;
}

/* Where production refuses to start with them, elsewhere it is worth knowing. */
static void look_for_known_keys(struct doctor *d)
{
	static const char *const known[] = { "demo", "store-s1-key" };

	for (size_t i = 0; d->pool && i < d->pool->api_keys.n; i++)
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (strcmp(d->pool->api_keys.items[i], known[k]) == 0)
				doctor_find(d, GRADE_NOTE, NULL,
				    "API_KEYS holds the well-known key '%s': anybody who "
				    "reaches the web server may read and write",
				    known[k]);
}

/* The files that the program reads; the caller frees them. */
static bool files_of(
    const struct doctor *d, enum config_program program, struct config_arguments *out)
{
	const struct tool_arguments *a = d->tool->arguments;

	*out = (struct config_arguments){
		.files = calloc(a->settings.n_files + CONFIG_INSTALLED_MAX, sizeof(char *))
	};
	if (!out->files)
		return false;
	if (a->installed) {
		config_add_installed(out, program, program == CONFIG_DAEMON);
	} else {
		memcpy(out->files, a->settings.files, a->settings.n_files * sizeof(char *));
		out->n_files = a->settings.n_files;
	}
	return true;
}

bool doctor_is_installation(const struct doctor *d)
{
	struct config_arguments files;
	bool found;

	if (!d->tool->arguments->installed || !files_of(d, CONFIG_DAEMON, &files))
		return false;
	found = files.n_files > 0;
	config_arguments_free(&files);
	return found;
}

void check_settings(struct doctor *d)
{
	struct config_arguments files;
	struct buf seen;

	buf_init(&seen, TEXT_LIMIT);
	if (files_of(d, CONFIG_POOL, &files)) {
		d->pool = load_as(d, CONFIG_POOL, &files, &seen);
		config_arguments_free(&files);
	}
	if (files_of(d, CONFIG_DAEMON, &files)) {
		d->daemon = load_as(d, CONFIG_DAEMON, &files, &seen);
		config_arguments_free(&files);
	}
	buf_free(&seen);
	look_for_known_keys(d);
	if (d->pool && d->daemon)
		doctor_find(d, GRADE_OK, NULL, "pool and daemon can start with them");
}

/* Central's key is the daemon's alone: a broken pool must not get it. */
static bool pool_may_read(const struct doctor *d, const char *path, const struct stat *st)
{
	const struct group *pool = getgrnam(POOL_USER);

	return doctor_is_installation(d) && strstr(path, "/store-syncd.conf") && pool &&
	       st->st_gid == pool->gr_gid && (st->st_mode & S_IRGRP);
}

static void check_settings_file(struct doctor *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		doctor_find(d, GRADE_FAIL, "see that it is there, and which user may read it",
		    "%s: %s", path, strerror(errno));
	else if (st.st_mode & S_IWOTH)
		doctor_find(d, GRADE_FAIL, "chmod o-rwx it, and look whether it was changed",
		    "%s may be written by anybody", path);
	else if (st.st_mode & S_IROTH)
		doctor_find(d, GRADE_WARN, "chmod o-r it: it is a place for keys",
		    "%s may be read by anybody", path);
	else if (pool_may_read(d, path, &st))
		doctor_find(d, GRADE_WARN, "chgrp " DAEMON_USER " it",
		    "%s may be read by the pool, and it is a place for Central's key", path);
	else
		doctor_find(d, GRADE_OK, NULL, "%s is for its group only", path);
}

void check_settings_files(struct doctor *d)
{
	struct config_arguments files;

	if (!files_of(d, CONFIG_DAEMON, &files))
		return;
	for (size_t i = 0; i < files.n_files; i++)
		check_settings_file(d, files.files[i]);
	if (files.n_files == 0)
		doctor_find(d, GRADE_NOTE, NULL,
		    "there are no files of settings: all is as by default or from the environment");
	config_arguments_free(&files);
}
