/*
 * tool/silence.h: why the daemon gave no answer, in words for a person.
 */
#ifndef TOOL_SILENCE_H
#define TOOL_SILENCE_H

#include "base/err.h"
#include "tool/command.h"

struct silence {
	enum st_err err;
	const char *what, *advice; /* phrases without a full stop */
};

/* What a failed call of control/client.h means; never NULL. */
const struct silence *silence_of(enum st_err err);

/* The same as a command's one line on stderr; its exit code. */
int silence_tell(const struct tool *t, enum st_err err);

#endif
