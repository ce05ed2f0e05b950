/*
 * A library to be loaded before all others (LD_PRELOAD): notes in RECORD_LOG
 * what the program does to the files of RECORD_DIR.  What is written by
 * mappings isn't seen: in the store that is lock.mdb alone, which says nothing
 * that outlives a power cut.
 *
 * For programs whose one thread writes, as the daemon's and its store's.
 */
#include "faults/record.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int log_fd = -1;
static char directory[PATH_MAX];

__attribute__((constructor)) static void begin(void)
{
	const char *log = getenv("RECORD_LOG"), *dir = getenv("RECORD_DIR");

	if (!log || !dir || !realpath(dir, directory))
		return;
	log_fd = (int)syscall(
	    SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The real one. */
static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

/* Behind RECORD_DIR; NULL: it isn't in there. */
static const char *inside(const char *path)
{
	size_t len = strlen(directory);

	if (log_fd < 0 || strncmp(path, directory, len) != 0)
		return NULL;
	return path[len] == '\0' ? path + len : path[len] == '/' ? path + len + 1 : NULL;
}

static const char *inside_fd(int fd, char buffer[PATH_MAX])
{
	char link[64];
	ssize_t n;

	if (log_fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buffer, PATH_MAX - 1);
	if (n <= 0)
		return NULL;
	buffer[n] = '\0';
	return inside(buffer);
}

static void note(struct record_head head, const char *path, const char *other, const void *bytes)
{
	int saved = errno;
	struct iovec parts[4] = { { &head, sizeof(head) } };

	head.path_len = (uint32_t)strlen(path);
	head.other_len = (uint32_t)strlen(other);
	parts[1] = (struct iovec){ (void *)(uintptr_t)path, head.path_len };
	parts[2] = (struct iovec){ (void *)(uintptr_t)other, head.other_len };
	parts[3] = (struct iovec){ (void *)(uintptr_t)bytes, bytes ? head.len : 0 };
	if (syscall(SYS_writev, log_fd, parts, 4) !=
	    (long)(sizeof(head) + head.path_len + head.other_len + parts[3].iov_len))
		abort();
	errno = saved;
}

static void note_name(enum record_kind kind, const char *name, const char *other)
{
	const char *path = inside(name);

	if (path)
		note((struct record_head){ .kind = kind }, path, other, NULL);
}

static void note_write(int fd, const void *bytes, ssize_t n, off_t offset)
{
	char buffer[PATH_MAX];
	const char *path = n > 0 ? inside_fd(fd, buffer) : NULL;
	struct record_head head = { .kind = RECORD_WRITE };

	if (!path || offset < 0)
		return;
	head.durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
	head.offset = (uint64_t)offset;
	head.len = (uint64_t)n;
	note(head, path, "", bytes);
}

static void note_flush(int fd)
{
	char buffer[PATH_MAX];
	const char *path = inside_fd(fd, buffer);

	if (path)
		note((struct record_head){ .kind = RECORD_FLUSH }, path, "", NULL);
}

/* ---- what programs call ---- */

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))next("open");
	bool new = (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
	unsigned mode = 0;
	va_list args;
	int fd;

	va_start(args, flags);
	if ((flags & (O_CREAT | O_TMPFILE)) != 0)
		mode = va_arg(args, unsigned);
	va_end(args);
	fd = real(path, flags, mode);
	if (fd >= 0 && new)
		note_name(RECORD_MAKE_FILE, path, "");
	return fd;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off_t) =
	    (ssize_t(*)(int, const void *, size_t, off_t))next("pwrite");
	ssize_t n = real(fd, bytes, len, offset);

	note_write(fd, bytes, n, offset);
	return n;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	ssize_t (*real)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))next(
	    "write");
	off_t offset = lseek(fd, 0, SEEK_CUR);
	ssize_t n = real(fd, bytes, len);

	note_write(fd, bytes, n, offset);
	return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	ssize_t (*real)(int, const struct iovec *, int) =
	    (ssize_t(*)(int, const struct iovec *, int))next("writev");
	off_t offset = lseek(fd, 0, SEEK_CUR);
	ssize_t n = real(fd, parts, count);
	char *bytes = n > 0 ? malloc((size_t)n) : NULL;
	size_t at = 0;

	/* One entry, as it was one call. */
	for (int i = 0; bytes && i < count && at < (size_t)n; i++) {
		size_t left = (size_t)n - at;
		size_t part = left < parts[i].iov_len ? left : parts[i].iov_len;

		memcpy(bytes + at, parts[i].iov_base, part);
		at += part;
	}
	note_write(fd, bytes, (ssize_t)at, offset);
	free(bytes);
	return n;
}

int ftruncate(int fd, off_t size)
{
	int (*real)(int, off_t) = (int (*)(int, off_t))next("ftruncate");
	char buffer[PATH_MAX];
	const char *path = inside_fd(fd, buffer);
	int rc = real(fd, size);

	if (rc == 0 && path)
		note((struct record_head){ .kind = RECORD_TRUNCATE, .offset = (uint64_t)size },
		    path, "", NULL);
	return rc;
}

int fsync(int fd)
{
	int rc = ((int (*)(int))next("fsync"))(fd);

	if (rc == 0)
		note_flush(fd);
	return rc;
}

int fdatasync(int fd)
{
	int rc = ((int (*)(int))next("fdatasync"))(fd);

	if (rc == 0)
		note_flush(fd);
	return rc;
}

int mkdir(const char *path, mode_t mode)
{
	int rc = ((int (*)(const char *, mode_t))next("mkdir"))(path, mode);

	if (rc == 0)
		note_name(RECORD_MAKE_DIR, path, "");
	return rc;
}

int symlink(const char *target, const char *path)
{
	int rc = ((int (*)(const char *, const char *))next("symlink"))(target, path);

	if (rc == 0)
		note_name(RECORD_MAKE_LINK, path, target);
	return rc;
}

int rename(const char *from, const char *to)
{
	int rc = ((int (*)(const char *, const char *))next("rename"))(from, to);
	const char *other = inside(to);

	if (rc == 0 && other)
		note_name(RECORD_RENAME, from, other);
	return rc;
}

int unlink(const char *path)
{
	int rc = ((int (*)(const char *))next("unlink"))(path);

	if (rc == 0)
		note_name(RECORD_REMOVE, path, "");
	return rc;
}

int rmdir(const char *path)
{
	int rc = ((int (*)(const char *))next("rmdir"))(path);

	if (rc == 0)
		note_name(RECORD_REMOVE, path, "");
	return rc;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	if (log_fd >= 0)
		note((struct record_head){ .kind = RECORD_TOLD }, "", "", NULL);
	return ((ssize_t(*)(int, const void *, size_t, int))next("send"))(fd, bytes, len, flags);
}
