/*
 * Requests with a body, and requests that wait for the daemon, through a real
 * pool: what they may cost, and what becomes of them when the pool is to end.
 */
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/shop.h"
#include "base/io.h"
#include "base/log.h"
#include "pool/fcgi_client.h"
#include "pool/pool.h"
#include "unit.h"

#define THREADS  8    /* half of them for writes, one of those for forces */
#define SHORT_MS 300  /* for bodies */
#define STOP_MS  1000 /* for writes at the end */
#define LONG_MS  8000 /* nothing here may take as long */

#define ONE   "/v1/store/inventory/updates"
#define FORCE "/v1/store/sync/force"
#define BODY  "{\"productId\":\"P\",\"delta\":-2,\"version\":6,\"idempotencyKey\":\"k\"}"
#define APPLIED                                                                      \
	"true,\"results\":[{\"productId\":\"P\",\"newQuantity\":1,\"newVersion\":7," \
	"\"applied\":true,\"lastUpdated\":\"\",\"errorType\":\"\",\"errorMessage\":\"\"}]"

static const struct shop_script answers = { .takes = true, .answer = APPLIED };
static const struct shop_script hangs = { .takes = true, .holds = true };

/* A pool of one process, and the daemon that its requests meet. */
struct till {
	char socket[100], data_dir[100];
	pid_t pid;
	struct shop shop; /* only its daemon */
};

static const char *const keys[] = { "key" };

static int run_pool(const struct till *t, int64_t body_ms)
{
	char address[120];
	struct pool_options options = { .listen = address,
		.socket_mode = 0600,
		.socket_group = "",
		.processes = 1,
		.threads = THREADS,
		.api = { .store = { t->data_dir, (size_t)64 << 20 },
		    .run_dir = t->shop.options.run_dir,
		    .store_id = "unit",
		    .version = "0",
		    .api_keys = keys,
		    .n_api_keys = 1,
		    .mount_from = "",
		    .mount_to = "",
		    .max_body_bytes = 1024,
		    .body_ms = body_ms,
		    .stop_ms = STOP_MS,
		    .force_wait_s = API_FORCE_WAIT_S,
		    .threads = THREADS,
		    .stop_fd = -1 } };
	struct buf why;
	enum st_err err;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	log_open("unit-pool", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	if (!freopen("/dev/null", "r", stdin))
		return 3;
	unsetenv("LISTEN_FDS");
	snprintf(address, sizeof(address), "unix:%s", t->socket);
	buf_init(&why, 1000);
	err = pool_run(&options, NULL, NULL, &why);
	buf_free(&why);
	return err ? 2 : 0;
}

static void till_begin(struct till *t, int64_t body_ms, const struct shop_script *script)
{
	static const struct control_status live = { .state = SYNC_LIVE, .next_poll_at = -1 };
	struct mono deadline = mono_add_ms(mono_now(), 10000);

	memset(t, 0, sizeof(*t));
	t->shop.options.run_dir = unit_temp_dir();
	snprintf(t->socket, sizeof(t->socket), "%s/s", t->shop.options.run_dir);
	snprintf(t->data_dir, sizeof(t->data_dir), "%s/data", t->shop.options.run_dir);
	t->pid = fork();
	if (t->pid == 0)
		_exit(run_pool(t, body_ms));
	shop_daemon_begin(&t->shop, &live);
	shop_daemon_says(&t->shop, script);
	while (!io_socket_is_alive(t->socket))
		CU_ASSERT_FALSE_FATAL(mono_reached(deadline, mono_now()));
}

/* How long the pool took to end well. */
static int64_t till_wait(struct till *t, struct mono began)
{
	int status;

	waitpid(t->pid, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return mono_ms_between(began, mono_now());
}

static void till_end(struct till *t)
{
	kill(t->pid, SIGTERM);
	till_wait(t, mono_now());
	shop_daemon_end(&t->shop);
}

static struct fcgi_ask write_of(const char *body, const char *length)
{
	return (struct fcgi_ask){ .method = "POST",
		.uri = ONE,
		.key = "key",
		.body = body,
		.more = { length ? "CONTENT_LENGTH" : NULL, length } };
}

static int receive_status(int fd, const char *holds)
{
	struct fcgi_reply reply;
	int status = 0;

	if (fcgi_receive(fd, &reply))
		status = reply.status;
	if (!strstr(buf_text(&reply.out), holds))
		printf("\nwithout %s: %s\n", holds, buf_text(&reply.out));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_text(&reply.out), holds));
	fcgi_reply_free(&reply);
	return status;
}

static int ask(const struct till *t, const struct fcgi_ask *a, const char *holds)
{
	int fd = fcgi_connect(t->socket), status;

	(void)fcgi_send(fd, a);
	status = receive_status(fd, holds);
	close(fd);
	return status;
}

/* A read, at once. */
static void check_read(const struct till *t)
{
	struct fcgi_ask a = { .method = "GET", .uri = "/metrics" };
	struct mono began = mono_now();

	CU_ASSERT_EQUAL(ask(t, &a, "store_api_"), 200);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < 2000);
}

TEST(pool_writes, with_and_without_a_length)
{
	struct fcgi_ask a = write_of(BODY, NULL);
	char length[16];
	struct till t;

	snprintf(length, sizeof(length), "%zu", strlen(BODY));
	till_begin(&t, LONG_MS, &answers);
	CU_ASSERT_EQUAL(ask(&t, &a, "\"applied\":true"), 200);
	a = write_of(BODY, "");
	CU_ASSERT_EQUAL(ask(&t, &a, "\"applied\":true"), 200);
	a = write_of(BODY, length);
	CU_ASSERT_EQUAL(ask(&t, &a, "\"applied\":true"), 200);
	till_end(&t);
}

/* After each refusal the same connection serves the next request. */
TEST(pool_writes, a_refusal_leaves_the_connection_usable)
{
	static char large[200000];
	static const struct {
		const char *uri, *key, *body, *length;
		int status;
		const char *holds;
	} cases[] = {
		{ ONE, "key", "{}", NULL, 400, "idempotencyKey" },
		{ ONE, "key", BODY, "10", 400, "shorter or longer" },
		{ ONE, "key", BODY, "1000", 400, "shorter or longer" },
		{ ONE, "key", BODY, "x", 400, "no number" },
		{ ONE, "key", large, "200000", 413, "payload_too_large" },
		{ ONE, "key", large, NULL, 413, "payload_too_large" },
		{ ONE, "no", large, NULL, 401, "unauthorized" },
		{ "/v1/nowhere", "key", large, NULL, 404, "not_found" },
		{ "/v1/store/inventory", "key", large, NULL, 405, "method_not_allowed" },
		{ FORCE "?wait=x", "key", large, NULL, 400, "invalid_parameter" },
	};
	struct till t;
	int fd;

	memset(large, ' ', sizeof(large) - 1);
	till_begin(&t, LONG_MS, &answers);
	fd = fcgi_connect(t.socket);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fcgi_ask bad = write_of(cases[i].body, cases[i].length);
		struct fcgi_ask good = write_of(BODY, NULL);

		bad.uri = cases[i].uri;
		bad.key = cases[i].key;
		bad.keep = good.keep = true;
		CU_ASSERT_TRUE(fcgi_send(fd, &bad));
		CU_ASSERT_EQUAL(receive_status(fd, cases[i].holds), cases[i].status);
		CU_ASSERT_TRUE(fcgi_send(fd, &good));
		CU_ASSERT_EQUAL(receive_status(fd, "\"applied\":true"), 200);
	}
	close(fd);
	till_end(&t);
}

TEST(pool_writes, a_body_that_does_not_come_costs_its_time_and_no_more)
{
	struct fcgi_ask a = write_of("{", NULL);
	struct mono began;
	struct till t;
	int fd;

	a.unended = true;
	till_begin(&t, SHORT_MS, &answers);
	fd = fcgi_connect(t.socket);
	began = mono_now();
	CU_ASSERT_TRUE(fcgi_send(fd, &a));
	CU_ASSERT_EQUAL(receive_status(fd, "request_timeout"), 408);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) >= SHORT_MS);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < SHORT_MS + 3000);
	close(fd);
	check_read(&t);
	ASSERT_TEXT(shop_daemon_heard(&t.shop), "");
	till_end(&t);
}

/*
 * A byte now and then doesn't stretch the time, and is taken for a while after the answer, since
 * Apache looks for that only when it has sent the next byte.
 */
TEST(pool_writes, a_body_that_drips_has_no_more_time)
{
	struct fcgi_ask a = write_of("{", NULL);
	struct mono began, next;
	struct till t;
	int fd;

	a.unended = true;
	till_begin(&t, SHORT_MS, &answers);
	fd = fcgi_connect(t.socket);
	began = next = mono_now();
	CU_ASSERT_TRUE(fcgi_send(fd, &a));
	while (mono_ms_between(began, mono_now()) < SHORT_MS + 3000) {
		if (!mono_reached(next, mono_now()))
			continue;
		CU_ASSERT_TRUE(fcgi_send_body(fd, " ", 1));
		next = mono_add_ms(mono_now(), 200);
	}
	CU_ASSERT_EQUAL(receive_status(fd, "request_timeout"), 408);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < LONG_MS);
	close(fd);
	ASSERT_TEXT(shop_daemon_heard(&t.shop), "");
	till_end(&t);
}

/* Nor do refused ones that never end hold threads. */
TEST(pool_writes, refused_bodies_that_do_not_end_cost_no_threads)
{
	struct fcgi_ask a = write_of("{", NULL);
	int fds[8 * THREADS];
	struct mono began;
	struct till t;

	a.unended = true;
	a.key = "no";
	till_begin(&t, LONG_MS, &answers);
	began = mono_now();
	for (size_t i = 0; i < 8 * THREADS; i++) {
		fds[i] = fcgi_connect(t.socket);
		CU_ASSERT_TRUE(fcgi_send(fds[i], &a));
	}
	check_read(&t);
	for (size_t i = 0; i < 8 * THREADS; i++) {
		CU_ASSERT_EQUAL(receive_status(fds[i], "unauthorized"), 401);
		CU_ASSERT_TRUE(fcgi_send_body(fds[i], " ", 1));
		close(fds[i]);
	}
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < 2000);
	till_end(&t);
}

static char state_of(pid_t pid)
{
	char path[40], text[100] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file) {
		(void)!fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	return strchr(text, ')') ? strchr(text, ')')[2] : '?';
}

/* The one worker: all of its threads stand still, and go on. */
static void stop_for_a_moment(const struct till *t)
{
	struct mono deadline = mono_add_ms(mono_now(), LONG_MS);
	char path[80];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)t->pid, (int)t->pid);
	file = fopen(path, "r");
	CU_ASSERT_TRUE_FATAL(file && fscanf(file, "%d", &pid) == 1);
	fclose(file);
	kill(pid, SIGSTOP);
	while (state_of(pid) != 'T' && !mono_reached(deadline, mono_now()))
		;
	CU_ASSERT_EQUAL(state_of(pid), 'T');
	kill(pid, SIGCONT);
}

/* All but so many bytes of a request are read; then the worker is stopped; then come the others. */
static void check_stopped_before(const struct till *t, const struct buf *bytes, size_t rest)
{
	struct mono deadline = mono_add_ms(mono_now(), LONG_MS);
	ssize_t first = (ssize_t)(bytes->len - rest);
	int fd = fcgi_connect(t->socket), unread = 1;

	CU_ASSERT_EQUAL(send(fd, bytes->data, (size_t)first, MSG_NOSIGNAL), first);
	while (unread > 0 && !mono_reached(deadline, mono_now()))
		CU_ASSERT_EQUAL(ioctl(fd, SIOCOUTQ, &unread), 0);
	stop_for_a_moment(t);
	CU_ASSERT_EQUAL(send(fd, bytes->data + first, rest, MSG_NOSIGNAL), (ssize_t)rest);
	CU_ASSERT_EQUAL(receive_status(fd, "\"applied\":true"), 200);
	close(fd);
}

/* As a debugger does it, or a freezer.  Reads that have a time limit of the socket's end with EINTR then. */
TEST(pool_writes, a_worker_that_was_stopped_goes_on_with_the_head_that_it_read)
{
	struct fcgi_ask a = write_of(BODY, NULL);
	struct till t;
	struct buf bytes;

	buf_init(&bytes, 10000);
	fcgi_write_request(&a, &bytes);
	till_begin(&t, LONG_MS, &answers);
	check_stopped_before(&t, &bytes, bytes.len - 4);
	check_stopped_before(&t, &bytes, bytes.len / 2);
	buf_free(&bytes);
	till_end(&t);
}

TEST(pool_writes, a_body_that_is_cut_goes_nowhere)
{
	struct fcgi_ask a = write_of(BODY, NULL);
	struct till t;
	int fd;

	a.unended = true;
	till_begin(&t, LONG_MS, &answers);
	fd = fcgi_connect(t.socket);
	CU_ASSERT_TRUE(fcgi_send(fd, &a));
	shutdown(fd, SHUT_WR);
	CU_ASSERT_EQUAL(receive_status(fd, "was cut off"), 400);
	close(fd);
	fd = fcgi_connect(t.socket);
	CU_ASSERT_TRUE(fcgi_send(fd, &a));
	close(fd);
	check_read(&t);
	ASSERT_TEXT(shop_daemon_heard(&t.shop), "");
	till_end(&t);
}

/* Requests under way on connections of their own. */
static void begin_all(const struct till *t, const char *uri, int *fds, size_t n)
{
	struct fcgi_ask a = write_of(BODY, NULL);

	a.uri = uri;
	for (size_t i = 0; i < n; i++) {
		fds[i] = fcgi_connect(t->socket);
		CU_ASSERT_TRUE(fcgi_send(fds[i], &a));
	}
}

static void end_all(int *fds, size_t n, const char *holds, int status)
{
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(receive_status(fds[i], holds), status);
		close(fds[i]);
	}
}

/* With every place taken by writes that hang, others are turned away at once and reads go on. */
TEST(pool_writes, hanging_writes_hold_half_of_the_threads)
{
	struct fcgi_ask write = write_of(BODY, NULL), force = write_of("", NULL);
	struct mono deadline = mono_add_ms(mono_now(), LONG_MS);
	int fds[THREADS / 2];
	struct till t;

	till_begin(&t, LONG_MS, &hangs);
	begin_all(&t, ONE, fds, THREADS / 2);
	while (shop_daemon_calls(&t.shop) < THREADS / 2)
		CU_ASSERT_FALSE_FATAL(mono_reached(deadline, mono_now()));
	for (int i = 0; i < 50; i++) {
		CU_ASSERT_EQUAL(ask(&t, &write, "Retry-After: 1\r\n"), 503);
		check_read(&t);
	}
	/* A force that finds no place hands in its order. */
	force.uri = FORCE;
	CU_ASSERT_EQUAL(ask(&t, &force, "sync_daemon_unavailable"), 503);
	shop_daemon_end(&t.shop);
	end_all(fds, THREADS / 2, "central_timeout", 504);
	kill(t.pid, SIGTERM);
	till_wait(&t, mono_now());
}

TEST(pool_writes, a_stop_answers_whoever_waits)
{
	struct mono began, deadline = mono_add_ms(mono_now(), LONG_MS);
	int writes[2], forces[1];
	struct till t;
	int64_t ms;

	till_begin(&t, LONG_MS, &hangs);
	begin_all(&t, ONE, writes, 2);
	begin_all(&t, FORCE, forces, 1);
	while (shop_daemon_calls(&t.shop) < 3)
		CU_ASSERT_FALSE_FATAL(mono_reached(deadline, mono_now()));
	began = mono_now();
	kill(t.pid, SIGTERM);
	end_all(forces, 1, "Force sync in progress", 202);
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < LONG_MS);
	end_all(writes, 2, "\"outcome\":\"unknown\"", 504);
	ms = till_wait(&t, began);
	CU_ASSERT_TRUE(ms >= STOP_MS && ms < LONG_MS);
	shop_daemon_end(&t.shop);
}

/* What is answered in the time that a stop leaves is answered as ever. */
TEST(pool_writes, a_stop_lets_open_writes_end)
{
	struct mono deadline = mono_add_ms(mono_now(), LONG_MS);
	int fd[1];
	struct till t;

	till_begin(&t, LONG_MS, &hangs);
	begin_all(&t, ONE, fd, 1);
	while (shop_daemon_calls(&t.shop) < 1)
		CU_ASSERT_FALSE_FATAL(mono_reached(deadline, mono_now()));
	kill(t.pid, SIGTERM);
	shop_daemon_releases(&t.shop, APPLIED);
	end_all(fd, 1, "\"applied\":true", 200);
	till_wait(&t, mono_now());
	shop_daemon_end(&t.shop);
}
