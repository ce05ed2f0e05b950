/*
 * The verdict is the worst of what the judges below find, each looking at one
 * thing; what they found is the text, in their order.  Their rank is that of
 * the guidelines: what isn't known is worse than OK, and hides no trouble that
 * is.
 *
 *   STORE-SYNC WARNING - fallback mode (7 failures, timeout), 150 products, offset 1045, age 90s | …
 *                        what was found                       where the store stands
 */
#include "health/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "health/health.h"

#define NAME "STORE-SYNC"

struct verdict {
	const struct check_facts *facts;
	const struct check_limits *limits;
	int64_t age_seconds; /* -1: unknown */
	enum check_state state;
	struct buf *text;
};

const char *check_state_text(enum check_state state)
{
	static const char *const texts[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

	return texts[state];
}

void check_default_limits(int64_t cycle_seconds, struct check_limits *limits)
{
	int64_t warning = 3 * cycle_seconds, critical = 10 * cycle_seconds;

	limits->warning = (struct range){ .end = (double)(warning > 60 ? warning : 60) };
	limits->critical = (struct range){ .end = (double)(critical > 200 ? critical : 200) };
	snprintf(limits->warning.text, RANGE_TEXT_SIZE, "%.0f", limits->warning.end);
	snprintf(limits->critical.text, RANGE_TEXT_SIZE, "%.0f", limits->critical.end);
}

void check_add_text(const char *text, struct buf *out)
{
	size_t n;

	for (size_t left = strlen(text); left > 0; text += n, left -= n) {
		uint32_t code = 0;
		size_t len = text_character(text, left, &code);

		n = len ? len : 1;
		if (code == '|')
			buf_addc(out, '/');
		else if (len == 0 || text_is_unsafe(code))
			buf_addc(out, ' ');
		else
			buf_add(out, text, len);
	}
}

static void begin_line(enum check_state state, struct buf *line)
{
	buf_addf(line, NAME " %s - ", check_state_text(state));
}

void check_give_up(enum check_state state, const char *why, struct buf *line)
{
	begin_line(state, line);
	check_add_text(why, line);
	buf_addc(line, '\n');
}

static enum check_state worse(enum check_state a, enum check_state b)
{
	static const int ranks[] = {
		[CHECK_OK] = 0, [CHECK_UNKNOWN] = 1, [CHECK_WARNING] = 2, [CHECK_CRITICAL] = 3
	};

	return ranks[a] >= ranks[b] ? a : b;
}

/* One more finding: what is said of it goes to the buffer that is returned. */
static struct buf *found(struct verdict *v, enum check_state state)
{
	v->state = worse(v->state, state);
	if (v->text->len > 0)
		buf_adds(v->text, ", ");
	return v->text;
}

/* ---- the daemon ---- */

static void judge_daemon(struct verdict *v)
{
	const struct check_facts *f = v->facts;
	char waited[DURATION_TEXT_SIZE];

	text_duration(f->waited_ms, waited);
	switch (f->asked) {
	case ST_OK: break;
	case ST_UNAVAILABLE:
		buf_adds(found(v, CHECK_CRITICAL),
		    f->has_writer ? "daemon runs, but not at its control socket"
				  : "daemon not running");
		break;
	case ST_TIMEOUT:
		buf_addf(found(v, CHECK_CRITICAL), "daemon hangs (no answer in %s)", waited);
		break;
	case ST_BUSY:
		buf_addf(
		    found(v, CHECK_CRITICAL), "daemon hangs (takes no connection in %s)", waited);
		break;
	case ST_DENIED: buf_adds(found(v, CHECK_UNKNOWN), "no permission to ask the daemon"); break;
	case ST_INVALID: buf_adds(found(v, CHECK_WARNING), "daemon of another version"); break;
	default:
		buf_addf(
		    found(v, CHECK_CRITICAL), "daemon doesn't answer (%s)", st_err_text(f->asked));
	}
}

/* ---- the store ---- */

static void judge_store(struct verdict *v)
{
	switch (v->facts->store) {
	case ST_OK: break;
	case ST_UNAVAILABLE: buf_adds(found(v, CHECK_CRITICAL), "never filled"); break;
	case ST_NOT_FOUND:
		buf_adds(found(v, CHECK_CRITICAL), "never filled (there is no DATA_DIR)");
		break;
	case ST_DENIED:
		buf_adds(found(v, CHECK_UNKNOWN),
		    "no permission to read the store, or to take its locks");
		break;
	case ST_FULL:
		buf_adds(found(v, CHECK_CRITICAL), "store unreadable (its reader table is full)");
		break;
	default:
		buf_addf(found(v, CHECK_CRITICAL), "store unreadable (%s)",
		    st_err_text(v->facts->store));
	}
}

/* ---- the cache ---- */

static void judge_age(struct verdict *v)
{
	const struct check_limits *l = v->limits;

	if (v->facts->record == NULL)
		return;
	if (health_too_stale(v->facts->record, &v->facts->now, l->max_staleness_seconds))
		buf_addf(found(v, CHECK_CRITICAL),
		    "reads are refused (MAX_STALENESS_SECONDS=%" PRId64 ")",
		    l->max_staleness_seconds);
	/* An age that nobody knows is not young, nor known to be old. */
	if (v->age_seconds < 0)
		v->state = worse(v->state, CHECK_WARNING);
	else if (range_alerts(&l->critical, (double)v->age_seconds))
		buf_addf(found(v, CHECK_CRITICAL), "age is past -c %s", l->critical.text);
	else if (range_alerts(&l->warning, (double)v->age_seconds))
		buf_addf(found(v, CHECK_WARNING), "age is past -w %s", l->warning.text);
}

static void judge_rejected(struct verdict *v)
{
	const struct sync_record *r = v->facts->record;

	if (r != NULL && r->products_rejected > 0)
		buf_addf(
		    found(v, CHECK_WARNING), "%" PRIu64 " products left out", r->products_rejected);
}

/* ---- Central ---- */

/* Neither the daemon alone nor the record alone: the worse of what both say. */
struct central_view {
	enum sync_state state;
	uint32_t failures;
	enum failure_class failure;
	const char *message;
};

static bool knows_central(const struct check_facts *f)
{
	/* What a dead daemon last saw of Central says nothing of now. */
	return f->asked == ST_OK ||
	       ((f->asked == ST_DENIED || f->asked == ST_INVALID) && f->record);
}

static struct central_view view_of(const struct check_facts *f)
{
	const struct sync_record *r = f->record;
	struct central_view c = { .state = SYNC_STARTING, .message = "" };

	if (f->asked == ST_OK)
		c = (struct central_view){ f->daemon.state, f->daemon.failures, f->daemon.failure,
			f->daemon.message };
	if (r == NULL)
		return c;
	if (f->asked != ST_OK || r->state > c.state)
		c.state = (enum sync_state)r->state;
	if (r->consecutive_failures > c.failures)
		c.failures = r->consecutive_failures;
	if (c.failure == FAILURE_NONE && r->failed) {
		c.failure = (enum failure_class)r->failure_class;
		c.message = r->failure_message;
	}
	return c;
}

/* " (7 failures, timeout)" */
static void add_failures(const struct central_view *c, struct buf *out)
{
	const char *class = failure_class_text(c->failure);

	if (c->failures > 0)
		buf_addf(out, " (%" PRIu32 " failure%s%s%s)", c->failures,
		    c->failures == 1 ? "" : "s", class[0] ? ", " : "", class);
	else if (class[0] != '\0')
		buf_addf(out, " (%s)", class);
}

static void judge_central(struct verdict *v)
{
	struct central_view c = view_of(v->facts);

	if (!knows_central(v->facts))
		return;
	if (c.failure == FAILURE_STORAGE)
		buf_adds(found(v, CHECK_WARNING), "store can't be written");
	if (c.state == SYNC_RETRYING || c.state == SYNC_FALLBACK) {
		buf_adds(found(v, CHECK_WARNING),
		    c.state == SYNC_FALLBACK ? "fallback mode" : "retrying");
		add_failures(&c, v->text);
	} else {
		buf_adds(found(v, CHECK_OK), sync_state_text(c.state));
	}
}

/* ---- the rest of the line ---- */

static void add_place(const struct verdict *v)
{
	const struct check_facts *f = v->facts;

	if (f->record == NULL)
		return;
	buf_addf(v->text, "%s%" PRIu64 " products, offset %" PRId64, v->text->len > 0 ? ", " : "",
	    f->products, f->record->event_offset);
	if (v->age_seconds < 0)
		buf_adds(v->text, ", age unknown");
	else
		buf_addf(v->text, ", age %" PRId64 "s", v->age_seconds);
}

static void add_full_sync(const struct verdict *v, bool detail)
{
	const struct check_daemon *d = &v->facts->daemon;

	if (v->facts->asked != ST_OK || d->full_sync == FULL_SYNC_NONE)
		return;
	buf_addf(v->text, ", full sync (%s) under way", full_sync_reason_text(d->full_sync));
	if (!detail)
		return;
	buf_addf(v->text, ": %" PRIu64, d->products_seen);
	if (d->products_total >= 0)
		buf_addf(v->text, " of %" PRId64, d->products_total);
	buf_adds(v->text, " products read");
}

static void add_failure(const struct verdict *v)
{
	struct central_view c = view_of(v->facts);

	if (c.message[0] == '\0')
		return;
	buf_adds(v->text, ", last failure: ");
	check_add_text(c.message, v->text);
}

/* Without a record nothing but failures is known. */
static void add_perfdata(const struct verdict *v, struct buf *line)
{
	const struct check_facts *f = v->facts;
	struct central_view c = view_of(f);

	if (v->age_seconds >= 0)
		buf_addf(line, " | age=%" PRId64 "s", v->age_seconds);
	else
		buf_adds(line, " | age=U");
	buf_addf(line, ";%s;%s;0", v->limits->warning.text, v->limits->critical.text);
	if (f->record != NULL)
		buf_addf(line, " products=%" PRIu64 " offset=%" PRId64, f->products,
		    f->record->event_offset);
	else
		buf_adds(line, " products=U offset=U");
	if (f->record != NULL || f->asked == ST_OK)
		buf_addf(line, " failures=%" PRIu32, c.failures);
	else
		buf_adds(line, " failures=U");
	buf_addf(line, ";1;%" PRId64 "\n", v->limits->failures_max);
}

enum check_state check_judge(const struct check_facts *facts, const struct check_limits *limits,
    bool detail, struct buf *line)
{
	static void (*const judges[])(struct verdict *) = { judge_daemon, judge_store, judge_age,
		judge_rejected, judge_central };
	struct buf text;
	struct verdict v = { .facts = facts, .limits = limits, .age_seconds = -1, .text = &text };

	buf_init(&text, 4096);
	if (facts->record != NULL) {
		int64_t age_ms = stamp_age_ms(&facts->record->confirmed_current, &facts->now);

		v.age_seconds = age_ms < 0 ? -1 : age_ms / 1000;
	}
	for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++)
		judges[i](&v);
	add_place(&v);
	add_full_sync(&v, detail);
	if (detail)
		add_failure(&v);
	begin_line(v.state, line);
	buf_adds(line, buf_text(&text));
	add_perfdata(&v, line);
	buf_free(&text);
	return v.state;
}
