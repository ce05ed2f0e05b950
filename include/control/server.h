/*
 * control/server.h: the daemon's end of the control socket.
 *
 * Never blocks.  The daemon's loop polls control_server_fd() for reading (an
 * epoll set that holds the listener and all connections) and calls
 * control_server_turn() when it is ready or a deadline of it has come.
 *
 * A peer may be root, the daemon's own user, or anybody else that the mode of
 * the socket (0660) lets connect; the latter is `trusted == false`.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include "base/clock.h"
#include "control/message.h"

struct control_server;
struct control_peer; /* one connection that waits for its answer */

/*
 * Called from control_server_turn() for each valid request.  The handler (or
 * anybody later, also from within another peer's handler) must call
 * control_answer() exactly once for the peer, unless control_server_close()
 * comes first.  Until then the pointer is good, also if the peer hangs up.
 * The request is the handler's for the call only, but for its updates, which it
 * may take over, leaving zeros.
 */
typedef void control_handler(
    void *arg, struct control_peer *peer, struct control_request *request, bool trusted);

/*
 * Bind RUN_DIR/control.sock: a dead socket there is replaced, a living one is
 * ST_BUSY.  *why gets one clear line on failure.
 */
enum st_err control_server_open(const char *run_dir, control_handler *handler, void *arg,
    struct control_server **out, struct buf *why);
void control_server_close(struct control_server *s); /* removes the socket; open peers see an end */

/*
 * To be called every few seconds: where the socket was removed or replaced it is
 * made anew, unless another daemon of our user listens there.  *why: one clear line.
 */
enum st_err control_server_keep(struct control_server *s, struct mono now, struct buf *why);

int control_server_fd(const struct control_server *s);
struct mono control_server_deadline(const struct control_server *s);
void control_server_turn(struct control_server *s, struct mono now);

/*
 * Send a message before the answer, which must still follow.  It goes at once
 * and whole: false where the peer is gone, or can't be sent it now.  Then
 * whoever asked hasn't got it and never will, so nothing may be done that it
 * was to announce; the peer is to be answered as usual (which comes to nothing
 * if it is gone).
 */
bool control_interim(struct control_peer *peer, const struct buf *json);

/*
 * News for a peer that waits long: queued up to some 256 KiB, and sent as it is
 * read.  False where it is gone or has no room for that: then nothing of it was
 * queued.  One that reads nothing for 10 s is gone.
 */
bool control_news(struct control_peer *peer, const struct buf *json);

/* True if nobody waits for the answer any more; it is due all the same. */
bool control_peer_is_gone(const struct control_peer *peer);

/* The open file that came with the request, the caller's from now on; -1 if there was none. */
int control_take_file(struct control_peer *peer);

/* The answer's JSON (copied).  A peer that hung up meanwhile is fine. */
void control_answer(struct control_peer *peer, const struct buf *json);

#endif
