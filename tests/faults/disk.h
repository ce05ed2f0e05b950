/*
 * disk.h: a disk that forgets.  It takes the entries of a recording one after
 * the other, and can show at any moment what the directory may look like after
 * a power cut: what was flushed is there, and of what came after the last flush
 * anything may be there or not.
 *
 *   bytes of a file   durable with the file's flush, or each write by itself
 *                     where it was made with O_DSYNC; a write may arrive in part,
 *                     by sectors of 512 bytes
 *   names             durable with the flush of the directory that they are in;
 *                     a rename happens whole or not at all
 */
#ifndef FAULTS_DISK_H
#define FAULTS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faults/record.h"

struct disk;

enum disk_image {
	DISK_ALL,    /* the process died, the system didn't */
	DISK_LEAST,  /* only what was flushed */
	DISK_PREFIX, /* of each file and directory the first so many changes, the last one torn */
	DISK_SOME,   /* any of the changes, torn */
};

/* An order of flushing that is given the lie: the test of the test. */
enum disk_lie { DISK_HONEST, DISK_LOSES_DATA, DISK_LOSES_META, DISK_LOSES_NAMES };

struct disk *disk_open(enum disk_lie lie);
void disk_close(struct disk *d);

/* The memory of path, other and bytes lives as long as the disk.  False: that can't be. */
bool disk_apply(struct disk *d, const struct record_head *head, const char *path, const char *other,
    const unsigned char *bytes);

/* Is there anything that a power cut could take? */
bool disk_has_pending(const struct disk *d);

/* Lay it out in an empty directory; *random is the state of the dice. */
bool disk_lay_out(const struct disk *d, enum disk_image image, uint64_t *random, const char *path);

/* Numbers that are the same in each run. */
uint32_t dice(uint64_t *state, uint32_t below);

#endif
