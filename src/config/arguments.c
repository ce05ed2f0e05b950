/*
 * config/arguments.c: what all programs do with their arguments, and the load
 * at a start.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"

#define WRONG_USAGE 2

static const char shared_file[] = CONFIG_DIR "/store-api.conf";
static const char daemon_file[] = CONFIG_DIR "/store-syncd.conf";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "config", required_argument, NULL, 'f' },
	{ "check-config", no_argument, NULL, 'c' },
	{ NULL, 0, NULL, 0 },
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void print_help(const char *name, enum config_program program, const char *extra)
{
	struct buf table;

	buf_init(&table, 1024 * 1024);
	config_help(program, &table);
	printf("Usage: %s [--config FILE]... [--check-config] [--help] [--version]\n\n%s\n"
	       "  --config FILE   settings to read instead of the installed ones; later files win\n"
	       "  --check-config  check and print the settings in effect (secrets masked), then "
	       "exit\n\n"
	       "Settings, in files as KEY=value or in the environment, which wins:\n\n%s",
	    name, extra, buf_text(&table));
	buf_free(&table);
}

/* A tool skips an installed file that it may not read; the others must not. */
static void add_installed(struct config_arguments *a, enum config_program program, const char *file)
{
	if (access(file, program == CONFIG_TOOL ? R_OK : F_OK) == 0)
		a->files[a->n_files++] = file;
}

void config_add_installed(
    struct config_arguments *a, enum config_program program, bool with_daemons)
{
	if (a->n_files > 0)
		return;
	add_installed(a, program, shared_file);
	if (with_daemons)
		add_installed(a, program, daemon_file);
}

bool config_arguments(int argc, char **argv, enum config_program program, const char *extra_help,
    struct config_arguments *out, int *exit_code)
{
	const char *name = base_name(argv[0]);
	struct config_arguments a = { .files = calloc(
					  (size_t)argc + CONFIG_INSTALLED_MAX, sizeof(char *)) };
	int option;

	*exit_code = 0;
	if (!a.files) {
		*exit_code = EX_OSERR;
		return false;
	}
	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (option) {
		case 'h': print_help(name, program, extra_help); goto done;
		case 'V': printf("%s " STORE_API_VERSION "\n", name); goto done;
		case 'f': a.files[a.n_files++] = optarg; break;
		case 'c': a.check_only = true; break;
		default: /* getopt_long() has said what */ *exit_code = WRONG_USAGE; goto done;
		}
	}
	if (optind < argc) {
		fprintf(
		    stderr, "%s: '%s' is one argument too many; see --help\n", name, argv[optind]);
		*exit_code = WRONG_USAGE;
		goto done;
	}
	config_add_installed(&a, program, program == CONFIG_DAEMON);
	*out = a;
	return true;
done:
	config_arguments_free(&a);
	return false;
}

void config_arguments_free(struct config_arguments *a)
{
	free(a->files);
	*a = (struct config_arguments){ 0 };
}

static enum st_err load(const struct config_arguments *a, enum config_program program,
    struct config **out, struct buf *mistakes, struct buf *warnings)
{
	struct config_sources from = { program, a->files, a->n_files, environ };

	return config_load(&from, out, mistakes, warnings);
}

/* A record for each line. */
static void log_lines(enum log_level level, const char *msg, const struct buf *lines)
{
	for (const char *at = buf_text(lines); *at;) {
		size_t len = strcspn(at, "\n");

		log_at(level, msg, log_bytes("error", at, len));
		at += len + (at[len] != '\0');
	}
}

/* With --check-config, and of a tool, whoever reads this is no log. */
static bool is_logged(const struct config_arguments *a, enum config_program program)
{
	return !a->check_only && program != CONFIG_TOOL;
}

static void begin_log(const struct config *c, enum config_program program)
{
	log_open(program == CONFIG_POOL ? "store-api" : "store-syncd", (enum log_level)c->log_level,
	    (enum log_format)c->log_format);
}

struct config *config_start(
    const struct config_arguments *a, enum config_program program, int *exit_code)
{
	struct config *c = NULL;
	struct buf mistakes, warnings, text;
	enum st_err err;

	buf_init(&mistakes, 1024 * 1024);
	buf_init(&warnings, 1024 * 1024);
	buf_init(&text, 1024 * 1024);
	err = load(a, program, &c, &mistakes, &warnings);
	if (!err && is_logged(a, program)) {
		begin_log(c, program);
		log_lines(LOG_LEVEL_WARN, "setting", &warnings);
	} else {
		fprintf(stderr, "%s%s", buf_text(&warnings), buf_text(&mistakes));
	}
	*exit_code = err == ST_OK ? 0 : err == ST_NOMEM ? EX_OSERR : EX_CONFIG;
	if (!err && a->check_only) {
		config_print(c, program, &text);
		fputs(buf_text(&text), stdout);
		config_free(c);
		c = NULL;
	}
	buf_free(&mistakes);
	buf_free(&warnings);
	buf_free(&text);
	return c;
}

struct config *config_reload(
    const struct config_arguments *a, enum config_program program, const struct config *running)
{
	struct config *loaded = NULL;
	struct buf mistakes, warnings, restart;
	enum st_err err;

	buf_init(&mistakes, 1024 * 1024);
	buf_init(&warnings, 1024 * 1024);
	buf_init(&restart, 65536);
	err = load(a, program, &loaded, &mistakes, &warnings);
	log_lines(LOG_LEVEL_WARN, "setting", &warnings);
	if (err) {
		log_error("settings not reloaded: the old ones stay",
		    log_text("error", st_err_text(err)));
		log_lines(LOG_LEVEL_ERROR, "setting refused", &mistakes);
	} else {
		config_restart_needed(running, loaded, program, &restart);
		if (restart.len > 0)
			log_warn("settings need a restart", log_text("keys", buf_text(&restart)));
	}
	buf_free(&mistakes);
	buf_free(&warnings);
	buf_free(&restart);
	return loaded;
}
