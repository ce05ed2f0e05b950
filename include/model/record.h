/*
 * model/record.h: the sync record, what the daemon knows about the cache.
 *
 * It is committed in the same transaction as the products it speaks of, and
 * read by everybody: the daemon at start, the responders for every answer that
 * says how fresh it is, the checks.  It is stored as this struct's bytes
 * (src/store/layout.c), so it holds fixed-width members only, no pointers, no
 * padding; a change of it is a change of the store's format version.
 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

/* A moment, told by two clocks; all zero: never. */
struct stamp {
	char boot_id[40]; /* the boot in which boottime_ms counts, NUL-padded */
	int64_t boottime_ms;
	int64_t wall_ms; /* Unix time */
};

enum sync_state { SYNC_STARTING, SYNC_LIVE, SYNC_RETRYING, SYNC_FALLBACK, SYNC_STATE_COUNT };

/* Why a failed exchange with Central failed. */
enum failure_class {
	FAILURE_NONE,
	FAILURE_CONNECT, /* refused, reset, cut, names, TLS */
	FAILURE_TIMEOUT,
	FAILURE_HTTP_5XX,
	FAILURE_RATE_LIMITED, /* 429 */
	FAILURE_AUTH,         /* 401, 403 */
	FAILURE_BAD_ANSWER,   /* any other code, or not the documented JSON */
	FAILURE_STORAGE,      /* ours: the store can't be written */
	FAILURE_CLASS_COUNT
};

enum full_sync_reason {
	FULL_SYNC_NONE,
	FULL_SYNC_INITIAL,
	FULL_SYNC_FORCED,
	FULL_SYNC_OFFSET_GONE,
	FULL_SYNC_OFFSET_RESET,
	FULL_SYNC_EVENT_GAP,
	FULL_SYNC_BREAKER_OPEN,
	FULL_SYNC_STORE_REBUILT,
	FULL_SYNC_VERIFY_MISMATCH,
	FULL_SYNC_REASON_COUNT
};

/* The words of status, metrics and log: "live", "http_5xx", "offset_gone"; "" for the NONEs. */
const char *sync_state_text(enum sync_state state);
const char *failure_class_text(enum failure_class c);
const char *full_sync_reason_text(enum full_sync_reason reason);

#define RECORD_TEXT_SIZE 256

struct sync_record {
	int64_t event_offset; /* the next one to ask Central for */

	struct stamp last_contact;      /* any valid answer of Central */
	struct stamp confirmed_current; /* the cache held all that Central had */
	struct stamp last_success;      /* an event poll or full sync ended well */
	int64_t initialized_at;         /* Unix seconds: the first full sync of this cache */

	uint32_t state; /* enum sync_state */
	uint32_t consecutive_failures;
	int64_t state_since; /* Unix seconds */

	uint32_t failed;                        /* 1: the last contact failed, and how: */
	uint32_t failure_class;                 /* enum failure_class */
	int64_t failed_at;                      /* Unix seconds */
	char failure_message[RECORD_TEXT_SIZE]; /* UTF-8, NUL-terminated */

	uint64_t events_applied, events_stale, events_repaired;
	uint64_t full_syncs, full_sync_failures, writes_forwarded;
	uint64_t products_rejected; /* left out by the last full sync and since */

	/* The last full sync that ended well; reason FULL_SYNC_NONE: none yet. */
	uint32_t full_sync_reason; /* enum full_sync_reason */
	uint32_t full_sync_owed;   /* the same, of one that is needed; NONE: none is */
	int64_t full_sync_at;      /* Unix seconds */
	int64_t full_sync_ms;
	uint64_t full_sync_products, full_sync_added, full_sync_changed, full_sync_removed;

	/* The last comparing with Central's list that came to its end; 0: none yet. */
	int64_t compared_at; /* Unix seconds */
	uint64_t compared_products, compared_differed, compared_mended;
};

/* Now, by both clocks of base/clock. */
struct stamp stamp_now(void);

bool stamp_is_set(const struct stamp *s);

/*
 * Milliseconds from s until now: by the boot-time clock within one boot, else
 * by wall time.  -1: unknown (never set, or the wall clock went back over it).
 */
int64_t stamp_age_ms(const struct stamp *s, const struct stamp *now);

#endif
