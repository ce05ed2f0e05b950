/*
 * What a reader can do to the writer.  LMDB's readers announce themselves in
 * lock.mdb, so whoever may read the store may write that file: a responder that
 * was taken over can
 *
 *   hold its locks       mdb_txn_begin() or mdb_env_open() never come back
 *   spoil its locks      they come back with errors that they can't have
 *   set the number of    the next transaction would begin at the commit before
 *   the last commit back the last one, whose pages may be in use again
 *   cut the file         SIGBUS (crash.c)
 *
 * None of them has a time limit, and the daemon has one thread.  So an alarm
 * runs while it calls them.  When it goes off the daemon notes a crash and ends
 * with STORE_EXIT_STUCK; its next start looks at the store in a child, with the
 * same limit (crash_probe()), and where it is still stuck counts it as damaged:
 * a full sync builds a generation beside it, with a lock.mdb of its own, and
 * readers follow.  A wrong number is damage at once.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/writer.h"

#define LAST_WORDS_SECONDS 2

static int64_t limit_ms = 10000;

static void bark(int signal_number)
{
	(void)signal_number;
	crash_note_stuck();
	/*
	 * Most likely we hang in a lock of lock.mdb and may log.  If not, and the
	 * log hangs, the next alarm ends us without a word.
	 */
	signal(SIGALRM, SIG_DFL);
	alarm(LAST_WORDS_SECONDS);
	log_error("the store's locks can't be had: some process that may read the store holds "
		  "them; the next start builds the store anew beside it if they are still held",
	    log_number("waited_ms", limit_ms));
	_exit(STORE_EXIT_STUCK);
}

void watchdog_limit(int64_t ms)
{
	limit_ms = ms;
}

static void set_alarm(int64_t ms)
{
	struct itimerval value = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &value, NULL);
}

void watchdog_ready(void)
{
	struct sigaction action = { .sa_handler = bark };

	sigaction(SIGALRM, &action, NULL);
}

void watchdog_arm(void)
{
	set_alarm(limit_ms);
}

void watchdog_arm_deadly(void)
{
	signal(SIGALRM, SIG_DFL);
	set_alarm(limit_ms);
}

void watchdog_rest(void)
{
	set_alarm(0);
}

/* What locks that are as they should be never answer to their only writer. */
static bool is_spoilt(int rc)
{
	return rc == EINVAL || rc == EPERM || rc == EDEADLK || rc == EAGAIN || rc == MDB_PANIC;
}

/* LMDB counts in lock.mdb; the file itself knows too. */
static bool follows_last_commit(MDB_env *env, MDB_txn *txn)
{
	MDB_envinfo info;

	return mdb_env_info(env, &info) == 0 && mdb_txn_id(txn) == info.me_last_txnid + 1;
}

int watchdog_begin(const struct generation *g, MDB_txn **out)
{
	MDB_txn *txn;
	int rc;

	watchdog_arm();
	rc = mdb_txn_begin(g->env, NULL, 0, &txn);
	watchdog_rest();
	if (rc == 0 && !follows_last_commit(g->env, txn)) {
		mdb_txn_abort(txn);
		rc = MDB_PANIC;
	}
	/* Nobody else makes it grow: the file itself says what can't be. */
	if (rc == MDB_MAP_RESIZED)
		return MDB_CORRUPTED;
	if (is_spoilt(rc)) {
		log_error("the store's lock file was tampered with",
		    log_number("generation", (int64_t)g->number), log_number("code", rc));
		return MDB_CORRUPTED;
	}
	if (rc == 0)
		*out = txn;
	return rc;
}

enum st_err watchdog_open(const char *path, uint64_t number, size_t map_size,
    enum generation_mode mode, struct generation **out)
{
	enum st_err err;

	watchdog_arm();
	err = generation_open(path, number, map_size, mode, out);
	watchdog_rest();
	return err;
}
