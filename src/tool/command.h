/*
 * tool/command.h: a command of storectl, and what its function is given.
 */
#ifndef TOOL_COMMAND_H
#define TOOL_COMMAND_H

#include "tool/tool.h"

/* Exit codes. */
enum {
	TOOL_OK = 0,
	TOOL_NEGATIVE = 1,     /* not found, failed, differs */
	TOOL_USAGE = 2,        /* a line on stderr says what was wrong */
	TOOL_UNAVAILABLE = 69, /* no daemon, no store, or not for us */
	TOOL_SYSTEM = 71,
	TOOL_OUTPUT = 74, /* what was printed couldn't be written */
	TOOL_SETTINGS = 78,
	TOOL_INTERRUPTED = 130 /* by Ctrl-C; what was begun goes on */
};

/* What a command's function is given. */
struct tool {
	const struct tool_arguments *arguments;
	const struct config *config;
};

struct command_option {
	const char *name;  /* without dashes; NULL: the end of the list */
	const char *value; /* what follows it, for people; NULL: nothing; "[X]": after a '=' only */
	const char *help;
};

struct tool_command {
	const char *name;
	const char *operands; /* as usage shows them; "" for none */
	size_t least, most;   /* how many there may be */
	const char *help;     /* one line */
	const struct command_option *options;
	int (*run)(const struct tool *t); /* an exit code; NULL: the command is `help` */
};

/* In the order of help; the name of the last one is NULL. */
extern const struct tool_command commands[];

/* NULL if there is none of that name. */
const struct tool_command *command_find(const char *name);

/* --help, as a whole or of one command; on stdout. */
void help_all(void);
void help_command(const struct tool_command *c);

/* The value of the command's option of that name: NULL not given, "" given without a value. */
const char *tool_option(const struct tool *t, const char *name);

/* The operand of that place; NULL if there are fewer. */
const char *tool_operand(const struct tool *t, size_t place);

/* "storectl: …" and a newline on stderr, of whatever text. */
void tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The functions of the table. */
int status_command(const struct tool *t);
int stats_command(const struct tool *t);
int get_command(const struct tool *t);
int list_command(const struct tool *t);
int sync_command(const struct tool *t);
int verify_command(const struct tool *t);
int backup_command(const struct tool *t);
int restore_command(const struct tool *t);
int doctor_command(const struct tool *t);

#endif
