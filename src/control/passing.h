/*
 * control/passing.h: bytes over a UNIX socket, and an open file with them.
 */
#ifndef CONTROL_PASSING_H
#define CONTROL_PASSING_H

#include <stddef.h>
#include <sys/types.h>

/* As send(2); file goes along where it is not -1. */
ssize_t passing_send(int fd, const void *data, size_t len, int file);

/* As recv(2); *file: one that came along (of several none), else -1.  The caller closes it. */
ssize_t passing_receive(int fd, void *room, size_t len, int *file);

#endif
