/*
 * store/write.h: the only way to change the cache; linked by the daemon alone.
 *
 * A lock file makes the writer the only one of its directory.  There is the
 * running generation, which readers see, and at most one coming generation,
 * which is built beside it (full sync, restore) and then published: made
 * durable, linked as current, and the running one marked as superseded, in
 * that order, so that no reader ever sees less than it saw before.
 *
 * One thread.  A struct store_txn has a sticky error: call the steps in a
 * straight list and look once, at what store_txn_commit() returns.
 */
#ifndef STORE_WRITE_H
#define STORE_WRITE_H

#include "base/buf.h"
#include "model/doubt.h"
#include "store/read.h"

struct store_writer;

/*
 * The exit code of a process whose writer waits in vain for a lock that some
 * reader holds: it ends inside of any function below (src/store/watchdog.c).
 */
#define STORE_EXIT_STUCK 74

enum store_condition {
	STORE_EMPTY, /* never filled: there is no generation yet */
	STORE_READY,
	STORE_DAMAGED, /* there is one that can't be used, or of another format: to be replaced */
};

/*
 * Take the directory (created if only its last part is missing), remove what
 * half-built or superseded generations a dead daemon left, open the current
 * one.  On failure *why holds one clear line for the operator: ST_BUSY
 * (another daemon), ST_DENIED (permission, read-only mount), ST_INVALID (not a
 * directory), ST_NOT_FOUND (the directory above is missing), ST_NOMEM, ST_FULL,
 * ST_SYSTEM.  Only one writer at a time in a process: it watches for deaths by
 * a signal.
 */
enum st_err store_writer_open(
    const struct store_options *options, struct store_writer **out, struct buf *why);

/* Transactions and snapshots are ended before.  A coming generation is abandoned. */
void store_writer_close(struct store_writer *w); /* NULL is fine */

/*
 * It has been open for a while and nothing happened: forget what crashes there
 * were (src/store/crash.c).  A new generation does so too.
 */
void store_writer_settled(struct store_writer *w);

enum store_condition store_writer_condition(const struct store_writer *w);

/* How many transactions of the running generation were made durable since it was opened. */
uint64_t store_writer_commits(const struct store_writer *w);

/*
 * False where somebody removed or replaced the link, or files of the running
 * generation: readers find others or none, and only a new generation mends that.
 */
bool store_writer_is_in_place(const struct store_writer *w);

/* A snapshot of the running generation; ST_UNAVAILABLE unless STORE_READY. */
enum st_err store_writer_snapshot(struct store_writer *w, struct store_snapshot *out);

/* Free the reader slots of processes that died; how many there were. */
unsigned store_writer_check_readers(struct store_writer *w);

enum store_target { STORE_RUNNING, STORE_COMING };
struct store_txn;

/* ST_UNAVAILABLE where there is no such generation, ST_BUSY where one of it is open. */
enum st_err store_txn_begin(
    struct store_writer *w, enum store_target target, struct store_txn **out);

/*
 * Make it durable (the coming generation: at publication) and free it.  The
 * first error of any step: ST_FULL (disk or map: nothing of it was done, try
 * again later), ST_CORRUPT, ST_SYSTEM.
 */
enum st_err store_txn_commit(struct store_txn *t);
void store_txn_abort(struct store_txn *t); /* NULL is fine */

/* The first error so far. */
enum st_err store_txn_error(const struct store_txn *t);

/*
 * Insert or replace; the page index follows.  The spans of p must not be those
 * of a product that store_txn_get() found in t.  ST_INVALID, ST_TOO_BIG: an id
 * or JSON of a length that no product has.
 */
void store_txn_put(struct store_txn *t, const struct product *p);

/* True if it was there; nothing is, of an id that is empty or too long. */
bool store_txn_delete(struct store_txn *t, const char *id, size_t id_len);

/* True if it is there; spans valid until the next change in t. */
bool store_txn_get(struct store_txn *t, const char *id, size_t id_len, struct product *out);

uint64_t store_txn_count(struct store_txn *t);

void store_txn_put_record(struct store_txn *t, const struct sync_record *record);
bool store_txn_get_record(struct store_txn *t, struct sync_record *out); /* false: none yet */

/*
 * Where the daemon stands in Central's event feed, in its own encoding
 * (rules/position.h): committed with the products that came from there.
 * get: false where none was ever put.
 */
void store_txn_put_position(struct store_txn *t, const void *bytes, size_t len);
bool store_txn_get_position(struct store_txn *t, struct buf *out);

/* What is known about a product beside its state; NULL: nothing more. */
void store_txn_put_doubt(
    struct store_txn *t, const char *id, size_t id_len, const struct doubt *doubt);

/* All of them, in byte order of ids; what `each` returns but ST_OK ends it. */
typedef enum st_err store_doubt_each(
    void *arg, const char *id, size_t id_len, const struct doubt *doubt);
void store_txn_each_doubt(struct store_txn *t, store_doubt_each *each, void *arg);

/* Begin an empty coming generation; one that is being built is abandoned first. */
enum st_err store_build_begin(struct store_writer *w);

/*
 * Make the coming generation the running one.  On failure the running one
 * stays and the coming one is abandoned; but ST_BUSY, where a transaction is
 * open, and ST_UNAVAILABLE, where nothing is coming, change nothing.
 * Snapshots of the former running one can be read to their end.
 */
enum st_err store_build_publish(struct store_writer *w);

void store_build_abandon(struct store_writer *w);

#endif
