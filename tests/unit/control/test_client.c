#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/client.h"
#include "ends.h"
#include "unit.h"

#define PATIENCE_MS 10000 /* of tests that must not come to that */

/* One question in a thread of its own, since it blocks. */
struct asker {
	const char *run_dir, *id;
	int64_t timeout_ms;
	bool sync;
	enum st_err err;
	struct control_status status;
	atomic_bool done;
	pthread_t thread;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	a->err = a->sync ? control_ask_sync(a->run_dir, a->id, a->timeout_ms)
	                 : control_ask_status(a->run_dir, a->id, a->timeout_ms, &a->status);
	atomic_store(&a->done, true);
	return NULL;
}

static void ask_begin(struct asker *a)
{
	CU_ASSERT_EQUAL_FATAL(pthread_create(&a->thread, NULL, ask, a), 0);
}

static void ask_end(struct asker *a)
{
	CU_ASSERT_EQUAL(pthread_join(a->thread, NULL), 0);
}

static void answer_status(
    void *arg, struct control_peer *peer, struct control_request *request, bool trusted)
{
	struct control_status s = { .state = SYNC_RETRYING,
		.full_sync_running = true,
		.full_sync_reason = FULL_SYNC_FORCED,
		.pages_done = 3,
		.products_seen = 600,
		.products_total = 1000,
		.next_poll_at = 42 };
	struct buf json;

	(void)trusted;
	buf_init(&json, CONTROL_MESSAGE_MAX);
	if (request->type == CONTROL_STATUS)
		control_status_write(request->id, &s, &json);
	else
		control_done_write(request->id, &json);
	++*(unsigned *)arg;
	control_answer(peer, &json);
	buf_free(&json);
}

static void serve(struct control_server *s, struct asker *a)
{
	struct pollfd p = { .fd = control_server_fd(s), .events = POLLIN };

	ask_begin(a);
	while (!atomic_load(&a->done)) {
		poll(&p, 1, 10);
		control_server_turn(s, mono_now());
	}
	ask_end(a);
}

TEST(control_client, gets_the_answer_of_a_server)
{
	struct asker a = { .run_dir = unit_temp_dir(), .id = "r-1", .timeout_ms = PATIENCE_MS };
	struct control_server *s = NULL;
	unsigned calls = 0, files = open_files();
	struct buf why;

	buf_init(&why, 256);
	CU_ASSERT_EQUAL_FATAL(
	    control_server_open(a.run_dir, answer_status, &calls, &s, &why), ST_OK);
	serve(s, &a);
	CU_ASSERT_EQUAL(a.err, ST_OK);
	CU_ASSERT_EQUAL(a.status.state, SYNC_RETRYING);
	CU_ASSERT_EQUAL(a.status.full_sync_reason, FULL_SYNC_FORCED);
	CU_ASSERT_EQUAL(a.status.products_seen, 600);
	CU_ASSERT_EQUAL(a.status.next_poll_at, 42);
	a.sync = true;
	atomic_store(&a.done, false);
	serve(s, &a);
	CU_ASSERT_EQUAL(a.err, ST_OK);
	CU_ASSERT_EQUAL(calls, 2);
	control_server_close(s);
	CU_ASSERT_EQUAL(open_files(), files);
}

/* Ids of clients are no longer than this; a longer one is cut, not refused. */
TEST(control_client, cuts_an_id_that_is_too_long)
{
	char id[200];
	struct asker a = { .run_dir = unit_temp_dir(), .id = id, .timeout_ms = PATIENCE_MS };
	struct control_server *s = NULL;
	unsigned calls = 0;
	struct buf why;

	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	buf_init(&why, 256);
	CU_ASSERT_EQUAL_FATAL(
	    control_server_open(a.run_dir, answer_status, &calls, &s, &why), ST_OK);
	serve(s, &a);
	CU_ASSERT_EQUAL(a.err, ST_OK);
	control_server_close(s);
}

static enum st_err ask_now(const char *run_dir, int64_t timeout_ms)
{
	struct control_status status = { .next_poll_at = 77 };
	enum st_err err = control_ask_status(run_dir, "r-1", timeout_ms, &status);

	CU_ASSERT_EQUAL(status.next_poll_at, 77); /* untouched on failure */
	CU_ASSERT_EQUAL(control_ask_sync(run_dir, "r-1", timeout_ms), err);
	return err;
}

TEST(control_client, says_that_nobody_listens)
{
	unsigned files = open_files();
	const char *run_dir = unit_temp_dir();
	char longest[200];

	CU_ASSERT_EQUAL(ask_now("/nowhere/at/all", PATIENCE_MS), ST_UNAVAILABLE);
	CU_ASSERT_EQUAL(ask_now(run_dir, PATIENCE_MS), ST_UNAVAILABLE);
	close(raw_listen(run_dir, 1)); /* a dead socket stays */
	CU_ASSERT_EQUAL(ask_now(run_dir, PATIENCE_MS), ST_UNAVAILABLE);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CU_ASSERT_EQUAL(ask_now(longest, PATIENCE_MS), ST_TOO_BIG);
	CU_ASSERT_EQUAL(open_files(), files);
}

/* Within the time, and not at once. */
static void gives_up_with(enum st_err wanted, const char *run_dir, int64_t timeout_ms)
{
	struct control_status status;
	struct mono began = mono_now();
	int64_t ms;

	CU_ASSERT_EQUAL(control_ask_status(run_dir, "r-1", timeout_ms, &status), wanted);
	ms = mono_ms_between(began, mono_now());
	CU_ASSERT_TRUE(ms >= timeout_ms - 1 && ms < timeout_ms + 5000);
}

TEST(control_client, gives_up_on_a_daemon_that_stands_still)
{
	const char *run_dir = unit_temp_dir();
	int fd = raw_listen(run_dir, 16); /* takes connections, reads nothing */

	gives_up_with(ST_TIMEOUT, run_dir, 50);
	gives_up_with(ST_TIMEOUT, run_dir, 0);
	gives_up_with(ST_TIMEOUT, run_dir, -5);
	close(fd);
}

/* Nothing was asked, and that is another thing than no answer. */
TEST(control_client, says_that_no_connection_was_taken)
{
	const char *run_dir = unit_temp_dir();
	int listener = raw_listen(run_dir, 0), waiting = raw_connect(run_dir);
	struct control_patience patience = { PATIENCE_MS, eventfd(1, EFD_CLOEXEC), 20 };
	struct mono began = mono_now();
	struct control_sync end;

	gives_up_with(ST_BUSY, run_dir, 50);
	gives_up_with(ST_BUSY, run_dir, 0);
	/* Whoever is asked to end doesn't wait for it. */
	CU_ASSERT_EQUAL(control_wait_sync(run_dir, "r-1", &patience, &end), ST_BUSY);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < PATIENCE_MS / 2);
	close(patience.stop_fd);
	close(waiting);
	close(listener);
}

TEST(control_client, connects_when_there_is_room_again)
{
	static const char answer[] = "{\"v\":1,\"id\":\"r-1\",\"ok\":true}";
	struct asker a = {
		.run_dir = unit_temp_dir(), .id = "r-1", .timeout_ms = PATIENCE_MS, .sync = true
	};
	int listener = raw_listen(a.run_dir, 0), waiting = raw_connect(a.run_dir), fd;

	ask_begin(&a);
	poll(NULL, 0, 20); /* it has most likely tried in vain */
	CU_ASSERT_FALSE(atomic_load(&a.done));
	close(accept(listener, NULL, NULL));
	fd = accept(listener, NULL, NULL);
	ASSERT_TEXT(raw_receive(fd), "{\"v\":1,\"id\":\"r-1\",\"type\":\"sync\",\"wait\":false}");
	raw_message(fd, answer);
	ask_end(&a);
	CU_ASSERT_EQUAL(a.err, ST_OK);
	close(fd);
	close(waiting);
	close(listener);
}

/* A daemon of our own making: reads the question, sends these bytes, hangs up. */
static enum st_err answered_with(const char *bytes, size_t len)
{
	struct asker a = { .run_dir = unit_temp_dir(), .id = "r-1", .timeout_ms = PATIENCE_MS };
	int listener = raw_listen(a.run_dir, 1), fd;

	a.status.next_poll_at = 77;
	ask_begin(&a);
	fd = accept(listener, NULL, NULL);
	ASSERT_TEXT(raw_receive(fd), "{\"v\":1,\"id\":\"r-1\",\"type\":\"status\"}");
	raw_send(fd, bytes, len);
	close(fd);
	ask_end(&a);
	close(listener);
	CU_ASSERT_EQUAL(a.status.next_poll_at, 77);
	return a.err;
}

TEST(control_client, refuses_an_answer_that_is_none)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum st_err err;
	} cases[] = {
		{ "", 0, ST_CLOSED },
		{ "\0\0", 2, ST_CLOSED },
		{ "\0\0\0\x10", 4, ST_CLOSED },
		{ "\0\0\0\x10{\"v\":1", 10, ST_CLOSED },
		{ "\0\0\0\0", 4, ST_INVALID },
		{ "\0\x20\0\1", 4, ST_INVALID },
		{ "\xff\xff\xff\xff", 4, ST_INVALID },
		{ "\0\0\0\7garbage", 11, ST_INVALID },
		{ "\0\0\0\2{}", 6, ST_INVALID },
		{ "\0\0\0\x1d{\"v\":1,\"id\":\"r-1\",\"ok\":true}", 33, ST_INVALID },
		{ "\0\0\0\x1e{\"v\":1,\"id\":\"r-1\",\"ok\":false}", 34, ST_INVALID },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum st_err err = answered_with(cases[i].bytes, cases[i].len);

		if (err != cases[i].err)
			printf("\ncase %zu: %s\n", i, st_err_text(err));
		CU_ASSERT_EQUAL(err, cases[i].err);
	}
}

/* The deadline is one for the whole exchange: a byte now and then doesn't stretch it. */
TEST(control_client, gives_up_on_a_daemon_that_drips)
{
	struct asker a = { .run_dir = unit_temp_dir(), .id = "r-1", .timeout_ms = 200 };
	struct mono began = mono_now();
	int listener = raw_listen(a.run_dir, 1), fd;
	struct pollfd p = { .events = POLLRDHUP };

	ask_begin(&a);
	fd = accept(listener, NULL, NULL);
	(void)raw_receive(fd);
	raw_send(fd, "\0\x10\0\0", 4);
	p.fd = fd;
	while (poll(&p, 1, 20) == 0 && mono_ms_between(began, mono_now()) < PATIENCE_MS)
		(void)!send(fd, "x", 1, MSG_NOSIGNAL);
	ask_end(&a);
	CU_ASSERT_EQUAL(a.err, ST_TIMEOUT);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < PATIENCE_MS);
	close(fd);
	close(listener);
}
