#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tool/probe.h"
#include "unit.h"

#define PATIENCE_MS 10000

/* Somebody at a UNIX socket who answers anybody with the same bytes. */
struct somebody {
	char address[128]; /* unix:PATH */
	int listener;
	pthread_t thread;
	const char *says; /* NULL: nothing, nor does it hear anything */
	size_t len;
	bool drips; /* a byte now and then, for a second */
	char heard[1024];
};

static void *serve(void *arg)
{
	struct somebody *s = arg;
	int fd = accept(s->listener, NULL, NULL);

	if (s->says)
		CU_ASSERT_TRUE(recv(fd, s->heard, sizeof(s->heard) - 1, 0) > 0);
	/* Whoever has heard enough may hang up. */
	for (size_t sent = 0; sent < s->len;) {
		size_t at_once = s->drips ? 1 : s->len - sent;
		ssize_t n = send(fd, s->says + sent, at_once, MSG_NOSIGNAL);

		if (s->drips)
			poll(NULL, 0, 10);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	close(fd);
	return NULL;
}

static void begin(struct somebody *s, const char *says, size_t len)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	*s = (struct somebody){ .says = says, .len = len };
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", unit_temp_dir());
	snprintf(s->address, sizeof(s->address), "unix:%s", a.sun_path);
	unlink(a.sun_path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(s->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(s->listener, 1), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void listen_on_tcp(struct somebody *s, char address[64])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(s->listener, (struct sockaddr *)&a, len), 0);
	CU_ASSERT_EQUAL_FATAL(listen(s->listener, 1), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
	snprintf(address, 64, "127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct somebody *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
}

/* A record of FastCGI: version, type, request 1, length, padding. */
#define RECORD(type, length, text) "\1" type "\0\1\0" length "\0\0" text

TEST(tool_probe, puts_the_records_of_an_answer_together)
{
	static const char answer[] = RECORD("\6", "\17", "Status: 503 No\r")
	    RECORD("\7", "\3", "err") RECORD("\6", "\7", "\n\r\nbody") RECORD("\6", "\0", "")
		RECORD("\3", "\10", "\0\0\0\0\0\0\0\0");
	struct probe_answer got;
	struct somebody s;

	begin(&s, answer, sizeof(answer) - 1);
	CU_ASSERT_EQUAL(probe_fastcgi(s.address, "/health", PATIENCE_MS, &got), ST_OK);
	CU_ASSERT_EQUAL(got.status, 503);
	ASSERT_TEXT(buf_text(&got.body), "body");
	buf_free(&got.body);
	end(&s);
	CU_ASSERT_EQUAL(memcmp(s.heard, "\1\1\0\1\0\10\0\0\0\1", 10), 0);
	CU_ASSERT_PTR_NOT_NULL(memmem(s.heard, sizeof(s.heard), "\13\7REQUEST_URI/health", 20));
}

TEST(tool_probe, no_answer_of_fastcgi_is_none)
{
	static const char cut[] = "\1\6\0\1\377\377\0\0Status: 200 OK\r\n\r\n";
	static const struct {
		const char *text;
		size_t len;
	} answers[] = { { "hello", 5 }, { "HTTP/1.1 400 Bad\r\n\r\n", 20 },
		{ cut, sizeof(cut) - 1 } };

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct probe_answer got;
		struct somebody s;

		begin(&s, answers[i].text, answers[i].len);
		CU_ASSERT_EQUAL(probe_fastcgi(s.address, "/health", PATIENCE_MS, &got), ST_INVALID);
		buf_free(&got.body);
		end(&s);
	}
}

/* Many times, so that some of them hang up before we have sent anything. */
TEST(tool_probe, who_hangs_up_at_once_does_not_end_us)
{
	for (int i = 0; i < 200; i++) {
		struct probe_answer got;
		struct somebody s;

		begin(&s, NULL, 0);
		CU_ASSERT_NOT_EQUAL(probe_fastcgi(s.address, "/health", PATIENCE_MS, &got), ST_OK);
		buf_free(&got.body);
		end(&s);
	}
}

TEST(tool_probe, of_a_large_page_the_beginning_is_enough)
{
	static char page[200000] = "HTTP/1.1 200 OK\r\n\r\n<html>";
	char url[128], address[64];
	struct probe_answer got;
	struct somebody s = { .says = page, .len = sizeof(page) };

	memset(page + strlen(page), 'x', sizeof(page) - strlen(page));
	listen_on_tcp(&s, address);
	snprintf(url, sizeof(url), "http://%s", address);
	CU_ASSERT_EQUAL(probe_http(url, "/health", PATIENCE_MS, &got), ST_OK);
	CU_ASSERT_EQUAL(got.status, 200);
	CU_ASSERT_EQUAL(strncmp(buf_text(&got.body), "<html>xxx", 9), 0);
	buf_free(&got.body);
	end(&s);
	CU_ASSERT_EQUAL(strncmp(s.heard, "GET /health HTTP/1.0\r\n", 22), 0);
}

TEST(tool_probe, who_sends_a_byte_now_and_then_is_waited_for_no_longer)
{
	static const char page[100] = "HTTP/1.1 200 OK\r\n\r\n";
	char url[128], address[64];
	struct probe_answer got;
	struct somebody s = { .says = page, .len = sizeof(page), .drips = true };

	listen_on_tcp(&s, address);
	snprintf(url, sizeof(url), "http://%s", address);
	CU_ASSERT_EQUAL(probe_http(url, "/health", 50, &got), ST_TIMEOUT);
	buf_free(&got.body);
	end(&s);
}

TEST(tool_probe, nobody_there_is_told)
{
	static const char *const addresses[] = { "unix:/nowhere/at/all", "127.0.0.1:1", "[::1]:1" };

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct probe_answer got;

		CU_ASSERT_NOT_EQUAL(
		    probe_fastcgi(addresses[i], "/health", PATIENCE_MS, &got), ST_OK);
		buf_free(&got.body);
	}
}

TEST(tool_probe, addresses_of_web_servers_that_are_none)
{
	static const char *const urls[] = { "http://", "http://:80", "http://[::1", "http://[]:80",
		"http://host:1234567890" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct probe_answer got;

		CU_ASSERT_EQUAL(probe_http(urls[i], "/health", PATIENCE_MS, &got), ST_INVALID);
		buf_free(&got.body);
	}
}

TEST(tool_probe, whose_patience_is_over_asks_nobody)
{
	struct probe_answer got;

	CU_ASSERT_EQUAL(probe_fastcgi("unix:/nowhere/at/all", "/health", 0, &got), ST_TIMEOUT);
	buf_free(&got.body);
}
