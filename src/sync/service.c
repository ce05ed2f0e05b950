/*
 * sync/service.c: what the service manager is told of the daemon (base/notify.h).
 *
 * READY=1 once the store is open and the control socket there; STATUS=, the
 * line that `systemctl status` shows, at each change of state; RELOADING=1 and
 * STOPPING=1.
 *
 * WATCHDOG=1 means that the loop turns and that the store commits.  As a rule
 * something was committed since the last time: each poll of the feed that ends
 * well, and each failure, is one commit.  Where nothing was, the record is
 * committed once more, to see.  A full disk or map is no reason to be started
 * anew, since that would not help; nor is a store that is yet to be filled, or
 * built anew.  Any other failure is: the sign stays out until a commit works.
 */
#include <stdio.h>
#include <string.h>

#include "base/notify.h"
#include "sync/state.h"

#define LINES_MAX 400

/* What failed may be told in words from outside: a line of their own would be a message of ours. */
static void keep_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

static void tell(const struct engine *e, const char *first)
{
	const struct sync_record *r = &e->record;
	char lines[LINES_MAX];
	int begin = snprintf(lines, sizeof(lines), "%sSTATUS=", first);
	int len = begin + snprintf(lines + begin, sizeof(lines) - (size_t)begin, "%s, offset %lld",
			      sync_state_text((enum sync_state)r->state),
			      (long long)r->event_offset);

	if (r->failed)
		snprintf(lines + len, sizeof(lines) - (size_t)len, ", failures in a row: %u: %s",
		    (unsigned)r->consecutive_failures, r->failure_message);
	keep_one_line(lines + begin);
	notify_send(lines);
}

void service_begin(struct engine *e, struct mono now)
{
	int64_t ms = notify_watchdog_ms();

	e->watchdog_ms = ms;
	e->next_watchdog = ms ? mono_add_ms(now, ms) : MONO_NEVER;
	tell(e, "READY=1\n");
}

void service_state_changed(const struct engine *e)
{
	tell(e, "");
}

void service_reload_begins(void)
{
	notify_send("RELOADING=1");
}

void service_reload_ended(void)
{
	notify_send("READY=1");
}

void service_stopping(void)
{
	notify_send("STOPPING=1");
}

static bool store_commits(struct engine *e)
{
	uint64_t commits = store_writer_commits(e->store);
	enum st_err err;

	if (commits == e->commits_seen) {
		err = report_commit(e);
		commits = store_writer_commits(e->store);
		if (err && err != ST_FULL) {
			metrics_daemon_failure(e->metrics, FAILURE_STORAGE);
			/* Found damaged it is built anew. */
			storage_outcome(e, err);
			return e->damaged;
		}
	}
	e->commits_seen = commits;
	return true;
}

void service_tick(struct engine *e, struct mono now)
{
	if (!mono_reached(e->next_watchdog, now))
		return;
	e->next_watchdog = mono_add_ms(now, e->watchdog_ms);
	if (store_commits(e))
		tell(e, "WATCHDOG=1\n");
}
