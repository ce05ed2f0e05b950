#include "pool/listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

#define BACKLOG  4096 /* capped by the kernel; what doesn't fit is refused */
#define FIRST_FD 3    /* of LISTEN_FDS */

static enum st_err fail(struct buf *why, const char *address, const char *what, int errnum)
{
	buf_addf(
	    why, "%s: %s%s%s", address, what, errnum ? ": " : "", errnum ? strerror(errnum) : "");
	return errnum ? st_err_from_errno(errnum) : ST_INVALID;
}

/* LISTEN_PID tells whether the descriptors are meant for us or for a parent. */
static bool has_listen_fds(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");

	if (!fds || strtol(fds, NULL, 10) < 1)
		return false;
	return pid ? strtol(pid, NULL, 10) == getpid() : io_is_listening(FIRST_FD);
}

static enum st_err inherit(struct listener *l, struct buf *why)
{
	if (has_listen_fds()) {
		/* Passed by name, so another one may not take its place unnoticed. */
		if (!io_is_listening(FIRST_FD))
			return fail(why, "LISTEN_FDS",
			    "descriptor 3 is no listening socket (a .socket unit wants "
			    "ListenStream= and Accept=no)",
			    0);
		l->fd = FIRST_FD;
		l->origin = "LISTEN_FDS";
	} else if (io_is_listening(STDIN_FILENO)) {
		l->fd = STDIN_FILENO;
		l->origin = "descriptor 0";
	}
	return ST_OK;
}

/* The directory that a path is in. */
static void directory_of(const char *path, char out[108])
{
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) : 0;

	snprintf(out, 108, "%.*s", len > 0 ? len : 1, slash ? path : ".");
}

/* Without a group of its own a socket gets that of its directory, where we may give it. */
static enum st_err set_directorys_group(const char *path, const char *temporary, struct buf *why)
{
	char directory[108];
	struct stat st;

	directory_of(path, directory);
	if (stat(directory, &st) < 0)
		return fail(why, directory, "can't be looked at", errno);
	if (chown(temporary, (uid_t)-1, st.st_gid) < 0 && errno != EPERM)
		return fail(why, path, "the socket's group can't be set", errno);
	return ST_OK;
}

static enum st_err set_owner(
    const char *path, const char *temporary, unsigned mode, const char *group, struct buf *why)
{
	const struct group *g = NULL;
	enum st_err err = ST_OK;

	if (group[0]) {
		g = getgrnam(group);
		if (!g) {
			buf_addf(why, "FCGI_SOCKET_GROUP=%s: there is no such group", group);
			return ST_NOT_FOUND;
		}
		if (chown(temporary, (uid_t)-1, g->gr_gid) < 0)
			err = fail(why, path, "the socket's group can't be set", errno);
	} else {
		err = set_directorys_group(path, temporary, why);
	}
	if (!err && chmod(temporary, (mode_t)mode) < 0)
		err = fail(why, path, "the socket's mode can't be set", errno);
	return err;
}

/* What is at the path may be replaced: nothing, or a socket whose owner is dead. */
static enum st_err check_place(const char *path, struct buf *why)
{
	char directory[108];
	struct stat st;

	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return fail(why, path, "something else than a socket is there", 0);
		return io_socket_is_alive(path)
		           ? fail(why, path, "in use by another process", EADDRINUSE)
		           : ST_OK;
	}
	directory_of(path, directory);
	if (errno != ENOENT || access(directory, F_OK) == 0)
		return ST_OK; /* whatever it is, bind() will tell */
	buf_addf(why,
	    "FCGI_LISTEN=unix:%s: there is no directory %s; make it, set FCGI_LISTEN, or let "
	    "spawn-fcgi, a web server or a .socket unit hand a socket over",
	    path, directory);
	return ST_NOT_FOUND;
}

/* Bound under another name and renamed, once all is as it should be. */
static enum st_err bind_unix(
    struct listener *l, const char *path, unsigned mode, const char *group, struct buf *why)
{
	struct sockaddr_un temporary = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	struct stat st;
	enum st_err err;

	if (len == 0 || len >= sizeof(temporary.sun_path))
		return fail(why, path, "no path, or longer than a socket's address allows", 0);
	err = check_place(path, why);
	if (err)
		return err;
	/* As long as the name itself, which may fill the address: "x.sock" becomes "x.soc~". */
	memcpy(temporary.sun_path, path, len + 1);
	temporary.sun_path[len - 1] = path[len - 1] == '~' ? '-' : '~';
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(temporary.sun_path);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&temporary, sizeof(temporary)) < 0)
		return fail(why, path, "the socket can't be made", errno);
	/* Nobody can connect before it is theirs to connect to. */
	err = set_owner(path, temporary.sun_path, mode, group, why);
	if (!err && listen(l->fd, BACKLOG) < 0)
		err = fail(why, path, "the socket can't be made", errno);
	if (!err && (stat(temporary.sun_path, &st) < 0 || rename(temporary.sun_path, path) < 0))
		err = fail(why, path, "the socket can't be put in its place", errno);
	if (err) {
		unlink(temporary.sun_path);
		return err;
	}
	memcpy(l->path, path, len + 1);
	l->device = st.st_dev;
	l->inode = st.st_ino;
	return ST_OK;
}

/* "host:port" or "[v6]:port" apart. */
static bool split_address(const char *address, char host[256], char port[8])
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (!colon || len == 0 || len > 255 || strlen(colon + 1) > 7)
		return false;
	if (address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	memcpy(host, address, len);
	host[len] = '\0';
	snprintf(port, 8, "%s", colon + 1);
	return true;
}

static enum st_err bind_tcp(struct listener *l, const char *address, struct buf *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
	char host[256], port[8];
	int on = 1, code;
	enum st_err err = ST_OK;

	if (!split_address(address, host, port))
		return fail(why, address, "no HOST:PORT", 0);
	code = getaddrinfo(host, port, &hints, &found);
	if (code != 0)
		return fail(why, address, gai_strerror(code), 0);
	l->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(l->fd, found->ai_addr, found->ai_addrlen) < 0 || listen(l->fd, BACKLOG) < 0)
		err = fail(why, address, "the socket can't be made", errno);
	freeaddrinfo(found);
	return err;
}

enum st_err listener_open(
    const char *address, unsigned mode, const char *group, struct listener *out, struct buf *why)
{
	struct listener l = { .fd = -1, .origin = "FCGI_LISTEN" };
	enum st_err err = inherit(&l, why);

	if (!err && l.fd < 0) {
		if (strncmp(address, "unix:", 5) == 0)
			err = bind_unix(&l, address + 5, mode, group, why);
		else
			err = bind_tcp(&l, address, why);
	}
	if (!err)
		err = io_set_nonblocking(l.fd, true);
	if (err) {
		if (l.fd >= 0)
			close(l.fd);
		return err;
	}
	*out = l;
	return ST_OK;
}

bool listener_is_in_place(const struct listener *l)
{
	struct stat st;

	return !l->path[0] ||
	       (lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode);
}

void listener_close(struct listener *l)
{
	if (l->path[0] && listener_is_in_place(l))
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
