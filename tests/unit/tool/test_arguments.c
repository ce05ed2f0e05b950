#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool/command.h"
#include "unit.h"

#define WORDS_MAX 12

static char words[512];
static char *argv_of[WORDS_MAX + 1];
static char output[8192]; /* of both streams */

/* A command line, split at spaces, as main() gets it. */
static int split(const char *line)
{
	int argc = 0;

	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word && argc < WORDS_MAX; word = strtok(NULL, " "))
		argv_of[argc++] = word;
	argv_of[argc] = NULL;
	return argc;
}

/* What is printed meanwhile is kept in `output`. */
static bool parse(const char *line, struct tool_arguments *out, int *code)
{
	char path[256];
	int argc = split(line), streams[2], file;
	ssize_t n;
	bool goes_on;

	snprintf(path, sizeof(path), "%s/output", unit_temp_dir());
	file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(file >= 0);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		streams[i] = dup(i + 1);
		dup2(file, i + 1);
	}
	*code = -1;
	goes_on = tool_arguments(argc, argv_of, out, code);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		dup2(streams[i], i + 1);
		close(streams[i]);
	}
	n = pread(file, output, sizeof(output) - 1, 0);
	output[n > 0 ? n : 0] = '\0';
	close(file);
	return goes_on;
}

static const char *value(const struct tool_arguments *a, const char *name)
{
	struct tool t = { .arguments = a };

	return tool_option(&t, name);
}

TEST(tool_arguments, options_stand_before_and_behind_the_command)
{
	struct tool_arguments a;
	int code;

	CU_ASSERT_TRUE_FATAL(
	    parse("storectl --config /a --json list --offset 5 --config=/b --limit -1", &a, &code));
	ASSERT_TEXT(a.command->name, "list");
	CU_ASSERT_TRUE(a.json);
	CU_ASSERT_FALSE(a.installed);
	CU_ASSERT_EQUAL_FATAL(a.settings.n_files, 2);
	ASSERT_TEXT(a.settings.files[0], "/a");
	ASSERT_TEXT(a.settings.files[1], "/b");
	ASSERT_TEXT(value(&a, "offset"), "5");
	ASSERT_TEXT(value(&a, "limit"), "-1");
	CU_ASSERT_PTR_NULL(value(&a, "after"));
	CU_ASSERT_PTR_NULL(value(&a, "all"));
	CU_ASSERT_PTR_NULL(value(&a, "nonsense"));
	CU_ASSERT_EQUAL(a.n_operands, 0);
	tool_arguments_free(&a);
}

TEST(tool_arguments, operands_stand_anywhere_and_may_look_like_options)
{
	struct tool_arguments a;
	struct tool t = { .arguments = &a };
	int code;

	CU_ASSERT_TRUE_FATAL(parse("storectl get PROD-1 --json", &a, &code));
	ASSERT_TEXT(tool_operand(&t, 0), "PROD-1");
	CU_ASSERT_PTR_NULL(tool_operand(&t, 1));
	CU_ASSERT_TRUE(a.json);
	CU_ASSERT_TRUE(a.installed);
	tool_arguments_free(&a);

	CU_ASSERT_TRUE_FATAL(parse("storectl get -- --json", &a, &code));
	ASSERT_TEXT(tool_operand(&t, 0), "--json");
	CU_ASSERT_FALSE(a.json);
	tool_arguments_free(&a);
}

TEST(tool_arguments, a_value_that_may_be_missing)
{
	struct tool_arguments a;
	int code;

	CU_ASSERT_TRUE_FATAL(parse("storectl status --watch", &a, &code));
	ASSERT_TEXT(value(&a, "watch"), "");
	tool_arguments_free(&a);
	CU_ASSERT_TRUE_FATAL(parse("storectl status --watch=7", &a, &code));
	ASSERT_TEXT(value(&a, "watch"), "7");
	tool_arguments_free(&a);
}

TEST(tool_arguments, checking_settings_needs_no_command)
{
	struct tool_arguments a;
	int code;

	CU_ASSERT_TRUE_FATAL(parse("storectl --check-config", &a, &code));
	CU_ASSERT_PTR_NULL(a.command);
	CU_ASSERT_TRUE(a.settings.check_only);
	tool_arguments_free(&a);
}

TEST(tool_arguments, wrong_usage_is_2_with_one_line)
{
	static const char *const lines[] = {
		"storectl",
		"storectl --json",
		"storectl frobnicate",
		"storectl --nonsense status",
		"storectl status --nonsense",
		"storectl status --offset 1",
		"storectl status now",
		"storectl get",
		"storectl get A B",
		"storectl list --offset",
		"storectl --config",
		"storectl sync --no-wait=x",
		"storectl help frobnicate",
		"storectl help get list",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct tool_arguments a;
		const char *end;
		int code;

		CU_ASSERT_FALSE(parse(lines[i], &a, &code));
		CU_ASSERT_EQUAL(code, 2);
		end = strchr(output, '\n');
		if (strncmp(output, "storectl", 8) != 0 || !end || end[1] != '\0')
			printf("\n%s: %s\n", lines[i], output);
		CU_ASSERT_EQUAL(strncmp(output, "storectl", 8), 0);
		CU_ASSERT_TRUE(end && end[1] == '\0');
	}
}

TEST(tool_arguments, help_tells_every_command_and_every_option_of_it)
{
	struct tool_arguments a;
	int code;

	CU_ASSERT_FALSE(parse("storectl --help", &a, &code));
	CU_ASSERT_EQUAL(code, 0);
	for (const struct tool_command *c = commands; c->name; c++) {
		char line[64];

		snprintf(line, sizeof(line), "\n  %s", c->name);
		CU_ASSERT_PTR_NOT_NULL(strstr(output, line));
		CU_ASSERT_PTR_NOT_NULL(strstr(output, c->help));
	}
	for (const struct tool_command *c = commands; c->run; c++) {
		char line[64];

		snprintf(line, sizeof(line), "storectl help %s", c->name);
		CU_ASSERT_FALSE(parse(line, &a, &code));
		CU_ASSERT_EQUAL(code, 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(output, c->help));
		for (const struct command_option *o = c->options; o->name; o++) {
			snprintf(line, sizeof(line), "  --%s", o->name);
			CU_ASSERT_PTR_NOT_NULL(strstr(output, line));
			CU_ASSERT_PTR_NOT_NULL(strstr(output, o->help));
		}
	}
	CU_ASSERT_FALSE(parse("storectl list --help", &a, &code));
	CU_ASSERT_EQUAL(code, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(output, "Usage: storectl list"));
	CU_ASSERT_FALSE(parse("storectl get --version", &a, &code));
	CU_ASSERT_EQUAL(code, 0);
	ASSERT_TEXT(output, "storectl " STORE_API_VERSION "\n");
}

TEST(tool_arguments, the_table_of_commands_is_sound)
{
	for (const struct tool_command *c = commands; c->name; c++) {
		size_t n = 0;

		CU_ASSERT_PTR_EQUAL(command_find(c->name), c);
		CU_ASSERT_TRUE(c->least <= c->most);
		CU_ASSERT_EQUAL(c->most == 0, c->operands[0] == '\0');
		while (c->options[n].name)
			n++;
		CU_ASSERT_TRUE(n <= TOOL_OPTIONS_MAX);
	}
	CU_ASSERT_PTR_NULL(command_find(""));
	CU_ASSERT_PTR_NULL(command_find("statu"));
}
