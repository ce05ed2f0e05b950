#include "rules/pace.h"

bool pace_was_early(const struct pace_poll *p)
{
	return !p->brought_events && mono_ms_between(p->started, p->ended) < p->wait_ms;
}

struct mono pace_next_poll(const struct pace_poll *p, int64_t interval_ms)
{
	int64_t least = PACE_IDLE_LEAST_MS;

	if (p->brought_events)
		return p->ended;
	if (pace_was_early(p))
		least += p->early * (int64_t)PACE_IDLE_LEAST_MS;
	if (least > PACE_IDLE_MOST_MS)
		least = PACE_IDLE_MOST_MS;
	return mono_later(
	    p->ended, mono_add_ms(p->started, interval_ms > least ? interval_ms : least));
}

static bool is_forgotten(const struct pace_full_syncs *p, struct mono now)
{
	return p->streak == 0 || mono_ms_between(p->last_end, now) >= PACE_FULL_SYNC_FORGET_MS;
}

struct mono pace_next_full_sync(const struct pace_full_syncs *p, struct mono now)
{
	int64_t wait = PACE_FULL_SYNC_FIRST_MS;

	if (is_forgotten(p, now))
		return now;
	for (unsigned i = 1; i < p->streak && wait < PACE_FULL_SYNC_MOST_MS; i++)
		wait *= 2;
	if (wait > PACE_FULL_SYNC_MOST_MS)
		wait = PACE_FULL_SYNC_MOST_MS;
	return mono_later(now, mono_add_ms(p->last_end, wait));
}

void pace_full_sync_ended(struct pace_full_syncs *p, struct mono now)
{
	p->streak = is_forgotten(p, now) ? 1 : p->streak + 1;
	p->last_end = now;
}
