/*
 * pool/reply.h: the FastCGI records of a response, written to the web server.
 *
 * Not by libfcgi, which writes 8 KB at a time and to a peer that takes a byte
 * now and then for ever.
 */
#ifndef POOL_REPLY_H
#define POOL_REPLY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* A peer that takes nothing for so long, or not all of a response, is given up. */
#define REPLY_STALL_MS 10000
#define REPLY_MS       30000

/*
 * Both as STDOUT of this request, in as few writes as can be; with_end: and what
 * reply_end() sends, behind them.  ST_TIMEOUT, ST_CLOSED.
 */
enum st_err reply_send(
    int fd, int request_id, const struct buf *head, const struct buf *body, bool with_end);

/* The end of STDOUT, and of the request, by itself. */
enum st_err reply_end(int fd, int request_id);

#endif
