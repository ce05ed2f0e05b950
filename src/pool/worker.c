/*
 * pool/worker.c: threads that wait on one epoll set.
 *
 *   listener   EPOLLEXCLUSIVE, EPOLLET: a connection wakes one process, and one
 *              thread of it, which accepts one, takes the listener out of the set
 *              and in again, and serves what it accepted.  So nobody accepts while
 *              no thread is free; connections wait in the backlog.
 *   kept ones  EPOLLONESHOT: a connection that the web server keeps open goes
 *              back into the set while it is idle, and costs no thread.
 *   lingering  EPOLLONESHOT: answered ones whose peer still sends (pool/linger.h).
 *   stop       an eventfd that stays readable: wakes all threads.
 */
#include "pool/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/signals.h"
#include "pool/fcgi.h"
#include "pool/linger.h"

#define STACK_SIZE      (512 * 1024)
#define HOUSEKEEPING_MS 2000
#define STOP_STEP_MS    400
#define ACCEPT_PAUSE_MS 50 /* without descriptors or memory */
#define ACCEPT_LOG_MS   10000

struct worker {
	const struct pool_options *options;
	struct api *api;
	int listener, epoll, stop;
	int ended; /* an eventfd: readable when no thread runs any more */
	atomic_uint running;
	atomic_bool stopping;
	unsigned slot;
	struct lingers lingers;
	struct reading *readings; /* one for each thread */
	atomic_uint n_readings;   /* that have one */
	struct log_limit not_accepted;
};

#define LINGERING (UINT64_C(1) << 32) /* in an event's data, above the descriptor */

static bool arm(struct worker *w, int fd, int op, uint64_t kind)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = kind | (uint32_t)fd };

	return epoll_ctl(w->epoll, op, fd, &event) == 0;
}

/*
 * Put in, it wakes a thread if a connection waits already, and stands behind the
 * other processes, whose turn it then is.
 */
static bool watch_listener(struct worker *w)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE,
		.data.u64 = (uint32_t)w->listener };

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->listener, &event) == 0;
}

/* Threads may meet here: it is out already then, or in again. */
static void watch_listener_again(struct worker *w)
{
	(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->listener, NULL);
	(void)watch_listener(w);
}

static void log_not_accepted(struct worker *w, int errnum)
{
	uint64_t records = log_limit_take(&w->not_accepted, mono_now());

	if (records > 0)
		log_error("no connection can be accepted", log_text("error", strerror(errnum)),
		    log_number("records", (int64_t)records));
}

/* A new connection, or -1: another process was faster, or there is no room for it. */
static int accept_one(struct worker *w)
{
	int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
		log_not_accepted(w, errno);
		/* It stays in the backlog: don't spin on it. */
		poll(NULL, 0, ACCEPT_PAUSE_MS);
	}
	if (!atomic_load(&w->stopping))
		watch_listener_again(w);
	return fd;
}

static void serve(struct worker *w, struct fcgi *f, int fd, bool is_new)
{
	enum fcgi_end end = fcgi_serve(f, fd, !atomic_load(&w->stopping));
	/* epoll forgets a closed descriptor by itself, so this one is in the set or new to it. */
	int op = is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (end == FCGI_KEPT && !arm(w, fd, op, 0))
		close(fd);
	if (end == FCGI_LINGERS && lingers_add(&w->lingers, fd, mono_now()) &&
	    !arm(w, fd, op, LINGERING))
		lingers_end(&w->lingers, fd);
}

static void serve_new(struct worker *w, struct fcgi *f)
{
	int fd = accept_one(w);

	if (fd >= 0)
		serve(w, f, fd, true);
}

static void handle(struct worker *w, struct fcgi *f, const struct epoll_event *event)
{
	int fd = (int)(uint32_t)event->data.u64;

	if (event->data.u64 & LINGERING) {
		if (!lingers_read(fd) || !arm(w, fd, EPOLL_CTL_MOD, LINGERING))
			lingers_end(&w->lingers, fd);
	} else if (fd == w->listener) {
		serve_new(w, f);
	} else if (fd != w->stop) {
		serve(w, f, fd, false);
	}
}

/* The last one to end says so: joining itself has no time limit that everybody knows. */
static void say_ended(struct worker *w)
{
	uint64_t one = 1;

	if (atomic_fetch_sub(&w->running, 1) == 1 && write(w->ended, &one, sizeof(one)) < 0)
		log_error("worker can't tell its end", log_number("errno", errno));
}

static void serve_until_stopped(struct worker *w, struct fcgi *f)
{
	struct epoll_event event;

	while (!atomic_load(&w->stopping)) {
		if (epoll_wait(w->epoll, &event, 1, -1) > 0)
			handle(w, f, &event);
	}
	/* No other process was woken for a connection that came in this moment. */
	serve_new(w, f);
}

static void *thread_run(void *arg)
{
	struct worker *w = arg;
	struct reading *mine = &w->readings[atomic_fetch_add(&w->n_readings, 1)];
	struct fcgi *f;

	if (fcgi_open(w->api, mine, &f) == ST_OK) {
		serve_until_stopped(w, f);
		fcgi_close(f);
	}
	say_ended(w);
	return NULL;
}

static bool start_threads(struct worker *w, pthread_t *threads)
{
	pthread_attr_t attr;
	unsigned n = 0;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	while (n < w->options->threads && pthread_create(&threads[n], &attr, thread_run, w) == 0)
		n++;
	pthread_attr_destroy(&attr);
	return n == w->options->threads;
}

static void expire_readings(struct worker *w)
{
	for (unsigned i = 0; i < w->options->threads; i++)
		reading_expire(&w->readings[i], mono_now());
}

static void keep_house(struct worker *w)
{
	api_refresh(w->api);
	lingers_expire(&w->lingers, mono_now());
	expire_readings(w);
	/* A process that died may have been woken for a connection in vain. */
	watch_listener_again(w);
	metrics_pool_resident(w->options->api.metrics, w->slot, io_private_memory());
}

/* Until SIGTERM; SIGHUP and the like are the supervisor's affair. */
static void wait_for_stop(struct worker *w, int signal_fd)
{
	struct pollfd p = { .fd = signal_fd, .events = POLLIN };
	int signal = 0;

	while (signal != SIGTERM) {
		keep_house(w);
		if (poll(&p, 1, (int)clock_real_ms(HOUSEKEEPING_MS)) > 0)
			signal = signals_next(signal_fd);
	}
}

/* True if all threads ended within the time that a stop may take, whatever the wall clock does. */
static bool join_threads(struct worker *w, pthread_t *threads)
{
	struct pollfd p = { .fd = w->ended, .events = POLLIN };
	bool ended = false;

	for (int ms = 0; ms < WORKER_STOP_MS && !ended; ms += STOP_STEP_MS) {
		ended = poll(&p, 1, STOP_STEP_MS) > 0;
		expire_readings(w);
	}
	if (!ended)
		return false;
	for (unsigned i = 0; i < w->options->threads; i++)
		pthread_join(threads[i], NULL);
	return true;
}

static bool open_sets(struct worker *w)
{
	struct epoll_event event = { .events = EPOLLIN };

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_store(&w->running, w->options->threads);
	event.data.u64 = (uint32_t)w->stop;
	return w->epoll >= 0 && w->stop >= 0 && w->ended >= 0 &&
	       epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->stop, &event) == 0 && watch_listener(w);
}

static bool open_readings(struct worker *w)
{
	w->readings = calloc(w->options->threads, sizeof(*w->readings));
	for (unsigned i = 0; w->readings && i < w->options->threads; i++)
		reading_open(&w->readings[i]);
	return w->readings && reading_init() == ST_OK;
}

int worker_run(const struct pool_options *options, int listener, unsigned slot)
{
	struct worker w = { .options = options,
		.listener = listener,
		.slot = slot,
		.lingers = { .lock = PTHREAD_MUTEX_INITIALIZER } };
	struct api_options api = options->api;
	pthread_t *threads = calloc(options->threads, sizeof(*threads));
	uint64_t one = 1;
	int signal_fd;
	bool ended;

	log_limit_init(&w.not_accepted, 1, ACCEPT_LOG_MS);

	if (!threads || !open_readings(&w) || signals_open(&signal_fd) || fcgi_init() ||
	    !open_sets(&w)) {
		log_error("worker can't start", log_number("errno", errno));
		_exit(EX_OSERR);
	}
	api.stop_fd = w.stop;
	if (api_open(&api, &w.api)) {
		log_error("worker can't open the store's reader");
		_exit(EX_OSERR);
	}
	if (!start_threads(&w, threads)) {
		log_error(
		    "worker can't start its threads", log_number("threads", options->threads));
		_exit(EX_OSERR);
	}
	wait_for_stop(&w, signal_fd);
	atomic_store(&w.stopping, true);
	api_stop(w.api);
	if (write(w.stop, &one, sizeof(one)) != sizeof(one))
		_exit(EX_OSERR);
	ended = join_threads(&w, threads);
	if (!ended) {
		log_warn("worker stops with requests under way");
		_exit(0);
	}
	api_close(w.api);
	free(w.readings);
	free(threads);
	return 0;
}
