/*
 * sync/report.c: every failure ends in one log record, one counter and the
 * record's words; every change of state is one log record with `sync status`.
 */
#include <stdio.h>
#include <string.h>

#include "rules/breaker.h"
#include "sync/state.h"

static int64_t wall_seconds(void)
{
	return wall_now_ms() / 1000;
}

static void set_state(struct sync_record *r, enum sync_state state)
{
	if (r->state == (uint32_t)state)
		return;
	r->state = state;
	r->state_since = wall_seconds();
}

static void log_state(const struct sync_record *was, const struct sync_record *is)
{
	if (was->state == is->state)
		return;
	log_at(is->state == SYNC_LIVE ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "sync status changed",
	    log_text("state", sync_state_text((enum sync_state)is->state)),
	    log_text("was", sync_state_text((enum sync_state)was->state)),
	    log_text("class",
		is->failed ? failure_class_text((enum failure_class)is->failure_class) : NULL),
	    log_number("failures", is->consecutive_failures),
	    log_number("offset", is->event_offset));
}

void record_success(struct sync_record *r, enum sync_state state, bool confirmed_current)
{
	struct stamp now = stamp_now();

	r->last_contact = now;
	r->last_success = now;
	if (confirmed_current)
		r->confirmed_current = now;
	r->consecutive_failures = 0;
	r->failed = 0;
	r->failure_class = FAILURE_NONE;
	r->failed_at = 0;
	memset(r->failure_message, 0, sizeof(r->failure_message));
	set_state(r, state);
}

/* It closes the breaker; how the feed itself does is for the feed to say. */
void record_reached(struct sync_record *r)
{
	struct stamp success = r->last_success;

	if (r->state != SYNC_FALLBACK) {
		r->last_contact = stamp_now();
		return;
	}
	record_success(r, SYNC_LIVE, false);
	r->last_success = success;
}

void report_adopt(struct engine *e, const struct sync_record *committed)
{
	bool changed = e->record.state != committed->state;

	log_state(&e->record, committed);
	e->record = *committed;
	if (changed)
		service_state_changed(e);
}

void report_recovered(const char *what, struct log_repeat *repeat)
{
	if (log_repeat_ended(repeat))
		log_info(what, log_number("failures", (int64_t)repeat->count),
		    log_number("seconds", mono_ms_between(repeat->since, mono_now()) / 1000));
}

/* True if Central said something, even if it was a refusal. */
static bool was_contact(enum failure_class c)
{
	return c == FAILURE_HTTP_5XX || c == FAILURE_RATE_LIMITED || c == FAILURE_AUTH;
}

static void record_failure(struct sync_record *r, const struct central_outcome *outcome)
{
	if (was_contact(outcome->failure))
		r->last_contact = stamp_now();
	r->failed = 1;
	r->failure_class = outcome->failure;
	r->failed_at = wall_seconds();
	memset(r->failure_message, 0, sizeof(r->failure_message));
	snprintf(r->failure_message, sizeof(r->failure_message), "%s", outcome->message);
}

static void report(struct engine *e, const char *what, struct log_repeat *repeat,
    const struct central_outcome *outcome, const struct sync_record *next)
{
	metrics_daemon_failure(e->metrics, outcome->failure);
	if (log_repeat_failed(repeat, mono_now()))
		log_error(what, log_text("class", failure_class_text(outcome->failure)),
		    log_text("error", outcome->message),
		    log_number("failures", next->consecutive_failures),
		    log_number("records", (int64_t)repeat->unlogged),
		    log_text("request_id", outcome->request_id));
	report_adopt(e, next);
	/* A store that can't be written is known already, or is seen at the next event. */
	report_commit(e);
}

void report_failure(struct engine *e, const char *what, struct log_repeat *repeat,
    const struct central_outcome *outcome)
{
	struct sync_record next = e->record;

	record_failure(&next, outcome);
	next.consecutive_failures = breaker_count(next.consecutive_failures, outcome->failure);
	set_state(&next, breaker_state(next.consecutive_failures, e->settings.failures_max));
	report(e, what, repeat, outcome, &next);
}

void report_write_failure(struct engine *e, const char *what, const struct central_outcome *outcome)
{
	struct sync_record next = e->record;
	unsigned before = next.consecutive_failures;

	record_failure(&next, outcome);
	next.consecutive_failures = breaker_count_write(before, outcome->failure);
	if (next.consecutive_failures != before)
		set_state(
		    &next, breaker_state(next.consecutive_failures, e->settings.failures_max));
	report(e, what, &e->write_failures, outcome, &next);
}

enum st_err report_commit(struct engine *e)
{
	struct store_txn *t;
	enum st_err err;

	/* Before the first full sync there is nowhere to keep it: who asks us is told. */
	if (!engine_has_running(e))
		return ST_OK;
	err = store_txn_begin(e->store, STORE_RUNNING, &t);
	if (err)
		return err;
	store_txn_put_record(t, &e->record);
	return store_txn_commit(t);
}

void report_small_failure(struct engine *e, const char *what, struct log_repeat *repeat,
    const struct central_outcome *outcome)
{
	metrics_daemon_failure(e->metrics, outcome->failure);
	if (log_repeat_failed(repeat, mono_now()))
		log_warn(what, log_text("class", failure_class_text(outcome->failure)),
		    log_text("error", outcome->message),
		    log_number("records", (int64_t)repeat->unlogged),
		    log_text("request_id", outcome->request_id));
}

/* Checksums or structure are wrong: it can still be read where it is whole. */
static void condemn(struct engine *e)
{
	log_error("store damaged", log_text("error", "it is to be built anew"));
	/* The next daemon may not find it by itself.  It's kept if that can still be written. */
	e->record.full_sync_owed = FULL_SYNC_STORE_REBUILT;
	(void)report_commit(e);
	e->damaged = true;
	follow_lose(e, FULL_SYNC_STORE_REBUILT);
}

struct central_outcome storage_outcome(struct engine *e, enum st_err err)
{
	struct central_outcome o = { .failure = FAILURE_STORAGE, .limit = { .limit = -1 } };

	if (err == ST_CORRUPT && !e->damaged)
		condemn(e);

	snprintf(o.message, sizeof(o.message), "the store can't be written: %s%s", st_err_text(err),
	    err == ST_FULL ? " on its disk, or within CACHE_MAP_SIZE_MB" : "");
	return o;
}

static void fill_from_record(const struct sync_record *r, struct control_status *out)
{
	*out = (struct control_status){ .state = (enum sync_state)r->state,
		.next_poll_at = -1,
		.products_total = -1,
		.state_since = r->state_since > 0 ? r->state_since : 0,
		.consecutive_failures = r->consecutive_failures,
		.full_sync_failures = r->full_sync_failures,
		.last_contact_at = -1,
		.version = STORE_API_VERSION };
	if (stamp_is_set(&r->last_contact) && r->last_contact.wall_ms >= 0)
		out->last_contact_at = r->last_contact.wall_ms / 1000;
	if (!r->failed)
		return;
	out->failure = (enum failure_class)r->failure_class;
	out->failed_at = r->failed_at > 0 ? r->failed_at : 0;
	snprintf(out->failure_message, sizeof(out->failure_message), "%s", r->failure_message);
}

void report_status(const struct engine *e, struct control_status *out)
{
	const struct full_sync *f = &e->full_sync;
	bool fallback = e->record.state == SYNC_FALLBACK;
	struct mono now = mono_now(), next;

	fill_from_record(&e->record, out);
	if (full_sync_runs(e)) {
		out->full_sync_running = true;
		out->full_sync_reason = f->reason;
		out->pages_done = f->walk.pages;
		out->products_seen = f->walk.products;
		out->products_total = f->walk.total;
	}
	if (fallback || e->follow.lost || !engine_has_running(e))
		return;
	/* The end of the open poll's wait, or the start of the next. */
	next = e->follow.call ? mono_add_ms(e->follow.started, e->follow.wait_seconds * 1000)
	                      : follow_due(e, now);
	if (next.us != MONO_NEVER.us)
		out->next_poll_at = (wall_now_ms() + mono_ms_between(now, next)) / 1000;
}
