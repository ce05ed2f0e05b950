#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

struct exchange {
	int fd;
	struct mono deadline;
};

static enum st_err connect_error(int errnum)
{
	/* No socket there is the same to us as nobody behind it. */
	if (errnum == ENOENT || errnum == ECONNREFUSED)
		return ST_UNAVAILABLE;
	/* The daemon lives but takes no connection, and its backlog is full. */
	return errnum == EAGAIN ? ST_TIMEOUT : st_err_from_errno(errnum);
}

/*
 * On a UNIX socket connect() waits only while the backlog is full, and poll()
 * can't tell when that ends: so it blocks, for as long as may be sent.
 */
static enum st_err connect_within(int fd, const struct sockaddr_un *address, int64_t timeout_ms)
{
	int64_t ms = clock_real_ms(timeout_ms > 0 ? timeout_ms : 1);
	struct timeval limit = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return st_err_from_errno(errno);
	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		if (errno != EINTR)
			return connect_error(errno);
	return io_set_nonblocking(fd, true);
}

static enum st_err exchange_open(const char *run_dir, int64_t timeout_ms, struct exchange *x)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir, CONTROL_SOCKET_NAME);
	enum st_err err;

	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return ST_TOO_BIG;
	x->deadline = mono_add_ms(mono_now(), timeout_ms);
	x->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (x->fd < 0)
		return st_err_from_errno(errno);
	err = connect_within(x->fd, &address, timeout_ms);
	if (err)
		close(x->fd);
	return err;
}

static enum st_err wait_for(struct exchange *x, short events)
{
	struct pollfd p = { .fd = x->fd, .events = events };
	int n;

	do
		n = poll(&p, 1, mono_poll_timeout(x->deadline, mono_now()));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return st_err_from_errno(errno);
	return n == 0 ? ST_TIMEOUT : ST_OK;
}

static enum st_err send_all(struct exchange *x, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(x->fd, data, len, MSG_NOSIGNAL);
		enum st_err err = ST_OK;

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			err = wait_for(x, POLLOUT);
		} else if (errno != EINTR) {
			err = st_err_from_errno(errno);
		}
		if (err)
			return err;
	}
	return ST_OK;
}

static enum st_err receive_all(struct exchange *x, char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(x->fd, data, len, 0);
		enum st_err err = ST_OK;

		if (n == 0)
			return ST_CLOSED;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			err = wait_for(x, POLLIN);
		} else if (errno != EINTR) {
			err = st_err_from_errno(errno);
		}
		if (err)
			return err;
	}
	return ST_OK;
}

static enum st_err receive_message(struct exchange *x, struct buf *out)
{
	unsigned char head[4];
	enum st_err err = receive_all(x, (char *)head, sizeof(head));
	size_t len;
	char *room;

	if (err)
		return err;
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (len == 0 || len > CONTROL_MESSAGE_MAX)
		return ST_INVALID;
	room = buf_room(out, len);
	if (!room)
		return out->err;
	err = receive_all(x, room, len);
	if (!err)
		buf_commit(out, len);
	return err;
}

/* The answer's JSON appended to out. */
static enum st_err ask(
    const char *run_dir, const struct control_request *request, int64_t timeout_ms, struct buf *out)
{
	struct exchange x;
	struct buf message;
	unsigned char *head;
	enum st_err err = exchange_open(run_dir, timeout_ms, &x);

	if (err)
		return err;
	buf_init(&message, CONTROL_MESSAGE_MAX + 4);
	buf_add(&message, "\0\0\0", 4);
	control_request_write(request, &message);
	err = message.err;
	if (!err) {
		size_t len = message.len - 4;

		head = (unsigned char *)message.data;
		head[0] = (unsigned char)(len >> 24);
		head[1] = (unsigned char)(len >> 16);
		head[2] = (unsigned char)(len >> 8);
		head[3] = (unsigned char)len;
		err = send_all(&x, message.data, message.len);
	}
	if (!err)
		err = receive_message(&x, out);
	buf_free(&message);
	close(x.fd);
	return err;
}

enum st_err control_ask_status(
    const char *run_dir, const char *id, int64_t timeout_ms, struct control_status *out)
{
	struct control_request request = { .type = CONTROL_STATUS };
	struct buf answer;
	enum st_err err;

	snprintf(request.id, sizeof(request.id), "%s", id);
	buf_init(&answer, CONTROL_MESSAGE_MAX);
	err = ask(run_dir, &request, timeout_ms, &answer);
	if (!err)
		err = control_status_read(answer.data, answer.len, request.id, out);
	buf_free(&answer);
	return err;
}

enum st_err control_ask_sync(const char *run_dir, const char *id, int64_t timeout_ms)
{
	struct control_request request = { .type = CONTROL_SYNC };
	struct buf answer;
	enum st_err err;

	snprintf(request.id, sizeof(request.id), "%s", id);
	buf_init(&answer, CONTROL_MESSAGE_MAX);
	err = ask(run_dir, &request, timeout_ms, &answer);
	if (!err)
		err = control_done_read(answer.data, answer.len, request.id);
	buf_free(&answer);
	return err;
}
