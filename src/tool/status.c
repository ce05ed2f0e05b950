/*
 * tool/status.c: how the store stands with Central, once or again and again.
 *
 * On a terminal --watch draws the whole anew; in a pipe it prints a line when
 * something has changed (but for the age, which always does).
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "tool/request.h"
#include "tool/show.h"

#define STATUS_URI     "/v1/store/sync/status"
#define WATCH_SECONDS  2
#define WATCH_MAX      86400
#define CLEAR_TERMINAL "\033[H\033[2J"
#define TEXT_MAX       65536

static const struct doc_node *at(const struct doc *d, const char *name)
{
	return doc_member(d, doc_root(d), name);
}

/* "150 products, 3 added": values and names of those members. */
static void show_members(
    const struct doc *d, const struct doc_node *object, const char *const *names, struct buf *out)
{
	for (size_t i = 0; names[i]; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		show_value(d, doc_member(d, object, names[i]), out);
		buf_addf(out, " %s", names[i]);
	}
}

static void show_age(const struct api_response *r, struct buf *out)
{
	int64_t seconds = response_age(r);
	char text[DURATION_TEXT_SIZE] = "unknown";

	if (seconds > 0)
		text_duration(seconds * 1000, text);
	show_label("age", out);
	buf_addf(out, "%s\n", seconds == 0 ? "less than 1s" : text);
}

static void show_last_full_sync(const struct doc *d, struct buf *out)
{
	static const char *const counts[] = { "products", "added", "changed", "removed", NULL };
	const struct doc_node *last = at(d, "lastFullSync");

	show_label("last full sync", out);
	if (!last || last->type != DOC_OBJECT) {
		buf_adds(out, "none yet\n");
		return;
	}
	show_value(d, doc_member(d, last, "time"), out);
	buf_adds(out, " (");
	show_value(d, doc_member(d, last, "reason"), out);
	buf_adds(out, ", ");
	show_value(d, at(d, "syncDuration"), out);
	buf_adds(out, "): ");
	show_members(d, last, counts, out);
	buf_addc(out, '\n');
}

static void show_last_verify(const struct doc *d, struct buf *out)
{
	static const char *const counts[] = { "products", "differed", "mended", NULL };
	const struct doc_node *last = at(d, "lastVerify");

	show_label("last verify", out);
	if (!last || last->type != DOC_OBJECT) {
		buf_adds(out, "none yet\n");
		return;
	}
	show_value(d, doc_member(d, last, "time"), out);
	buf_adds(out, ": ");
	show_members(d, last, counts, out);
	buf_addc(out, '\n');
}

static void show_last_error(const struct doc *d, struct buf *out)
{
	const struct doc_node *last = at(d, "lastError");

	show_label("last error", out);
	if (!last || last->type != DOC_OBJECT) {
		buf_adds(out, "none\n");
		return;
	}
	show_value(d, doc_member(d, last, "time"), out);
	buf_addc(out, ' ');
	show_value(d, doc_member(d, last, "class"), out);
	buf_adds(out, ": ");
	show_value(d, doc_member(d, last, "message"), out);
	buf_adds(out, " (failures in a row: ");
	show_value(d, doc_member(d, at(d, "eventSync"), "consecutiveFailures"), out);
	buf_adds(out, ")\n");
}

/* "forced, 400 of 1000 products"; nothing while none runs. */
static void show_running(const struct doc *d, struct buf *out)
{
	const struct doc_node *running = at(d, "fullSync");

	show_value(d, doc_member(d, running, "reason"), out);
	buf_adds(out, ", ");
	show_value(d, doc_member(d, running, "productsSeen"), out);
	buf_adds(out, " of ");
	show_value(d, doc_member(d, running, "total"), out);
	buf_adds(out, " products");
}

static int exit_code_of(const struct doc *d)
{
	return doc_is_text(d, at(d, "daemon"), "running") ? TOOL_OK : TOOL_UNAVAILABLE;
}

static int print_status(const struct answer *a, void *arg, struct buf *out)
{
	const struct doc *d = &a->doc;
	int64_t left_out;

	(void)arg;
	show_label("state", out);
	show_value(d, at(d, "state"), out);
	if (exit_code_of(d) == TOOL_OK) {
		buf_adds(out, " since ");
		show_value(d, at(d, "stateSince"), out);
	}
	buf_addc(out, '\n');
	show_age(a->response, out);
	show_line("products", d, at(d, "productCount"), out);
	show_line("offset", d, doc_member(d, at(d, "eventSync"), "lastEventOffset"), out);
	show_line("daemon", d, at(d, "daemon"), out);
	show_line("last contact", d, at(d, "lastContactTime"), out);
	show_last_error(d, out);
	show_last_full_sync(d, out);
	show_last_verify(d, out);
	if (doc_int(d, at(d, "productsRejected"), 1, INT64_MAX, &left_out) == ST_OK)
		show_line("left out", d, at(d, "productsRejected"), out);
	if (at(d, "fullSync")) {
		show_label("full sync", out);
		show_running(d, out);
		buf_addc(out, '\n');
	}
	return exit_code_of(d);
}

/* What --watch compares, in one line. */
static int print_summary(const struct answer *a, void *arg, struct buf *out)
{
	const struct doc *d = &a->doc;
	const struct doc_node *error = at(d, "lastError");

	(void)arg;
	show_value(d, at(d, "state"), out);
	buf_adds(out, ", ");
	show_value(d, at(d, "productCount"), out);
	buf_adds(out, " products, offset ");
	show_value(d, doc_member(d, at(d, "eventSync"), "lastEventOffset"), out);
	if (at(d, "fullSync")) {
		buf_adds(out, ", full sync ");
		show_running(d, out);
	}
	if (error && error->type == DOC_OBJECT) {
		buf_adds(out, ", ");
		show_value(d, doc_member(d, error, "class"), out);
		buf_adds(out, ": ");
		show_value(d, doc_member(d, error, "message"), out);
	}
	return exit_code_of(d);
}

static void draw(const struct api_response *r)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	request_text(r, print_status, NULL, &text);
	printf(CLEAR_TERMINAL "%s", buf_text(&text));
	if (r->status >= 300)
		putchar('\n');
	buf_free(&text);
}

/* `last`: what was printed before. */
static void print_change(bool json, const struct api_response *r, struct buf *last)
{
	char now[TIME_TEXT_SIZE];
	struct buf text;

	buf_init(&text, TEXT_MAX);
	request_text(r, print_summary, NULL, &text);
	if (strcmp(buf_text(&text), buf_text(last)) != 0) {
		text_time(wall_now_ms() / 1000, now);
		if (json)
			printf("%s\n", buf_text(&r->body));
		else
			printf("%s %s\n", now, buf_text(&text));
		buf_reset(last);
		buf_adds(last, buf_text(&text));
	}
	buf_free(&text);
}

/* Until somebody ends it, or nobody reads it. */
static int watch(const struct tool *t, int seconds)
{
	bool terminal = isatty(STDOUT_FILENO) && !t->arguments->json;
	struct requests requests;
	struct api_response r;
	struct buf last;

	api_response_init(&r);
	buf_init(&last, TEXT_MAX);
	while (!ferror(stdout)) {
		/* Anew each time, so that nothing of the store is held meanwhile. */
		requests_open(t, -1, &requests);
		request_run(&requests, "GET", STATUS_URI, &r);
		requests_close(&requests);
		if (terminal)
			draw(&r);
		else
			print_change(t->arguments->json, &r, &last);
		fflush(stdout);
		poll(NULL, 0, seconds * 1000);
	}
	buf_free(&last);
	api_response_free(&r);
	return TOOL_OUTPUT;
}

int status_command(const struct tool *t)
{
	const char *every = tool_option(t, "watch");
	uint64_t seconds = WATCH_SECONDS;

	if (!every)
		return request_show_one(t, STATUS_URI, print_status, NULL);
	if (every[0] && (text_to_uint(every, strlen(every), WATCH_MAX, &seconds) || seconds == 0)) {
		tool_say("--watch=%s: allowed: seconds from 1 to %d", every, WATCH_MAX);
		return TOOL_USAGE;
	}
	return watch(t, (int)seconds);
}
