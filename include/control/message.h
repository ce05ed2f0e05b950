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
 *   {"v":1,"id":"…","type":"sync","wait":false}   begin a full sync now; answer at once,
 *                                                 or with wait when it has ended
 *   {"v":1,"id":"…","type":"sync","wait":false,"damaged":true,"agoMs":0}
 *                                                 the same, since a reader has met damage,
 *                                                 so long ago
 *   {"v":1,"id":"…","type":"update","batch":false,"items":[{…}]}
 *   → {"v":1,"id":"…","ok":true, …members of the answer…}
 *   → {"v":1,"id":"…","ok":false,"code":"…","message":"…", …}
 *
 * An update has two answers.  First `taken`, sent before anything is done for
 * it: from here on the daemon is responsible, and whoever asked knows for how
 * long to wait for the second.  A request that was not taken was not forwarded
 * and never will be, since the daemon forwards only after it could send that.
 * What needs no forwarding (a key reused, too many at once) may be answered
 * without it.
 *
 *   → {"v":1,"id":"…","ok":true,"taken":true,"withinMs":9000}
 *   → {"v":1,"id":"…","ok":true,"results":[{…}]}
 *   → {"v":1,"id":"…","ok":false,"code":"central_timeout","message":"…",
 *      "outcome":"unknown","retryAfter":-1,"index":-1,"results":[]}
 *
 * Versions that differ.  A newer program may send types and members that an
 * older one doesn't know: unknown members are passed over, an unknown type (and
 * another "v") is refused with `bad_message`, before anything is done.  A
 * refusal keeps its form for ever, and is understood whatever its "v": so
 * neither side ever takes for unknown what the other has refused.  "v" is raised
 * only where an old type changes its meaning.
 *
 * A sync that was waited for and failed:
 *
 *   → {"v":1,"id":"…","ok":false,"code":"sync_failed","message":"…","class":"connect"}
 *
 * Two orders take their time, and tell meanwhile how far they are:
 *
 *   {"v":1,"id":"…","type":"verify","repair":false}
 *       compare the whole cache with Central's list; where anything differs and
 *       with repair, then run a full sync.  repair: trusted peers only
 *   {"v":1,"id":"…","type":"restore"}
 *       put the backup in the place of the cache whose open file came with the
 *       message's bytes (SCM_RIGHTS); trusted peers only
 *   → {"v":1,"id":"…","ok":true,"phase":"comparing","products":400,"total":1000,
 *      "differed":1,"differences":[
 *        {"productId":"…","kind":"changed","cached":5,"central":6}]}
 *                                  again and again, at least every other second;
 *                                  phase: waiting, comparing, confirming,
 *                                  repairing, checking, building; kind: changed,
 *                                  missing (in the cache), extra (in the cache);
 *                                  the versions are null where it isn't there
 *   → {"v":1,"id":"…","ok":true,"done":true,"products":1000,"differed":1,
 *      "unlisted":0,"repaired":false,"offset":1045}
 *   → {"v":1,"id":"…","ok":false,"code":"…","message":"…"}
 *
 * What a peer doesn't read in time is counted in `unlisted` instead of kept; one
 * that reads nothing for 10 s is dropped.
 */
#ifndef CONTROL_MESSAGE_H
#define CONTROL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/record.h"
#include "model/update.h"

#define CONTROL_VERSION     1
#define CONTROL_MESSAGE_MAX (2 * 1024 * 1024)
#define CONTROL_ID_MAX      64
#define CONTROL_SOCKET_NAME "control.sock"
#define CONTROL_TEXT_SIZE   256

enum control_type { CONTROL_STATUS, CONTROL_SYNC, CONTROL_UPDATE, CONTROL_VERIFY, CONTROL_RESTORE };

struct control_request {
	enum control_type type;
	char id[CONTROL_ID_MAX + 1];
	bool wait;                  /* SYNC: answer when it has ended */
	bool repair;                /* VERIFY: a full sync where anything differs */
	bool damaged;               /* SYNC: the store is to be built anew, */
	int64_t ago_ms;             /* unless it was since then */
	struct update_list updates; /* UPDATE */
};

void control_request_write(const struct control_request *r, struct buf *out);

/*
 * ST_INVALID for anything else; out->id is filled where it could be read.  The
 * caller frees with control_request_free() in either case.
 */
enum st_err control_request_read(const char *text, size_t len, struct control_request *out);
void control_request_free(struct control_request *r);

/* ---- status ---- */

/*
 * The daemon's own view of the moment: what the store's record can't hold, and
 * what it could not be told, since there is no store yet or no room in it.
 */
struct control_status {
	enum sync_state state;
	bool full_sync_running;
	enum full_sync_reason full_sync_reason; /* of the running one, these four: */
	uint64_t pages_done, products_seen;
	int64_t products_total; /* -1: not known yet */
	int64_t next_poll_at;   /* Unix seconds; -1: none is planned */

	int64_t state_since; /* Unix seconds */
	uint32_t consecutive_failures;
	uint64_t full_sync_failures;
	int64_t last_contact_at;    /* Unix seconds; -1: never */
	enum failure_class failure; /* of the last contact; FAILURE_NONE: it went well */
	int64_t failed_at;          /* Unix seconds */
	char failure_message[CONTROL_TEXT_SIZE];

	char version[CONTROL_TEXT_SIZE]; /* of the daemon; "": one that doesn't tell */
};

void control_status_write(const char *id, const struct control_status *s, struct buf *out);
enum st_err control_status_read(
    const char *text, size_t len, const char *id, struct control_status *out);

/* ---- sync ---- */

/* How a full sync that somebody waited for has ended. */
struct control_sync {
	enum failure_class failure; /* FAILURE_NONE: well */
	char message[CONTROL_TEXT_SIZE];
};

void control_sync_write(const char *id, const struct control_sync *s, struct buf *out);
enum st_err control_sync_read(
    const char *text, size_t len, const char *id, struct control_sync *out);

/* ---- update ---- */

/* How it ended; the words of the protocol are those of REST's error codes. */
enum control_update_end {
	CONTROL_UPDATE_ANSWERED,   /* Central answered each item: `results` */
	CONTROL_UPDATE_KEY_REUSED, /* `index`: that key was used for something else */
	CONTROL_UPDATE_RATE_LIMITED,
	CONTROL_UPDATE_AUTH_FAILED,
	CONTROL_UPDATE_UNAVAILABLE, /* refused, unreachable, breaker open; never sent */
	CONTROL_UPDATE_TIMEOUT,     /* unknown: no answer in time, or one that can't be trusted */
	CONTROL_UPDATE_ERROR,       /* 5xx, no documented JSON, an error of Central's own */
	CONTROL_UPDATE_OVERLOADED,  /* too many at once, or too many keys to remember */
	CONTROL_UPDATE_END_COUNT
};

/* The protocol's word for it: "answered", and REST's error codes. */
const char *control_update_end_text(enum control_update_end end);

/* What is known of whether it was applied, where it wasn't answered. */
enum control_outcome {
	CONTROL_NOT_SENT,
	CONTROL_NOT_APPLIED,
	CONTROL_UNKNOWN,
	CONTROL_OUTCOME_COUNT
};

/* "not_sent", "not_applied", "unknown" */
const char *control_outcome_text(enum control_outcome o);

struct control_update {
	enum control_update_end end;
	enum control_outcome outcome;    /* but for ANSWERED and KEY_REUSED */
	char message[CONTROL_TEXT_SIZE]; /* for people */
	int64_t retry_after_s;           /* -1: nothing to say */
	int64_t index;                   /* KEY_REUSED: of the item, from 0; else -1 */
	/*
	 * Central's words, one for each item: ANSWERED, and where there are some
	 * also TIMEOUT (a refusal on a try after an unknown one) and ERROR (an
	 * errorType that is none of the documented ones).  Else n is 0.
	 */
	struct update_results results;
};

void control_taken_write(const char *id, int64_t within_ms, struct buf *out);
/* ST_INVALID unless it is that. */
enum st_err control_taken_read(const char *text, size_t len, const char *id, int64_t *within_ms);

void control_update_write(const char *id, const struct control_update *u, struct buf *out);
/* The caller frees out->results after ST_OK. */
enum st_err control_update_read(
    const char *text, size_t len, const char *id, struct control_update *out);

/* ---- verify and restore ---- */

enum control_phase {
	CONTROL_WAITING,    /* a full sync is to end first, or the feed can't be read */
	CONTROL_COMPARING,  /* Central's list is read */
	CONTROL_CONFIRMING, /* what differed is looked at once more */
	CONTROL_REPAIRING,  /* a full sync runs */
	CONTROL_CHECKING,   /* the backup is read for the first time */
	CONTROL_BUILDING,   /* and for the second, into a generation */
	CONTROL_PHASE_COUNT
};

/* "waiting", "comparing" … */
const char *control_phase_text(enum control_phase phase);

struct control_progress {
	enum control_phase phase;
	uint64_t products; /* so far, in this phase */
	int64_t total;     /* -1: not known */
	uint64_t differed; /* so far */
};

/* A product that differs; the versions are -1 where it isn't there. */
struct control_difference {
	struct span id;
	int64_t cached, central;
};

/* "changed", "missing", "extra" */
const char *control_difference_kind(const struct control_difference *d);

/* The element of `differences` for this one, with a comma before it where `list` is not empty. */
void control_difference_add(struct buf *list, const struct control_difference *d);

/* differences: what control_difference_add() has put together. */
void control_progress_write(const char *id, const struct control_progress *p,
    const struct buf *differences, struct buf *out);

/* How it ended. */
struct control_report {
	bool done;                       /* else these two say what was in the way: */
	char code[CONTROL_TEXT_SIZE];    /* a word of the protocol */
	char message[CONTROL_TEXT_SIZE]; /* for people */
	uint64_t products;               /* compared, or restored */
	uint64_t differed, unlisted;     /* VERIFY */
	bool repaired;                   /* VERIFY: by a full sync that ended well */
	int64_t offset;                  /* RESTORE: the next event to ask Central for */
};

void control_report_write(const char *id, const struct control_report *r, struct buf *out);

/* What whoever waits for such an answer wants to be told meanwhile. */
struct control_listener {
	void (*progress)(void *arg, const struct control_progress *p);
	void (*difference)(void *arg, const struct control_difference *d); /* its id for the call */
	void *arg;
};

/*
 * One message of either kind: progress is told to the listener, *ended false; or
 * the end, which is the report.
 */
enum st_err control_report_read(const char *text, size_t len, const char *id,
    const struct control_listener *listener, struct control_report *out, bool *ended);

/* ---- any ---- */

void control_done_write(const char *id, struct buf *out);
enum st_err control_done_read(const char *text, size_t len, const char *id);
void control_refusal_write(const char *id, const char *code, const char *message, struct buf *out);

#endif
