/*
 * api/status.c: GET /v1/store/sync/status; its first members for others, too.
 *
 * What was committed comes from the store's record; what is of the moment
 * (next poll, a running full sync, how the last contact with Central went) is
 * asked of the daemon, briefly.  Without the daemon the answer is still 200.
 */
#include <stdio.h>
#include <string.h>

#include "api/call.h"
#include "control/client.h"

#define ASK_DAEMON_MS 250

struct facts {
	struct sync_record record; /* before the first sync only what the daemon says */
	bool ever_synced;
	uint64_t products;
	struct control_status live;
	bool daemon_answers;
};

static enum st_err read_store(struct call *c, struct facts *f)
{
	struct store_snapshot s;
	enum st_err err = store_snapshot_begin(c->api->store, &s);

	if (err == ST_UNAVAILABLE)
		return ST_OK;
	if (err)
		return err;
	f->products = store_snapshot_count(&s);
	err = store_snapshot_record(&s, &f->record);
	f->ever_synced = err == ST_OK;
	store_snapshot_end(&s);
	return err;
}

static int64_t seconds_of(const struct stamp *s)
{
	return stamp_is_set(s) ? s->wall_ms / 1000 : -1;
}

static void member_time(struct json_writer *w, const char *name, int64_t seconds)
{
	jw_name(w, name);
	jw_time(w, seconds);
}

static void member_uint(struct json_writer *w, const char *name, uint64_t value)
{
	jw_name(w, name);
	jw_uint(w, value);
}

static void member_bool(struct json_writer *w, const char *name, bool value)
{
	jw_name(w, name);
	jw_bool(w, value);
}

static void member_text(struct json_writer *w, const char *name, const char *value)
{
	jw_name(w, name);
	jw_text(w, value);
}

/* As the daemon tells it, where it does; "stopped" where it doesn't. */
static const char *state_of(const struct facts *f)
{
	return f->daemon_answers ? sync_state_text(f->live.state) : "stopped";
}

/*
 * The daemon knows what it can't commit: before the first sync there is no
 * record, and on a full disk the record stays as it was.
 */
static void believe_daemon(struct sync_record *r, const struct control_status *live)
{
	r->state = live->state;
	r->state_since = live->state_since;
	r->consecutive_failures = live->consecutive_failures;
	r->full_sync_failures = live->full_sync_failures;
	if (live->last_contact_at >= 0)
		r->last_contact = (struct stamp){ .wall_ms = live->last_contact_at * 1000 };
	r->failed = live->failure != FAILURE_NONE;
	r->failure_class = live->failure;
	r->failed_at = live->failed_at;
	snprintf(r->failure_message, sizeof(r->failure_message), "%s", live->failure_message);
}

/* The first seven, as the service that this one replaces shows them. */
static void write_seven(struct json_writer *w, const struct facts *f)
{
	const struct sync_record *r = &f->record;
	char duration[DURATION_TEXT_SIZE] = "";

	if (r->full_sync_reason != FULL_SYNC_NONE)
		text_duration(r->full_sync_ms, duration);
	member_bool(w, "inProgress", f->daemon_answers && f->live.full_sync_running);
	member_time(w, "lastSyncTime", seconds_of(&r->last_success));
	member_bool(w, "lastSyncSuccess", f->ever_synced && !r->failed);
	member_uint(w, "productCount", f->products);
	member_text(w, "syncDuration", duration);
	member_text(w, "errorMessage", r->failure_message);
	jw_name(w, "eventSync");
	jw_begin_object(w);
	member_uint(w, "lastEventOffset", (uint64_t)r->event_offset);
	member_uint(w, "consecutiveFailures", r->consecutive_failures);
	member_bool(w, "fallbackMode", r->state == SYNC_FALLBACK);
	member_time(w, "nextPollTime", f->daemon_answers ? f->live.next_poll_at : -1);
	jw_end_object(w);
}

static void write_times(struct json_writer *w, const struct facts *f)
{
	const struct sync_record *r = &f->record;

	member_text(w, "state", state_of(f));
	member_text(w, "daemon", f->daemon_answers ? "running" : "unreachable");
	member_time(w, "stateSince", r->state_since > 0 ? r->state_since : -1);
	member_time(w, "lastContactTime", seconds_of(&r->last_contact));
	member_time(w, "confirmedCurrentTime", seconds_of(&r->confirmed_current));
}

static void write_counters(struct json_writer *w, const struct sync_record *r)
{
	jw_name(w, "counters");
	jw_begin_object(w);
	member_uint(w, "eventsApplied", r->events_applied);
	member_uint(w, "eventsStale", r->events_stale);
	member_uint(w, "eventsRepaired", r->events_repaired);
	member_uint(w, "fullSyncs", r->full_syncs);
	member_uint(w, "fullSyncFailures", r->full_sync_failures);
	member_uint(w, "writesForwarded", r->writes_forwarded);
	jw_end_object(w);
}

static void write_last_full_sync(struct json_writer *w, const struct sync_record *r)
{
	jw_name(w, "lastFullSync");
	if (r->full_sync_reason == FULL_SYNC_NONE) {
		jw_null(w);
		return;
	}
	jw_begin_object(w);
	member_text(w, "reason", full_sync_reason_text((enum full_sync_reason)r->full_sync_reason));
	member_time(w, "time", r->full_sync_at);
	member_uint(w, "products", r->full_sync_products);
	member_uint(w, "added", r->full_sync_added);
	member_uint(w, "changed", r->full_sync_changed);
	member_uint(w, "removed", r->full_sync_removed);
	jw_end_object(w);
}

static void write_last_verify(struct json_writer *w, const struct sync_record *r)
{
	jw_name(w, "lastVerify");
	if (r->compared_at == 0) {
		jw_null(w);
		return;
	}
	jw_begin_object(w);
	jw_name(w, "time");
	jw_time(w, r->compared_at);
	member_uint(w, "products", r->compared_products);
	member_uint(w, "differed", r->compared_differed);
	member_uint(w, "mended", r->compared_mended);
	jw_end_object(w);
}

static void write_last_error(struct json_writer *w, const struct sync_record *r)
{
	jw_name(w, "lastError");
	if (!r->failed) {
		jw_null(w);
		return;
	}
	jw_begin_object(w);
	member_time(w, "time", r->failed_at);
	member_text(w, "class", failure_class_text((enum failure_class)r->failure_class));
	member_text(w, "message", r->failure_message);
	jw_end_object(w);
}

static void write_running_full_sync(struct json_writer *w, const struct control_status *live)
{
	jw_name(w, "fullSync");
	jw_begin_object(w);
	member_text(w, "reason", full_sync_reason_text(live->full_sync_reason));
	member_uint(w, "pagesDone", live->pages_done);
	member_uint(w, "productsSeen", live->products_seen);
	jw_name(w, "total");
	if (live->products_total < 0)
		jw_null(w);
	else
		jw_int(w, live->products_total);
	jw_end_object(w);
}

static void write_status(const struct facts *f, struct buf *out)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_begin_object(&w);
	write_seven(&w, f);
	write_times(&w, f);
	write_counters(&w, &f->record);
	write_last_full_sync(&w, &f->record);
	write_last_error(&w, &f->record);
	member_uint(&w, "productsRejected", f->record.products_rejected);
	write_last_verify(&w, &f->record);
	if (f->daemon_answers && f->live.full_sync_running)
		write_running_full_sync(&w, &f->live);
	jw_end_object(&w);
}

static enum st_err gather(struct call *c, struct facts *f)
{
	enum st_err err;

	memset(f, 0, sizeof(*f));
	f->daemon_answers = control_ask_status(c->api->options.run_dir, c->response->request_id,
				ASK_DAEMON_MS, &f->live) == ST_OK;
	err = read_store(c, f);
	if (!err && f->daemon_answers)
		believe_daemon(&f->record, &f->live);
	return err;
}

enum st_err status_write_seven(struct call *c, struct json_writer *w, bool *daemon)
{
	struct facts f;
	enum st_err err = gather(c, &f);

	if (err)
		return err;
	*daemon = f.daemon_answers;
	jw_begin_object(w);
	write_seven(w, &f);
	jw_end_object(w);
	return ST_OK;
}

void status_get(struct call *c)
{
	struct facts f;
	struct stamp now;
	enum st_err err = gather(c, &f);

	if (err) {
		problem_of_store(c, err);
		return;
	}
	now = stamp_now();
	if (f.ever_synced)
		freshness_headers(c, &f.record, &now, state_of(&f));
	write_status(&f, &c->response->body);
	c->response->status = 200;
	response_header(c->response, "Content-Type", "application/json");
	response_header(c->response, "Cache-Control", "no-store");
}
