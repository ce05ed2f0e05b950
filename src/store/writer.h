/*
 * store/writer.h: the writer's insides, shared by the files of store_write.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/generation.h"
#include "store/index.h"
#include "store/write.h"

struct store_writer {
	char data_dir[PATH_MAX];
	size_t map_size;
	int lock_fd;
	enum store_condition condition;
	uint64_t linked; /* the number that the link names, 0: none */
	uint64_t last;   /* the highest number that was ever seen */
	struct generation *running, *coming;
	unsigned txns;    /* open now */
	uint64_t commits; /* to the running generation, that went well */
	int64_t crashes;  /* deaths by a signal that this store has seen, forgotten after a while */
};

struct store_txn {
	struct store_writer *writer;
	struct generation *generation;
	enum store_target target;
	MDB_txn *txn;
	struct index_writer index;
	enum st_err err;
};

/* The first failure is kept. */
void txn_note(struct store_txn *t, enum st_err err);

/* LMDB wants no const, and writes to no key. */
MDB_val txn_key(const char *data, size_t len);

/* crash.c: note deaths by a signal from now on; how many there were. */
void crash_watch(struct store_writer *w);
void crash_watch_end(void);
void crash_forget(struct store_writer *w);
/* There were crashes, or the file ends before its last page. */
bool crash_is_likely(const struct store_writer *w, const char *path);
/* Read all of the linked generation in a child: ST_CORRUPT where that dies. */
enum st_err crash_probe(const struct store_writer *w, const char *path);

/* From a signal handler: the next start has reason to look. */
void crash_note_stuck(void);

/* watchdog.c: what waits for lock.mdb has a time limit, by an alarm (ITIMER_REAL). */
void watchdog_limit(int64_t ms);
void watchdog_ready(void); /* once, before any of these: what the alarm does */
void watchdog_arm(void);
void watchdog_arm_deadly(void); /* in a child: it dies of SIGALRM, without a word */
void watchdog_rest(void);

/* mdb_txn_begin(), for writing; MDB_CORRUPTED where lock.mdb was tampered with. */
int watchdog_begin(const struct generation *g, MDB_txn **out);

/* generation_open(). */
enum st_err watchdog_open(const char *path, uint64_t number, size_t map_size,
    enum generation_mode mode, struct generation **out);

/* Remove all generations but the linked one, and find out w->last. */
void build_clean_up(struct store_writer *w);

/* What names are in that directory is on the disk from now on. */
enum st_err build_sync_dir(const char *path);

/* Durable: commit or take back the mark that sends readers to the link. */
enum st_err build_mark(struct generation *g, bool superseded);

#endif
