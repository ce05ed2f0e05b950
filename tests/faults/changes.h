/*
 * changes.h: a life of a store by the writer's own functions: commits of every
 * size, generations that are replaced, old snapshots, restarts.  To be run
 * under record.c.
 *
 * It keeps a file `marks` beside DATA_DIR, a line at a time:
 *
 *   try STATE     this state is about to be committed or published
 *   done          it is, which a client may be told
 */
#ifndef FAULTS_CHANGES_H
#define FAULTS_CHANGES_H

#include <stdint.h>

#define CHANGES_MARKS    "marks"
#define CHANGES_DATA_DIR "data"

/* The exit code. */
int changes_make(const char *dir, unsigned long commits, uint64_t seed);

#endif
