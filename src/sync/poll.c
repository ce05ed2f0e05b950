/*
 * sync/poll.c: following the feed from the running generation's offset.
 *
 * One long poll after the other.  What an answer brings is committed together
 * with the offset behind it, so that a daemon killed at any instant goes on
 * where it was.  What an answer means for our place in the feed is decided in
 * rules/feed.h.
 */
#include "base/random.h"
#include "rules/backoff.h"
#include "rules/feed.h"
#include "sync/state.h"

#define HTTP_GONE     410
#define HOLE_FIRST_MS 200 /* a hole is asked for again after this */

static bool can_poll(const struct engine *e)
{
	return !e->poll.place_lost && store_writer_condition(e->store) == STORE_READY;
}

struct mono poll_due(const struct engine *e)
{
	return e->poll.call || !can_poll(e) ? MONO_NEVER : e->poll.next;
}

void poll_cancel(struct engine *e)
{
	central_cancel(e->central, e->poll.call);
	e->poll.call = NULL;
}

static void poll_failed(struct engine *e, const struct central_outcome *outcome)
{
	bool was_open = e->record.state == SYNC_FALLBACK;

	report_failure(e, "event sync failed", &e->event_failures, outcome);
	e->poll.next = mono_add_ms(mono_now(),
	    backoff_ms((unsigned)e->event_failures.count, outcome->retry_after_ms, random_bits()));
	if (e->record.state == SYNC_FALLBACK && !was_open)
		full_sync_want(e, FULL_SYNC_BREAKER_OPEN, mono_now());
}

/* The feed can't be followed any more; polls rest until a full sync has been published. */
static void lose_place(struct engine *e, enum full_sync_reason reason)
{
	log_warn("event sync lost its place", log_text("reason", full_sync_reason_text(reason)),
	    log_number("offset", e->record.event_offset));
	e->poll.place_lost = true;
	full_sync_want(e, reason, mono_now());
}

static void plan_next(struct engine *e, const struct feed_view *v, struct mono now)
{
	struct pace_poll p = { .started = e->poll.started,
		.ended = now,
		.wait_ms = e->settings.wait_seconds * 1000,
		.brought_events = v->n > 0,
		.early = e->poll.early };

	e->poll.next = pace_next_poll(&p, e->settings.interval_ms);
	e->poll.early = pace_was_early(&p) ? e->poll.early + 1 : 0;
	if (v->verdict == FEED_HOLE)
		e->poll.next = mono_add_ms(now, HOLE_FIRST_MS);
}

static void apply_answer(struct engine *e, const struct feed_view *v)
{
	struct sync_record next = e->record;
	struct apply_counts counts;
	enum st_err err;

	next.event_offset = v->next_offset;
	record_success(&next, v->at_end && v->verdict == FEED_FOLLOWS);
	err = apply_events(e, STORE_RUNNING, v->run, v->n, &next, &counts);
	if (err) {
		struct central_outcome failure = storage_outcome(err);

		poll_failed(e, &failure);
		return;
	}
	log_debug("event sync batch", log_number("from", e->record.event_offset),
	    log_number("offset", next.event_offset), log_number("applied", (int64_t)counts.applied),
	    log_number("stale", (int64_t)counts.stale));
	report_adopt(e, &next);
	report_recovered("event sync works again", &e->event_failures);
	metrics_daemon_events(e->metrics, METRICS_EVENT_APPLIED, counts.applied);
	metrics_daemon_events(e->metrics, METRICS_EVENT_STALE, counts.stale);
	plan_next(e, v, mono_now());
}

static void answer_arrived(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;
	struct mono now = mono_now();
	struct feed_view v;
	bool gap;

	e->poll.call = NULL;
	if (outcome->status == HTTP_GONE) {
		lose_place(e, FULL_SYNC_OFFSET_GONE);
		return;
	}
	if (!batch) {
		poll_failed(e, outcome);
		return;
	}
	v = feed_look(e->record.event_offset, e->settings.batch_limit, batch);
	gap = feed_hole_is_gap(&v, now, &e->poll.hole_since);
	if (v.verdict == FEED_RESET)
		lose_place(e, FULL_SYNC_OFFSET_RESET);
	else if (v.verdict == FEED_UNUSABLE || gap)
		lose_place(e, FULL_SYNC_EVENT_GAP);
	else
		apply_answer(e, &v);
}

void poll_tick(struct engine *e, struct mono now)
{
	struct poll *p = &e->poll;
	enum st_err err;

	if (!mono_reached(poll_due(e), now))
		return;
	p->started = now;
	err = central_get_events(e->central, e->record.event_offset, e->settings.batch_limit,
	    e->settings.wait_seconds, answer_arrived, e, &p->call);
	if (err) {
		struct central_outcome failure = storage_outcome(err);

		poll_failed(e, &failure);
	}
}
