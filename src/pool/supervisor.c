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
 * Where its file was removed, nobody finds it any more: then there is a new one.
 * Where a key goes there are two rounds: keyring.h says why.
 *
 * Where workers die as of a damaged store (crashes.h) the daemon is told, until
 * it hears it: it builds the store anew, in the time that it spaces full syncs
 * by, so that workers which die for another reason cost no more than that.  It
 * hears how long ago that was, and lets be what it has built since.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/signals.h"
#include "pool/crashes.h"
#include "pool/keyring.h"
#include "pool/listen.h"
#include "pool/pool.h"
#include "pool/worker.h"

#define YOUNG_MS        1000
#define PAUSE_FIRST_MS  100
#define PAUSE_MAX_MS    10000
#define HOUSEKEEPING_MS 5000
/* Records of deaths: so many in so long, and the number of the others. */
#define DEATHS_BURST     10
#define DEATHS_PERIOD_MS 60000
/* The workers' own deadline first, then ours. */
#define KILL_AFTER_MS (WORKER_STOP_MS + 300)

struct place {
	pid_t pid; /* 0: none runs */
	struct mono started;
	struct mono restart; /* when a new one may start */
	int64_t pause_ms;
};

struct supervisor {
	struct pool_options options;
	char *listen, *socket_group; /* ours, since a reload frees main's */
	struct listener listener;
	struct log_repeat listen_failures;
	pool_reload *reload;
	void *reload_arg;
	int signal_fd;
	struct place *places;
	pid_t pid;
	pid_t draining; /* the old worker of the place before `next`, 0: none */
	unsigned next;  /* place that the reload comes to; `processes`: no reload */
	bool reloading;
	struct keyring keys; /* during a reload: all that some worker accepts */
	bool overlap;        /* this round gives them all, the next one `settled` */
	struct api_options settled;
	struct log_limit deaths;
	struct crashes crashes;
	bool suspects_store;   /* the daemon is yet to be told */
	struct mono suspected; /* when the last worker died that made it so */
	bool stopping;
	struct mono kill_at;
	struct mono next_housekeeping;
};

static void become_worker(struct supervisor *s, unsigned slot)
{
	/* Nothing of the pool outlives its supervisor. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != s->pid)
		_exit(0);
	close(s->signal_fd);
	exit(worker_run(&s->options, s->listener.fd, slot));
}

static bool start_worker(struct supervisor *s, unsigned place, struct mono now)
{
	struct place *p = &s->places[place];
	pid_t pid = fork();

	if (pid == 0)
		become_worker(s, place + 1);
	if (pid < 0) {
		log_error("no worker can be started", log_text("error", strerror(errno)));
		p->restart = mono_add_ms(now, PAUSE_MAX_MS);
		return false;
	}
	p->pid = pid;
	p->started = now;
	p->restart = MONO_NEVER;
	log_debug("worker started", log_number("pid", pid), log_number("place", place));
	return true;
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

static void log_death(struct supervisor *s, const char *what, pid_t pid, int status, int64_t lived)
{
	uint64_t records = log_limit_take(&s->deaths, mono_now());

	if (records > 0)
		log_error(what, log_number("pid", pid),
		    log_number("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
		    log_number("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0),
		    log_number("lived_ms", lived), log_number("records", (int64_t)records));
}

static void worker_died(struct supervisor *s, unsigned place, int status, struct mono now)
{
	struct place *p = &s->places[place];
	int64_t lived = mono_ms_between(p->started, now);

	log_death(s, "worker died", p->pid, status, lived);
	metrics_pool_worker_restarted(s->options.api.metrics);
	metrics_pool_resident(s->options.api.metrics, place + 1, 0);
	p->pid = 0;
	p->restart = mono_add_ms(now, pause_after(p, lived));
}

static void note_crash(struct supervisor *s, int status, struct mono now)
{
	if (!s->options.tell_crashes || !crashes_add(&s->crashes, status, now))
		return;
	s->suspected = now;
	/* Once told in vain it waits for its time. */
	if (!s->suspects_store)
		s->next_housekeeping = now;
	s->suspects_store = true;
}

static void reap(struct supervisor *s, struct mono now)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		note_crash(s, status, now);
		if (pid == s->draining) {
			s->draining = 0;
			/* Its place has its successor already. */
			if (status != 0)
				log_death(s, "worker died while it ended", pid, status, 0);
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
	notify_send("STOPPING=1");
	s->stopping = true;
	s->kill_at = mono_add_ms(now, KILL_AFTER_MS);
	signal_all(s, SIGTERM);
}

/* What the first round gives: the new settings, and beside the new keys those that go. */
static void give_all_keys(struct supervisor *s)
{
	s->options.api.api_keys = (const char *const *)s->keys.keys;
	s->options.api.n_api_keys = s->keys.n;
}

static void reload(struct supervisor *s)
{
	struct metrics_pool *metrics = s->options.api.metrics;
	struct api_options api;
	bool kept;

	if (s->stopping)
		return;
	notify_send("RELOADING=1");
	/* Ours, since the reload frees them; with the overlap they are. */
	kept = s->overlap ||
	       keyring_add(&s->keys, s->options.api.api_keys, s->options.api.n_api_keys);
	if (!s->reload(s->reload_arg, &api)) {
		if (s->overlap)
			give_all_keys(s);
		else if (!s->reloading)
			keyring_clear(&s->keys);
		if (!s->reloading)
			notify_send("READY=1");
		return;
	}
	api.metrics = metrics;
	s->options.api = api;
	s->settled = api;
	s->overlap = kept && !keyring_is_within(&s->keys, api.api_keys, api.n_api_keys) &&
	             keyring_add(&s->keys, api.api_keys, api.n_api_keys);
	if (s->overlap)
		give_all_keys(s);
	s->reloading = true;
	s->next = 0;
	log_info("settings reloaded");
}

/* All places have had their turn, and the last old worker has ended. */
static void round_ended(struct supervisor *s)
{
	if (s->overlap) {
		s->overlap = false;
		s->options.api = s->settled;
		s->next = 0;
		return;
	}
	s->reloading = false;
	keyring_clear(&s->keys);
	log_info("all workers have the new settings");
	notify_send("READY=1");
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

static void go_on_reloading(struct supervisor *s, struct mono now)
{
	while (s->reloading && !s->draining && !s->stopping) {
		pid_t old;

		if (s->next >= s->options.processes) {
			round_ended(s);
			continue;
		}
		old = s->places[s->next].pid;
		/* The old one goes on until there is room for its successor. */
		if (!start_worker(s, s->next, now))
			return;
		if (old)
			kill(old, SIGTERM);
		s->draining = old;
		s->next++;
	}
}

/*
 * Where the socket was removed another one takes its place, and the workers are
 * replaced, as by a reload, by such as listen there.
 */
static void keep_listening(struct supervisor *s, struct mono now)
{
	const struct pool_options *o = &s->options;
	int before = s->listener.fd;
	struct buf why;

	if (listener_is_in_place(&s->listener))
		return;
	buf_init(&why, 1000);
	if (!listener_open(o->listen, o->socket_mode, o->socket_group, &s->listener, &why)) {
		log_warn("the pool's socket was gone, and is made anew",
		    log_text("path", s->listener.path));
		log_repeat_ended(&s->listen_failures);
		close(before);
		s->reloading = true;
		s->next = 0;
	} else if (log_repeat_failed(&s->listen_failures, now)) {
		log_error("the pool's socket is gone", log_text("error", buf_text(&why)));
	}
	buf_free(&why);
}

static void tell_crashes(struct supervisor *s, struct mono now)
{
	if (!s->suspects_store ||
	    !s->options.tell_crashes(s->options.api.run_dir, mono_ms_between(s->suspected, now)))
		return;
	s->suspects_store = false;
	log_error(
	    "store damaged", log_text("error", "workers die of reading it: the daemon was told"));
}

static void keep_house(struct supervisor *s, struct mono now)
{
	if (!mono_reached(s->next_housekeeping, now))
		return;
	metrics_pool_resident(s->options.api.metrics, 0, io_private_memory());
	if (!s->stopping) {
		tell_crashes(s, now);
		keep_listening(s, now);
	}
	s->next_housekeeping = mono_add_ms(now, HOUSEKEEPING_MS);
}

static void keep_running(struct supervisor *s, struct mono now)
{
	keep_house(s, now);
	for (unsigned i = 0; i < s->options.processes && !s->stopping; i++)
		if (!s->places[i].pid && mono_reached(s->places[i].restart, now))
			start_worker(s, i, now);
	go_on_reloading(s, now);
	if (s->stopping && mono_reached(s->kill_at, now)) {
		log_warn("workers are killed, since they don't end");
		signal_all(s, SIGKILL);
		s->kill_at = MONO_NEVER;
	}
	metrics_pool_workers(s->options.api.metrics, count_running(s));
}

static struct mono next_due(const struct supervisor *s)
{
	struct mono due = mono_earlier(s->kill_at, s->next_housekeeping);

	for (unsigned i = 0; i < s->options.processes; i++)
		if (!s->places[i].pid && !s->stopping)
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
	notify_send("READY=1");
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
		.pid = getpid(),
		.kill_at = MONO_NEVER,
		.next = options->processes,
		.listener = { .fd = -1 } };
	enum st_err err = ST_NOMEM;

	log_limit_init(&s.deaths, DEATHS_BURST, DEATHS_PERIOD_MS);
	s.options.listen = s.listen = strdup(options->listen);
	s.options.socket_group = s.socket_group = strdup(options->socket_group);
	s.places = calloc(options->processes, sizeof(*s.places));
	if (!s.listen || !s.socket_group || !s.places ||
	    metrics_pool_open(&s.options.api.metrics) || signals_open(&s.signal_fd)) {
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
	keyring_clear(&s.keys);
	free(s.places);
	free(s.socket_group);
	free(s.listen);
	return err;
}
