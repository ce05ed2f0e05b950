/*
 * api/body.h: a request's body, read within its time and its size.
 */
#ifndef API_BODY_H
#define API_BODY_H

#include "api/call.h"

/*
 * What can be said of the announced length alone; false: a problem was sent
 * (413 too long, 400 no number).  Nothing is read.
 */
bool body_is_acceptable(struct call *c);

/*
 * The whole body appended to out; false: a problem was sent (408 too slow, 400
 * cut, shorter or longer than announced, 413 too long).  Memory follows what
 * came, not what was announced.
 */
bool body_read(struct call *c, struct buf *out);

/* 400 invalid_request with one entry in details.fields; field "": the body as a whole. */
void body_refuse(struct call *c, const char *issue);

#endif
