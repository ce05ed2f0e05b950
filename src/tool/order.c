#include "tool/order.h"

#include <string.h>

#include "tool/show.h"
#include "tool/silence.h"

static const char *const phases[CONTROL_PHASE_COUNT] = {
	[CONTROL_WAITING] = "waiting",
	[CONTROL_COMPARING] = "comparing",
	[CONTROL_CONFIRMING] = "looking once more",
	[CONTROL_REPAIRING] = "full sync",
	[CONTROL_CHECKING] = "checking the backup",
	[CONTROL_BUILDING] = "restoring",
};

void order_progress(struct order *o, const struct control_progress *p)
{
	if (!o->begun || o->phase != p->phase) {
		order_pause(o);
		progress_begin(&o->progress, phases[p->phase], o->quiet);
		o->begun = true;
		o->phase = p->phase;
	}
	progress_show(&o->progress, p->products, p->total, mono_now());
}

void order_pause(struct order *o)
{
	if (o->begun)
		progress_end(&o->progress);
}

/* The daemon's words for what is a negative answer, rather than that there is none. */
static int code_of(const struct control_report *r)
{
	return strcmp(r->code, "bad_backup") == 0 || strcmp(r->code, "sync_failed") == 0
	           ? TOOL_NEGATIVE
	           : TOOL_UNAVAILABLE;
}

int order_failed(const struct tool *t, enum st_err err, const struct control_report *report)
{
	const char *name = t->arguments->command->name;
	struct buf text;

	if (err)
		return silence_tell(t, err);
	if (strcmp(report->code, "bad_message") == 0) {
		tool_say("%s: the daemon that runs is an older one and doesn't know this", name);
		return TOOL_UNAVAILABLE;
	}
	buf_init(&text, 4096);
	show_text(report->message, strlen(report->message), &text);
	tool_say("%s: %s", name, buf_text(&text));
	buf_free(&text);
	return code_of(report);
}
