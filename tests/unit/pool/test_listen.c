/* The socket: own ones of each kind, and inherited ones. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "pool/listen.h"
#include "unit.h"

static struct buf why; /* of the last open_at() */

static enum st_err open_at(const char *address, const char *group, struct listener *l)
{
	buf_free(&why);
	buf_init(&why, 1000);
	return listener_open(address, 0640, group, l, &why);
}

/* In a child, whose descriptor 0 is under our control; its result is the child's exit code. */
static int in_child(int (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		unsetenv("LISTEN_FDS");
		if (!freopen("/dev/null", "r", stdin))
			_exit(99);
		_exit(body());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char path[100], address[120];

static void new_path(void)
{
	snprintf(path, sizeof(path), "%s/pool.sock", unit_temp_dir());
	snprintf(address, sizeof(address), "unix:%s", path);
}

static int own_unix_socket(void)
{
	struct listener l, second;
	struct stat st;

	if (open_at(address, "", &l) || strcmp(l.origin, "FCGI_LISTEN") != 0)
		return 1;
	if (stat(path, &st) != 0 || (st.st_mode & 0777) != 0640 || !io_socket_is_alive(path))
		return 2;
	if (open_at(address, "", &second) != ST_BUSY || !strstr(buf_text(&why), "in use"))
		return 3;
	if (!(fcntl(l.fd, F_GETFL) & O_NONBLOCK) || !(fcntl(l.fd, F_GETFD) & FD_CLOEXEC))
		return 4;
	/* A dead one is replaced; ours is removed at the end, another's is not. */
	close(l.fd);
	if (io_socket_is_alive(path) || open_at(address, "", &second) || !io_socket_is_alive(path))
		return 5;
	l.fd = -1;
	listener_close(&l);
	if (access(path, F_OK) != 0)
		return 6;
	listener_close(&second);
	return access(path, F_OK) == 0 ? 7 : 0;
}

TEST(pool_listen, own_unix_socket)
{
	new_path();
	CU_ASSERT_EQUAL(in_child(own_unix_socket), 0);
}

static int bad_addresses(void)
{
	static const char *const bad[] = { "unix:/nowhere/at/all/s", "256.0.0.1:1",
		"nohost.invalid:1", "127.0.0.1:notaport", "unix:" };
	struct listener l;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (open_at(bad[i], "", &l) == ST_OK || why.len == 0)
			return (int)i + 1;
	if (open_at(address, "no-such-group", &l) == ST_OK ||
	    !strstr(buf_text(&why), "no-such-group") || access(path, F_OK) == 0)
		return 9;
	return 0;
}

TEST(pool_listen, what_cannot_be_had_is_one_clear_line)
{
	new_path();
	CU_ASSERT_EQUAL(in_child(bad_addresses), 0);
}

static int not_ours_to_replace(void)
{
	char directory[160];
	struct listener l;
	FILE *f = fopen(path, "we");

	if (!f || fputs("something of value", f) < 0 || fclose(f) != 0)
		return 1;
	if (open_at(address, "", &l) != ST_INVALID || !strstr(buf_text(&why), "something else"))
		return 2;
	if (access(path, F_OK) != 0 || unlink(path) != 0)
		return 3;
	if (symlink("elsewhere", path) != 0 || open_at(address, "", &l) != ST_INVALID)
		return 4;
	/* A directory that is missing is the commonest mistake: the line says what to do. */
	snprintf(directory, sizeof(directory), "%s.d/s", address);
	if (open_at(directory, "", &l) != ST_NOT_FOUND || !strstr(buf_text(&why), "spawn-fcgi"))
		return 5;
	return 0;
}

TEST(pool_listen, only_a_dead_socket_is_replaced)
{
	new_path();
	CU_ASSERT_EQUAL(in_child(not_ours_to_replace), 0);
}

#define SOME_GROUP 4711

static int group_of_directory(void)
{
	struct listener l;
	struct stat st;

	const char *directory = unit_temp_dir();

	snprintf(path, sizeof(path), "%s/s", directory);
	snprintf(address, sizeof(address), "unix:%s", path);
	if (chown(directory, (uid_t)-1, SOME_GROUP) != 0)
		return getuid() == 0 ? 1 : 0; /* only root may try */
	if (open_at(address, "", &l) || stat(path, &st) != 0 || st.st_gid != SOME_GROUP)
		return 2;
	return 0;
}

TEST(pool_listen, without_a_group_that_of_the_directory)
{
	CU_ASSERT_EQUAL(in_child(group_of_directory), 0);
}

static int tcp_sockets(void)
{
	static const char *const hosts[] = { "127.0.0.1", "[::1]" };

	for (int i = 0; i < 2; i++) {
		struct sockaddr_storage a;
		socklen_t size = sizeof(a);
		struct listener l, second;
		char host[40];
		int port;

		snprintf(host, sizeof(host), "%s:0", hosts[i]);
		if (open_at(host, "", &l))
			return i == 1 ? 0 : 1; /* no IPv6 here */
		getsockname(l.fd, (struct sockaddr *)&a, &size);
		port = ntohs(i == 0 ? ((struct sockaddr_in *)&a)->sin_port
				    : ((struct sockaddr_in6 *)&a)->sin6_port);
		snprintf(host, sizeof(host), "%s:%d", hosts[i], port);
		if (port == 0 || open_at(host, "", &second) != ST_BUSY)
			return 2;
		listener_close(&l);
	}
	return 0;
}

TEST(pool_listen, tcp_sockets)
{
	CU_ASSERT_EQUAL(in_child(tcp_sockets), 0);
}

static int listening_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 5) == 0 ? fd : -1;
}

static int inherited_zero(void)
{
	struct listener l;
	int fd = listening_unix();

	if (fd < 0 || dup2(fd, 0) < 0 || open_at("unix:/nowhere/s", "", &l))
		return 1;
	if (l.fd != 0 || strcmp(l.origin, "descriptor 0") != 0)
		return 2;
	listener_close(&l);
	return access(path, F_OK) == 0 ? 0 : 3; /* not ours to remove */
}

TEST(pool_listen, descriptor_zero)
{
	new_path();
	CU_ASSERT_EQUAL(in_child(inherited_zero), 0);
}

static int inherited_listen_fds(void)
{
	struct listener l;
	char pid[20];
	int fd = listening_unix(), pair[2];

	if (fd < 0 || dup2(fd, 3) < 0)
		return 1;
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", "1", 1); /* meant for another process */
	if (open_at("unix:/nowhere/s", "", &l) == ST_OK)
		return 2;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	if (open_at("unix:/nowhere/s", "", &l) || l.fd != 3)
		return 3;
	if (strcmp(l.origin, "LISTEN_FDS") != 0)
		return 4;
	/* A connection instead of a socket that listens: Accept=yes, or another's mistake. */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || dup2(pair[0], 3) < 0)
		return 5;
	return open_at("unix:/nowhere/s", "", &l) == ST_INVALID &&
	               strstr(buf_text(&why), "LISTEN_FDS")
	           ? 0
	           : 6;
}

TEST(pool_listen, listen_fds)
{
	new_path();
	CU_ASSERT_EQUAL(in_child(inherited_listen_fds), 0);
}
