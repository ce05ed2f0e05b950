#include "ends.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

static void answer_done(struct control_peer *peer, const char *id)
{
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_done_write(id, &json);
	control_answer(peer, &json);
	buf_free(&json);
}

void end_answer_held(struct end *e)
{
	for (size_t i = 0; i < e->n_held; i++)
		answer_done(e->held[i], "held");
	e->n_held = 0;
}

static void handle(
    void *arg, struct control_peer *peer, struct control_request *request, bool trusted)
{
	struct end *e = arg;

	e->calls++;
	e->last = *request;
	e->trusted = trusted;
	if (e->hold && e->n_held < HELD_MAX) {
		e->held[e->n_held++] = peer;
		return;
	}
	if (e->answer_held)
		end_answer_held(e);
	answer_done(peer, request->id);
}

void end_open(struct end *e)
{
	struct buf why;

	memset(e, 0, sizeof(*e));
	e->run_dir = unit_temp_dir();
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL_FATAL(control_server_open(e->run_dir, handle, e, &e->server, &why), ST_OK);
	ASSERT_TEXT(buf_text(&why), "");
	buf_free(&why);
}

void end_close(struct end *e)
{
	control_server_close(e->server);
	e->server = NULL;
}

void end_turn(struct end *e)
{
	struct pollfd p = { .fd = control_server_fd(e->server), .events = POLLIN };

	/* UNIX sockets hand over at once: what was sent is there. */
	while (poll(&p, 1, 0) == 1)
		control_server_turn(e->server, mono_now());
}

static struct sockaddr_un address_of(const char *run_dir)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	CU_ASSERT_TRUE_FATAL(snprintf(a.sun_path, sizeof(a.sun_path), "%s/" CONTROL_SOCKET_NAME,
				 run_dir) < (int)sizeof(a.sun_path));
	return a;
}

int raw_connect(const char *run_dir)
{
	struct sockaddr_un a = address_of(run_dir);
	struct timeval limit = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

int raw_listen(const char *run_dir, int backlog)
{
	struct sockaddr_un a = address_of(run_dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, backlog), 0);
	return fd;
}

void raw_send(int fd, const void *data, size_t len)
{
	CU_ASSERT_EQUAL(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

void raw_message(int fd, const char *json)
{
	size_t len = strlen(json);
	unsigned char head[4] = { (unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len };

	raw_send(fd, head, sizeof(head));
	raw_send(fd, json, len);
}

const char *raw_receive(int fd)
{
	static char text[4096];
	unsigned char head[4];
	size_t len;

	text[0] = '\0';
	if (recv(fd, head, sizeof(head), MSG_WAITALL) != (ssize_t)sizeof(head))
		return text;
	len = (size_t)head[2] << 8 | head[3];
	CU_ASSERT_TRUE_FATAL(head[0] == 0 && head[1] == 0 && len < sizeof(text));
	if (recv(fd, text, len, MSG_WAITALL) != (ssize_t)len)
		len = 0;
	text[len] = '\0';
	return text;
}

unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}
