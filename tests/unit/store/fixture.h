/*
 * fixture.h: stores for the tests of the store.
 *
 * A writer and a reader of one directory never live in one process at once
 * (LMDB wants an environment opened once): tests close the writer first, read
 * by store_writer_snapshot(), or put one of the two into a child.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/read.h"
#include "store/write.h"
#include "unit.h"

#define FIXTURE_MAP ((size_t)64 << 20)

/* DATA_DIR is a path in a new temporary directory; the directory itself isn't there yet. */
struct store_options fixture_options(void);

/* DATA_DIR/name; valid until the next call but three. */
const char *fixture_path(const struct store_options *options, const char *name);

/* A writer, or NULL and a failed assertion. */
struct store_writer *fixture_writer(const struct store_options *options);

/* "P-000042": id, version and JSON of a product; valid until the next call but three. */
struct product fixture_product(uint64_t number, int64_t version);

/* A record that differs from others by its offset. */
struct sync_record fixture_record(int64_t event_offset);

/* Build and publish a generation with products 0 to n-1, all of this version and offset. */
enum st_err fixture_publish(struct store_writer *w, uint64_t n, int64_t version);

/* A directory with that, closed again. */
struct store_options fixture_store(uint64_t n, int64_t version);

/* In one transaction of the running generation: the record and products 0 to n-1. */
enum st_err fixture_commit(struct store_writer *w, uint64_t n, int64_t version);

/*
 * The version that a snapshot shows: the record's offset, if n products are
 * there and each has it as its version; else -1.
 */
int64_t fixture_version(struct store_snapshot *s, uint64_t n);

/* fixture_version() of a reader that is opened for this; -2 where it can't be. */
int64_t fixture_read(const struct store_options *options, uint64_t n);

/* The bytes of a value in the file, to be spoiled by spoil(), without the store's knowing. */
void fixture_spoil(const struct store_options *options, uint64_t generation, const char *database,
    const char *key, void (*spoil)(unsigned char *bytes, size_t len));

/* Set one byte to another value. */
void fixture_flip_last(unsigned char *bytes, size_t len);

/* Run in a child that exits with the function's result; *arg is not shared. */
pid_t fixture_child(int (*run)(void *arg), void *arg);

/* The exit code; 1000 + the signal that ended it. */
int fixture_wait(pid_t pid);

/* Memory that children share, zeroed; NULL with a failed assertion. */
void *fixture_shared(size_t size);

/* Numbers that are the same in each run. */
uint32_t fixture_random(uint64_t *state);

#endif
