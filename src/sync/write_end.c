/*
 * sync/write_end.c: how a forwarded write ends: what is remembered of its keys,
 * what is counted, and what whoever asked for it is told.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sync/writes.h"

#define RETRY_MAX_S 3600

static const struct update_result *result_of(const struct write *w, size_t item)
{
	return item < w->end.results.n ? &w->end.results.items[item] : NULL;
}

static enum metrics_write metric_of(const struct write *w, size_t item)
{
	const struct update_result *r = result_of(w, item);

	if (r && r->applied)
		return METRICS_WRITE_APPLIED;
	if (w->end.end == CONTROL_UPDATE_ANSWERED)
		return update_verdict_of(r) == UPDATE_OWN_ERROR ? METRICS_WRITE_UNKNOWN
		                                                : METRICS_WRITE_REFUSED;
	switch (w->end.outcome) {
	case CONTROL_NOT_SENT: return METRICS_WRITE_NOT_SENT;
	case CONTROL_NOT_APPLIED: return METRICS_WRITE_NOT_APPLIED;
	default: return METRICS_WRITE_UNKNOWN;
	}
}

/* What is known of an item's key from now on. */
static void end_key(struct write *w, size_t item, struct mono now)
{
	struct keys *keys = w->engine->writes.keys;
	struct key *key = keys_find(keys, w->updates.items[item].key, now);

	switch (metric_of(w, item)) {
	case METRICS_WRITE_NOT_SENT:
	case METRICS_WRITE_NOT_APPLIED: keys_give_back(keys, key, now); break;
	case METRICS_WRITE_UNKNOWN: keys_end(keys, key, KEY_UNKNOWN, now); break;
	default: keys_end(keys, key, KEY_SETTLED, now); break;
	}
}

static void end_keys(struct write *w)
{
	struct mono now = mono_now();

	for (size_t i = 0; i < w->updates.n && w->has_keys; i++) {
		metrics_daemon_writes(w->engine->metrics, metric_of(w, i), 1);
		end_key(w, i, now);
	}
	w->has_keys = false;
}

static void answer(struct write *w)
{
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_update_write(w->id, &w->end, &json);
	control_answer(w->peer, &json);
	buf_free(&json);
	log_debug("write ended", log_text("request_id", w->id),
	    log_text("end", control_update_end_text(w->end.end)),
	    log_number("items", (int64_t)w->updates.n), log_number("tries", w->forward.tries),
	    log_number("ms", mono_ms_between(w->began, mono_now())));
}

void write_release(struct write *w)
{
	struct writes *writes = &w->engine->writes;

	TAILQ_REMOVE(&writes->all, w, entry);
	writes->bytes -= w->body.len;
	if (w->call)
		writes->under_way--;
	central_cancel(w->engine->central, w->call);
	if (writes->probe == w)
		writes->probe = NULL;
	update_list_free(&w->updates);
	update_results_free(&w->end.results);
	buf_free(&w->body);
	free(w);
}

/*
 * Those that waited for its keys: the same writes share its answer, others are
 * admitted anew.  None is freed here, so that whoever walks the list can go on.
 */
static void let_go(struct write *w)
{
	struct write *other;

	for (other = TAILQ_FIRST(&w->engine->writes.all); other; other = TAILQ_NEXT(other, entry)) {
		if (other->behind != w)
			continue;
		other->behind = NULL;
		other->phase = WRITE_TAKEN;
		if (!other->shares)
			continue;
		other->end = w->end;
		answer(other);
		other->end.results = (struct update_results){ 0 };
		other->phase = WRITE_TOLD;
	}
}

void write_end(struct write *w)
{
	end_keys(w);
	answer(w);
	let_go(w);
	write_release(w);
}

void write_end_with(struct write *w, enum control_update_end how, enum control_outcome outcome,
    int64_t retry_after_s, const char *message)
{
	w->end.end = how;
	w->end.outcome = outcome;
	w->end.retry_after_s = retry_after_s;
	w->end.index = -1;
	snprintf(w->end.message, sizeof(w->end.message), "%s", message);
	write_end(w);
}

void write_end_unknown(struct write *w, const char *message)
{
	write_end_with(w, CONTROL_UPDATE_TIMEOUT, CONTROL_UNKNOWN, -1, message);
}

int64_t write_seconds_until(struct mono then, struct mono now)
{
	int64_t ms = mono_ms_between(now, then);

	return ms <= 1000 ? 1 : ms >= RETRY_MAX_S * 1000 ? RETRY_MAX_S : (ms + 999) / 1000;
}

int64_t write_next_probe_s(const struct engine *e)
{
	struct mono now = mono_now(), then = follow_due(e, now);

	if (e->record.state == SYNC_FALLBACK && !e->writes.probe)
		then = mono_earlier(then, e->writes.probe_from);
	return write_seconds_until(then.us == MONO_NEVER.us ? now : then, now);
}
