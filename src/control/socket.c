#include "control/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "control/message.h"

#define BACKLOG         1024
#define ACCEPT_PAUSE_MS 100

static enum st_err fail(struct buf *why, const char *path, const char *what, int errnum)
{
	buf_addf(why, "%s: %s: %s", path, what, strerror(errnum));
	return st_err_from_errno(errnum);
}

static enum st_err busy(const struct control_socket *l, struct buf *why)
{
	buf_addf(why, "%s: in use by another daemon", l->address.sun_path);
	return ST_BUSY;
}

static enum st_err bind_socket(struct control_socket *l, int fd, struct buf *why)
{
	const char *path = l->address.sun_path;
	struct stat st;
	mode_t mask;
	int bound;

	if (unlink(path) < 0 && errno != ENOENT)
		return fail(why, path, "the control socket can't be replaced", errno);
	mask = umask(0117);
	bound = bind(fd, (const struct sockaddr *)&l->address, sizeof(l->address));
	umask(mask);
	if (bound < 0 || listen(fd, BACKLOG) < 0 || lstat(path, &st) < 0)
		return fail(why, path, "the control socket can't be made", errno);
	l->device = st.st_dev;
	l->inode = st.st_ino;
	return ST_OK;
}

/* In the stead of whatever dead thing is there; l->fd changes with success only. */
static enum st_err make_socket(struct control_socket *l, struct buf *why)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum st_err err;

	if (fd < 0)
		return fail(why, l->address.sun_path, "no socket", errno);
	err = bind_socket(l, fd, why);
	if (err)
		close(fd);
	else
		l->fd = fd;
	return err;
}

enum st_err control_socket_listen(const char *run_dir, struct control_socket *out, struct buf *why)
{
	char *path = out->address.sun_path;
	int n;

	*out = (struct control_socket){
		.fd = -1, .address.sun_family = AF_UNIX, .accept_from = MONO_NEVER
	};
	n = snprintf(path, sizeof(out->address.sun_path), "%s/%s", run_dir, CONTROL_SOCKET_NAME);
	if (n < 0 || (size_t)n >= sizeof(out->address.sun_path))
		return fail(why, run_dir, "the control socket's path", ENAMETOOLONG);
	if (io_socket_is_alive(path))
		return busy(out, why);
	return make_socket(out, why);
}

bool control_socket_is_in_place(const struct control_socket *l)
{
	struct stat st;

	return lstat(l->address.sun_path, &st) == 0 && st.st_dev == l->device &&
	       st.st_ino == l->inode;
}

/* Of our own user; what another one's process has put there is not to stay. */
static bool is_other_daemons(const char *path)
{
	struct stat st;

	return io_socket_is_alive(path) && (lstat(path, &st) < 0 || st.st_uid == geteuid());
}

static bool watch(const struct control_socket *l, uint32_t events, int op)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(l->epoll, op, l->fd, &event) == 0;
}

enum st_err control_socket_watch(struct control_socket *l, int epoll, struct buf *why)
{
	l->epoll = epoll;
	l->accept_from = MONO_NEVER;
	if (watch(l, EPOLLIN, EPOLL_CTL_ADD))
		return ST_OK;
	buf_addf(why, "the control socket can't be watched: %s", strerror(errno));
	return st_err_from_errno(errno);
}

enum st_err control_socket_listen_again(struct control_socket *l, struct buf *why)
{
	int before = l->fd;
	enum st_err err = is_other_daemons(l->address.sun_path) ? busy(l, why)
	                                                        : make_socket(l, why);

	if (err)
		return err;
	if (before >= 0)
		close(before);
	err = control_socket_watch(l, l->epoll, why);
	/* Nobody would be heard there: gone again, it is tried again. */
	if (err)
		control_socket_close(l);
	return err;
}

int control_socket_accept(struct control_socket *l, struct mono now)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) &&
	    watch(l, 0, EPOLL_CTL_MOD))
		l->accept_from = mono_add_ms(now, ACCEPT_PAUSE_MS);
	return fd;
}

bool control_socket_is_trusted(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

void control_socket_go_on(struct control_socket *l, struct mono now)
{
	if (mono_reached(l->accept_from, now) && watch(l, EPOLLIN, EPOLL_CTL_MOD))
		l->accept_from = MONO_NEVER;
}

void control_socket_close(struct control_socket *l)
{
	if (l->fd < 0)
		return;
	if (control_socket_is_in_place(l))
		unlink(l->address.sun_path);
	close(l->fd);
	l->fd = -1;
}
