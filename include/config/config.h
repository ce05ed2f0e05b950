/*
 * config/config.h: the settings, from KEY=value files and the environment.
 *
 * One table (src/config/settings.c) names each setting with its type, range,
 * default, users and help; loading, checking, printing and --help all read
 * that table.  Manual: store-api.conf(5).
 *
 * main/ loads a `struct config` and hands small option structs to the rooms;
 * no room reaches for it.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

/* Who asks: each program checks the settings that it uses, passes over the others of the table. */
enum config_program { CONFIG_POOL = 1, CONFIG_DAEMON = 2, CONFIG_TOOL = 4 };

enum config_environment { CONFIG_DEVELOPMENT, CONFIG_STAGING, CONFIG_PRODUCTION };

struct config_list {
	char **items;
	size_t n;
};

struct config {
	/* Names as in the table, in its order. */
	int64_t port;
	int environment; /* enum config_environment */
	int log_level;   /* enum log_level */
	int log_format;  /* enum log_format */
	struct config_list api_keys;
	char *store_id;
	bool store_id_set; /* by a file or the environment */
	char *central_api_url;
	bool central_api_url_set; /* likewise */
	char *central_api_key;
	char *central_ca_file, *central_client_cert, *central_client_key; /* "" where unset */
	int64_t central_timeout_seconds, central_write_timeout_seconds;
	char *data_dir, *run_dir;
	int64_t sync_interval_seconds, event_wait_timeout_seconds, event_batch_limit;
	int64_t sync_interval_minutes, verify_interval_minutes;
	int64_t max_consecutive_failures, max_staleness_seconds, full_sync_max_drop_percent;
	int64_t cache_map_size_mb;
	char *fcgi_listen;
	int64_t fcgi_socket_mode; /* permission bits */
	char *fcgi_socket_group;
	int64_t pool_processes, pool_threads;
	char *mount_from, *mount_to; /* MOUNT_PREFIX, both parts; "" "" where unset */
	int64_t max_body_bytes;
	struct config_list cors_allowed_origins;
};

struct config_sources {
	enum config_program program;
	const char *const *files; /* later ones win; each must be readable */
	size_t n_files;
	char *const *environment; /* as environ */
};

/*
 * Read files and environment.  On any mistake ST_INVALID, and `mistakes` holds
 * one line for each of them (file, line, key, value, what is allowed), all of
 * them, not only the first; *out is untouched.  Warnings (values that are
 * accepted but unwise) go to `warnings`, a line each, in either case.
 * The caller frees *out with config_free().
 */
enum st_err config_load(const struct config_sources *from, struct config **out,
    struct buf *mistakes, struct buf *warnings);

void config_free(struct config *c);

/* The effective settings that the program uses, KEY=value lines, secrets masked. */
void config_print(const struct config *c, enum config_program program, struct buf *out);

/*
 * The keys that differ between the two and take effect only at a restart,
 * separated by ", "; "" if there are none.
 */
void config_restart_needed(const struct config *running, const struct config *loaded,
    enum config_program program, struct buf *out);

/*
 * The table for --help: of each setting its name, what it is, and a line of
 * facts (allowed values, default, how a change of it takes effect), which
 * store-api.conf(5) repeats word for word.
 */
void config_help(enum config_program program, struct buf *out);

/*
 * What both mains do with their arguments: --help, --version, --config FILE
 * (repeatable), --check-config, in any order, the last three of them kept.
 */
struct config_arguments {
	const char **files; /* from argv or the installed defaults that exist */
	size_t n_files;
	bool check_only;
};

/*
 * Parse argv.  extra_help is printed below the usage line of --help.  Returns
 * true to go on; false when the program is done, with *exit_code set (0 after
 * --help and --version, 2 for wrong usage with a line on stderr).
 */
bool config_arguments(int argc, char **argv, enum config_program program, const char *extra_help,
    struct config_arguments *out, int *exit_code);
void config_arguments_free(struct config_arguments *a);

#define CONFIG_INSTALLED_MAX 2

/*
 * Where no file was named: the installed ones that exist, the daemon's own if
 * so wanted.  A tool skips those that it may not read.  a->files has room for
 * CONFIG_INSTALLED_MAX more.
 */
void config_add_installed(
    struct config_arguments *a, enum config_program program, bool with_daemons);

/*
 * Load for a start, and open the log of a program that has one.  Mistakes go to
 * stderr as plain lines, since the log's format is not known then; warnings too
 * where nothing is started, else they are records.  NULL with *exit_code set
 * when the program is done: 78 after mistakes, 0 after --check-config printed
 * the settings.
 */
struct config *config_start(
    const struct config_arguments *a, enum config_program program, int *exit_code);

/*
 * The same sources once more, for a reload.  NULL: a mistake or no memory; all
 * of it is in the log, and the old settings stay.  What differs but needs a
 * restart is logged too.
 */
struct config *config_reload(
    const struct config_arguments *a, enum config_program program, const struct config *running);

#endif
