/*
 * base/log.h: one record per line on stderr, logfmt or JSON.
 *
 *   time=2026-01-02T03:04:05Z level=ERROR ident=store-syncd msg="event sync failed" error="…" failures=3
 *
 * A record is a message that never varies and fields that do.  Text of fields
 * may come from anywhere: it is escaped, and cut at LOG_TEXT_MAX bytes.  A
 * record is one write(2), so lines of several threads and processes never
 * mix.  errno is kept.  Secrets are never passed in here.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

#define LOG_TEXT_MAX 1024

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

#endif
