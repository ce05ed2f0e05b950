/*
 * control/client.h: one exchange with the daemon, for responders and tools.
 *
 * Blocking, with a deadline for the whole exchange; a new connection each time.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include "control/message.h"

/*
 * ST_UNAVAILABLE: nobody listens; ST_DENIED: we may not connect; ST_TIMEOUT;
 * ST_CLOSED: it hung up or died in between; ST_INVALID: an answer that is none.
 */
enum st_err control_ask_status(
    const char *run_dir, const char *id, int64_t timeout_ms, struct control_status *out);

/* The daemon took the order to begin a full sync (it may have been running already). */
enum st_err control_ask_sync(const char *run_dir, const char *id, int64_t timeout_ms);

#endif
