/*
 * tool/arguments.c: the command line.
 *
 * Twice through getopt_long(): up to the command with the options of all
 * commands, then the rest with those and the command's own.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/command.h"
#include "tool/show.h"

#define COMMON       6
#define SAID_MAX     4096
#define FIRST_OF_OWN 256 /* values of a command's own options: above all characters */

static const struct option common[COMMON] = {
	{ "json", no_argument, NULL, 'j' },
	{ "config", required_argument, NULL, 'f' },
	{ "check-config", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

void tool_say(const char *format, ...)
{
	char text[SAID_MAX];
	struct buf line;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_init(&line, (size_t)4 * SAID_MAX);
	show_text(text, strlen(text), &line);
	fprintf(stderr, "storectl: %s\n", buf_text(&line));
	buf_free(&line);
}

const char *tool_option(const struct tool *t, const char *name)
{
	const struct command_option *options = t->arguments->command->options;

	for (size_t i = 0; options[i].name; i++)
		if (strcmp(options[i].name, name) == 0)
			return t->arguments->options[i];
	return NULL;
}

const char *tool_operand(const struct tool *t, size_t place)
{
	return place < t->arguments->n_operands ? t->arguments->operands[place] : NULL;
}

static int kind_of(const struct command_option *o)
{
	if (!o->value)
		return no_argument;
	return o->value[0] == '[' ? optional_argument : required_argument;
}

/* The command's options in front of those of all commands. */
static void join_options(const struct tool_command *c, struct option out[TOOL_OPTIONS_MAX + COMMON])
{
	size_t n = 0;

	for (; c && n < TOOL_OPTIONS_MAX && c->options[n].name; n++)
		out[n] = (struct option){ c->options[n].name, kind_of(&c->options[n]), NULL,
			FIRST_OF_OWN + (int)n };
	memcpy(out + n, common, sizeof(common));
}

struct parse {
	struct tool_arguments *out;
	bool help, version, wrong;
};

static void take(struct parse *p, int option)
{
	struct tool_arguments *a = p->out;

	switch (option) {
	case 'j': a->json = true; break;
	case 'f': a->settings.files[a->settings.n_files++] = optarg; break;
	case 'c': a->settings.check_only = true; break;
	case 'h': p->help = true; break;
	case 'V': p->version = true; break;
	case '?': /* getopt_long() has said what */ p->wrong = true; break;
	default: a->options[option - FIRST_OF_OWN] = optarg ? optarg : ""; break;
	}
}

/* One pass; returns the place of what is left. */
static int pass(struct parse *p, int argc, char **argv, const char *letters)
{
	struct option options[TOOL_OPTIONS_MAX + COMMON];
	int option;

	join_options(p->out->command, options);
	optind = 0; /* glibc: begin anew */
	while (!p->wrong && (option = getopt_long(argc, argv, letters, options, NULL)) != -1)
		take(p, option);
	return optind;
}

static bool wrong_operands(const struct tool_arguments *a)
{
	const struct tool_command *c = a->command;

	if (a->n_operands > c->most)
		tool_say("%s: '%s' is one operand too many; see storectl help %s", c->name,
		    a->operands[c->most], c->name);
	else if (a->n_operands < c->least)
		tool_say("%s wants %s; see storectl help %s", c->name, c->operands, c->name);
	return a->n_operands > c->most || a->n_operands < c->least;
}

/* The command and what follows it. */
static void read_command(struct parse *p, int argc, char **argv)
{
	static char name[64]; /* what getopt_long() calls us in its complaints */
	struct tool_arguments *a = p->out;
	int rest;

	a->command = command_find(argv[0]);
	if (!a->command) {
		tool_say("'%s' is no command; see storectl --help", argv[0]);
		p->wrong = true;
		return;
	}
	snprintf(name, sizeof(name), "storectl %s", a->command->name);
	argv[0] = name;
	rest = pass(p, argc, argv, "hV");
	a->operands = argv + rest;
	a->n_operands = (size_t)(argc - rest);
	if (!p->wrong && !p->help && !p->version)
		p->wrong = wrong_operands(a);
}

/* False where help was asked about what is no command. */
static bool give_help(const struct tool_arguments *a)
{
	const struct tool_command *c = a->command;

	if (c && !c->run && a->n_operands > 0) {
		c = command_find(a->operands[0]);
		if (!c) {
			tool_say("'%s' is no command; see storectl --help", a->operands[0]);
			return false;
		}
	}
	if (c && c->run)
		help_command(c);
	else
		help_all();
	return true;
}

/* True if nothing is left to do. */
static bool is_done(struct parse *p, int *exit_code)
{
	const struct tool_arguments *a = p->out;
	bool asks_help = p->help || (a->command && !a->command->run);

	*exit_code = TOOL_OK;
	if (!p->wrong && p->version)
		printf("storectl " STORE_API_VERSION "\n");
	else if (!p->wrong && asks_help)
		p->wrong = !give_help(a);
	else if (!p->wrong && !a->command && !a->settings.check_only) {
		tool_say("what to do?  See storectl --help");
		p->wrong = true;
	}
	if (p->wrong)
		*exit_code = TOOL_USAGE;
	return p->wrong || p->version || asks_help;
}

bool tool_arguments(int argc, char **argv, struct tool_arguments *out, int *exit_code)
{
	struct tool_arguments a = {
		.settings = { .files = calloc((size_t)argc + CONFIG_INSTALLED_MAX, sizeof(char *)) }
	};
	struct parse p = { .out = &a };
	int at;

	show_init();
	if (!a.settings.files) {
		*exit_code = TOOL_SYSTEM;
		return false;
	}
	at = pass(&p, argc, argv, "+hV");
	if (!p.wrong && at < argc)
		read_command(&p, argc - at, argv + at);
	if (is_done(&p, exit_code)) {
		tool_arguments_free(&a);
		return false;
	}
	a.installed = a.settings.n_files == 0;
	config_add_installed(&a.settings, CONFIG_TOOL, false);
	*out = a;
	return true;
}

void tool_arguments_free(struct tool_arguments *a)
{
	config_arguments_free(&a->settings);
	*a = (struct tool_arguments){ 0 };
}
