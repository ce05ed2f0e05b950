/*
 * control/client.c: connect, say, hear, hang up; every wait has its end.
 *
 * Whether an update was taken must be known for sure, since what was not taken
 * is told to the client as not sent.  The daemon forwards only after it could
 * put `taken` into our socket.  So when we give up waiting for that, we first
 * shut the socket down, after which the daemon's send fails, and then look what
 * is in it: a UNIX socket hands out what came before, also after the sender's
 * death.
 */
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
#include "control/envelope.h"
#include "control/passing.h"

#define ANSWER_MARGIN_MS 1000  /* above what the daemon says that it may need */
#define SILENCE_MS       60000 /* of a daemon that should tell how far it is */
#define AHEAD_SIZE       1024  /* most answers are shorter, with the head of 4 bytes */

/* Between tries to connect, while the daemon's backlog is full. */
#define CONNECT_PAUSE_FIRST_MS 2
#define CONNECT_PAUSE_MOST_MS  64

struct exchange {
	int fd;
	int file; /* goes with the first byte that is sent; -1: none */
	struct mono deadline;
	int stop_fd; /* -1: none, or it was seen */
	int64_t after_stop_ms;
	struct mono stop_deadline; /* MONO_NEVER until stop_fd was seen */
	size_t received;           /* bytes of the message that is being received */
	size_t from, to;           /* what has come of `ahead`, and isn't taken yet */
	char ahead[AHEAD_SIZE];
};

static enum st_err wait_until(struct exchange *x, int fd, short events, struct mono until)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = events },
			{ .fd = x->stop_fd, .events = POLLIN } };
		struct mono deadline = mono_earlier(x->deadline, x->stop_deadline);
		int n = poll(p, 2, mono_poll_timeout(mono_earlier(deadline, until), mono_now()));

		if (n < 0 && errno != EINTR)
			return st_err_from_errno(errno);
		if (n == 0)
			return ST_TIMEOUT;
		if (n > 0 && p[0].revents)
			return ST_OK;
		if (n > 0) {
			x->stop_deadline = mono_add_ms(mono_now(), x->after_stop_ms);
			x->stop_fd = -1;
		}
	}
}

static enum st_err wait_for(struct exchange *x, short events)
{
	return wait_until(x, x->fd, events, MONO_NEVER);
}

static bool is_over(const struct exchange *x)
{
	return mono_reached(mono_earlier(x->deadline, x->stop_deadline), mono_now());
}

/*
 * On a UNIX socket connect() has to wait only while the backlog is full, and
 * poll() can't tell when that ends: so it is tried now and then.
 */
static enum st_err connect_within(struct exchange *x, const struct sockaddr_un *address)
{
	int64_t pause_ms = CONNECT_PAUSE_FIRST_MS;

	while (connect(x->fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		/* No socket there is the same to us as nobody behind it. */
		if (errno == ENOENT)
			return ST_UNAVAILABLE;
		if (errno != EAGAIN && errno != EINTR)
			return st_err_from_errno(errno);
		if (is_over(x))
			return ST_BUSY;
		(void)wait_until(x, -1, 0, mono_add_ms(mono_now(), pause_ms));
		if (pause_ms < CONNECT_PAUSE_MOST_MS)
			pause_ms *= 2;
	}
	return ST_OK;
}

static enum st_err exchange_open(
    const char *run_dir, const struct control_patience *patience, struct exchange *x)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir, CONTROL_SOCKET_NAME);
	enum st_err err;

	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return ST_TOO_BIG;
	x->file = -1;
	x->deadline = mono_add_ms(mono_now(), patience->ms);
	x->stop_fd = patience->stop_fd;
	x->after_stop_ms = patience->after_stop_ms;
	x->stop_deadline = MONO_NEVER;
	x->received = x->from = x->to = 0;
	x->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x->fd < 0)
		return st_err_from_errno(errno);
	err = connect_within(x, &address);
	if (err)
		close(x->fd);
	return err;
}

static enum st_err send_all(struct exchange *x, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = passing_send(x->fd, data, len, x->file);
		enum st_err err = ST_OK;

		if (n >= 0) {
			x->file = -1;
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

/* Nobody's answer is there at once: so it is waited for before it is looked at. */
static enum st_err receive_some(struct exchange *x, char *data, size_t most, size_t *out)
{
	enum st_err err;
	ssize_t n;

	do {
		err = wait_for(x, POLLIN);
		if (err)
			return err;
		n = recv(x->fd, data, most, 0);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n < 0)
		return st_err_from_errno(errno);
	*out = (size_t)n;
	return n > 0 ? ST_OK : ST_CLOSED;
}

/* What is short comes with what it is part of, or stands behind it. */
static enum st_err receive_all(struct exchange *x, char *data, size_t len)
{
	while (len > 0) {
		size_t n = x->to - x->from;
		enum st_err err = ST_OK;

		if (n > 0) {
			n = n < len ? n : len;
			memcpy(data, x->ahead + x->from, n);
			x->from += n;
		} else if (len >= AHEAD_SIZE) {
			err = receive_some(x, data, len, &n);
		} else {
			x->from = x->to = 0;
			err = receive_some(x, x->ahead, AHEAD_SIZE, &x->to);
		}
		if (err)
			return err;
		data += n;
		len -= n;
		x->received += n;
	}
	return ST_OK;
}

static enum st_err receive_message(struct exchange *x, struct buf *out)
{
	unsigned char head[4];
	enum st_err err;
	size_t len;
	char *room;

	x->received = 0;
	err = receive_all(x, (char *)head, sizeof(head));
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

static enum st_err send_request(struct exchange *x, const struct control_request *request)
{
	struct buf message;
	enum st_err err;

	buf_init(&message, CONTROL_MESSAGE_MAX + 4);
	buf_add(&message, "\0\0\0", 4);
	control_request_write(request, &message);
	err = message.err;
	if (!err) {
		size_t len = message.len - 4;
		unsigned char *head = (unsigned char *)message.data;

		head[0] = (unsigned char)(len >> 24);
		head[1] = (unsigned char)(len >> 16);
		head[2] = (unsigned char)(len >> 8);
		head[3] = (unsigned char)len;
		err = send_all(x, message.data, message.len);
	}
	buf_free(&message);
	return err;
}

/* The answer's JSON appended to out. */
static enum st_err ask(const char *run_dir, const struct control_request *request,
    const struct control_patience *patience, struct buf *out)
{
	struct exchange x;
	enum st_err err = exchange_open(run_dir, patience, &x);

	if (err)
		return err;
	err = send_request(&x, request);
	if (!err)
		err = receive_message(&x, out);
	close(x.fd);
	return err;
}

static struct control_request request_of(enum control_type type, const char *id)
{
	struct control_request request = { .type = type };

	snprintf(request.id, sizeof(request.id), "%s", id);
	return request;
}

enum st_err control_ask_status(
    const char *run_dir, const char *id, int64_t timeout_ms, struct control_status *out)
{
	struct control_request request = request_of(CONTROL_STATUS, id);
	struct control_patience patience = { .ms = timeout_ms, .stop_fd = -1 };
	struct buf answer;
	enum st_err err;

	buf_init(&answer, CONTROL_MESSAGE_MAX);
	err = ask(run_dir, &request, &patience, &answer);
	if (!err)
		err = control_status_read(answer.data, answer.len, request.id, out);
	buf_free(&answer);
	return err;
}

static enum st_err order_sync(
    const char *run_dir, const struct control_request *request, int64_t timeout_ms)
{
	struct control_patience patience = { .ms = timeout_ms, .stop_fd = -1 };
	struct buf answer;
	enum st_err err;

	buf_init(&answer, CONTROL_MESSAGE_MAX);
	err = ask(run_dir, request, &patience, &answer);
	if (!err)
		err = control_done_read(answer.data, answer.len, request->id);
	buf_free(&answer);
	return err;
}

enum st_err control_ask_sync(const char *run_dir, const char *id, int64_t timeout_ms)
{
	struct control_request request = request_of(CONTROL_SYNC, id);

	return order_sync(run_dir, &request, timeout_ms);
}

enum st_err control_tell_damage(
    const char *run_dir, const char *id, int64_t ago_ms, int64_t timeout_ms)
{
	struct control_request request = request_of(CONTROL_SYNC, id);

	request.damaged = true;
	request.ago_ms = ago_ms;
	return order_sync(run_dir, &request, timeout_ms);
}

enum st_err control_wait_sync(const char *run_dir, const char *id,
    const struct control_patience *patience, struct control_sync *out)
{
	struct control_request request = request_of(CONTROL_SYNC, id);
	struct buf answer;
	enum st_err err;

	request.wait = true;
	buf_init(&answer, CONTROL_MESSAGE_MAX);
	err = ask(run_dir, &request, patience, &answer);
	if (!err)
		err = control_sync_read(answer.data, answer.len, request.id, out);
	buf_free(&answer);
	return err;
}

/* After `taken` did not come: false if it can't come any more. */
static bool may_be_taken(struct exchange *x)
{
	char byte;
	ssize_t n;

	/* The first bytes of a message that wasn't read to its end: it may be that. */
	if (x->received > 0)
		return true;
	(void)shutdown(x->fd, SHUT_RDWR);
	do
		n = recv(x->fd, &byte, 1, 0);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static bool is_refusal(const struct buf *answer, const char *id)
{
	struct doc d;
	bool ok = true;

	if (envelope_open(answer->data, answer->len, id, &d, &ok))
		return false;
	doc_free(&d);
	return !ok;
}

/* What was asked is sent: both answers, the second (or a refusal instead of the first) in `answer`. */
static enum st_err hear_twice(struct exchange *x, const char *id, struct buf *answer, bool *taken)
{
	int64_t within_ms;
	enum st_err err = receive_message(x, answer);

	if (err) {
		*taken = may_be_taken(x);
		return err;
	}
	if (control_taken_read(answer->data, answer->len, id, &within_ms)) {
		*taken = !is_refusal(answer, id);
		return ST_OK;
	}
	*taken = true;
	x->deadline = mono_add_ms(mono_now(), within_ms + ANSWER_MARGIN_MS);
	buf_reset(answer);
	return receive_message(x, answer);
}

enum st_err control_forward(const char *run_dir, const char *id, const struct update_list *updates,
    const struct control_patience *patience, bool *taken, struct control_update *out)
{
	struct control_request request = request_of(CONTROL_UPDATE, id);
	struct exchange x;
	struct buf answer;
	enum st_err err;

	*taken = false;
	request.updates = *updates;
	err = exchange_open(run_dir, patience, &x);
	if (err)
		return err;
	buf_init(&answer, CONTROL_MESSAGE_MAX);
	/* The daemon takes nothing that it didn't get whole. */
	err = send_request(&x, &request);
	if (!err)
		err = hear_twice(&x, request.id, &answer, taken);
	if (!err)
		err = control_update_read(answer.data, answer.len, request.id, out);
	buf_free(&answer);
	close(x.fd);
	return err;
}

/* What is told while it runs, message by message, up to its end. */
static enum st_err hear_on(struct exchange *x, const char *id,
    const struct control_listener *listener, struct control_report *out)
{
	struct buf message;
	bool ended = false;
	enum st_err err = ST_OK;

	buf_init(&message, CONTROL_MESSAGE_MAX);
	while (!err && !ended) {
		x->deadline = mono_add_ms(mono_now(), SILENCE_MS);
		buf_reset(&message);
		err = receive_message(x, &message);
		if (!err)
			err = control_report_read(
			    message.data, message.len, id, listener, out, &ended);
	}
	buf_free(&message);
	return err;
}

static enum st_err ask_and_listen(const char *run_dir, const struct control_request *request,
    int file, const struct control_listener *listener, struct control_report *out)
{
	struct control_patience patience = { .ms = SILENCE_MS, .stop_fd = -1 };
	struct exchange x;
	enum st_err err = exchange_open(run_dir, &patience, &x);

	if (err)
		return err;
	x.file = file;
	err = send_request(&x, request);
	if (!err)
		err = hear_on(&x, request->id, listener, out);
	close(x.fd);
	return err;
}

enum st_err control_verify(const char *run_dir, const char *id, bool repair,
    const struct control_listener *listener, struct control_report *out)
{
	struct control_request request = request_of(CONTROL_VERIFY, id);

	request.repair = repair;
	return ask_and_listen(run_dir, &request, -1, listener, out);
}

enum st_err control_restore(const char *run_dir, const char *id, int fd,
    const struct control_listener *listener, struct control_report *out)
{
	struct control_request request = request_of(CONTROL_RESTORE, id);

	return ask_and_listen(run_dir, &request, fd, listener, out);
}
