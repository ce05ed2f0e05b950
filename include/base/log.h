/*
 * base/log.h: one record per line on stderr, logfmt or JSON.
 *
 *   time=2026-01-02T03:04:05Z level=ERROR ident=store-syncd msg="event sync failed" error="…" failures=3
 *
 * A record is a message that never varies and fields that do.  Text of fields
 * may come from anywhere: in both formats it is a JSON string (in logfmt a bare
 * word where that is enough), with everything escaped that a terminal could
 * take for more than text; what is no UTF-8 becomes U+FFFD.  A long text is cut
 * and ends in an ellipsis; fields that don't fit any more are left out.  A
 * record is one write(2) of at most 4,096 bytes, which a pipe takes whole, so
 * lines of several threads and processes never mix.  No priority stands in
 * front (journald's <3>): a line is the same wherever it is read.  errno is
 * kept.  Secrets are never passed in here.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_NONE /* to be wanted only, by who tells a person what happened: no record */
};
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

#define LOG_TEXT_MAX 1024 /* bytes of one text, as written */

struct log_field {
	const char *key;  /* NULL: skipped */
	const char *text; /* NULL: the field is a number */
	size_t len;
	int64_t number;
};

/* Before the first record.  ident: the program's name, kept, not copied. */
void log_open(const char *ident, enum log_level level, enum log_format format);

/* At run time, by reload; safe beside threads that log. */
void log_set(enum log_level level, enum log_format format);

bool log_wants(enum log_level level);

struct log_field log_text(const char *key, const char *text); /* NULL text: skipped */
struct log_field log_bytes(const char *key, const char *text, size_t len);
struct log_field log_number(const char *key, int64_t number);

/* The record itself; the calls below are easier to read. */
void log_record(enum log_level level, const char *msg, const struct log_field *fields, size_t n);

/* log_info("store opened", log_text("path", path), log_number("products", n)); */
#define log_at(level, msg, ...)                                                        \
	log_record((level), (msg), (const struct log_field[]){ { 0 }, ##__VA_ARGS__ }, \
	    sizeof((const struct log_field[]){ { 0 }, ##__VA_ARGS__ }) / sizeof(struct log_field))
#define log_debug(msg, ...) log_at(LOG_LEVEL_DEBUG, msg, ##__VA_ARGS__)
#define log_info(msg, ...)  log_at(LOG_LEVEL_INFO, msg, ##__VA_ARGS__)
#define log_warn(msg, ...)  log_at(LOG_LEVEL_WARN, msg, ##__VA_ARGS__)
#define log_error(msg, ...) log_at(LOG_LEVEL_ERROR, msg, ##__VA_ARGS__)

/*
 * Thinning out: a failure that repeats is logged when it begins, then at
 * growing intervals (10 s, doubled up to 1 h), and when it ends.  One of these
 * per kind of failure; all zero at the start.
 */
struct log_repeat {
	uint64_t count;    /* since it began; 0: never failed */
	uint64_t unlogged; /* of these, since the last record */
	uint64_t logged;   /* count at the last record */
	struct mono since;
	struct mono next; /* no record before this */
	int64_t interval_ms;
	bool ended;
};

/*
 * One more failure.  True if it should be logged now; r->unlogged then says
 * how many this record stands for.
 */
bool log_repeat_failed(struct log_repeat *r, struct mono now);

/*
 * It works again.  True if it had been failing; r->count and r->since are then
 * those of the failure, until the next one.
 */
bool log_repeat_ended(struct log_repeat *r);

/*
 * Thinning out what has no end that could be seen, since others cause it: up to
 * `burst` records in each period, and the rest is counted.  Threads may share
 * one.
 */
struct log_limit {
	unsigned burst;
	int64_t period_ms;
	pthread_mutex_t lock; /* guards what follows */
	struct mono ends;     /* of the period */
	unsigned taken;       /* records in it */
	uint64_t unlogged;
};

void log_limit_init(struct log_limit *l, unsigned burst, int64_t period_ms);

/* One more.  0: not to be logged now; else how many this record stands for. */
uint64_t log_limit_take(struct log_limit *l, struct mono now);

/* Now and then: how many of a period that is over were never logged. */
uint64_t log_limit_rest(struct log_limit *l, struct mono now);

#endif
