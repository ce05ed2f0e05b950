/*
 * control/socket.h: the socket RUN_DIR/control.sock, of which there is one
 * daemon's only.
 */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

struct control_socket {
	int fd; /* non-blocking; -1: none */
	struct sockaddr_un address;
	dev_t device; /* of the file, so that only ours is removed */
	ino_t inode;
	int epoll;               /* the set in which it is watched */
	struct mono accept_from; /* nothing is accepted before; NEVER: it isn't paused */
};

/*
 * A dead socket in its place is replaced, a living one is ST_BUSY.  *why: one
 * clear line.  After a failure fd is -1.
 */
enum st_err control_socket_listen(const char *run_dir, struct control_socket *out, struct buf *why);

/* False where the file was removed or replaced. */
bool control_socket_is_in_place(const struct control_socket *l);

/*
 * Put another socket in its place, watched as the one before, which is closed; unless
 * another daemon of our user has that place: ST_BUSY.
 */
enum st_err control_socket_listen_again(struct control_socket *l, struct buf *why);

/* Readable in this epoll set (with a NULL for its data) where there is a connection to accept. */
enum st_err control_socket_watch(struct control_socket *l, int epoll, struct buf *why);

/*
 * A connection, non-blocking; -1: none.  Without descriptors or memory for it
 * the socket isn't watched for a moment, since whoever stays in its backlog
 * would wake us all the time: until accept_from has come, when
 * control_socket_go_on() is to be called.
 */
int control_socket_accept(struct control_socket *l, struct mono now);
void control_socket_go_on(struct control_socket *l, struct mono now);

/* Of a connection: by root, or the daemon's own user. */
bool control_socket_is_trusted(int fd);

/* Closes, and removes the file if it is ours: a later daemon may have put its own there. */
void control_socket_close(struct control_socket *l);

#endif
