/*
 * tool/sync.c: a full sync now.
 *
 * One thread has the api wait for its end, as a client of REST would, but for
 * as long as it takes; the main one meanwhile asks the daemon how far it is.
 * Ctrl-C ends the waiting, not the sync, which is the daemon's.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/client.h"
#include "tool/progress.h"
#include "tool/request.h"
#include "tool/show.h"
#include "tool/silence.h"

#define FORCE_URI "/v1/store/sync/force"
#define OWN_ID    "storectl-sync"
#define ASK_MS    1000 /* for the daemon to say how far it is */
#define LOOK_MS   250

struct sync {
	const struct tool *tool;
	struct api_response response;
	int signal_fd; /* readable once we are asked to end */
	int done_fd;   /* readable once the response is there */
};

static int print_result(const struct answer *a, void *arg, struct buf *out)
{
	const struct doc *d = &a->doc;
	const struct doc_node *status = doc_member(d, doc_root(d), "status");

	(void)arg;
	show_value(d, doc_member(d, doc_root(d), "message"), out);
	if (a->response->status == 200) {
		buf_adds(out, ": ");
		show_value(d, doc_member(d, status, "productCount"), out);
		buf_adds(out, " products in ");
		show_value(d, doc_member(d, status, "syncDuration"), out);
	}
	buf_addc(out, '\n');
	return TOOL_OK;
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0;
}

static void order(struct sync *s, const char *uri)
{
	struct requests r;

	requests_open(s->tool, s->signal_fd, &r);
	request_run(&r, "POST", uri, &s->response);
	requests_close(&r);
}

static void *wait_for_end(void *arg)
{
	struct sync *s = arg;

	order(s, FORCE_URI);
	eventfd_write(s->done_fd, 1);
	return NULL;
}

static void watch_progress(struct sync *s)
{
	struct progress p;
	struct control_status status;

	progress_begin(&p, "full sync", s->tool->arguments->json);
	while (!is_readable(s->done_fd, LOOK_MS)) {
		enum st_err err = control_ask_status(
		    s->tool->config->run_dir, OWN_ID, ASK_MS, &status);

		if (!err && status.full_sync_running)
			progress_show(&p, status.products_seen, status.products_total, mono_now());
	}
	progress_end(&p);
}

/* Signals are taken from the descriptor; both threads look whether it is readable. */
static bool open_descriptors(struct sync *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->done_fd = eventfd(0, EFD_CLOEXEC);
	return s->signal_fd >= 0 && s->done_fd >= 0;
}

static int order_and_wait(struct sync *s)
{
	pthread_t waiter;
	bool opened = open_descriptors(s);
	int errnum = opened ? pthread_create(&waiter, NULL, wait_for_end, s) : errno;

	if (!opened || errnum) {
		tool_say("%s", strerror(errnum));
		return TOOL_SYSTEM;
	}
	watch_progress(s);
	pthread_join(waiter, NULL);
	if (s->response.status == 202 && is_readable(s->signal_fd, 0)) {
		tool_say("no longer waiting; the full sync goes on, see storectl status");
		return TOOL_INTERRUPTED;
	}
	return request_print(s->tool, &s->response, print_result, NULL);
}

/* A daemon that hangs would take an order and never answer. */
static enum st_err greet_daemon(const struct tool *t)
{
	struct control_status status;

	return control_ask_status(t->config->run_dir, OWN_ID, ASK_MS, &status);
}

int sync_command(const struct tool *t)
{
	struct sync s = { .tool = t, .signal_fd = -1, .done_fd = -1 };
	enum st_err err = greet_daemon(t);
	int code;

	/* To a person the cause is told; a program gets what REST answers. */
	if (err && !t->arguments->json)
		return silence_tell(t, err);
	api_response_init(&s.response);
	if (!err && !tool_option(t, "no-wait")) {
		code = order_and_wait(&s);
	} else {
		order(&s, FORCE_URI "?wait=0");
		code = request_print(t, &s.response, print_result, NULL);
	}
	if (s.signal_fd >= 0)
		close(s.signal_fd);
	if (s.done_fd >= 0)
		close(s.done_fd);
	api_response_free(&s.response);
	return code;
}
