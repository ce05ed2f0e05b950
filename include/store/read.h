/*
 * store/read.h: snapshots of the cache, for responders, checks and tools.
 *
 * The cache is a directory with numbered generations, each an LMDB environment
 * of its own, and a link to the current one (src/store/generation.c).  A
 * reader follows the link by itself: whoever begins a snapshot gets the newest
 * published generation, also while the daemon replaces it under running
 * readers.  A snapshot never changes and never mixes two states.
 *
 * One struct store_reader per process, opened after fork(), shared by all its
 * threads.  A snapshot belongs to one thread and is held for no longer than it
 * takes to copy what is needed: never while a peer is waited for.
 */
#ifndef STORE_READ_H
#define STORE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/product.h"
#include "model/record.h"

struct store_options {
	const char *data_dir; /* absolute path */
	size_t map_size;      /* bytes of address space; the same for all programs */
};

struct store_reader;

/* Needs no store yet.  ST_NOMEM only. */
enum st_err store_reader_open(const struct store_options *options, struct store_reader **out);

/* No snapshot may be open in any thread.  NULL is fine. */
void store_reader_close(struct store_reader *r);

/*
 * Let go of a generation that was replaced.  Whoever begins a snapshot does
 * this anyway; an idle process would keep the disk space of the old one for
 * ever.  To be called every few seconds, from any thread; costs two stat(2).
 * It also finds what no mark tells: a store that was damaged before it was
 * replaced, or a directory that was emptied by hand.  Where the new one is of
 * a format that we can't read, the old one is kept, with a line in the log:
 * this program is older or newer than the daemon, and to be started again.
 * So that there is an old one, who has none open yet opens it here, read or not.
 */
void store_reader_refresh(struct store_reader *r);

/*
 * True once for damage that was met in what is current still: a wrong checksum,
 * a structure that can't be.  The daemon may never look there, so it is to be
 * told.  Not for what can't be opened at all, which may be of another format.
 */
bool store_reader_take_damage(struct store_reader *r);

/*
 * True while a daemon holds the store.  Asks nobody and takes no lock, so that
 * a daemon that is about to start isn't disturbed.  False also where that
 * can't be seen (no permission).
 */
bool store_reader_has_writer(struct store_reader *r);

/* To be allocated by the caller (its stack); members are the store's own. */
struct store_snapshot {
	struct generation *generation;
	struct slot *slot; /* transaction and cursors */
	bool looked_up;    /* the cursor of single products stands in this snapshot */
	enum {
		SNAPSHOT_NOWHERE, /* not positioned, or past the end */
		SNAPSHOT_AT,      /* the cursor stands on what comes next */
		SNAPSHOT_BEFORE,  /* it stands on what came last */
	} position;
	uint64_t visited; /* see store_snapshot_visited() */
};

/*
 * ST_UNAVAILABLE: no store yet.  ST_DENIED: no permission, or a read-only
 * mount where locks can't be taken (then LMDB would read without them).
 * ST_CORRUPT: there is a store that can't be used; ST_FORMAT: nor one of
 * another version's format.
 * ST_FULL: the reader table is full.  ST_NOMEM.  ST_SYSTEM: anything else,
 * also a store that has outgrown this reader's map_size.
 */
enum st_err store_snapshot_begin(struct store_reader *r, struct store_snapshot *out);

/* NULL, or one that was ended or is all zero, is fine. */
void store_snapshot_end(struct store_snapshot *s);

/* Number of products. */
uint64_t store_snapshot_count(struct store_snapshot *s);

/* ST_NOT_FOUND: none was ever put.  ST_CORRUPT where its checksum is wrong. */
enum st_err store_snapshot_record(struct store_snapshot *s, struct sync_record *out);

/*
 * ST_NOT_FOUND (also for an id that is empty or too long), ST_CORRUPT where
 * its checksum is wrong.  The spans of *out point into the map: valid until
 * store_snapshot_end().
 */
enum st_err store_snapshot_product(
    struct store_snapshot *s, const char *id, size_t id_len, struct product *out);

/*
 * Walk in byte order of ids: position first, then next as often as wanted.
 * Positioning costs the same at any offset (src/store/index.c).  Past the end
 * (an offset too large is no error) store_snapshot_next() gives ST_NOT_FOUND.
 * After its ST_CORRUPT, a wrong checksum, the walk can go on.  An empty id
 * positions at the start; one of any length is fine.
 */
enum st_err store_snapshot_seek(struct store_snapshot *s, uint64_t offset);
enum st_err store_snapshot_seek_after(struct store_snapshot *s, const char *id, size_t id_len);
enum st_err store_snapshot_next(struct store_snapshot *s, struct product *out);

/* Entries (of index and products) that seeks and steps of this snapshot have visited. */
uint64_t store_snapshot_visited(const struct store_snapshot *s);

struct store_stats {
	uint64_t used_bytes; /* pages in use, free ones left out */
	uint64_t file_bytes; /* size of the data file */
	uint64_t map_bytes;
	uint32_t readers; /* slots in use now */
	uint32_t readers_max;
};

enum st_err store_snapshot_stats(struct store_snapshot *s, struct store_stats *out);

#endif
