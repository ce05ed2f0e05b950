/*
 * ends.h: raw ends of the control socket, to say what our own ends never say.
 *
 * All of it happens in one thread: a server is turned by hand between what its
 * peers do, so that the order of things is the test's own.
 */
#ifndef CONTROL_ENDS_H
#define CONTROL_ENDS_H

#include <stdbool.h>
#include <stddef.h>

#include "control/server.h"

#define HELD_MAX 8

/* A server whose handler answers at once, or holds its peers back. */
struct end {
	const char *run_dir;
	struct control_server *server;
	bool hold;
	bool answer_held; /* the next call answers all that are held back */
	unsigned calls;
	bool trusted; /* of the last call */
	struct control_request last;
	struct control_peer *held[HELD_MAX];
	size_t n_held;
};

/* In a new directory; a failed assertion ends the test. */
void end_open(struct end *e);
void end_close(struct end *e);

/* Turn the server as often as it has something to do, at the real time. */
void end_turn(struct end *e);

/* {"ok":true} for all that are held back. */
void end_answer_held(struct end *e);

/* A connected, blocking socket that gives up receiving after 10 s; -1 after a failed assertion. */
int raw_connect(const char *run_dir);

/* A listening socket at the place of the daemon's. */
int raw_listen(const char *run_dir, int backlog);

void raw_send(int fd, const void *data, size_t len);

/* Length and text of a message. */
void raw_message(int fd, const char *json);

/* The message that comes, "" where the connection ends first; valid until the next call. */
const char *raw_receive(int fd);

/* Open descriptors of this process. */
unsigned open_files(void);

#endif
