/*
 * health/check.h: what `store-syncd --check` says of a store.  Pure judgement,
 * no I/O: facts and limits in; a state, a line and performance data out.
 *
 * Form and exit codes are those of the Monitoring Plugins Development
 * Guidelines.  The table of all states stands in store-syncd(8).
 */
#ifndef HEALTH_CHECK_H
#define HEALTH_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "health/range.h"
#include "model/record.h"

/* The values are the exit codes. */
enum check_state { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

/* "OK", "WARNING", … */
const char *check_state_text(enum check_state state);

/* What the daemon told; meaningless unless it answered. */
struct check_daemon {
	enum sync_state state;
	uint32_t failures;               /* in a row */
	enum failure_class failure;      /* of the last contact; FAILURE_NONE: it went well */
	const char *message;             /* of that failure, "" where there is none */
	enum full_sync_reason full_sync; /* of the one that runs; FULL_SYNC_NONE: none */
	uint64_t products_seen;          /* by that one */
	int64_t products_total;          /* -1: not known yet */
};

struct check_facts {
	/*
	 * Of asking the daemon: ST_OK; ST_UNAVAILABLE: nobody listens; ST_TIMEOUT;
	 * ST_BUSY: it takes no connection; ST_DENIED; ST_INVALID: an answer of another
	 * version; ST_CLOSED and others.
	 */
	enum st_err asked;
	int64_t waited_ms; /* for its answer */
	bool has_writer;   /* some process holds the store as its writer */
	struct check_daemon daemon;

	/*
	 * Of opening the store: ST_OK; ST_UNAVAILABLE: never filled; ST_NOT_FOUND:
	 * not even DATA_DIR is there; ST_DENIED; ST_FULL: no place for a reader; others.
	 */
	enum st_err store;
	const struct sync_record *record; /* NULL unless store is ST_OK */
	uint64_t products;
	struct stamp now;
};

struct check_limits {
	struct range warning, critical; /* of the age, in seconds */
	int64_t max_staleness_seconds;  /* past it reads are refused; 0: never */
	int64_t failures_max;           /* in a row, then fallback mode */
};

/* Of interval + wait in seconds: 3 and 10 times that, at least 60 and 200. */
void check_default_limits(int64_t cycle_seconds, struct check_limits *limits);

/*
 * The first line, with its end: state, what is wrong, where the store stands,
 * performance data.  With detail it is still one line and says why.
 */
enum check_state check_judge(const struct check_facts *facts, const struct check_limits *limits,
    bool detail, struct buf *line);

/* The line of a check that could not be made, or not to its end. */
void check_give_up(enum check_state state, const char *why, struct buf *line);

/* Text from anywhere: no `|` gets out, and nothing that is unsafe (base/text.h). */
void check_add_text(const char *text, struct buf *out);

#endif
