/*
 * sync/follow.c: following Central's event feed.
 *
 * One long poll after the other, from the highest event received; holes below
 * it are asked for separately (rules/hole.h).  What answers bring is committed
 * together with the position behind it, so that a daemon killed at any instant
 * goes on where it was.
 *
 * The log may be another one than before (rules/log_marks.h): at start, and
 * whenever a connection to Central was opened, it is compared with what we
 * remember of it before anything from the feed is applied.  Where Central keeps
 * no connection, once a minute: what is applied in between is remembered apart,
 * so that a log that was replaced is noticed then, however many events it told.
 */
#include "base/mutant.h"
#include "sync/state.h"

#define HTTP_GONE        410
#define CHECK_LIMIT      200
#define CHECK_SPACING_MS 60000 /* where Central keeps no connections */
#define UNKEPT_ENOUGH    5     /* look-ups and writes take connections too */

static void poll_answered(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);
static void check_answered(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);
static void hole_question_answered(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);

/* ---- place ---- */

static bool can_follow(const struct engine *e)
{
	const struct follow *f = &e->follow;

	return f->attached ? !f->lost : e->full_sync.phase >= FULL_SYNC_PAGES;
}

void follow_hurry(struct engine *e)
{
	struct follow *f = &e->follow;

	if (f->call && !f->checking) {
		central_cancel(e->central, f->call);
		f->call = NULL;
	}
	f->hurry = true;
	f->next = mono_now();
}

/* ---- is it still our log? ---- */

static bool must_check(const struct engine *e, struct mono now)
{
	const struct follow *f = &e->follow;

	if (!f->check_owed || log_marks_oldest(&f->position.marks) < 0 ||
	    mutant("log-identity-not-looked-at"))
		return false;
	return f->unkept < UNKEPT_ENOUGH || mono_ms_between(f->checked, now) >= CHECK_SPACING_MS;
}

/* True if nothing from this answer may be applied before a check. */
static bool is_unchecked(struct engine *e, const struct central_outcome *outcome)
{
	struct follow *f = &e->follow;

	if (f->fresh)
		f->unkept = outcome->new_connection ? f->unkept + 1 : 0;
	f->fresh = false;
	return must_check(e, mono_now());
}

static enum st_err send_check(struct engine *e, struct mono now)
{
	struct follow *f = &e->follow;
	enum st_err err;

	f->checking = true;
	f->checked = now;
	request_sent(e, now);
	err = central_get_events(e->central, log_marks_oldest(&f->position.marks), CHECK_LIMIT, 0,
	    check_answered, e, &f->call);
	f->check_owed = err != ST_OK;
	return err;
}

/* ---- what answers bring ---- */

static void feed_failed(struct engine *e, const struct central_outcome *outcome)
{
	bool was_open = e->record.state == SYNC_FALLBACK;

	report_failure(e, "event sync failed", &e->event_failures, outcome);
	e->follow.next = request_retry((unsigned)e->event_failures.count, outcome);
	request_after_failure(e, was_open);
	full_sync_follow_failed(e, outcome);
}

static void storage_failed(struct engine *e, enum st_err err)
{
	struct central_outcome failure = storage_outcome(e, err);

	feed_failed(e, &failure);
}

/* Common to all answers of the feed; true if there is a usable one. */
static bool is_answer(struct engine *e, const struct central_outcome *outcome,
    const struct event_batch *batch, int64_t top)
{
	request_answered(e, outcome);
	if (outcome->status == HTTP_GONE) {
		follow_lose(e, FULL_SYNC_OFFSET_GONE);
		return false;
	}
	if (!batch)
		return false;
	/* Beside events a low nextOffset means nothing: it follows their order in the list. */
	if (batch->next_offset < top && (batch->n == 0 || mutant("low-next-offset-is-reset"))) {
		follow_lose(e, FULL_SYNC_OFFSET_RESET);
		return false;
	}
	if (batch->n == 0 && batch->next_offset > e->follow.position.head)
		e->follow.position.head = batch->next_offset;
	return true;
}

/* A product that can't be cached: nothing to be looked up, but counted. */
static void leave_out(struct change *c, const struct event *event)
{
	uint64_t records = log_limit_take(&c->engine->left_out, mono_now());

	c->rejected += (event->kind == EVENT_CREATED) - (event->kind == EVENT_DELETED);
	if (records > 0)
		log_warn("product left out", log_text("error", event->why),
		    log_number("offset", event->offset), log_number("records", (int64_t)records));
}

/* Where events are remembered: with what is to be compared, or not before that was. */
static struct log_marks *marks_for(struct follow *f)
{
	struct log_marks *checked = &f->position.marks;

	return f->check_owed && log_marks_oldest(checked) >= 0 ? &f->unchecked : checked;
}

/* Receive what is new in it.  fresh: how many were. */
static enum st_err receive(struct change *c, const struct event_batch *batch, size_t *fresh)
{
	struct position *p = &c->engine->follow.position;
	struct log_marks *marks = marks_for(&c->engine->follow);
	enum st_err err = ST_OK;

	for (size_t i = 0; i < batch->n && !err; i++) {
		const struct event *event = &batch->events[i];

		if (offsets_has(&p->offsets, event->offset))
			continue;
		err = offsets_add(&p->offsets, event->offset);
		if (err)
			break;
		++*fresh;
		log_marks_add(marks, event);
		if (event->product_id.len > 0)
			change_event(c, event);
		else if (event->unkeepable)
			leave_out(c, event);
	}
	if (mutant("hole-skipped"))
		offsets_skip_to(&p->offsets, offsets_top(&p->offsets));
	if (mutant("offset-from-empty-answer") && batch->n == 0)
		offsets_skip_to(&p->offsets, batch->next_offset);
	return err;
}

/* An event that names no product that could be asked for. */
static bool has_nameless(const struct event_batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		if (batch->events[i].product_id.len == 0 && !batch->events[i].unkeepable)
			return true;
	return false;
}

static void log_batch(const struct engine *e, const struct change *c, size_t received)
{
	log_debug("event sync batch", log_number("events", (int64_t)received),
	    log_number("offset", e->follow.position.offsets.next),
	    log_number("top", offsets_top(&e->follow.position.offsets)),
	    log_number("applied", (int64_t)c->applied), log_number("stale", (int64_t)c->stale),
	    log_number("owed", (int64_t)c->owed));
}

static bool is_current(const struct engine *e, const struct event_batch *batch, int64_t limit)
{
	const struct position *p = &e->follow.position;

	return e->follow.attached && (int64_t)batch->n < limit && p->offsets.n == 0 &&
	       p->head <= p->offsets.next;
}

/* Commit what an answer brings; false if it couldn't be, and all is said. */
static bool take_events(
    struct engine *e, const struct event_batch *batch, int64_t limit, size_t *fresh)
{
	struct sync_record next = e->record;
	struct change c;
	enum st_err err = change_begin(e, &c), full;

	if (err) {
		storage_failed(e, err);
		return false;
	}
	full = receive(&c, batch, fresh);
	/* Without a store there is nothing alive yet. */
	record_success(
	    &next, engine_has_running(e) ? SYNC_LIVE : SYNC_STARTING, is_current(e, batch, limit));
	log_batch(e, &c, *fresh);
	err = change_commit(&c, &next);
	if (err) {
		storage_failed(e, err);
		return false;
	}
	report_adopt(e, &next);
	report_recovered("event sync works again", &e->event_failures);
	if (*fresh > 0 && has_nameless(batch))
		full_sync_want(e, FULL_SYNC_EVENT_GAP, mono_now());
	/* Too much above a hole. */
	if (full)
		follow_lose(e, FULL_SYNC_EVENT_GAP);
	return !full;
}

static void look_for_holes(struct engine *e, struct mono now)
{
	struct position *p = &e->follow.position;

	hole_look(&e->follow.hole, &p->offsets, p->head, now);
}

/* ---- the long poll ---- */

/* Without a store the state stays as it is at the start, however well all goes. */
static bool next_answer_tells_the_state(const struct engine *e)
{
	return e->record.state != SYNC_LIVE &&
	       (e->record.state != SYNC_STARTING || engine_has_running(e));
}

/*
 * After the start and after a failure Central isn't asked to wait: the state is
 * to be known at once, not when nothing has changed for a whole wait.
 */
static int64_t wait_seconds(const struct engine *e)
{
	return e->follow.hurry || next_answer_tells_the_state(e) ? 0 : e->settings.wait_seconds;
}

static void plan_next(struct engine *e, bool brought_events, struct mono now)
{
	struct follow *f = &e->follow;
	struct pace_poll p = { .started = f->started,
		.ended = now,
		.wait_ms = f->wait_seconds * 1000,
		.brought_events = brought_events,
		.early = f->early };
	/* One that didn't wait only showed the state: the one that does is still to come. */
	int64_t interval_ms = f->wait_seconds < e->settings.wait_seconds ? 0
	                                                                 : e->settings.interval_ms;

	f->next = pace_next_poll(&p, interval_ms);
	f->early = pace_was_early(&p) ? f->early + 1 : 0;
}

static void poll_answered(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;
	struct follow *f = &e->follow;
	struct mono now = mono_now();
	int64_t limit = e->settings.batch_limit;
	bool at_end, in_hurry = f->hurry;
	size_t fresh = 0;

	f->call = NULL;
	if (!is_answer(e, outcome, batch, f->asked_top)) {
		if (outcome->failure && outcome->status != HTTP_GONE)
			feed_failed(e, outcome);
		return;
	}
	if (is_unchecked(e, outcome)) {
		f->next = now;
		return;
	}
	at_end = (int64_t)batch->n < limit;
	if (!take_events(e, batch, limit, &fresh))
		return;
	if (at_end)
		f->caught_up = f->started;
	plan_next(e, fresh > 0, now);
	look_for_holes(e, now);
	if (in_hurry && at_end)
		full_sync_caught_up(e);
	else if (in_hurry)
		f->next = now;
}

static enum st_err send_poll(struct engine *e, struct mono now)
{
	struct follow *f = &e->follow;

	f->checking = false;
	f->started = now;
	f->wait_seconds = wait_seconds(e);
	f->asked_top = offsets_top(&f->position.offsets);
	request_sent(e, now);
	return central_get_events(e->central, f->asked_top, e->settings.batch_limit,
	    f->wait_seconds, poll_answered, e, &f->call);
}

static void check_answered(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;
	struct follow *f = &e->follow;
	bool owed = f->check_owed;

	f->call = NULL;
	if (!is_answer(e, outcome, batch, f->position.offsets.next)) {
		f->check_owed = true;
		if (outcome->failure && outcome->status != HTTP_GONE)
			feed_failed(e, outcome);
		return;
	}
	/* A connection that was opened for this very question is checked by it. */
	f->check_owed = owed;
	f->fresh = true;
	f->next = mono_now();
	switch (log_marks_compare(&f->position.marks, batch)) {
	case LOG_SAME: log_marks_take_over(&f->position.marks, &f->unchecked); break;
	case LOG_REPLACED: follow_lose(e, FULL_SYNC_OFFSET_RESET); break;
	case LOG_ROTATED: follow_lose(e, FULL_SYNC_EVENT_GAP); break;
	}
}

/* ---- holes ---- */

static void ask_for_hole(struct engine *e, struct mono now)
{
	struct follow *f = &e->follow;
	int64_t from = hole_ask(&f->hole, now);
	enum st_err err;

	f->hole_top = offsets_top(&f->position.offsets);
	request_sent(e, now);
	err = central_get_events(
	    e->central, from, HOLE_LIMIT, 0, hole_question_answered, e, &f->hole_call);
	if (err) {
		storage_failed(e, err);
		hole_failed(&f->hole, f->next);
	}
}

static void hole_question_answered(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch)
{
	struct engine *e = arg;
	struct follow *f = &e->follow;
	int64_t highest;
	size_t fresh = 0;

	f->hole_call = NULL;
	if (!is_answer(e, outcome, batch, f->hole_top)) {
		hole_failed(&f->hole, request_retry(1, outcome));
		if (outcome->failure && outcome->status != HTTP_GONE)
			feed_failed(e, outcome);
		return;
	}
	if (is_unchecked(e, outcome)) {
		hole_failed(&f->hole, mono_add_ms(mono_now(), HOLE_PAUSE_MS));
		return;
	}
	highest = batch->n > 0 ? batch->events[batch->n - 1].offset : -1;
	if (!take_events(e, batch, HOLE_LIMIT, &fresh)) {
		hole_failed(&f->hole, f->next);
		return;
	}
	if (hole_answered(&f->hole, &f->position.offsets, batch->n, highest, mono_now()) ==
	    HOLE_GAP)
		follow_lose(e, FULL_SYNC_EVENT_GAP);
	else
		look_for_holes(e, mono_now());
}

/* ---- the loop's side ---- */

static struct mono poll_when(const struct engine *e, struct mono now)
{
	if (e->follow.call || !can_follow(e))
		return MONO_NEVER;
	return request_when(e, BUDGET_EVENTS, e->follow.next, now);
}

static struct mono hole_when(const struct engine *e, struct mono now)
{
	if (e->follow.hole_call || !can_follow(e) || (e->follow.call && e->follow.checking))
		return MONO_NEVER;
	return request_when(e, BUDGET_EVENTS, hole_due(&e->follow.hole), now);
}

struct mono follow_due(const struct engine *e, struct mono now)
{
	return mono_earlier(poll_when(e, now), hole_when(e, now));
}

void follow_tick(struct engine *e, struct mono now)
{
	enum st_err err = ST_OK;

	if (mono_reached(poll_when(e, now), now))
		err = must_check(e, now) ? send_check(e, now) : send_poll(e, now);
	if (err)
		storage_failed(e, err);
	if (mono_reached(hole_when(e, now), now))
		ask_for_hole(e, now);
}
