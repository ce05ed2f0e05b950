#include "control/passing.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

ssize_t passing_send(int fd, const void *data, size_t len, int file)
{
	union control control = { .bytes = { 0 } };
	struct iovec bytes = { (void *)(uintptr_t)data, len };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (file >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(file));
		memcpy(CMSG_DATA(c), &file, sizeof(file));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

ssize_t passing_receive(int fd, void *room, size_t len, int *file)
{
	union control control;
	struct iovec bytes = { room, len };
	/*
	 * Room for one file: of more the kernel closes those that don't fit.  To the
	 * byte: CMSG_SPACE() is rounded up, and a second one would fit into that.
	 */
	struct msghdr message = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_LEN(sizeof(*file)) };
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&message) : NULL;

	*file = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(*file)))
		memcpy(file, CMSG_DATA(c), sizeof(*file));
	/* There were more, which the kernel has closed. */
	if (*file >= 0 && (message.msg_flags & MSG_CTRUNC)) {
		close(*file);
		*file = -1;
	}
	return n;
}
