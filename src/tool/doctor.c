/*
 * tool/doctor.c: the checks in their order, and how their findings are shown.
 */
#include "tool/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool/show.h"

#define OUT_LIMIT ((size_t)4 * 1024 * 1024)

/* From what all else stands on up to what clients see. */
static const struct {
	const char *name;
	void (*run)(struct doctor *d);
} checks[] = {
	{ "settings", check_settings },
	{ "files", check_settings_files },
	{ "users", check_users },
	{ "data", check_data_dir },
	{ "run", check_run_dir },
	{ "store", check_store },
	{ "disk", check_disk },
	{ "clock", check_clock },
	{ "daemon", check_daemon },
	{ "central", check_central },
	{ "pool", check_pool },
	{ "web", check_web_server },
};

static const char *const grades[GRADE_COUNT] = { "ok", "note", "warn", "fail" };

static void print_line(
    const struct doctor *d, enum grade grade, const struct buf *what, const char *advice)
{
	struct buf line;

	buf_init(&line, OUT_LIMIT);
	buf_addf(&line, "%-4s  %-8s  ", grades[grade], d->check);
	show_text(buf_text(what), what->len, &line);
	printf("%s%s%s\n", buf_text(&line), advice ? "; to do: " : "", advice ? advice : "");
	buf_free(&line);
}

static void add_json(struct doctor *d, enum grade grade, const struct buf *what, const char *advice)
{
	struct json_writer *w = &d->json;

	jw_begin_object(w);
	jw_name(w, "result");
	jw_text(w, grades[grade]);
	jw_name(w, "check");
	jw_text(w, d->check);
	jw_name(w, "what");
	jw_string(w, buf_text(what), what->len);
	jw_name(w, "advice");
	jw_text(w, advice);
	jw_end_object(w);
}

void doctor_find(struct doctor *d, enum grade grade, const char *advice, const char *format, ...)
{
	struct buf what;
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_init(&what, OUT_LIMIT);
	/* Bytes that are no UTF-8 (of a path, say) must not get into JSON. */
	if (text_is_utf8(text, strlen(text)))
		buf_adds(&what, text);
	else
		show_text(text, strlen(text), &what);
	d->counts[grade]++;
	if (d->tool->arguments->json)
		add_json(d, grade, &what, advice);
	else
		print_line(d, grade, &what, advice);
	buf_free(&what);
}

static void begin_json(struct doctor *d)
{
	jw_init(&d->json, &d->out);
	jw_begin_object(&d->json);
	jw_name(&d->json, "findings");
	jw_begin_array(&d->json);
}

static void end_json(struct doctor *d)
{
	static const char *const names[GRADE_COUNT] = { "ok", "notes", "warnings", "failures" };

	jw_end_array(&d->json);
	for (int i = 0; i < GRADE_COUNT; i++) {
		jw_name(&d->json, names[i]);
		jw_uint(&d->json, d->counts[i]);
	}
	jw_end_object(&d->json);
	printf("%s\n", buf_text(&d->out));
}

int doctor_command(const struct tool *t)
{
	const char *url = tool_option(t, "url");
	struct doctor d = { .tool = t };

	if (url && strncmp(url, "http://", 7) != 0) {
		tool_say("--url=%s: allowed: http://HOST[:PORT][/PREFIX]", url);
		return TOOL_USAGE;
	}
	buf_init(&d.out, OUT_LIMIT);
	begin_json(&d);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		d.check = checks[i].name;
		checks[i].run(&d);
	}
	if (t->arguments->json)
		end_json(&d);
	else
		printf("%u ok, %u notes, %u warnings, %u failures\n", d.counts[GRADE_OK],
		    d.counts[GRADE_NOTE], d.counts[GRADE_WARN], d.counts[GRADE_FAIL]);
	config_free(d.pool);
	config_free(d.daemon);
	buf_free(&d.out);
	return d.counts[GRADE_WARN] + d.counts[GRADE_FAIL] > 0 ? TOOL_NEGATIVE : TOOL_OK;
}
