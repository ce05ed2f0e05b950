/*
 * record.h: the recording of what a program does to the files of a directory,
 * in the order in which it did it.  Written by record.c, read by replay.c.
 *
 * An entry is this head, the path, the other path, and the bytes.  Paths are
 * relative to the recorded directory; "" is that directory itself.
 */
#ifndef FAULTS_RECORD_H
#define FAULTS_RECORD_H

#include <stdint.h>

enum record_kind {
	RECORD_MAKE_FILE,
	RECORD_MAKE_DIR,
	RECORD_MAKE_LINK, /* other: where it leads */
	RECORD_RENAME,    /* other: the new name */
	RECORD_REMOVE,    /* a file, a link, an empty directory */
	RECORD_WRITE,     /* the bytes, at offset */
	RECORD_TRUNCATE,  /* offset: the new size */
	RECORD_FLUSH,     /* fsync(), fdatasync() */
	RECORD_TOLD,      /* something goes out of a socket: noted before it does */
};

struct record_head {
	uint32_t kind; /* enum record_kind */
	uint32_t path_len, other_len;
	uint32_t durable; /* of a write: on the disk when it returned (O_DSYNC) */
	uint64_t offset, len;
};

#endif
