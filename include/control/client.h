/*
 * control/client.h: one exchange with the daemon, for responders and tools.
 *
 * Blocking, with a deadline for the whole exchange; a new connection each time.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include "control/message.h"

/*
 * ST_UNAVAILABLE: nobody listens; ST_DENIED: we may not connect; ST_BUSY: it
 * lives and took no connection within the time, so that nothing was asked;
 * ST_TIMEOUT: it was asked; ST_CLOSED: it hung up or died in between;
 * ST_INVALID: an answer that is none.
 */
enum st_err control_ask_status(
    const char *run_dir, const char *id, int64_t timeout_ms, struct control_status *out);

/* The daemon took the order to begin a full sync (it may have been running already). */
enum st_err control_ask_sync(const char *run_dir, const char *id, int64_t timeout_ms);

/*
 * The same, because the store is damaged: nobody but its readers meets what is
 * wrong.  Not where it was built anew since then.
 */
enum st_err control_tell_damage(
    const char *run_dir, const char *id, int64_t ago_ms, int64_t timeout_ms);

/*
 * For how long to wait, in milliseconds.  Whoever is asked to end meanwhile
 * (stop_fd becomes readable; -1: nothing to watch) waits for another
 * after_stop_ms at most.
 */
struct control_patience {
	int64_t ms;
	int stop_fd;
	int64_t after_stop_ms;
};

/* The same, and waits until that full sync has ended.  ST_TIMEOUT: it goes on. */
enum st_err control_wait_sync(const char *run_dir, const char *id,
    const struct control_patience *patience, struct control_sync *out);

/*
 * Have updates forwarded.  patience->ms is for the daemon to take it; after
 * that it says itself how long it may need.  *taken tells, after any failure,
 * whether it may have been forwarded: false: it was not, and won't be.  The
 * caller frees out->results after ST_OK.
 */
enum st_err control_forward(const char *run_dir, const char *id, const struct update_list *updates,
    const struct control_patience *patience, bool *taken, struct control_update *out);

/*
 * Have the whole cache compared with Central, or put a backup in its place; what
 * is told meanwhile goes to the listener.  Takes as long as it takes; ST_TIMEOUT
 * where the daemon says nothing for a minute.  ST_OK: see out->done.
 */
enum st_err control_verify(const char *run_dir, const char *id, bool repair,
    const struct control_listener *listener, struct control_report *out);
/* fd: of the backup, open for reading; it stays the caller's. */
enum st_err control_restore(const char *run_dir, const char *id, int fd,
    const struct control_listener *listener, struct control_report *out);

#endif
