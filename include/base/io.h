/*
 * base/io.h: whole files and whole reads; the loops that read(2) and write(2) want.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* The whole file appended to out; ST_TOO_BIG over out's limit. */
enum st_err io_read_file(const char *path, struct buf *out);

/* All len bytes, through EINTR and short writes; for blocking descriptors. */
enum st_err io_write_all(int fd, const void *data, size_t len);

enum st_err io_set_nonblocking(int fd, bool on);

/*
 * A directory that must exist afterwards.  Only the last part of the path is
 * created (with mode).  ST_INVALID if something else is there.
 */
enum st_err io_make_dir(const char *path, unsigned mode);

/* True if somebody accepts connections at this UNIX socket, or may do so and not let us in. */
bool io_socket_is_alive(const char *path);

/* True if fd is a socket that listens. */
bool io_is_listening(int fd);

/*
 * Descriptors 0, 1 and 2 that whoever started us left closed become /dev/null:
 * else a client's connection could become stderr, and get our log.
 */
enum st_err io_open_standard(void);

/* Private resident memory of this process in bytes (RssAnon); 0 if unknown. */
size_t io_private_memory(void);

#endif
