/*
 * control/message.h: what pool and tools say to the daemon, and back.
 *
 * A UNIX stream socket, RUN_DIR/control.sock.  Each message is its length
 * (4 bytes, big endian, at most CONTROL_MESSAGE_MAX) and that many bytes of
 * JSON, an object with "v" (the protocol's version, 1) and "id" (the request
 * id, repeated in the answer and in both logs).  One connection carries one
 * exchange: a request, an answer, end.
 *
 *   {"v":1,"id":"…","type":"status"}
 *   {"v":1,"id":"…","type":"sync"}          begin a full sync now
 *   → {"v":1,"id":"…","ok":true, …members of the answer…}
 *   → {"v":1,"id":"…","ok":false,"code":"…","message":"…"}
 */
#ifndef CONTROL_MESSAGE_H
#define CONTROL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/record.h"

#define CONTROL_VERSION     1
#define CONTROL_MESSAGE_MAX (2 * 1024 * 1024)
#define CONTROL_ID_MAX      64
#define CONTROL_SOCKET_NAME "control.sock"

enum control_type { CONTROL_STATUS, CONTROL_SYNC };

struct control_request {
	enum control_type type;
	char id[CONTROL_ID_MAX + 1];
};

/* The daemon's own view of the moment: what the store's record can't hold. */
struct control_status {
	enum sync_state state;
	bool full_sync_running;
	enum full_sync_reason full_sync_reason; /* of the running one, these four: */
	uint64_t pages_done, products_seen;
	int64_t products_total; /* -1: not known yet */
	int64_t next_poll_at;   /* Unix seconds; -1: none is planned */
};

void control_request_write(const struct control_request *r, struct buf *out);
/* ST_INVALID for anything else; *out->id is filled where it could be read. */
enum st_err control_request_read(const char *text, size_t len, struct control_request *out);

void control_status_write(const char *id, const struct control_status *s, struct buf *out);
enum st_err control_status_read(
    const char *text, size_t len, const char *id, struct control_status *out);

void control_done_write(const char *id, struct buf *out);
enum st_err control_done_read(const char *text, size_t len, const char *id);
void control_refusal_write(const char *id, const char *code, const char *message, struct buf *out);

#endif
