/*
 * config/file.c: KEY=value files, a strict part of systemd's EnvironmentFile
 * syntax, so that one file serves both.
 *
 *   # or ; begins a comment line; empty lines are skipped
 *   KEY=value          spaces around the value are cut off
 *   KEY="two words"    double quotes: \" \\ \$ \` stand for the second character
 *   KEY='as it is'     single quotes: nothing is special
 *
 * Outside of quotes a backslash or a quote is a mistake (systemd would take it
 * for an escape or a line that goes on), and so is a NUL byte anywhere.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "config/settings.h"

#define FILE_MAX     (1024 * 1024)
#define LINE_MAX_LEN 65536

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\r");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return s;
}

static const char *unquote(char *value)
{
	char quote = value[0];
	char *out = value, *in = value + 1;

	while (*in && *in != quote) {
		if (quote == '"' && *in == '\\' && in[1] && strchr("\"\\$`", in[1]))
			in++;
		else if (quote == '"' && *in == '\\')
			return "a backslash in double quotes stands before \" \\ $ or ` only";
		*out++ = *in++;
	}
	if (*in != quote)
		return "the quote is not closed";
	if (in[1])
		return "there is text behind the closing quote";
	*out = '\0';
	return NULL;
}

/* The value in its place; NULL or what is wrong with it. */
static const char *read_value(char *value)
{
	if (value[0] == '"' || value[0] == '\'')
		return unquote(value);
	if (strpbrk(value, "\\\"'"))
		return "put a value with a backslash or a quote into quotes";
	return NULL;
}

static bool is_name(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return *s == '\0';
}

static void read_line(struct config_line *line, char *text)
{
	char *equals;

	text = trim(text);
	equals = strchr(text, '=');
	if (strlen(text) > LINE_MAX_LEN) {
		line->mistake = "longer than 65536 bytes";
		return;
	}
	if (!equals) {
		line->mistake = "no KEY=value";
		return;
	}
	*equals = '\0';
	line->key = trim(text);
	line->value = trim(equals + 1);
	line->mistake = is_name(line->key) ? read_value(line->value) : "no KEY=value";
}

enum st_err config_read_file(const char *path, config_line_fn *each, void *arg)
{
	struct config_line line = { .file = path };
	struct buf text;
	enum st_err err;
	char *at, *stop;

	buf_init(&text, FILE_MAX);
	err = io_read_file(path, &text);
	at = text.data;
	stop = text.data ? text.data + text.len : NULL;
	while (!err && at && at < stop) {
		char *newline = memchr(at, '\n', (size_t)(stop - at));
		char *end = newline ? newline : stop;

		line.number++;
		line.key = line.value = NULL;
		line.mistake = NULL;
		*end = '\0';
		if (strlen(at) != (size_t)(end - at))
			line.mistake = "a NUL byte";
		else if (!strchr("#;", *trim(at)))
			read_line(&line, at);
		if (line.mistake || line.key)
			each(arg, &line);
		at = end + 1;
	}
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return err;
}
