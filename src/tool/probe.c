/*
 * tool/probe.c: just enough of two protocols to ask for /health.  Not libfcgi,
 * which is the pool's side of FastCGI only, and not curl, which storectl must
 * not have: it has no business on the network.
 */
#include "tool/probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define ANSWER_MAX    65536
#define RECEIVE_MAX   4096 /* at once */
#define HTTP_PORT     "80"
#define HOST_SIZE     256
#define UNIX_PREFIX   "unix:"
#define REQUEST_LIMIT 8192

enum { BEGIN_REQUEST = 1, PARAMS = 4, INPUT = 5, OUTPUT = 6, HEAD_SIZE = 8 };

static enum st_err error_of(int errnum)
{
	if (errnum == ENOENT || errnum == ECONNREFUSED)
		return ST_UNAVAILABLE;
	return errnum == EAGAIN || errnum == EINPROGRESS ? ST_TIMEOUT : st_err_from_errno(errnum);
}

/* The next call may take what is left: SO_SNDTIMEO (for connect(2) too), SO_RCVTIMEO. */
static enum st_err limit_by(int fd, int option, struct mono deadline)
{
	int64_t ms = mono_ms_between(mono_now(), deadline);
	struct timeval left = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (ms <= 0)
		return ST_TIMEOUT;
	return setsockopt(fd, SOL_SOCKET, option, &left, sizeof(left)) == 0
	           ? ST_OK
	           : st_err_from_errno(errno);
}

static enum st_err connect_to(
    int family, const struct sockaddr *address, socklen_t len, struct mono deadline, int *out)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum st_err err;

	if (fd < 0)
		return st_err_from_errno(errno);
	err = limit_by(fd, SO_SNDTIMEO, deadline);
	if (!err && connect(fd, address, len) != 0)
		err = error_of(errno);
	if (err)
		close(fd);
	else
		*out = fd;
	return err;
}

static enum st_err connect_unix(const char *path, struct mono deadline, int *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return ST_TOO_BIG;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect_to(
	    AF_UNIX, (const struct sockaddr *)&address, sizeof(address), deadline, out);
}

static enum st_err connect_tcp(const char *host, const char *port, struct mono deadline, int *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	enum st_err err = ST_UNAVAILABLE;

	if (getaddrinfo(host, port, &hints, &found) != 0)
		return ST_NOT_FOUND;
	for (const struct addrinfo *a = found; a && err; a = a->ai_next)
		err = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, deadline, out);
	freeaddrinfo(found);
	return err;
}

/* "host", "host:port", "[v6]:port"; the port stays where there is none. */
static enum st_err split_address(const char *s, size_t len, char host[HOST_SIZE], char port[8])
{
	const char *end = s + len, *colon = memrchr(s, ':', len);
	bool bracket = len > 0 && s[0] == '[';

	if (bracket && memchr(s, ']', len) == end - 1)
		colon = NULL;
	if (colon && snprintf(port, 8, "%.*s", (int)(end - colon - 1), colon + 1) >= 8)
		return ST_INVALID;
	len = (size_t)((colon ? colon : end) - s);
	if (bracket && (len < 2 || s[len - 1] != ']'))
		return ST_INVALID;
	len -= bracket ? 2 : 0;
	if (len == 0 || len >= HOST_SIZE)
		return ST_INVALID;
	snprintf(host, HOST_SIZE, "%.*s", (int)len, s + bracket);
	return ST_OK;
}

/*
 * What comes until the peer hangs up, appended to out.  An answer of ours is
 * shorter than its limit: of another one what fits is enough.
 */
static enum st_err receive_all(int fd, struct mono deadline, struct buf *out)
{
	for (;;) {
		char *room = buf_room(out, RECEIVE_MAX);
		enum st_err err = limit_by(fd, SO_RCVTIMEO, deadline);
		ssize_t n;

		if (!room)
			return out->err == ST_TOO_BIG ? ST_OK : out->err;
		if (err)
			return err;
		n = recv(fd, room, RECEIVE_MAX, 0);
		if (n == 0)
			return out->len > 0 ? ST_OK : ST_CLOSED;
		if (n > 0)
			buf_commit(out, (size_t)n);
		else if (errno != EINTR)
			return error_of(errno);
	}
}

/* Not write(2): who hangs up on us must not end us. */
static enum st_err send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno != EINTR) {
			return error_of(errno);
		}
	}
	return ST_OK;
}

static enum st_err exchange(
    int fd, struct mono deadline, const struct buf *request, struct buf *answer)
{
	enum st_err err = request->err;

	if (!err)
		err = send_all(fd, request->data, request->len);
	if (!err)
		err = receive_all(fd, deadline, answer);
	return err;
}

/* ---- HTTP ---- */

/* Status line or headers "Status: 200 …", an empty line, the body. */
static enum st_err read_message(
    const struct buf *answer, const char *before_status, int by_default, struct probe_answer *out)
{
	const char *text = buf_text(answer), *gap = strstr(text, "\r\n\r\n");
	const char *status = strstr(text, before_status);

	if (!gap)
		return ST_INVALID;
	out->status = status && status < gap ? atoi(status + strlen(before_status)) : by_default;
	if (out->status < 100 || out->status > 599)
		return ST_INVALID;
	buf_adds(&out->body, gap + 4);
	return out->body.err;
}

enum st_err probe_http(
    const char *url, const char *path, int64_t patience_ms, struct probe_answer *out)
{
	struct mono deadline = mono_add_ms(mono_now(), patience_ms);
	const char *host_at = url + strlen("http://");
	size_t host_len = strcspn(host_at, "/");
	const char *prefix = host_at + host_len;
	size_t prefix_len = strlen(prefix);
	char host[HOST_SIZE], port[8] = HTTP_PORT;
	struct buf request, answer;
	enum st_err err;
	int fd = -1;

	buf_init(&out->body, ANSWER_MAX);
	err = split_address(host_at, host_len, host, port);
	if (!err)
		err = connect_tcp(host, port, deadline, &fd);
	if (err)
		return err;
	while (prefix_len > 0 && prefix[prefix_len - 1] == '/')
		prefix_len--;
	buf_init(&request, REQUEST_LIMIT);
	buf_init(&answer, ANSWER_MAX);
	/* 1.0: the body ends where the connection does. */
	buf_addf(&request, "GET %.*s%s HTTP/1.0\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
	    (int)prefix_len, prefix, path, (int)host_len, host_at);
	err = exchange(fd, deadline, &request, &answer);
	if (!err)
		err = strncmp(buf_text(&answer), "HTTP/1.", 7) == 0
		          ? read_message(&answer, " ", 0, out)
		          : ST_INVALID;
	buf_free(&request);
	buf_free(&answer);
	close(fd);
	return err;
}

/* ---- FastCGI ---- */

static void add_record(struct buf *out, unsigned char type, const void *data, size_t len)
{
	unsigned char head[HEAD_SIZE] = { 1, type, 0, 1, (unsigned char)(len >> 8),
		(unsigned char)len, 0, 0 };

	buf_add(out, head, sizeof(head));
	buf_add(out, data, len);
}

/* Both shorter than 128 bytes. */
static void add_parameter(struct buf *out, const char *name, const char *value)
{
	buf_addc(out, (char)strlen(name));
	buf_addc(out, (char)strlen(value));
	buf_adds(out, name);
	buf_adds(out, value);
}

static void add_request(struct buf *out, const char *uri)
{
	static const unsigned char responder[8] = { 0, 1 };
	struct buf parameters;

	buf_init(&parameters, REQUEST_LIMIT);
	add_parameter(&parameters, "REQUEST_METHOD", "GET");
	add_parameter(&parameters, "REQUEST_URI", uri);
	add_parameter(&parameters, "STORE_API_PREFIX", "");
	add_record(out, BEGIN_REQUEST, responder, sizeof(responder));
	add_record(out, PARAMS, parameters.data, parameters.len);
	add_record(out, PARAMS, "", 0);
	add_record(out, INPUT, "", 0);
	buf_free(&parameters);
}

/* What stands in the records of output, put together. */
static void take_output(const struct buf *answer, struct buf *out)
{
	const unsigned char *at = (const unsigned char *)buf_text(answer);
	size_t left = answer->len;

	while (left >= HEAD_SIZE) {
		size_t len = (size_t)at[4] << 8 | at[5], whole = HEAD_SIZE + len + at[6];

		if (whole > left)
			return;
		if (at[1] == OUTPUT)
			buf_add(out, at + HEAD_SIZE, len);
		at += whole;
		left -= whole;
	}
}

enum st_err probe_fastcgi(
    const char *address, const char *uri, int64_t patience_ms, struct probe_answer *out)
{
	struct mono deadline = mono_add_ms(mono_now(), patience_ms);
	char host[HOST_SIZE], port[8] = "";
	struct buf request, answer, output;
	enum st_err err;
	int fd = -1;

	buf_init(&out->body, ANSWER_MAX);
	if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
		err = connect_unix(address + strlen(UNIX_PREFIX), deadline, &fd);
	} else {
		err = split_address(address, strlen(address), host, port);
		if (!err)
			err = connect_tcp(host, port, deadline, &fd);
	}
	if (err)
		return err;
	buf_init(&request, REQUEST_LIMIT);
	buf_init(&answer, ANSWER_MAX);
	buf_init(&output, ANSWER_MAX);
	add_request(&request, uri);
	err = exchange(fd, deadline, &request, &answer);
	take_output(&answer, &output);
	if (!err)
		err = read_message(&output, "Status: ", 200, out);
	buf_free(&request);
	buf_free(&answer);
	buf_free(&output);
	close(fd);
	return err;
}
