/*
 * tool/commands.c: every command there is.  Parsing and help follow this table.
 */
#include "tool/command.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define TEXT_SIZE 64 /* of a command or an option as help shows it */

static const struct command_option no_options[] = { { 0 } };

static const struct command_option status_options[] = {
	{ "watch", "[SECONDS]", "look again and again, every 2 seconds by default" },
	{ 0 },
};

static const struct command_option list_options[] = {
	{ "offset", "N", "begin at that place, counted from 0" },
	{ "after", "ID", "begin behind that product" },
	{ "limit", "N", "so many at most: 50 by default, up to 200" },
	{ "all", NULL, "all of them, page by page" },
	{ 0 },
};

static const struct command_option sync_options[] = {
	{ "no-wait", NULL, "don't wait for its end" },
	{ 0 },
};

static const struct command_option verify_options[] = {
	{ "repair", NULL, "where anything differs, a full sync then" },
	{ 0 },
};

static const struct command_option doctor_options[] = {
	{ "url", "URL", "where the web server is: http://HOST[:PORT][/PREFIX]" },
	{ 0 },
};

/* clang-format off */
const struct tool_command commands[] = {
	{ "status", "", 0, 0, "how the store stands with Central",
	  status_options, status_command },
	{ "stats", "", 0, 0, "how large the store is", no_options, stats_command },
	{ "get", "ID", 1, 1, "one product", no_options, get_command },
	{ "list", "", 0, 0, "products in the order of their ids", list_options, list_command },
	{ "sync", "", 0, 0, "a full sync now, and wait for its end", sync_options, sync_command },
	{ "verify", "", 0, 0, "compare the whole cache with Central, and list what differs",
	  verify_options, verify_command },
	{ "backup", "FILE", 1, 1, "write the store to a file, as it is at one moment",
	  no_options, backup_command },
	{ "restore", "FILE", 1, 1, "put a backup in the place of the store",
	  no_options, restore_command },
	{ "doctor", "", 0, 0, "check the installation, and say what to do", doctor_options, doctor_command },
	{ "help", "[COMMAND]", 0, 1, "all commands, or one of them", no_options, NULL },
	{ 0 },
};
/* clang-format on */

static const struct command_option common_options[] = {
	{ "json", NULL, "print JSON: the body that REST answers, where there is one" },
	{ "config", "FILE", "settings to read instead of the installed ones; later files win" },
	{ "check-config", NULL, "check and print the settings in effect, then exit" },
	{ "help", NULL, "this text; after a command: its own" },
	{ "version", NULL, "the program's version" },
	{ 0 },
};

const struct tool_command *command_find(const char *name)
{
	for (const struct tool_command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* "--offset N", "--watch[=SECONDS]" */
static void option_text(const struct command_option *o, char out[TEXT_SIZE])
{
	bool optional = o->value && o->value[0] == '[';
	const char *joint = !o->value ? "" : optional ? "[=" : " ";

	snprintf(out, TEXT_SIZE, "--%s%s%s", o->name, joint, o->value ? o->value + optional : "");
}

static void print_options(const struct command_option *options)
{
	char text[TEXT_SIZE];

	for (const struct command_option *o = options; o->name; o++) {
		option_text(o, text);
		printf("  %-20s %s\n", text, o->help);
	}
}

void help_all(void)
{
	struct buf settings;
	char text[TEXT_SIZE];

	printf("Usage: storectl [OPTION]... COMMAND [OPTION]... [OPERAND]...\n\n"
	       "Shows and does what the operator of a store needs: reads the store, asks the\n"
	       "daemon.  It needs membership of the group store-api, and no key.\n\n"
	       "Commands (storectl help COMMAND tells more):\n\n");
	for (const struct tool_command *c = commands; c->name; c++) {
		snprintf(
		    text, sizeof(text), "%s%s%s", c->name, c->operands[0] ? " " : "", c->operands);
		printf("  %-20s %s\n", text, c->help);
	}
	printf("\nOptions of all commands:\n\n");
	print_options(common_options);
	buf_init(&settings, 1024 * 1024);
	config_help(CONFIG_TOOL, &settings);
	printf("\nExit codes: 0 ok, 1 a negative answer, 2 wrong usage, 69 no daemon or no store,\n"
	       "71 the system refuses, 74 the output can't be written, 78 settings, 130 Ctrl-C.\n\n"
	       "Settings, in files as KEY=value or in the environment, which wins:\n\n%s",
	    buf_text(&settings));
	buf_free(&settings);
}

void help_command(const struct tool_command *c)
{
	printf("Usage: storectl %s%s%s%s\n\n  %s\n", c->name,
	    c->options->name ? " [OPTION]..." : "", c->operands[0] ? " " : "", c->operands,
	    c->help);
	if (c->options->name) {
		printf("\n");
		print_options(c->options);
	}
	printf("\nOptions of all commands: storectl --help.  Manual: storectl(1).\n");
}
