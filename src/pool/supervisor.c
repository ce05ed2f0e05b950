/*
 * pool/supervisor.c: keeps the workers running.
 *
 * Each of the pool's places has one worker.  One that dies is replaced: at
 * once, or with a growing pause where it died young, so that a worker that
 * can't run doesn't eat the machine.  A reload replaces them place by place:
 *
 *   RUNNING ── reload: new worker forked, old one gets SIGTERM ──▶ the old one
 *   drains (at most one at a time) ── it ends ──▶ next place
 *
 * A reload during a reload begins again at the first place, with the newest
 * settings.  The listening socket stays open all the while, so nothing is lost.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/signals.h"
#include "pool/listen.h"
#include "pool/pool.h"
#include "pool/worker.h"

#define YOUNG_MS        1000
#define PAUSE_FIRST_MS  100
#define PAUSE_MAX_MS    10000
#define HOUSEKEEPING_MS 5000
/* The workers' own deadline first, then ours. */
#define KILL_AFTER_MS (WORKER_STOP_MS + 500)

struct place {
	pid_t pid; /* 0: none runs */
	struct mono started;
	struct mono restart; /* when a new one may start */
	int64_t pause_ms;
};

struct supervisor {
	struct pool_options options;
	struct listener listener;
	pool_reload *reload;
	void *reload_arg;
	int signal_fd;
	struct place *places;
	pid_t draining; /* the old worker of the place before `next`, 0: none */
	unsigned next;  /* place that the reload comes to; `processes`: no reload */
	bool stopping;
	struct mono kill_at;
	struct mono next_housekeeping;
};

static void become_worker(struct supervisor *s, unsigned slot)
{
	close(s->signal_fd);
	exit(worker_run(&s->options, s->listener.fd, slot));
}

static void start_worker(struct supervisor *s, unsigned place, struct mono now)
{
	struct place *p = &s->places[place];
	pid_t pid = fork();

	if (pid == 0)
		become_worker(s, place + 1);
	p->started = now;
	p->restart = MONO_NEVER;
	if (pid < 0) {
		log_error("no worker can be started", log_text("error", strerror(errno)));
		p->pid = 0;
		p->restart = mono_add_ms(now, PAUSE_MAX_MS);
		return;
	}
	p->pid = pid;
	log_debug("worker started", log_number("pid", pid), log_number("place", place));
}

static unsigned count_running(const struct supervisor *s)
{
	unsigned n = s->draining ? 1 : 0;

	for (unsigned i = 0; i < s->options.processes; i++)
		n += s->places[i].pid != 0;
	return n;
}

/* How long the place stays empty after a worker that lived for so long. */
static int64_t pause_after(struct place *p, int64_t lived_ms)
{
	if (lived_ms >= YOUNG_MS)
		p->pause_ms = 0;
	else if (p->pause_ms == 0)
		p->pause_ms = PAUSE_FIRST_MS;
	else
		p->pause_ms = p->pause_ms * 2 < PAUSE_MAX_MS ? p->pause_ms * 2 : PAUSE_MAX_MS;
	return p->pause_ms;
}

static void worker_died(struct supervisor *s, unsigned place, int status, struct mono now)
{
	struct place *p = &s->places[place];
	int64_t lived = mono_ms_between(p->started, now);

	log_error("worker died", log_number("pid", p->pid),
	    log_number("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
	    log_number("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0),
	    log_number("lived_ms", lived));
	metrics_pool_worker_restarted(s->options.api.metrics);
	metrics_pool_resident(s->options.api.metrics, place + 1, 0);
	p->pid = 0;
	p->restart = mono_add_ms(now, pause_after(p, lived));
}

static void reap(struct supervisor *s, struct mono now)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->draining) {
			s->draining = 0;
			continue;
		}
		for (unsigned i = 0; i < s->options.processes; i++) {
			if (s->places[i].pid != pid)
				continue;
			if (s->stopping)
				s->places[i].pid = 0;
			else
				worker_died(s, i, status, now);
		}
	}
}

static void signal_all(struct supervisor *s, int signal)
{
	for (unsigned i = 0; i < s->options.processes; i++)
		if (s->places[i].pid)
			kill(s->places[i].pid, signal);
	if (s->draining)
		kill(s->draining, signal);
}

static void stop(struct supervisor *s, struct mono now)
{
	if (s->stopping)
		return;
	log_info("stopping");
	s->stopping = true;
	s->kill_at = mono_add_ms(now, KILL_AFTER_MS);
	signal_all(s, SIGTERM);
}

static void reload(struct supervisor *s)
{
	struct metrics_pool *metrics = s->options.api.metrics;
	struct api_options api;

	if (s->stopping || !s->reload(s->reload_arg, &api))
		return;
	s->options.api = api;
	s->options.api.metrics = metrics;
	s->next = 0;
	log_info("settings reloaded");
}

static void take_signals(struct supervisor *s, struct mono now)
{
	int signal;

	while ((signal = signals_next(s->signal_fd))) {
		switch (signal) {
		case SIGTERM:
		case SIGINT: stop(s, now); break;
		case SIGHUP: reload(s); break;
		}
	}
	reap(s, now);
}

static void replace_next(struct supervisor *s, struct mono now)
{
	pid_t old;

	if (s->stopping || s->draining || s->next >= s->options.processes)
		return;
	old = s->places[s->next].pid;
	start_worker(s, s->next, now);
	if (old)
		kill(old, SIGTERM);
	s->draining = old;
	s->next++;
}

static void keep_running(struct supervisor *s, struct mono now)
{
	for (unsigned i = 0; i < s->options.processes && !s->stopping; i++)
		if (!s->places[i].pid && mono_reached(s->places[i].restart, now))
			start_worker(s, i, now);
	replace_next(s, now);
	if (s->stopping && mono_reached(s->kill_at, now)) {
		log_warn("workers are killed, since they don't end");
		signal_all(s, SIGKILL);
		s->kill_at = MONO_NEVER;
	}
	metrics_pool_workers(s->options.api.metrics, count_running(s));
	if (mono_reached(s->next_housekeeping, now)) {
		metrics_pool_resident(s->options.api.metrics, 0, io_private_memory());
		s->next_housekeeping = mono_add_ms(now, HOUSEKEEPING_MS);
	}
}

static struct mono next_due(const struct supervisor *s)
{
	struct mono due = mono_earlier(s->kill_at, s->next_housekeeping);

	for (unsigned i = 0; i < s->options.processes; i++)
		if (!s->places[i].pid)
			due = mono_earlier(due, s->places[i].restart);
	return due;
}

static void supervise(struct supervisor *s)
{
	struct pollfd p = { .fd = s->signal_fd, .events = POLLIN };

	for (unsigned i = 0; i < s->options.processes; i++)
		start_worker(s, i, mono_now());
	log_info("pool started", log_text("socket", s->listener.origin),
	    log_text("path", s->listener.path), log_number("processes", s->options.processes),
	    log_number("threads", s->options.threads));
	while (!s->stopping || count_running(s) > 0) {
		poll(&p, 1, mono_poll_timeout(next_due(s), mono_now()));
		take_signals(s, mono_now());
		keep_running(s, mono_now());
	}
}

enum st_err pool_run(
    const struct pool_options *options, pool_reload *reload_settings, void *arg, struct buf *why)
{
	struct supervisor s = { .options = *options,
		.reload = reload_settings,
		.reload_arg = arg,
		.signal_fd = -1,
		.kill_at = MONO_NEVER,
		.next = options->processes,
		.listener = { .fd = -1 } };
	enum st_err err = ST_NOMEM;

	s.places = calloc(options->processes, sizeof(*s.places));
	if (!s.places || metrics_pool_open(&s.options.api.metrics) || signals_open(&s.signal_fd)) {
		buf_adds(why, st_err_text(err));
		goto out;
	}
	err = listener_open(
	    options->listen, options->socket_mode, options->socket_group, &s.listener, why);
	if (err)
		goto out;
	supervise(&s);
	listener_close(&s.listener);
out:
	if (s.signal_fd >= 0)
		close(s.signal_fd);
	metrics_pool_close(s.options.api.metrics);
	free(s.places);
	return err;
}
