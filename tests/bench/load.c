/*
 * load web WEB CONNECTIONS SECONDS [REQUESTS]   GETs by so many clients, until SIGTERM or the end
 * load fcgi ADDRESS CONNECTIONS REQUESTS     the same straight at the pool, on kept connections
 * load status ADDRESS METHOD URI [KEY]       one request at the pool: its status
 * load stall ADDRESS COUNT half|deaf|idle    connections that stop in the middle, until SIGTERM
 *
 * ADDRESS is PATH or HOST:PORT.  web and fcgi print one line, `N requests, N failed, worst N ms`
 * and behind it what the failures were; a request has failed that brought anything but 200.
 */
#include <curl/curl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "pool/fcgi_client.h"

#define KEY             "k1"
#define CONNECTIONS_MAX 1024
#define REPLY_MAX       (16 * 1024 * 1024)

static const char *const uris[] = {
	"/v1/store/inventory/PROD-001",
	"/v1/store/inventory?limit=20",
	"/v1/store/inventory/PROD-100",
	"/v1/store/inventory?offset=50&limit=50",
	"/v1/store/inventory?ids=PROD-003,PROD-004",
	"/v1/store/inventory?after=PROD-090&limit=5",
	"/health",
};
#define N_URIS (sizeof(uris) / sizeof(uris[0]))

static atomic_bool ended;
static atomic_long requests, failed, wanted, worst_ms;
static atomic_long by_status[600]; /* 0: no answer */
static const char *target;
static struct mono deadline;

static void end(int signal_number)
{
	(void)signal_number;
	atomic_store(&ended, true);
}

static void count(int status, struct mono began)
{
	long ms = (long)mono_ms_between(began, mono_now()), worst = atomic_load(&worst_ms);

	atomic_fetch_add(&requests, 1);
	while (ms > worst && !atomic_compare_exchange_weak(&worst_ms, &worst, ms))
		;
	if (status == 200)
		return;
	atomic_fetch_add(&failed, 1);
	atomic_fetch_add(&by_status[status >= 0 && status < 600 ? status : 0], 1);
}

static bool goes_on(void)
{
	return !atomic_load(&ended) && !mono_reached(deadline, mono_now()) &&
	       atomic_fetch_sub(&wanted, 1) > 0;
}

static size_t drop(char *data, size_t size, size_t n, void *to)
{
	(void)data;
	(void)to;
	return size * n;
}

/*
 * The status, 0 without an answer.  A connection that the server ended between two requests
 * shows when the next is sent, and is opened anew, as by every client of HTTP/1.1.
 */
static int ask_once(CURL *c)
{
	long status = 0, opened = 0;
	CURLcode err = curl_easy_perform(c);

	curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &opened);
	if (err == CURLE_SEND_ERROR && opened == 0)
		err = curl_easy_perform(c);
	if (err == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static void *ask_web(void *arg)
{
	struct curl_slist *headers = curl_slist_append(NULL, "X-API-Key: " KEY);
	CURL *c = curl_easy_init();
	char url[256];

	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 30L);
	for (size_t i = 0; goes_on(); i++) {
		struct mono began = mono_now();

		snprintf(url, sizeof(url), "%s%s", target, uris[i % N_URIS]);
		curl_easy_setopt(c, CURLOPT_URL, url);
		count(ask_once(c), began);
	}
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return arg;
}

/* On one kept connection, renewed where it broke. */
static void *ask_fcgi(void *arg)
{
	int fd = -1;

	for (size_t i = 0; goes_on(); i++) {
		struct fcgi_ask ask = {
			.method = "GET", .uri = uris[i % N_URIS], .key = KEY, .keep = true
		};
		struct mono began = mono_now();
		struct fcgi_reply reply;
		bool kept;

		if (fd < 0)
			fd = fcgi_connect(target);
		if (fd < 0) {
			count(0, began);
			continue;
		}
		kept = fcgi_exchange(fd, &ask, &reply);
		count(kept ? reply.status : 0, began);
		fcgi_reply_free(&reply);
		if (!kept) {
			close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
	return arg;
}

static int run(void *(*asker)(void *), long connections)
{
	static pthread_t threads[CONNECTIONS_MAX];
	long n = 0;

	while (n < connections && n < CONNECTIONS_MAX &&
	       pthread_create(&threads[n], NULL, asker, NULL) == 0)
		n++;
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("%ld requests, %ld failed, worst %ld ms", atomic_load(&requests),
	    atomic_load(&failed), atomic_load(&worst_ms));
	for (int status = 0; status < 600; status++)
		if (atomic_load(&by_status[status]) > 0)
			printf(", %d: %ld", status, atomic_load(&by_status[status]));
	puts("");
	return 0;
}

static int web(char **argv)
{
	target = argv[0];
	atomic_store(&wanted, argv[3] ? strtol(argv[3], NULL, 10) : LONG_MAX);
	deadline = mono_add_ms(mono_now(), strtol(argv[2], NULL, 10) * 1000);
	return run(ask_web, strtol(argv[1], NULL, 10));
}

static int fcgi(char **argv)
{
	target = argv[0];
	atomic_store(&wanted, strtol(argv[2], NULL, 10));
	deadline = MONO_NEVER;
	return run(ask_fcgi, strtol(argv[1], NULL, 10));
}

static int status(char **argv)
{
	struct fcgi_ask ask = { .method = argv[1], .uri = argv[2], .key = argv[3] };
	struct fcgi_reply reply = { 0 };
	int fd = fcgi_connect(argv[0]);

	if (fd < 0 || !fcgi_exchange(fd, &ask, &reply)) {
		puts("none");
		return 1;
	}
	printf("%d\n", reply.status);
	fcgi_reply_free(&reply);
	close(fd);
	return 0;
}

/* Until the pool closes it; what it has sent is left alone. */
static void wait_until_dropped(int fd)
{
	struct pollfd p = { .fd = fd }; /* POLLHUP comes unasked */

	while (!atomic_load(&ended) && poll(&p, 1, -1) <= 0)
		;
}

/*
 * half: seven bytes of a record's head; deaf: a request whose long answer
 * nobody reads; idle: not one byte.  Says when all stand, and when all were
 * dropped.
 */
static int stall(char **argv)
{
	static int fds[CONNECTIONS_MAX];
	struct fcgi_ask ask = {
		.method = "GET", .uri = "/v1/store/inventory?limit=200", .key = KEY, .keep = true
	};
	bool half = strcmp(argv[2], "half") == 0, deaf = strcmp(argv[2], "deaf") == 0;
	long n = strtol(argv[1], NULL, 10);
	struct buf request;

	buf_init(&request, REPLY_MAX);
	fcgi_write_request(&ask, &request);
	n = n < CONNECTIONS_MAX ? n : CONNECTIONS_MAX;
	for (long i = 0; i < n; i++) {
		fds[i] = fcgi_connect(argv[0]);
		if (half || deaf)
			(void)!send(fds[i], request.data, half ? 7 : request.len, MSG_NOSIGNAL);
	}
	puts("stalled");
	fflush(stdout);
	for (long i = 0; i < n; i++)
		wait_until_dropped(fds[i]);
	puts("dropped");
	fflush(stdout);
	while (!atomic_load(&ended))
		pause();
	buf_free(&request);
	return 0;
}

static const struct {
	const char *name;
	int arguments; /* at least */
	int (*run)(char **argv);
} modes[] = {
	{ "web", 3, web },
	{ "fcgi", 3, fcgi },
	{ "status", 3, status },
	{ "stall", 3, stall },
};

int main(int argc, char **argv)
{
	struct sigaction on_end = { .sa_handler = end };

	sigaction(SIGTERM, &on_end, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc >= 2 + modes[i].arguments && strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(argv + 2);
	fputs("usage: load web|fcgi|status|stall …, see its source\n", stderr);
	return 2;
}
