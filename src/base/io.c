#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum st_err io_read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char block[8192];
	ssize_t n;

	if (fd < 0)
		return st_err_from_errno(errno);
	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			enum st_err err = st_err_from_errno(errno);

			close(fd);
			return err;
		}
		buf_add(out, block, (size_t)n);
		if (out->err)
			break;
	}
	close(fd);
	return out->err;
}

enum st_err io_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return st_err_from_errno(errno);
		at += n;
		len -= (size_t)n;
	}
	return ST_OK;
}

enum st_err io_set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return st_err_from_errno(errno);
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? st_err_from_errno(errno) : ST_OK;
}

enum st_err io_make_dir(const char *path, unsigned mode)
{
	struct stat st;

	if (mkdir(path, (mode_t)mode) == 0)
		return ST_OK;
	if (errno != EEXIST)
		return st_err_from_errno(errno);
	if (stat(path, &st) < 0)
		return st_err_from_errno(errno);
	return S_ISDIR(st.st_mode) ? ST_OK : ST_INVALID;
}

bool io_socket_is_alive(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	bool alive;
	int fd;

	if (len >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	/* A full backlog (EAGAIN) has an owner too, and one that we may not connect to may have. */
	alive = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
	        (errno != ECONNREFUSED && errno != ENOENT && errno != ENOTDIR);
	close(fd);
	return alive;
}

bool io_is_listening(int fd)
{
	int on = 0;
	socklen_t size = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on;
}

enum st_err io_open_standard(void)
{
	int fd;

	/* open(2) takes the lowest that is free. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return st_err_from_errno(errno);
	close(fd);
	return ST_OK;
}

size_t io_private_memory(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	size_t kib = 0;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %zu", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}
