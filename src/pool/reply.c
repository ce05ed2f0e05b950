#include "pool/reply.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"

/* A record: version, type, request id (2), length (2), padding, reserved; then its content. */
enum { END_REQUEST = 3, STDOUT = 6 };
#define RECORD_HEAD 8
#define END_SIZE    (3 * RECORD_HEAD) /* an empty STDOUT; END_REQUEST has 8 bytes of content */
#define CONTENT_MAX 65528             /* the largest that wants no padding */

static void write_head(unsigned char *out, int type, int request_id, size_t len)
{
	const unsigned char head[RECORD_HEAD] = { 1, (unsigned char)type,
		(unsigned char)(request_id >> 8), (unsigned char)request_id,
		(unsigned char)(len >> 8), (unsigned char)len, 0, 0 };

	memcpy(out, head, sizeof(head));
}

/* When the peer must have taken all; starts when it first makes us wait. */
struct patience {
	bool waited;
	struct mono deadline;
};

static enum st_err wait_for_room(int fd, struct patience *p)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	struct mono now = mono_now(), stalled = mono_add_ms(now, REPLY_STALL_MS);

	if (!p->waited)
		p->deadline = mono_add_ms(now, REPLY_MS);
	p->waited = true;
	if (mono_reached(p->deadline, now))
		return ST_TIMEOUT;
	return poll(&ready, 1, mono_poll_timeout(mono_earlier(p->deadline, stalled), now)) > 0
	           ? ST_OK
	           : ST_TIMEOUT;
}

/* What was sent is cut off the front. */
static void advance(struct iovec *parts, size_t n, size_t sent)
{
	for (size_t i = 0; i < n; i++) {
		size_t part = sent < parts[i].iov_len ? sent : parts[i].iov_len;

		parts[i].iov_base = (char *)parts[i].iov_base + part;
		parts[i].iov_len -= part;
		sent -= part;
	}
}

static enum st_err send_all(
    int fd, struct iovec *parts, size_t n, size_t len, struct patience *patience)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = n };

	while (len > 0) {
		ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		enum st_err err;

		if (sent >= 0) {
			advance(parts, n, (size_t)sent);
			len -= (size_t)sent;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return ST_CLOSED;
		err = wait_for_room(fd, patience);
		if (err)
			return err;
	}
	return ST_OK;
}

/* The end of STDOUT, and of the request: behind both heads two statuses, which are 0. */
static void write_end(unsigned char out[END_SIZE], int request_id)
{
	memset(out, 0, END_SIZE);
	write_head(out, STDOUT, request_id, 0);
	write_head(out + RECORD_HEAD, END_REQUEST, request_id, RECORD_HEAD);
}

enum st_err reply_send(
    int fd, int request_id, const struct buf *head, const struct buf *body, bool with_end)
{
	size_t total = head->len + body->len, at = 0;
	struct patience patience = { .waited = false };
	enum st_err err = ST_OK;
	unsigned char end[END_SIZE];

	write_end(end, request_id);
	while (!err && at < total) {
		size_t len = total - at < CONTENT_MAX ? total - at : CONTENT_MAX;
		size_t of_head = at < head->len ? head->len - at : 0;
		size_t of_end = with_end && at + len == total ? sizeof(end) : 0;
		unsigned char record[RECORD_HEAD];
		struct iovec parts[4];

		if (of_head > len)
			of_head = len;
		write_head(record, STDOUT, request_id, len);
		parts[0] = (struct iovec){ record, sizeof(record) };
		parts[1] = (struct iovec){ of_head > 0 ? head->data + at : NULL, of_head };
		parts[2] =
		    (struct iovec){ len > of_head ? body->data + (at + of_head - head->len) : NULL,
			    len - of_head };
		parts[3] = (struct iovec){ end, of_end };
		err = send_all(fd, parts, 4, sizeof(record) + len + of_end, &patience);
		at += len;
	}
	return err;
}

enum st_err reply_end(int fd, int request_id)
{
	unsigned char end[END_SIZE];
	struct iovec parts[1] = { { end, sizeof(end) } };
	struct patience patience = { .waited = false };

	write_end(end, request_id);
	return send_all(fd, parts, 1, sizeof(end), &patience);
}
