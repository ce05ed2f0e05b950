#include "rules/budget.h"

#define WINDOW_MS 60000

/* Percent of the limit that must remain for a request of this kind. */
static const int64_t floors[BUDGET_KIND_COUNT] = {
	[BUDGET_WRITE] = 0,
	[BUDGET_EVENTS] = 20,
	[BUDGET_LOOKUP] = 30,
	[BUDGET_PAGE] = 40,
	[BUDGET_COMPARE] = 40,
};

#define SPREAD_PERCENT 50

/* ---- what we know of ourselves: how much was sent in the last minute ---- */

static void roll(struct budget *b, struct mono now)
{
	if (!mono_reached(b->sent_ends, now))
		return;
	b->sent_before = mono_ms_between(b->sent_ends, now) < WINDOW_MS ? b->sent : 0;
	b->sent = 0;
	b->sent_ends = mono_add_ms(now, WINDOW_MS);
	/* A limit that was only guessed grows back. */
	if (b->limit > 0 && !b->told) {
		b->limit += b->limit / 4 + 1;
		if (b->limit > 4 * (b->sent_before + 1))
			b->limit = 0;
	}
}

static int64_t sent_lately(const struct budget *b)
{
	return b->sent > b->sent_before ? b->sent : b->sent_before;
}

/* ---- the window ---- */

static bool is_over(const struct budget *b, struct mono now)
{
	return mono_reached(b->ends, now);
}

static int64_t remaining(const struct budget *b, struct mono now)
{
	return is_over(b, now) ? b->limit : b->remaining;
}

/* Between two of these the rest of the window is shared out evenly. */
static int64_t pause_ms(const struct budget *b, enum budget_kind kind, struct mono now)
{
	int64_t left = remaining(b, now) - b->limit * floors[kind] / 100;
	int64_t until = is_over(b, now) ? b->window_ms : mono_ms_between(now, b->ends);

	return left > 0 ? until / left : until;
}

void budget_spent(struct budget *b, struct mono now)
{
	roll(b, now);
	b->sent++;
	if (b->limit == 0)
		return;
	if (is_over(b, now)) {
		b->remaining = b->limit;
		b->ends = mono_add_ms(now, b->window_ms);
	}
	b->remaining--;
	b->spread = now;
}

void budget_learned(
    struct budget *b, int64_t limit, int64_t remaining_now, int64_t reset_ms, struct mono now)
{
	if (limit <= 0)
		return;
	b->told = true;
	b->limit = limit;
	b->remaining = remaining_now;
	if (is_over(b, now) || reset_ms > b->window_ms)
		b->window_ms = reset_ms > 0 ? reset_ms : 1000;
	b->ends = mono_add_ms(now, reset_ms > 0 ? reset_ms : 0);
}

void budget_refused(struct budget *b, int64_t wait_ms, struct mono now)
{
	int64_t half = sent_lately(b) / 2;

	b->refused = mono_later(b->refused, mono_add_ms(now, wait_ms));
	if (b->told) {
		b->remaining = 0;
		return;
	}
	b->limit = half > 2 ? half : 2;
	b->remaining = 0;
	b->window_ms = WINDOW_MS;
	b->ends = mono_add_ms(now, wait_ms > 0 ? wait_ms : WINDOW_MS);
}

struct mono budget_earliest(const struct budget *b, enum budget_kind kind, struct mono now)
{
	struct mono earliest = mono_later(now, b->refused);
	int64_t left;

	if (b->limit == 0)
		return earliest;
	left = remaining(b, now);
	if (left <= b->limit * floors[kind] / 100)
		return mono_later(earliest, b->ends);
	if (kind == BUDGET_WRITE || left * 100 > b->limit * SPREAD_PERCENT)
		return earliest;
	return mono_later(earliest, mono_add_ms(b->spread, pause_ms(b, kind, now)));
}
