#include "central/script.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct script {
	int listener, stop;
	pthread_t thread;
	script_answer *answer;
	void *arg;
	char url[64];
};

/* True if the head is there, and as much of a body as it announces. */
static bool is_whole(const char *head)
{
	const char *end = strstr(head, "\r\n\r\n"), *length;

	if (!end)
		return false;
	length = strstr(head, "Content-Length: ");
	return !length || length > end || strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

static void read_request(int fd, char *head, size_t size)
{
	size_t len = 0;
	ssize_t n;

	head[0] = '\0';
	while (len < size - 1 && !is_whole(head) &&
	       (n = recv(fd, head + len, size - 1 - len, 0)) > 0) {
		len += (size_t)n;
		head[len] = '\0';
	}
}

static void serve(struct script *s, int fd)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	char head[16384];
	struct buf out;

	buf_init(&out, 64 * 1024 * 1024);
	read_request(fd, head, sizeof(head));
	/* A client that was killed may have connected and said nothing. */
	if (strstr(head, "\r\n\r\n"))
		s->answer(s->arg, head, &out);
	if (out.len == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	for (size_t sent = 0; sent < out.len;) {
		ssize_t n = send(fd, out.data + sent, out.len - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	close(fd);
	buf_free(&out);
}

static void *run(void *arg)
{
	struct script *s = arg;
	struct pollfd p[2] = { { .fd = s->listener, .events = POLLIN },
		{ .fd = s->stop, .events = POLLIN } };

	for (;;) {
		int fd;

		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		fd = accept(s->listener, NULL, NULL);
		if (fd >= 0)
			serve(s, fd);
	}
}

struct script *script_start(script_answer *answer, void *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	struct script *s = calloc(1, sizeof(*s));

	s->answer = answer;
	s->arg = arg;
	s->stop = eventfd(0, EFD_CLOEXEC);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(s->listener, 64) != 0 ||
	    getsockname(s->listener, (struct sockaddr *)&a, &size) != 0 ||
	    pthread_create(&s->thread, NULL, run, s) != 0)
		abort();
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", ntohs(a.sin_port));
	return s;
}

void script_stop(struct script *s)
{
	uint64_t one = 1;

	if (write(s->stop, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_join(s->thread, NULL);
	close(s->listener);
	close(s->stop);
	free(s);
}

const char *script_url(const struct script *s)
{
	return s->url;
}

void script_json(struct buf *out, int status, const char *more_headers, const char *body)
{
	buf_addf(out,
	    "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n%s\r\n%s",
	    status, strlen(body), more_headers, body);
}

long script_parameter(const char *head, const char *name)
{
	char key[40];
	const char *at;

	snprintf(key, sizeof(key), "%s=", name);
	at = strstr(head, key);
	return at && at < strchr(head, '\r') ? strtol(at + strlen(key), NULL, 10) : -1;
}
