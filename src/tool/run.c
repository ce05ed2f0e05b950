/*
 * tool/run.c: a command begins and ends here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tool/command.h"

int tool_run(const struct tool_arguments *a, const struct config *c)
{
	struct tool t = { a, c };
	int code;

	/* What goes wrong the command says, once and in words for a person. */
	log_open("storectl", LOG_LEVEL_NONE, LOG_FORMAT_LOGFMT);
	code = a->command->run(&t);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		tool_say("the output can't be written: %s", strerror(errno));
		return TOOL_OUTPUT;
	}
	return code;
}
