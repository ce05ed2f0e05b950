/*
 * A POST over a kept connection that is dead: libcurl would send it again by
 * itself, and what the second one is answered would be believed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "central/http.h"
#include "unit.h"

static atomic_int posts;

/* Answers GETs and keeps the connection; takes each POST, and hangs up. */
static void *serve(void *arg)
{
	int listener = *(int *)arg, fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		char request[4096];
		ssize_t n;

		while ((n = recv(fd, request, sizeof(request) - 1, 0)) > 0) {
			static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

			if (strncmp(request, "POST", 4) == 0) {
				atomic_fetch_add(&posts, 1);
				break;
			}
			send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL);
		}
		close(fd);
	}
	return NULL;
}

struct exchange {
	bool done, sent;
	long status;
	enum failure_class failure;
};

static void note(void *arg, const struct http_answer *answer)
{
	struct exchange *x = arg;

	x->done = true;
	x->sent = answer->sent;
	x->status = answer->status;
	x->failure = answer->failure;
}

static struct exchange ask_within(
    struct http *h, const char *url, const struct span *body, int64_t timeout_ms)
{
	struct mono deadline = mono_add_ms(mono_now(), 10000);
	struct exchange x = { .done = false };
	struct http_call call = { .url = url,
		.body = body,
		.timeout_ms = timeout_ms,
		.body_max = 1000,
		.done = note,
		.arg = &x };
	struct http_request *r;

	CU_ASSERT_EQUAL_FATAL(http_start(h, &call, &r), ST_OK);
	while (!x.done && !mono_reached(deadline, mono_now()))
		http_wait(h, NULL, 0, 1000);
	CU_ASSERT_TRUE(x.done);
	return x;
}

static struct exchange ask(struct http *h, const char *url, const struct span *body)
{
	return ask_within(h, url, body, 5000);
}

TEST(central_post, is_sent_once_also_over_a_connection_that_dies)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct http_options options = { "", "", "" };
	const struct span body = { "{}", 2 };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(a);
	struct exchange x;
	struct http *h;
	pthread_t thread;
	char url[64];

	CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(listener, 8), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(listener, (struct sockaddr *)&a, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(a.sin_port));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, serve, &listener), 0);
	CU_ASSERT_EQUAL_FATAL(http_open(&options, &h), ST_OK);

	x = ask(h, url, NULL);
	CU_ASSERT_EQUAL(x.status, 200);
	x = ask(h, url, &body);
	CU_ASSERT_EQUAL(x.failure, FAILURE_CONNECT);
	CU_ASSERT_TRUE(x.sent);
	CU_ASSERT_EQUAL(atomic_load(&posts), 1);

	http_close(h);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
}

/* Whatever is left of its time: none is no time without end. */
TEST(central_post, without_time_left_ends)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct http_options options = { "", "", "" };
	const struct span body = { "{}", 2 };
	/* Connections are made, and never taken. */
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(a);
	struct http *h;
	char url[64];

	CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(listener, 8), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(listener, (struct sockaddr *)&a, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(a.sin_port));
	CU_ASSERT_EQUAL_FATAL(http_open(&options, &h), ST_OK);
	CU_ASSERT_EQUAL(ask_within(h, url, &body, 0).failure, FAILURE_TIMEOUT);
	CU_ASSERT_EQUAL(ask_within(h, url, &body, -3).failure, FAILURE_TIMEOUT);
	http_close(h);
	close(listener);
}

TEST(central_post, that_never_left_says_so)
{
	struct http_options options = { "", "", "" };
	const struct span body = { "{}", 2 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	/* Bound but not listening: nobody else can take the port, and nobody answers. */
	int closed = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(a);
	struct exchange x;
	struct http *h;
	char url[64];

	CU_ASSERT_EQUAL_FATAL(bind(closed, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(closed, (struct sockaddr *)&a, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(a.sin_port));
	CU_ASSERT_EQUAL_FATAL(http_open(&options, &h), ST_OK);
	x = ask(h, url, &body);
	CU_ASSERT_EQUAL(x.failure, FAILURE_CONNECT);
	CU_ASSERT_FALSE(x.sent);
	http_close(h);
	close(closed);
}
