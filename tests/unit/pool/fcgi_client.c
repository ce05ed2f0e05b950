#include "pool/fcgi_client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN_RECORD = 5, STDOUT_RECORD = 6 };

#define RECORD_MAX 65535

static int connect_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_tcp(const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	const char *colon = strrchr(address, ':');
	bool bracket = address[0] == '[';
	char host[64];
	int fd;

	snprintf(
	    host, sizeof(host), "%.*s", (int)(colon - address) - 2 * bracket, address + bracket);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

int fcgi_connect(const char *address)
{
	struct timeval timeout = { .tv_sec = 10 };
	int fd = strchr(address, '/') || !strchr(address, ':') ? connect_unix(address)
	                                                       : connect_tcp(address);

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	}
	return fd;
}

static void add_record(struct buf *out, int type, const void *data, size_t len)
{
	unsigned char head[8] = { 1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8),
		(unsigned char)len, 0, 0 };

	buf_add(out, head, sizeof(head));
	buf_add(out, data, len);
}

static void add_length(struct buf *out, size_t len)
{
	unsigned char bytes[4] = { (unsigned char)(0x80 | len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len };

	if (len < 128)
		buf_add(out, bytes + 3, 1);
	else
		buf_add(out, bytes, 4);
}

static void add_param(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	add_length(out, strlen(name));
	add_length(out, strlen(value));
	buf_adds(out, name);
	buf_adds(out, value);
}

void fcgi_write_request(const struct fcgi_ask *ask, struct buf *out)
{
	unsigned char begin[8] = { 0, 1 /* responder */, ask->keep, 0, 0, 0, 0, 0 };
	size_t body_len = ask->body ? strlen(ask->body) : 0;
	struct buf params;

	buf_init(&params, 1024 * 1024);
	add_param(&params, "REQUEST_METHOD", ask->method);
	add_param(&params, "REQUEST_URI", ask->uri);
	add_param(&params, "HTTP_X_API_KEY", ask->key);
	add_param(&params, "HTTP_X_API_KEY", ask->second_key);
	add_param(&params, "REMOTE_ADDR", "192.0.2.1");
	for (size_t i = 0; i + 1 < sizeof(ask->more) / sizeof(ask->more[0]); i += 2)
		if (ask->more[i])
			add_param(&params, ask->more[i], ask->more[i + 1]);
	add_record(out, BEGIN_REQUEST, begin, sizeof(begin));
	add_record(out, PARAMS, params.data, params.len);
	add_record(out, PARAMS, "", 0);
	for (size_t at = 0; at < body_len; at += RECORD_MAX)
		add_record(out, STDIN_RECORD, ask->body + at,
		    body_len - at < RECORD_MAX ? body_len - at : RECORD_MAX);
	if (!ask->unended)
		add_record(out, STDIN_RECORD, "", 0);
	buf_free(&params);
}

bool fcgi_send_body(int fd, const void *data, size_t len)
{
	struct buf out;
	bool sent;

	buf_init(&out, 2 * RECORD_MAX);
	add_record(&out, STDIN_RECORD, data, len);
	sent = send(fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
	buf_free(&out);
	return sent;
}

static bool read_all(int fd, void *data, size_t len)
{
	char *at = data;

	while (len > 0) {
		ssize_t n = recv(fd, at, len, 0);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* One record; its content appended where it is STDOUT.  The type, -1: broken. */
static int read_record(int fd, struct buf *out)
{
	static _Thread_local unsigned char content[RECORD_MAX + 255];
	unsigned char head[8];
	size_t len;

	if (!read_all(fd, head, sizeof(head)))
		return -1;
	len = (size_t)head[4] << 8 | head[5];
	if (!read_all(fd, content, len + head[6]))
		return -1;
	if (head[1] == STDOUT_RECORD)
		buf_add(out, content, len);
	return head[1];
}

static void split_reply(struct fcgi_reply *r)
{
	const char *text = buf_text(&r->out), *end = strstr(text, "\r\n\r\n");

	if (strncmp(text, "Status: ", 8) == 0)
		r->status = (int)strtol(text + 8, NULL, 10);
	r->content = end ? end + 4 : "";
	r->content_len = end ? r->out.len - (size_t)(r->content - text) : 0;
}

bool fcgi_send(int fd, const struct fcgi_ask *ask)
{
	struct buf out;
	bool sent;

	buf_init(&out, 64 * 1024 * 1024);
	fcgi_write_request(ask, &out);
	sent = out.err == ST_OK && send(fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
	buf_free(&out);
	return sent;
}

bool fcgi_receive(int fd, struct fcgi_reply *reply)
{
	int type;

	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->out, 64 * 1024 * 1024);
	do
		type = read_record(fd, &reply->out);
	while (type >= 0 && type != END_REQUEST);
	reply->ended = type == END_REQUEST;
	split_reply(reply);
	return reply->ended;
}

bool fcgi_exchange(int fd, const struct fcgi_ask *ask, struct fcgi_reply *reply)
{
	/* A server that answers early may have closed while we still sent. */
	(void)fcgi_send(fd, ask);
	return fcgi_receive(fd, reply);
}

void fcgi_reply_free(struct fcgi_reply *reply)
{
	buf_free(&reply->out);
}
