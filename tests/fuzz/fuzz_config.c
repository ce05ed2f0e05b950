/*
 * A file of settings, for each of the programs.
 *
 * It is taken, or there is a line for each mistake; what is taken and printed
 * is taken again, from the environment, and then prints the same.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "fuzz/fuzz.h"

#define VARIABLES_MAX 64

/* Cuts the text into its lines. */
static void split_lines(char *text, char *lines[VARIABLES_MAX + 1])
{
	size_t n = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		HOLDS(n < VARIABLES_MAX);
		lines[n++] = line;
	}
	lines[n] = NULL;
}

static void check_printed(const struct config *c, enum config_program program)
{
	struct buf printed, copy, twice, mistakes, warnings;
	char *environment[VARIABLES_MAX + 1];
	struct config_sources from = { .program = program, .environment = environment };
	struct config *again;

	buf_init(&printed, SIZE_MAX / 4);
	buf_init(&copy, SIZE_MAX / 4);
	buf_init(&twice, SIZE_MAX / 4);
	buf_init(&mistakes, SIZE_MAX / 4);
	buf_init(&warnings, SIZE_MAX / 4);
	config_print(c, program, &printed);
	buf_add(&copy, printed.data, printed.len);
	split_lines(copy.data, environment);
	HOLDS(config_load(&from, &again, &mistakes, &warnings) == ST_OK);
	config_print(again, program, &twice);
	HOLDS(strcmp(buf_text(&printed), buf_text(&twice)) == 0);
	buf_reset(&twice);
	config_restart_needed(c, again, program, &twice);
	HOLDS(twice.len == 0);
	config_free(again);
	buf_free(&printed);
	buf_free(&copy);
	buf_free(&twice);
	buf_free(&mistakes);
	buf_free(&warnings);
}

static void load(const char *path, enum config_program program)
{
	const struct config_sources from = { .program = program, .files = &path, .n_files = 1 };
	struct buf mistakes, warnings;
	struct config *c = NULL;
	enum st_err err;

	buf_init(&mistakes, SIZE_MAX / 4);
	buf_init(&warnings, SIZE_MAX / 4);
	err = config_load(&from, &c, &mistakes, &warnings);
	HOLDS(err == ST_OK || err == ST_INVALID);
	HOLDS((err == ST_OK) == (mistakes.len == 0) && (err == ST_OK) == (c != NULL));
	HOLDS(mistakes.len == 0 || mistakes.data[mistakes.len - 1] == '\n');
	HOLDS(warnings.len == 0 || warnings.data[warnings.len - 1] == '\n');
	if (!err)
		check_printed(c, program);
	config_free(c);
	buf_free(&mistakes);
	buf_free(&warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum config_program programs[] = { CONFIG_POOL, CONFIG_DAEMON, CONFIG_TOOL };
	const char *path;

	fuzz_file(data, size, &path);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		load(path, programs[i]);
	return 0;
}
