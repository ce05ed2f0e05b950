/*
 * pool/listen.h: the socket that web servers connect to.
 *
 * An inherited one wins: LISTEN_FDS (descriptor 3), or descriptor 0 when that
 * is a listening socket (spawn-fcgi, lighttpd's bin-path, a systemd .socket
 * with StandardInput=socket).  LISTEN_FDS that hold no listening socket are an
 * error.  Else our own is made from FCGI_LISTEN.
 */
#ifndef POOL_LISTEN_H
#define POOL_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct listener {
	int fd;         /* non-blocking, close-on-exec */
	char path[108]; /* of a UNIX socket that is ours; else "" */
	dev_t device;   /* of that file, so that only ours is removed */
	ino_t inode;
	const char *origin; /* "FCGI_LISTEN", "LISTEN_FDS", "descriptor 0" */
};

/*
 * A UNIX socket with a living owner is ST_BUSY, what is no socket ST_INVALID; a
 * dead one is replaced, by rename, so that there is no moment without a socket.
 * group "": that of the directory, where we may give it.
 * *why: one clear line.
 */
enum st_err listener_open(
    const char *address, unsigned mode, const char *group, struct listener *out, struct buf *why);

/* False where it is a UNIX socket of ours whose file was removed or replaced. */
bool listener_is_in_place(const struct listener *l);

/* Closes, and removes the file if it is still ours. */
void listener_close(struct listener *l);

#endif
