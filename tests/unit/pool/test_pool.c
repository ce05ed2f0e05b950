/* A real pool of forked workers, spoken to as a web server does. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "pool/crashes.h"
#include "pool/fcgi_client.h"
#include "pool/pool.h"
#include "unit.h"

#define PROCESSES 2
#define THREADS   2

static struct {
	char socket[100];
	pid_t pid;
	char data_dir[100], run_dir[100];
} pool;

static const char *const keys_before[] = { "old" };
static const char *const keys_after[] = { "old", "new" };
static unsigned processes = PROCESSES;
static bool key_goes; /* a reload takes the old key away at once */

static const char *const origins[] = { "https://till.example" };

static struct api_options api_options(const char *const *keys, size_t n)
{
	return (struct api_options){ .store = { pool.data_dir, (size_t)64 << 20 },
		.run_dir = pool.run_dir,
		.store_id = "unit",
		.version = "0",
		.api_keys = keys,
		.n_api_keys = n,
		.cors_origins = origins,
		.n_cors_origins = 1,
		.mount_from = "",
		.mount_to = "",
		.max_body_bytes = 1024,
		.body_ms = API_BODY_MS,
		.stop_ms = API_STOP_MS,
		.force_wait_s = API_FORCE_WAIT_S,
		.threads = THREADS,
		.stop_fd = -1 };
}

static bool reload(void *arg, struct api_options *out)
{
	(void)arg;
	*out = key_goes ? api_options(keys_after + 1, 1) : api_options(keys_after, 2);
	return true;
}

static const char *told_path(const char *run_dir)
{
	static char path[120];

	snprintf(path, sizeof(path), "%s/told", run_dir);
	return path;
}

/* In the pool's process: leaves a file for the test to see. */
static bool tell_crashes(const char *run_dir, int64_t ago_ms)
{
	int fd = ago_ms > 5000 ? -1 : open(told_path(run_dir), O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd >= 0 && close(fd) == 0;
}

static bool was_told(void)
{
	return access(told_path(pool.run_dir), F_OK) == 0;
}

static int run_pool(void)
{
	char address[120];
	struct pool_options options = { .listen = address,
		.socket_mode = 0640,
		.socket_group = "",
		.processes = processes,
		.threads = THREADS,
		.api = api_options(keys_before, 1),
		.tell_crashes = tell_crashes };
	struct buf why;
	enum st_err err;

	/* A test that breaks off leaves no pool behind. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	log_open("unit-pool", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	/* Descriptor 0 of a test runner may be anything. */
	if (!freopen("/dev/null", "r", stdin))
		return 3;
	unsetenv("LISTEN_FDS");
	snprintf(address, sizeof(address), "unix:%s", pool.socket);
	buf_init(&why, 1000);
	err = pool_run(&options, reload, NULL, &why);
	buf_free(&why);
	return err ? 2 : 0;
}

static bool until(bool (*condition)(void))
{
	struct mono deadline = mono_add_ms(mono_now(), 10000);

	while (!condition())
		if (mono_reached(deadline, mono_now()))
			return false;
	return true;
}

static bool listens(void)
{
	return io_socket_is_alive(pool.socket);
}

static void pool_begin(void)
{
	const char *dir = unit_temp_dir();

	snprintf(pool.socket, sizeof(pool.socket), "%s/s", dir);
	snprintf(pool.data_dir, sizeof(pool.data_dir), "%s/data", dir);
	snprintf(pool.run_dir, sizeof(pool.run_dir), "%s", dir);
	pool.pid = fork();
	if (pool.pid == 0)
		_exit(run_pool());
	CU_ASSERT_TRUE_FATAL(until(listens));
}

/* The exit code after SIGTERM, -1 if it didn't end by itself; *ms: how long that took. */
static int pool_end(int64_t *ms)
{
	struct mono began = mono_now();
	int status;

	kill(pool.pid, SIGTERM);
	waitpid(pool.pid, &status, 0);
	*ms = mono_ms_between(began, mono_now());
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void pool_end_well(void)
{
	int64_t ms;

	CU_ASSERT_EQUAL(pool_end(&ms), 0);
	CU_ASSERT_FALSE(listens());
}

/* One request on a connection of its own: its status, 0 if it was lost. */
static int ask_status(const char *method, const char *uri, const char *key)
{
	struct fcgi_ask ask = { .method = method, .uri = uri, .key = key };
	struct fcgi_reply reply;
	int fd = fcgi_connect(pool.socket), status = 0;

	if (fd < 0)
		return 0;
	if (fcgi_exchange(fd, &ask, &reply))
		status = reply.status;
	fcgi_reply_free(&reply);
	close(fd);
	return status;
}

TEST(pool, answers_before_there_is_a_store_and_stops_at_once_when_idle)
{
	int64_t ms;

	pool_begin();
	CU_ASSERT_EQUAL(ask_status("GET", "/v1/store/inventory", "old"), 503);
	CU_ASSERT_EQUAL(ask_status("GET", "/v1/store/inventory", "wrong"), 401);
	CU_ASSERT_EQUAL(ask_status("GET", "/nowhere", NULL), 404);
	CU_ASSERT_EQUAL(ask_status("GET", "/metrics", NULL), 200);
	CU_ASSERT_EQUAL(pool_end(&ms), 0);
	CU_ASSERT_TRUE(ms < 1000);
	CU_ASSERT_FALSE(listens());
}

/* Those of others would only find that there is nothing for them. */
TEST(pool, a_connection_wakes_one_thread_of_one_process)
{
	enum { REQUESTS = 1000, MOST = 3 };
	struct rusage before, after;

	getrusage(RUSAGE_CHILDREN, &before);
	processes = 8;
	pool_begin();
	for (int i = 0; i < REQUESTS; i++)
		CU_ASSERT_EQUAL(ask_status("GET", "/nowhere", NULL), 404);
	pool_end_well();
	processes = PROCESSES;
	getrusage(RUSAGE_CHILDREN, &after);
	CU_ASSERT_TRUE(after.ru_nvcsw - before.ru_nvcsw < MOST * REQUESTS);
}

TEST(pool, head_has_the_length_and_no_body)
{
	struct fcgi_ask ask = { .method = "GET", .uri = "/v1/store/inventory", .key = "old" };
	struct fcgi_reply get, head;
	int fd;

	pool_begin();
	fd = fcgi_connect(pool.socket);
	CU_ASSERT_TRUE(fcgi_exchange(fd, &ask, &get));
	close(fd);
	ask.method = "HEAD";
	fd = fcgi_connect(pool.socket);
	CU_ASSERT_TRUE(fcgi_exchange(fd, &ask, &head));
	close(fd);
	CU_ASSERT_TRUE(get.content_len > 0);
	CU_ASSERT_EQUAL(head.content_len, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_text(&head.out), "Content-Length: "));
	fcgi_reply_free(&get);
	fcgi_reply_free(&head);
	pool_end_well();
}

TEST(pool, a_key_sent_twice_is_no_key)
{
	struct fcgi_ask ask = {
		.method = "GET", .uri = "/v1/store/inventory", .key = "old", .second_key = "old"
	};
	struct fcgi_reply reply;
	int fd;

	pool_begin();
	fd = fcgi_connect(pool.socket);
	CU_ASSERT_TRUE(fcgi_exchange(fd, &ask, &reply));
	CU_ASSERT_EQUAL(reply.status, 401);
	fcgi_reply_free(&reply);
	close(fd);
	pool_end_well();
}

/* Each header of a client that means something comes through to the api. */
TEST(pool, passes_a_clients_headers_on)
{
	struct fcgi_ask ask = { .method = "GET",
		.uri = "/v1/store/openapi.json",
		.key = "old",
		.more = { "HTTP_IF_NONE_MATCH", "*", "HTTP_ORIGIN", origins[0], "HTTP_X_REQUEST_ID",
		    "till-7", "HTTP_X_STORE_MAX_STALENESS", "x" } };
	struct fcgi_reply reply;
	const char *text;
	int fd;

	pool_begin();
	fd = fcgi_connect(pool.socket);
	CU_ASSERT_TRUE(fcgi_exchange(fd, &ask, &reply));
	close(fd);
	text = buf_text(&reply.out);
	CU_ASSERT_EQUAL(reply.status, 304);
	CU_ASSERT_EQUAL(reply.content_len, 0);
	CU_ASSERT_PTR_NULL(strstr(text, "Content-Length"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "X-Request-Id: till-7\r\n"));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(text, "Access-Control-Allow-Origin: https://till.example\r\n"));
	fcgi_reply_free(&reply);
	/* There is no store: it is the header that is refused first. */
	ask.uri = "/v1/store/inventory";
	fd = fcgi_connect(pool.socket);
	CU_ASSERT_TRUE(fcgi_exchange(fd, &ask, &reply));
	close(fd);
	CU_ASSERT_EQUAL(reply.status, 400);
	fcgi_reply_free(&reply);
	pool_end_well();
}

TEST(pool, idle_kept_connections_cost_no_thread)
{
	enum { KEPT = 4 * PROCESSES * THREADS };
	struct fcgi_ask ask = { .method = "GET", .uri = "/metrics", .keep = true };
	struct fcgi_reply reply;
	int fds[KEPT];

	pool_begin();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < KEPT; i++) {
			if (round == 0)
				fds[i] = fcgi_connect(pool.socket);
			CU_ASSERT_TRUE(fcgi_exchange(fds[i], &ask, &reply));
			CU_ASSERT_EQUAL(reply.status, 200);
			fcgi_reply_free(&reply);
		}
		/* Beside them, one that is not kept. */
		CU_ASSERT_EQUAL(ask_status("GET", "/metrics", NULL), 200);
	}
	for (int i = 0; i < KEPT; i++)
		close(fds[i]);
	pool_end_well();
}

TEST(pool, a_body_that_nobody_reads_does_no_harm)
{
	static char body[40001];
	struct fcgi_ask ask = { .method = "GET", .uri = "/metrics", .body = body, .keep = true };
	struct fcgi_reply reply;
	int fd;

	pool_begin();
	memset(body, 'b', sizeof(body) - 1);
	fd = fcgi_connect(pool.socket);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(fcgi_exchange(fd, &ask, &reply));
		CU_ASSERT_EQUAL(reply.status, 200);
		fcgi_reply_free(&reply);
	}
	close(fd);
	pool_end_well();
}

/* So many would be waited for longer than all of this may take. */
TEST(pool, a_response_waits_for_no_body_that_nobody_reads)
{
	enum { REQUESTS = 20, WAIT_MS = 50 };
	struct fcgi_ask ask = { .method = "POST",
		.uri = "/v1/store/inventory/updates",
		.more = { "CONTENT_LENGTH", "100" },
		.unended = true };
	struct mono began;
	char byte;

	pool_begin();
	began = mono_now();
	for (int i = 0; i < REQUESTS; i++) {
		int fd = fcgi_connect(pool.socket);

		CU_ASSERT_TRUE(fcgi_send(fd, &ask));
		CU_ASSERT_EQUAL(recv(fd, &byte, 1, 0), 1);
		close(fd);
	}
	CU_ASSERT_TRUE(mono_ms_between(began, mono_now()) < REQUESTS * WAIT_MS);
	pool_end_well();
}

TEST(pool, peers_that_break_off_cost_nobody_an_answer)
{
	struct fcgi_ask ask = { .method = "GET", .uri = "/metrics" };
	struct buf request;

	pool_begin();
	buf_init(&request, 100000);
	fcgi_write_request(&ask, &request);
	for (size_t cut = 0; cut < request.len; cut += 7) {
		int fd = fcgi_connect(pool.socket);

		CU_ASSERT_EQUAL(send(fd, request.data, cut, MSG_NOSIGNAL), (ssize_t)cut);
		close(fd);
	}
	for (int i = 0; i < 50; i++) {
		int fd = fcgi_connect(pool.socket);

		/* No FastCGI at all. */
		(void)!send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
		close(fd);
	}
	CU_ASSERT_EQUAL(ask_status("GET", "/metrics", NULL), 200);
	buf_free(&request);
	pool_end_well();
}

static atomic_int lost, served, stop_asking;

static void *ask_on(void *arg)
{
	while (!atomic_load(&stop_asking)) {
		if (ask_status("GET", "/metrics", NULL) == 200)
			atomic_fetch_add(&served, 1);
		else
			atomic_fetch_add(&lost, 1);
	}
	return arg;
}

#define ASKERS 16

static void load_begin(pthread_t threads[ASKERS])
{
	atomic_store(&stop_asking, 0);
	atomic_store(&lost, 0);
	atomic_store(&served, 0);
	for (int i = 0; i < ASKERS; i++)
		pthread_create(&threads[i], NULL, ask_on, NULL);
}

static void load_end(pthread_t threads[ASKERS])
{
	atomic_store(&stop_asking, 1);
	for (int i = 0; i < ASKERS; i++)
		pthread_join(threads[i], NULL);
}

static bool new_key_counts(void)
{
	return ask_status("GET", "/v1/store/inventory", "new") == 503;
}

/* A worker of the pool, by the kernel's list of its children. */
static pid_t a_worker(void)
{
	char path[80];
	struct buf text;
	pid_t pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pool.pid, (int)pool.pid);
	buf_init(&text, 10000);
	if (io_read_file(path, &text) == ST_OK)
		pid = (pid_t)strtol(buf_text(&text), NULL, 10);
	buf_free(&text);
	return pid;
}

TEST(pool, a_reload_under_load_loses_nothing)
{
	pthread_t threads[ASKERS];

	pool_begin();
	CU_ASSERT_EQUAL(ask_status("GET", "/v1/store/inventory", "new"), 401);
	load_begin(threads);
	for (int i = 0; i < 10; i++)
		kill(pool.pid, SIGHUP);
	CU_ASSERT_TRUE(until(new_key_counts));
	for (int i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(ask_status("GET", "/v1/store/inventory", "old"), 503);
	load_end(threads);
	CU_ASSERT_EQUAL(atomic_load(&lost), 0);
	CU_ASSERT_TRUE(atomic_load(&served) > 50);
	pool_end_well();
}

/* A client that has both keys, and tries the new one where the old one is refused. */
TEST(pool, a_key_that_goes_leaves_no_moment_without_one)
{
	struct mono deadline = mono_add_ms(mono_now(), 10000);
	int refused = 0, asked = 0, both = 0;

	key_goes = true;
	pool_begin();
	key_goes = false;
	for (int reloads = 0; refused < 50 && !mono_reached(deadline, mono_now()); asked++) {
		if (asked >= 50 && reloads < 3) {
			kill(pool.pid, SIGHUP);
			reloads++;
		}
		if (ask_status("GET", "/v1/store/inventory", "old") != 401) {
			refused = 0;
			continue;
		}
		refused++;
		both += ask_status("GET", "/v1/store/inventory", "new") == 401;
	}
	CU_ASSERT_EQUAL(refused, 50);
	CU_ASSERT_EQUAL(both, 0);
	pool_end_well();
}

static pid_t killed;

static bool has_workers(void)
{
	return a_worker() > 0;
}

/* The socket listens before the first worker is there. */
static void kill_a_worker(int signal)
{
	CU_ASSERT_TRUE_FATAL(until(has_workers));
	killed = a_worker();
	kill(killed, signal);
}

static bool is_replaced(void)
{
	pid_t now = a_worker();

	return now != 0 && now != killed && kill(killed, 0) != 0;
}

TEST(pool, a_killed_worker_is_replaced)
{
	pool_begin();
	for (int i = 0; i < 3; i++) {
		kill_a_worker(SIGKILL);
		CU_ASSERT_TRUE(until(is_replaced));
		CU_ASSERT_EQUAL(ask_status("GET", "/metrics", NULL), 200);
	}
	pool_end_well();
}

/* As often as a damaged store would kill them, and not before. */
TEST(pool, workers_that_die_of_the_store_are_told_of)
{
	pool_begin();
	for (int i = 0; i < CRASHES_MANY; i++) {
		CU_ASSERT_FALSE(was_told());
		kill_a_worker(SIGBUS);
		CU_ASSERT_TRUE(until(is_replaced));
	}
	CU_ASSERT_TRUE(until(was_told));
	pool_end_well();
}

TEST(pool, a_stop_finishes_what_is_under_way)
{
	struct fcgi_ask ask = { .method = "GET", .uri = "/metrics" };
	struct fcgi_reply reply;
	struct buf request;
	int fd, status;

	pool_begin();
	buf_init(&request, 100000);
	fcgi_write_request(&ask, &request);
	fd = fcgi_connect(pool.socket);
	/* All but the last record: a thread has it, and waits for the rest. */
	CU_ASSERT_EQUAL(
	    send(fd, request.data, request.len - 30, MSG_NOSIGNAL), (ssize_t)request.len - 30);
	CU_ASSERT_EQUAL(ask_status("GET", "/metrics", NULL), 200);
	kill(pool.pid, SIGTERM);
	CU_ASSERT_EQUAL(send(fd, request.data + request.len - 30, 30, MSG_NOSIGNAL), 30);
	CU_ASSERT_TRUE(fcgi_receive(fd, &reply));
	CU_ASSERT_EQUAL(reply.status, 200);
	fcgi_reply_free(&reply);
	close(fd);
	waitpid(pool.pid, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	buf_free(&request);
}

/* Processor time that a process of ours has used. */
static int64_t used_ms(pid_t pid)
{
	struct timespec t = { 0 };
	clockid_t clock;

	CU_ASSERT_EQUAL_FATAL(clock_getcpuclockid(pid, &clock), 0);
	CU_ASSERT_EQUAL(clock_gettime(clock, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_buried(void)
{
	return kill(killed, 0) != 0;
}

/* One worker has died and is due to be replaced, the other one is busy to its end. */
TEST(pool, waits_for_its_workers_without_spinning)
{
	int fd, status;
	int64_t before;

	pool_begin();
	kill_a_worker(SIGKILL);
	CU_ASSERT_TRUE(until(is_buried));
	fd = fcgi_connect(pool.socket);
	CU_ASSERT_EQUAL(send(fd, "\1", 1, MSG_NOSIGNAL), 1);
	/* Who came after it is served, so it was taken. */
	CU_ASSERT_EQUAL(ask_status("GET", "/metrics", NULL), 200);
	kill(pool.pid, SIGTERM);
	before = used_ms(pool.pid);
	/* Longer than the pause before a young worker's successor. */
	poll(NULL, 0, 600);
	CU_ASSERT_EQUAL(waitpid(pool.pid, &status, WNOHANG), 0);
	CU_ASSERT_TRUE(used_ms(pool.pid) - before < 200);
	close(fd);
	waitpid(pool.pid, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static bool metrics_hold(const char *line)
{
	struct fcgi_ask ask = { .method = "GET", .uri = "/metrics" };
	int fd = fcgi_connect(pool.socket);
	struct fcgi_reply reply;
	bool holds = fcgi_exchange(fd, &ask, &reply) && strstr(buf_text(&reply.out), line);

	fcgi_reply_free(&reply);
	close(fd);
	return holds;
}

/* The supervisor counts a moment after the worker is gone. */
static bool restart_is_counted(void)
{
	return metrics_hold("store_api_worker_restarts_total 1\n");
}

TEST(pool, counters_outlive_a_worker)
{
	pool_begin();
	for (int i = 0; i < 5; i++)
		ask_status("GET", "/nowhere", NULL);
	kill_a_worker(SIGKILL);
	CU_ASSERT_TRUE(until(restart_is_counted));
	CU_ASSERT_TRUE(metrics_hold(
	    "store_api_http_requests_total{route=\"other\",method=\"GET\",code=\"404\"} 5\n"));
	pool_end_well();
}
