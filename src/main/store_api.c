/*
 * store-api.fcgi: the responder pool.  Settings → options → pool.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "config/config.h"
#include "control/client.h"
#include "pool/pool.h"

static const char help[] =
    "Answers the Store API's requests as a FastCGI application behind a web server,\n"
    "from the store that store-syncd keeps.  Stays in the foreground, logs to stderr.\n"
    "\n"
    "Signals: SIGTERM, SIGINT finish what is under way and end; SIGHUP reads the\n"
    "settings again.\n"
    "Exit codes: 0 asked to end, 2 wrong usage, 69 the socket can't be had, 71 the\n"
    "system refuses, 73 RUN_DIR can't be made, 78 settings.\n";

#define EXIT_USAGE 2
#define TELL_MS    250

struct program {
	struct config_arguments arguments;
	struct config *config;
};

static struct api_options api_options_of(const struct config *c)
{
	return (struct api_options){
		.store = { .data_dir = c->data_dir,
		    .map_size = (size_t)c->cache_map_size_mb << 20 },
		.run_dir = c->run_dir,
		.store_id = c->store_id,
		.store_id_set = c->store_id_set,
		.version = STORE_API_VERSION,
		.api_keys = (const char *const *)c->api_keys.items,
		.n_api_keys = c->api_keys.n,
		.cors_origins = (const char *const *)c->cors_allowed_origins.items,
		.n_cors_origins = c->cors_allowed_origins.n,
		.mount_from = c->mount_from,
		.mount_to = c->mount_to,
		.max_staleness_seconds = c->max_staleness_seconds,
		.max_body_bytes = c->max_body_bytes,
		.body_ms = API_BODY_MS,
		.stop_ms = API_STOP_MS,
		.force_wait_s = API_FORCE_WAIT_S,
		.threads = (unsigned)c->pool_threads,
		.stop_fd = -1,
	};
}

/* The pool knows nothing of the control socket but by its workers' api. */
static bool tell_crashes(const char *run_dir, int64_t ago_ms)
{
	char id[CONTROL_ID_MAX + 1];

	snprintf(id, sizeof(id), "crashes-%ld", (long)getpid());
	return control_tell_damage(run_dir, id, ago_ms, TELL_MS) == ST_OK;
}

static struct pool_options pool_options_of(const struct config *c)
{
	return (struct pool_options){
		.listen = c->fcgi_listen,
		.socket_mode = (unsigned)c->fcgi_socket_mode,
		.socket_group = c->fcgi_socket_group,
		.processes = (unsigned)c->pool_processes,
		.threads = (unsigned)c->pool_threads,
		.api = api_options_of(c),
		.tell_crashes = tell_crashes,
	};
}

static bool reload(void *arg, struct api_options *out)
{
	struct program *p = arg;
	struct config *loaded = config_reload(&p->arguments, CONFIG_POOL, p->config);

	if (!loaded)
		return false;
	config_free(p->config);
	p->config = loaded;
	log_set((enum log_level)loaded->log_level, (enum log_format)loaded->log_format);
	*out = api_options_of(loaded);
	return true;
}

static int exit_code_of(enum st_err err)
{
	return err == ST_OK ? 0 : err == ST_NOMEM ? EX_OSERR : EX_UNAVAILABLE;
}

static int run(struct program *p)
{
	struct pool_options options = pool_options_of(p->config);
	struct buf why;
	enum st_err err;

	err = io_make_dir(p->config->run_dir, 0770);
	if (err) {
		log_error("RUN_DIR can't be used", log_text("path", p->config->run_dir),
		    log_text("error", st_err_text(err)));
		return EX_CANTCREAT;
	}
	buf_init(&why, 4096);
	err = pool_run(&options, reload, p, &why);
	if (err)
		log_error("the pool can't start", log_text("error", buf_text(&why)));
	buf_free(&why);
	return exit_code_of(err);
}

/*
 * Started as plain CGI the web server would start us anew for every request.
 * The same variable is there where one of its programs starts a pool by
 * spawn-fcgi, but then descriptor 0 is a listening socket.
 */
static bool is_plain_cgi(void)
{
	return getenv("GATEWAY_INTERFACE") && getenv("REQUEST_METHOD") &&
	       !io_is_listening(STDIN_FILENO);
}

static int refuse_cgi(void)
{
	static const char line[] =
	    "store-api.fcgi is a FastCGI application and was started as plain "
	    "CGI: configure it as the samples in conf/ do";

	printf("Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\n%s\n", line);
	fprintf(stderr, "%s\n", line);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct program p = { 0 };
	int code;

	if (io_open_standard())
		return EX_OSERR;
	if (is_plain_cgi())
		return refuse_cgi();
	if (!config_arguments(argc, argv, CONFIG_POOL, help, &p.arguments, &code))
		return code;
	p.config = config_start(&p.arguments, CONFIG_POOL, &code);
	if (p.config)
		code = run(&p);
	config_free(p.config);
	config_arguments_free(&p.arguments);
	return code;
}
