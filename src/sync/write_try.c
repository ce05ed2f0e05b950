/*
 * sync/write_try.c: one try of a forwarded write, and what comes of it
 * (rules/forward.h decides).
 */
#include <stdio.h>

#include "base/mutant.h"
#include "base/random.h"
#include "rules/backoff.h"
#include "sync/writes.h"

static void try_again(struct write *w, struct mono now)
{
	w->phase = WRITE_READY;
	w->next = mono_add_ms(now, forward_pause_ms(&w->forward, random_bits()));
}

/* As far as Central says when; else when the budget lets a write through. */
static int64_t rate_limited_s(struct engine *e, const struct central_outcome *outcome)
{
	struct mono now = mono_now();

	if (outcome->retry_after_ms > 0)
		return (outcome->retry_after_ms + 999) / 1000;
	return write_seconds_until(request_when(e, BUDGET_WRITE, now, now), now);
}

static void end_failed(
    struct write *w, enum forward_verdict verdict, const struct central_outcome *outcome)
{
	struct engine *e = w->engine;

	switch (verdict) {
	case FORWARD_RATE_LIMITED:
		write_end_with(w, CONTROL_UPDATE_RATE_LIMITED, CONTROL_NOT_APPLIED,
		    rate_limited_s(e, outcome), outcome->message);
		break;
	case FORWARD_AUTH_FAILED:
		write_end_with(
		    w, CONTROL_UPDATE_AUTH_FAILED, CONTROL_NOT_APPLIED, -1, outcome->message);
		break;
	case FORWARD_UNAVAILABLE:
		write_end_with(w, CONTROL_UPDATE_UNAVAILABLE, CONTROL_NOT_SENT,
		    write_next_probe_s(e), outcome->message);
		break;
	case FORWARD_ERROR:
		write_end_with(w, CONTROL_UPDATE_ERROR, CONTROL_UNKNOWN, -1, outcome->message);
		break;
	default: write_end_unknown(w, outcome->message); break;
	}
}

/* The breaker learns of it, and of a probe that failed. */
static void note_failure(struct write *w, const struct central_outcome *outcome)
{
	struct engine *e = w->engine;
	struct writes *writes = &e->writes;
	bool was_open = e->record.state == SYNC_FALLBACK;

	report_write_failure(e, "forwarded write failed", outcome);
	request_after_failure(e, was_open);
	if (writes->probe == w) {
		writes->probe = NULL;
		writes->probe_from = mono_add_ms(mono_now(),
		    backoff_ms(++writes->probe_failures, outcome->retry_after_ms, random_bits()));
	}
}

static bool has_own_error(const struct update_results *results)
{
	for (size_t i = 0; i < results->n; i++)
		if (update_verdict_of(&results->items[i]) == UPDATE_OWN_ERROR)
			return true;
	return false;
}

static bool has_refusal(const struct update_results *results)
{
	for (size_t i = 0; i < results->n; i++)
		if (!results->items[i].applied)
			return true;
	return false;
}

/* What it was answered is told to the client when it is in the store. */
static void keep_answer(struct write *w, enum forward_verdict verdict)
{
	w->phase = WRITE_ANSWERED;
	w->end.index = w->end.retry_after_s = -1;
	w->end.outcome = CONTROL_UNKNOWN;
	switch (verdict) {
	case FORWARD_ERROR:
		w->end.end = CONTROL_UPDATE_ERROR;
		snprintf(w->end.message, sizeof(w->end.message),
		    "Central answered with an error of its own");
		break;
	case FORWARD_TIMEOUT:
		w->end.end = CONTROL_UPDATE_TIMEOUT;
		snprintf(w->end.message, sizeof(w->end.message),
		    "refused after a try of which nobody knows whether it was applied");
		break;
	default: w->end.end = CONTROL_UPDATE_ANSWERED; break;
	}
}

static void tried(void *arg, const struct central_outcome *outcome, struct update_results *results)
{
	struct write *w = arg;
	struct engine *e = w->engine;
	struct mono now = mono_now();
	struct forward_try t = { .sent = outcome->sent, .failure = outcome->failure };
	enum forward_verdict verdict;

	w->call = NULL;
	e->writes.under_way--;
	request_answered(e, outcome);
	if (results) {
		t.answered = true;
		t.refused = has_refusal(results);
		t.own_error = !w->updates.batch && has_own_error(results);
		mutant_dies("die-after-answer");
	}
	verdict = forward_tried(&w->forward, &t, mono_ms_between(now, w->deadline));
	if (verdict == FORWARD_AGAIN) {
		report_small_failure(
		    e, "forwarded write is tried again", &e->write_failures, outcome);
		try_again(w, now);
	} else if (results) {
		report_recovered("forwarded writes work again", &e->write_failures);
		e->writes.probe_failures = 0;
		w->end.results = *results;
		*results = (struct update_results){ 0 };
		keep_answer(w, verdict);
	} else {
		note_failure(w, outcome);
		end_failed(w, verdict, outcome);
	}
}

void write_send(struct write *w, struct mono now)
{
	struct engine *e = w->engine;
	struct central_post post = { .asked = &w->updates,
		.body = { w->body.data, w->body.len },
		.request_id = w->id,
		.timeout_ms = forward_try_ms(&w->forward, mono_ms_between(now, w->deadline)) };
	enum st_err err;

	mutant_dies("die-before-send");
	request_sent(e, now);
	err = central_post_updates(e->central, &post, tried, w, &w->call);
	if (err) {
		struct central_outcome failure = storage_outcome(e, err);

		report_small_failure(e, "forwarded write failed", &e->write_failures, &failure);
		end_failed(w, w->forward.unknown ? FORWARD_TIMEOUT : FORWARD_UNAVAILABLE, &failure);
		return;
	}
	w->phase = WRITE_SENT;
	e->writes.under_way++;
}
