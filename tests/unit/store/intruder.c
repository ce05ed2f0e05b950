#include "intruder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Drawn in LMDB's mdb.c: MDB_txninfo, and behind it an MDB_reader for each place. */
#define READERS_MUTEX_AT 8
#define LAST_TXN_AT      48
#define READERS_COUNT_AT 56
#define WRITER_MUTEX_AT  64
#define HEAD_SIZE        128
#define READER_SIZE      64
#define READER_PID_AT    8

static char *map_file(const char *path, int *fd, size_t *size)
{
	struct stat st;
	void *map;

	*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return NULL;
	*size = (size_t)st.st_size;
	map = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	return map == MAP_FAILED ? NULL : map;
}

static bool hold(const char *lock_file, size_t mutex_at)
{
	struct flock as_reader = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
	size_t size;
	int fd, rc;
	char *map = map_file(lock_file, &fd, &size);

	/* While somebody is in, who comes anew doesn't make the locks anew. */
	if (!map || fcntl(fd, F_SETLK, &as_reader) < 0)
		return false;
	rc = pthread_mutex_lock((pthread_mutex_t *)(void *)(map + mutex_at));
	return rc == 0 || rc == EOWNERDEAD;
}

bool intruder_hold(const char *lock_file)
{
	return hold(lock_file, WRITER_MUTEX_AT);
}

bool intruder_hold_readers(const char *lock_file)
{
	return hold(lock_file, READERS_MUTEX_AT);
}

bool intruder_fill_readers(const char *lock_file)
{
	/* By the lock of this byte LMDB sees that a process lives. */
	struct flock as_alive = { .l_type = F_WRLCK, .l_start = getpid(), .l_len = 1 };
	size_t size;
	int fd;
	char *map = map_file(lock_file, &fd, &size);

	if (!map || fcntl(fd, F_SETLK, &as_alive) < 0)
		return false;
	for (char *place = map + HEAD_SIZE; place + READER_SIZE <= map + size;
	     place += READER_SIZE) {
		volatile pid_t *pid = (volatile pid_t *)(void *)(place + READER_PID_AT);

		if (*pid == 0) {
			*(volatile uint64_t *)(void *)place = UINT64_MAX; /* reads nothing now */
			*pid = getpid();
		}
	}
	*(volatile uint32_t *)(void *)(map + READERS_COUNT_AT) =
	    (uint32_t)((size - HEAD_SIZE) / READER_SIZE);
	return true;
}

bool intruder_set_back(const char *lock_file)
{
	size_t size;
	int fd;
	char *map = map_file(lock_file, &fd, &size);

	if (!map)
		return false;
	--*(volatile uint64_t *)(void *)(map + LAST_TXN_AT);
	return true;
}

bool intruder_cut(const char *lock_file)
{
	return truncate(lock_file, 0) == 0;
}
