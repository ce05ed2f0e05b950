/*
 * store-syncd: the sync daemon.  Settings → directories, store → engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/signals.h"
#include "config/config.h"
#include "sync/engine.h"
#include "sync/restore.h"
#include "tool/check.h"

static const char help[] =
    "Keeps the store in step with the Central Inventory API: the only writer of the\n"
    "store and the only program that talks to Central.  Stays in the foreground, logs\n"
    "to stderr.\n"
    "\n"
    "With --check it is a check for cron and monitoring instead: is the store fit and\n"
    "the daemon at work?  See --check --help.\n"
    "\n"
    "Signals: SIGTERM, SIGINT end it; SIGHUP reads the settings again; SIGUSR1 begins\n"
    "a full sync now.\n"
    "Exit codes: 0 asked to end, 2 wrong usage, 65 the file of --restore is no good, 66\n"
    "it can't be read, 69 the control socket can't be had, 71 the system refuses, 73\n"
    "DATA_DIR or RUN_DIR can't be used, 74 a process that may read the store holds its\n"
    "locks (start again: it is built anew), 75 another daemon holds the store, 78\n"
    "settings.\n"
    "\n"
    "  --restore FILE  put a backup of storectl's in the place of the store, and exit;\n"
    "                  without a daemon\n";

#define EXIT_USAGE 2

struct program {
	struct config_arguments arguments;
	struct config *config;
	const char *restore; /* the file; NULL: run as the daemon */
};

static struct engine_settings settings_of(const struct config *c)
{
	return (struct engine_settings){
		.central = {
			.url = c->central_api_url,
			.key = c->central_api_key,
			.timeout_ms = c->central_timeout_seconds * 1000,
			.tls = { c->central_ca_file, c->central_client_cert, c->central_client_key },
		},
		.interval_ms = c->sync_interval_seconds * 1000,
		.wait_seconds = c->event_wait_timeout_seconds,
		.batch_limit = c->event_batch_limit,
		.fallback_interval_ms = c->sync_interval_minutes * 60 * 1000,
		.failures_max = (unsigned)c->max_consecutive_failures,
		.verify_interval_ms = c->verify_interval_minutes * 60 * 1000,
		.verify_pause_ms = ENGINE_VERIFY_PAUSE_MS,
		.max_drop_percent = (unsigned)c->full_sync_max_drop_percent,
		.write_budget_ms = c->central_write_timeout_seconds * 1000,
	};
}

static bool reload(void *arg, struct engine_settings *out)
{
	struct program *p = arg;
	struct config *loaded = config_reload(&p->arguments, CONFIG_DAEMON, p->config);

	if (!loaded)
		return false;
	config_free(p->config);
	p->config = loaded;
	log_set((enum log_level)loaded->log_level, (enum log_format)loaded->log_format);
	*out = settings_of(loaded);
	return true;
}

/* As freshly installed: a service that runs, and waits for being told where Central is. */
static void warn_without_central(const struct config *c)
{
	if (!c->central_api_url_set)
		log_warn("no Central is set: waiting for CENTRAL_API_URL in store-syncd.conf",
		    log_text("asking", c->central_api_url));
}

static int failed(const char *what, const struct buf *why, int code)
{
	log_error(what, log_text("error", buf_text(why)));
	return code;
}

static int run_engine(struct program *p, struct store_writer *store, struct buf *why)
{
	struct engine_options options = { .settings = settings_of(p->config),
		.store = store,
		.run_dir = p->config->run_dir,
		.store_id = p->config->store_id,
		.signal_fd = -1,
		.reload = reload,
		.reload_arg = p };
	enum st_err err = io_make_dir(options.run_dir, 0770);

	if (!err)
		err = metrics_daemon_create(options.run_dir, &options.metrics);
	if (err) {
		buf_addf(why, "%s: %s", options.run_dir, st_err_text(err));
		return failed("RUN_DIR can't be used", why, EX_CANTCREAT);
	}
	err = signals_open(&options.signal_fd);
	if (!err)
		err = engine_run(&options, why);
	metrics_daemon_close(options.metrics);
	if (options.signal_fd >= 0)
		close(options.signal_fd);
	return err ? failed("the daemon can't start", why, EX_UNAVAILABLE) : 0;
}

static int exit_code_of_restore(enum st_err err)
{
	return err == ST_INVALID ? EX_DATAERR : err == ST_NOMEM ? EX_OSERR : EX_CANTCREAT;
}

static int restore(const struct program *p, struct store_writer *store, struct buf *why)
{
	struct backup_header header;
	int fd = open(p->restore, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum st_err err;

	if (fd < 0) {
		buf_addf(why, "%s: %s", p->restore, strerror(errno));
		return failed("the backup can't be read", why, EX_NOINPUT);
	}
	err = restore_file(store, p->config->store_id, fd, &header, why);
	close(fd);
	if (err)
		return failed("nothing was restored", why, exit_code_of_restore(err));
	log_info("restored from a backup", log_text("path", p->restore),
	    log_number("products", (int64_t)header.products), log_number("offset", header.offset),
	    log_text("time", header.time));
	return 0;
}

/* Every thread of a large pool may have a control connection open at once. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * For each store that it opens LMDB wants 3 MB for lists of pages, and hardly
 * touches them.  From the system they cost nothing; but once such a list was
 * given back, glibc takes the next ones from its heap, and clears them there: a
 * daemon that has made five full syncs would be 4 MB larger for good.  So where
 * large pieces come from is fixed, and a megabyte stays for the turnover.
 */
static void fix_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

static int run(struct program *p)
{
	struct store_options options = { .data_dir = p->config->data_dir,
		.map_size = (size_t)p->config->cache_map_size_mb << 20 };
	struct store_writer *store;
	struct buf why;
	enum st_err err;
	int code;

	warn_without_central(p->config);
	raise_descriptors();
	fix_heap();
	buf_init(&why, 4096);
	err = store_writer_open(&options, &store, &why);
	if (err) {
		code = failed(
		    "DATA_DIR can't be used", &why, err == ST_BUSY ? EX_TEMPFAIL : EX_CANTCREAT);
	} else {
		code = p->restore ? restore(p, store, &why) : run_engine(p, store, &why);
		store_writer_close(store);
	}
	buf_free(&why);
	return code;
}

/* Cut --restore FILE out of the arguments; false: the file is missing. */
static bool take_restore(int *argc, char **argv, const char **file)
{
	int n = 0;

	for (int i = 0; i < *argc; i++) {
		if (i == 0 || strcmp(argv[i], "--restore") != 0)
			argv[n++] = argv[i];
		else if (++i < *argc)
			*file = argv[i];
		else
			return false;
	}
	argv[n] = NULL;
	*argc = n;
	return true;
}

int main(int argc, char **argv)
{
	struct program p = { 0 };
	int code;

	if (io_open_standard())
		return EX_OSERR;
	if (check_wanted(argc, argv))
		return check_main(argc, argv);
	if (!take_restore(&argc, argv, &p.restore)) {
		fprintf(stderr, "store-syncd: --restore wants a FILE; see --help\n");
		return EXIT_USAGE;
	}
	if (!config_arguments(argc, argv, CONFIG_DAEMON, help, &p.arguments, &code))
		return code;
	p.config = config_start(&p.arguments, CONFIG_DAEMON, &code);
	if (p.config)
		code = run(&p);
	config_free(p.config);
	config_arguments_free(&p.arguments);
	return code;
}
