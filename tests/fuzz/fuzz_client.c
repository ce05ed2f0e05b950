/*
 * The pool's and the tool's end of the control socket: the first byte says what
 * is asked, the others are all that the daemon says before it hangs up.
 *
 * Every call ends with one of its documented errors, an update that Central is
 * said to have answered was taken before, and text is fit to be passed on.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/client.h"
#include "fuzz/fuzz.h"

#define ID "r-1"

static const char *run_dir;
static int listener;
static const uint8_t *to_say;
static size_t to_say_len;
static sem_t wanted, said;

/* The daemon: one connection for each input. */
static void *serve(void *arg)
{
	for (;;) {
		char request[4096];
		int fd;

		while (sem_wait(&wanted) != 0)
			;
		fd = accept(listener, NULL, NULL);
		HOLDS(fd >= 0);
		(void)!recv(fd, request, sizeof(request), 0);
		(void)!send(fd, to_say, to_say_len, MSG_NOSIGNAL);
		close(fd);
		sem_post(&said);
	}
	return arg;
}

static void start(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	pthread_t thread;

	run_dir = fuzz_dir();
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/" CONTROL_SOCKET_NAME, run_dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	HOLDS(bind(listener, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 8) == 0);
	sem_init(&wanted, 0, 0);
	sem_init(&said, 0, 0);
	HOLDS(pthread_create(&thread, NULL, serve, NULL) == 0);
	pthread_detach(thread);
}

static enum st_err forward(const struct control_patience *patience)
{
	static struct update item = {
		.product_id = { "PROD-001", 8 }, .key = { "k1", 2 }, .delta = -2, .version = 6
	};
	const struct update_list list = { .items = &item, .n = 1 };
	struct control_update u;
	bool taken;
	enum st_err err = control_forward(run_dir, ID, &list, patience, &taken, &u);

	if (err)
		return err;
	HOLDS(u.end < CONTROL_UPDATE_END_COUNT && u.outcome < CONTROL_OUTCOME_COUNT);
	HOLDS(taken || u.end != CONTROL_UPDATE_ANSWERED);
	HOLDS(text_is_utf8(u.message, strlen(u.message)));
	update_results_free(&u.results);
	return ST_OK;
}

static void on_progress(void *arg, const struct control_progress *p)
{
	(void)arg;
	HOLDS(p->phase < CONTROL_PHASE_COUNT && p->total >= -1);
}

static void on_difference(void *arg, const struct control_difference *d)
{
	(void)arg;
	HOLDS(text_is_utf8(d->id.data, d->id.len));
}

static enum st_err verify(void)
{
	const struct control_listener l = { on_progress, on_difference, NULL };
	struct control_report r;
	enum st_err err = control_verify(run_dir, ID, false, &l, &r);

	if (!err)
		HOLDS(r.done || text_is_utf8(r.message, strlen(r.message)));
	return err;
}

static enum st_err ask(unsigned what)
{
	const struct control_patience patience = { .ms = 60000, .stop_fd = -1 };
	struct control_status status;
	struct control_sync sync;

	switch (what % 5) {
	case 0: return control_ask_status(run_dir, ID, 60000, &status);
	case 1: return control_ask_sync(run_dir, ID, 60000);
	case 2: return control_wait_sync(run_dir, ID, &patience, &sync);
	case 3: return forward(&patience);
	default: return verify();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum st_err err;

	if (size == 0 || size > 65536)
		return 0;
	if (!run_dir)
		start();
	to_say = data + 1;
	to_say_len = size - 1;
	sem_post(&wanted);
	err = ask(data[0]);
	while (sem_wait(&said) != 0)
		;
	HOLDS(err == ST_OK || err == ST_INVALID || err == ST_CLOSED);
	return 0;
}
