/*
 * A store that kills its reader.  LMDB maps the file: where pages are missing
 * or wrong it may die of a signal inside, and would again at each start.
 *
 * So a death by such a signal while the writer is open leaves a byte in
 * DATA_DIR/crashes.  After one, or where the file is shorter than LMDB thinks
 * it is, the store is read to its end in a child first: what dies there, or
 * finds a wrong checksum, or can't have the writer's lock (watchdog.c), is
 * damage.  After CRASHES_MAX of them it counts as damaged whatever the child
 * says.  Time without a crash, or a new generation, forgets them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "store/layout.h"
#include "store/writer.h"

#define CRASHES_MAX 3

static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

/* For the handler, which can be given nothing: the file of the one writer of this process. */
static int crashes_fd = -1;

void crash_note_stuck(void)
{
	int saved = errno;

	if (crashes_fd >= 0 && write(crashes_fd, "x", 1) < 0)
		errno = saved;
}

static void note_crash(int signal)
{
	crash_note_stuck();
	/* The default action, which SA_RESETHAND has put back. */
	raise(signal);
}

static void set_handlers(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler,
		.sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigaction(deadly[i], &action, NULL);
}

void crash_watch(struct store_writer *w)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof(path), "%s/crashes", w->data_dir) >= PATH_MAX)
		return;
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return;
	w->crashes = fstat(fd, &st) == 0 ? st.st_size : 0;
	crashes_fd = fd;
	set_handlers(note_crash);
}

void crash_forget(struct store_writer *w)
{
	if (w->crashes == 0 || crashes_fd < 0 || ftruncate(crashes_fd, 0) != 0)
		return;
	w->crashes = 0;
}

void crash_watch_end(void)
{
	if (crashes_fd < 0)
		return;
	set_handlers(SIG_DFL);
	close(crashes_fd);
	crashes_fd = -1;
}

/* Looks at LMDB's two first pages only. */
static bool is_short(MDB_env *env, const char *path)
{
	MDB_envinfo info;
	struct stat file;
	MDB_stat st;
	int fd;

	if (mdb_env_open(env, path, MDB_RDONLY | MDB_NOLOCK, 0) != 0 ||
	    mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &st) != 0 ||
	    mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &file) != 0)
		return true;
	return (uint64_t)file.st_size < (uint64_t)(info.me_last_pgno + 1) * st.ms_psize;
}

bool crash_is_likely(const struct store_writer *w, const char *path)
{
	MDB_env *env;
	bool likely = true;

	if (w->crashes > 0)
		return true;
	if (mdb_env_create(&env) != 0)
		return false;
	likely = is_short(env, path);
	mdb_env_close(env);
	return likely;
}

/* The store as its writer opens it; dies of SIGALRM where its locks are held. */
static enum st_err open_in_time(
    const char *path, const struct store_writer *w, struct generation **out)
{
	enum st_err err;
	MDB_txn *txn;

	watchdog_arm_deadly();
	err = generation_open(path, w->linked, w->map_size, GENERATION_WRITE, out);
	if (err == ST_OK) {
		err = generation_error(mdb_txn_begin((*out)->env, NULL, 0, &txn));
		if (err == ST_OK)
			mdb_txn_abort(txn);
	}
	watchdog_rest();
	return err;
}

static enum st_err read_all(const char *path, const struct store_writer *w)
{
	struct store_snapshot s;
	struct sync_record record;
	struct generation *g;
	struct product p;
	enum st_err err = open_in_time(path, w, &g);

	if (err == ST_OK)
		err = generation_snapshot(g, &s);
	if (err != ST_OK)
		return err;
	err = store_snapshot_record(&s, &record);
	if (err == ST_OK || err == ST_NOT_FOUND)
		err = store_snapshot_seek(&s, 0);
	while (err == ST_OK)
		err = store_snapshot_next(&s, &p);
	return err == ST_NOT_FOUND ? ST_OK : err;
}

enum st_err crash_probe(const struct store_writer *w, const char *path)
{
	pid_t pid;
	int status;

	if (w->crashes >= CRASHES_MAX)
		return ST_CORRUPT;
	pid = fork();
	if (pid < 0)
		return st_err_from_errno(errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		set_handlers(SIG_DFL);
		_exit((int)read_all(path, w));
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	log_info("the store was read to its end", log_number("crashes", w->crashes),
	    log_number("status", status));
	return WIFEXITED(status) ? (enum st_err)WEXITSTATUS(status) : ST_CORRUPT;
}
