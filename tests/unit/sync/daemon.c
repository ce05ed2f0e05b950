#include "sync/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/signals.h"
#include "sync/engine.h"
#include "unit.h"

#define MAP_SIZE ((size_t)64 << 20)

static bool no_reload(void *arg, struct engine_settings *out)
{
	(void)arg;
	(void)out;
	return false;
}

static int run_engine(const struct daemon *d)
{
	struct engine_options options = { .settings = { .central = { .url = script_url(d->script),
							    .key = "k",
							    .timeout_ms = 5000,
							    .tls = { "", "", "" } },
					      .wait_seconds = 0,
					      .batch_limit = 10,
					      .fallback_interval_ms = 60000,
					      .failures_max = 3,
					      .verify_pause_ms = d->verify_pause_ms
		                                                     ? d->verify_pause_ms
		                                                     : ENGINE_VERIFY_PAUSE_MS / 10,
					      .max_drop_percent = 50,
					      .write_budget_ms = 2000 },
		.run_dir = d->dir,
		.store_id = "store-u",
		.reload = no_reload };
	struct store_options store = { d->data_dir, MAP_SIZE };
	struct buf why;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	log_open("unit-engine", LOG_LEVEL_ERROR + 1, LOG_FORMAT_LOGFMT);
	buf_init(&why, 1000);
	if (signals_open(&options.signal_fd) || metrics_daemon_create(d->dir, &options.metrics) ||
	    store_writer_open(&store, &options.store, &why) || engine_run(&options, &why))
		return 1;
	store_writer_close(options.store);
	return 0;
}

void daemon_start(struct daemon *d)
{
	d->pid = fork();
	if (d->pid == 0)
		_exit(run_engine(d));
}

void daemon_begin(struct daemon *d, script_answer *answer, void *arg)
{
	struct store_options store = { d->data_dir, MAP_SIZE };

	d->dir = unit_temp_dir();
	snprintf(d->data_dir, sizeof(d->data_dir), "%s/data", d->dir);
	d->script = script_start(answer, arg);
	CU_ASSERT_EQUAL_FATAL(store_reader_open(&store, &d->reader), ST_OK);
	daemon_start(d);
}

void daemon_stop(struct daemon *d)
{
	struct mono began = mono_now();
	int status;

	kill(d->pid, SIGTERM);
	waitpid(d->pid, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < 2000);
}

void daemon_end(struct daemon *d)
{
	daemon_stop(d);
	store_reader_close(d->reader);
	script_stop(d->script);
}
