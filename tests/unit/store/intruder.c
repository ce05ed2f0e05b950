#include "intruder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Drawn in LMDB's mdb.c: MDB_txninfo. */
#define READERS_MUTEX_AT 8
#define LAST_TXN_AT      48
#define WRITER_MUTEX_AT  64
#define HEAD_SIZE        128

static char *map_head(const char *path, int *fd)
{
	void *map;

	*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return NULL;
	map = mmap(NULL, HEAD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	return map == MAP_FAILED ? NULL : map;
}

static bool hold(const char *lock_file, size_t mutex_at)
{
	struct flock as_reader = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int fd, rc;
	char *map = map_head(lock_file, &fd);

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

bool intruder_set_back(const char *lock_file)
{
	int fd;
	char *map = map_head(lock_file, &fd);

	if (!map)
		return false;
	--*(volatile uint64_t *)(void *)(map + LAST_TXN_AT);
	return true;
}

bool intruder_cut(const char *lock_file)
{
	return truncate(lock_file, 0) == 0;
}
