/*
 * tool/tool.h: storectl, the operator's tool.
 *
 * One table (src/tool/commands.c) names each command with its operands,
 * options, help and function; parsing, help and the completion's test read that
 * table.  The store is read and the daemon asked through the api/ room in this
 * process, so that what is printed with --json is what REST answers.
 * Manual: storectl(1).
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define TOOL_OPTIONS_MAX 8 /* of one command, beside those of all commands */

struct tool_command;

/* What stands on the command line; the texts are argv's. */
struct tool_arguments {
	struct config_arguments settings;
	bool installed; /* no file was named: the settings are the installed ones */
	const struct tool_command *command;    /* NULL with --check-config alone */
	const char *options[TOOL_OPTIONS_MAX]; /* in the order of the command's; NULL: not given */
	char *const *operands;
	size_t n_operands;
	bool json;
};

/*
 * Parse argv.  Returns true to go on; false when the program is done, with
 * *exit_code set (0 after help and --version, 2 for wrong usage with a line on
 * stderr).  After true the caller frees with tool_arguments_free().
 */
bool tool_arguments(int argc, char **argv, struct tool_arguments *out, int *exit_code);
void tool_arguments_free(struct tool_arguments *a);

/* Does what the arguments ask for; the program's exit code. */
int tool_run(const struct tool_arguments *a, const struct config *c);

#endif
