/*
 * script.h: a Central of a few lines: an HTTP server in a thread of the test
 * that answers what a function says, byte for byte.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "base/buf.h"

struct script;

/*
 * Called in the server's thread with the request's head and body (NUL-terminated).  What
 * it puts into `out` is sent as it is, then the connection is closed; with an
 * empty `out` it is reset.
 */
typedef void script_answer(void *arg, const char *head, struct buf *out);

/* A server on a port that the system chose. */
struct script *script_start(script_answer *answer, void *arg);
void script_stop(struct script *s);

const char *script_url(const struct script *s); /* "http://127.0.0.1:PORT" */

/* A whole answer with its length. */
void script_json(struct buf *out, int status, const char *more_headers, const char *body);

/* The number behind "name=" in the request line; -1 if it isn't there. */
long script_parameter(const char *head, const char *name);

#endif
