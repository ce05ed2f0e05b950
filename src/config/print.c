/*
 * config/print.c: the settings in effect, the table for --help, and what a
 * reload can't take.
 */
#include <inttypes.h>
#include <string.h>

#include "config/settings.h"

static const void *member(const struct setting *s, const struct config *c)
{
	return (const char *)c + s->offset;
}

static void print_number(const struct setting *s, const struct config *c, struct buf *out)
{
	int64_t number;

	memcpy(&number, member(s, c), sizeof(number));
	if (s->set == set_octal)
		buf_addf(out, "%04" PRIo64, (uint64_t)number);
	else
		buf_addf(out, "%" PRId64, number);
}

static void print_list(const struct setting *s, const struct config *c, struct buf *out)
{
	const struct config_list *list = member(s, c);

	for (size_t i = 0; i < list->n; i++)
		buf_addf(out, "%s%s", i ? "," : "", s->secret ? "***" : list->items[i]);
}

/* The value as a file would hold it; secrets as ***. */
static void print_value(const struct setting *s, const struct config *c, struct buf *out)
{
	if (s->set == set_number || s->set == set_octal) {
		print_number(s, c, out);
	} else if (s->set == set_choice) {
		int choice;

		memcpy(&choice, member(s, c), sizeof(choice));
		buf_adds(out, s->words[choice]);
	} else if (s->set == set_keys || s->set == set_origins) {
		print_list(s, c, out);
	} else if (s->set == set_prefix) {
		buf_addf(out, "%s%s%s", c->mount_from, c->mount_to[0] ? "=" : "", c->mount_to);
	} else {
		const char *text;

		memcpy(&text, member(s, c), sizeof(text));
		buf_adds(out, s->secret ? "***" : text);
	}
}

void config_print(const struct config *c, enum config_program program, struct buf *out)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (!(settings[i].users & program))
			continue;
		buf_addf(out, "%s=", settings[i].name);
		print_value(&settings[i], c, out);
		buf_addc(out, '\n');
	}
}

void config_restart_needed(const struct config *running, const struct config *loaded,
    enum config_program program, struct buf *out)
{
	struct buf was, is;

	buf_init(&was, 65536);
	buf_init(&is, 65536);
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];

		if (!(s->users & program) || s->at_reload)
			continue;
		buf_reset(&was);
		buf_reset(&is);
		print_value(s, running, &was);
		print_value(s, loaded, &is);
		if (strcmp(buf_text(&was), buf_text(&is)) != 0)
			buf_addf(out, "%s%s", out->len ? ", " : "", s->name);
	}
	buf_free(&was);
	buf_free(&is);
}

/* A tool has ended long before anything changes. */
static const char *change_text(const struct setting *s, enum config_program program)
{
	if (program == CONFIG_TOOL)
		return "";
	return s->at_reload ? "; takes effect at a reload" : "; takes effect at a restart";
}

void config_help(enum config_program program, struct buf *out)
{
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];

		if (!(s->users & program))
			continue;
		buf_addf(out, "  %s%s\n      %s\n      allowed: %s; default: %s%s\n", s->name,
		    s->secret ? " (or its _FILE)" : "", s->help, s->allowed,
		    s->by_default[0] ? s->by_default : "unset", change_text(s, program));
	}
}
