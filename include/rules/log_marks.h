/*
 * rules/log_marks.h: is Central's event log still the one that we followed?
 *
 * A log that was lost and begun anew can have grown past our offset before we
 * ask again; then offsets alone look whole.  So the identity (offset, product,
 * version, timestamp) of the last two dozen events is remembered, and compared
 * with what the log holds there now, before events of a new connection are
 * applied.  One mark with another identity: the log was replaced, or has handed
 * offsets out again after a crash that lost its tail.  Else one equal: the
 * same log.  None of them there: it has rotated past us.
 *
 * Events that had to be applied before the log was compared may be of another
 * one, and two dozen of them would leave nothing of the old one to compare with.
 * So theirs are kept apart until it was found to be the same.
 */
#ifndef RULES_LOG_MARKS_H
#define RULES_LOG_MARKS_H

#include <stdint.h>

#include "model/event.h"

#define LOG_MARKS_MAX 24

struct log_mark {
	int64_t offset;
	uint64_t identity;
};

struct log_marks {
	struct log_mark marks[LOG_MARKS_MAX]; /* rising by offset */
	uint64_t n;
};

enum log_verdict { LOG_SAME, LOG_REPLACED, LOG_ROTATED };

/* Remember an event; the lowest offset is forgotten where there are too many. */
void log_marks_add(struct log_marks *m, const struct event *e);

/* The same for all of these, which are none then. */
void log_marks_take_over(struct log_marks *m, struct log_marks *from);

/* The offset to ask from, to compare; -1: there are no marks, so nothing to compare. */
int64_t log_marks_oldest(const struct log_marks *m);

/* The answer to a question from log_marks_oldest(). */
enum log_verdict log_marks_compare(const struct log_marks *m, const struct event_batch *answer);

#endif
