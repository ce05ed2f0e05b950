/*
 * intruder.h: what a process that may read the store, and so write lock.mdb,
 * can do to its writer.  It is no use of LMDB, which would refuse: bytes of the
 * file, where LMDB 0.9 has them on 64-bit Linux.
 */
#ifndef STORE_INTRUDER_H
#define STORE_INTRUDER_H

#include <stdbool.h>

/* Take the writer's lock and keep it while the process lives, as a reader that is there. */
bool intruder_hold(const char *lock_file);

/* The same with the lock that a reader takes when it comes: whoever comes next waits. */
bool intruder_hold_readers(const char *lock_file);

/* Take all places of readers that are free, while the process lives. */
bool intruder_fill_readers(const char *lock_file);

/* The commit before the last one counts as the last one. */
bool intruder_set_back(const char *lock_file);

/* Nothing is left of the file. */
bool intruder_cut(const char *lock_file);

#endif
