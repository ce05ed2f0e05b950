/*
 * Whether the files that a process has open are those that others find.  Who
 * removes or replaces them under running programs parts the daemon from its
 * readers: it goes on to write where nobody looks.  And where lock.mdb alone is
 * another one, a reader learns of no commit and is in nobody's way when its
 * pages are used again.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/generation.h"

static int stat_in(const char *dir, const char *name, struct stat *st)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX)
		return ENAMETOOLONG;
	return stat(path, st) == 0 ? 0 : errno;
}

int generation_check_lock_file(const char *dir)
{
	struct stat st;
	int rc = stat_in(dir, "lock.mdb", &st);

	if (rc == ENOENT && stat_in(dir, "data.mdb", &st) == 0)
		return MDB_CORRUPTED;
	return rc;
}

int generation_remember_files(struct generation *g, const char *dir)
{
	struct stat data, lock;
	int fd;
	int rc = mdb_env_get_fd(g->env, &fd);

	if (rc == 0 && fstat(fd, &data) != 0)
		rc = errno;
	if (rc == 0)
		rc = stat_in(dir, "lock.mdb", &lock);
	if (rc != 0)
		return rc;
	g->dev = data.st_dev;
	g->ino = data.st_ino;
	g->lock_ino = lock.st_ino;
	return 0;
}

enum generation_place generation_place(const struct generation *g, const char *dir)
{
	struct stat data, lock;

	if (stat_in(dir, "data.mdb", &data) != 0 || data.st_dev != g->dev || data.st_ino != g->ino)
		return GENERATION_ELSEWHERE;
	if (stat_in(dir, "lock.mdb", &lock) != 0)
		return GENERATION_UNLOCKED;
	return lock.st_ino == g->lock_ino ? GENERATION_IN_PLACE : GENERATION_ELSEWHERE;
}
