#include "health/health.h"

#include <stddef.h>

bool health_too_stale(
    const struct sync_record *record, const struct stamp *now, int64_t max_staleness_seconds)
{
	int64_t age = stamp_age_ms(&record->confirmed_current, now);

	if (max_staleness_seconds == 0)
		return false;
	return age < 0 || age > max_staleness_seconds * 1000;
}

static const char *cache_word(const struct health_facts *f)
{
	if (f->store == ST_UNAVAILABLE)
		return "empty";
	if (f->store != ST_OK)
		return "unreadable";
	return health_too_stale(f->record, &f->now, f->max_staleness_seconds) ? "stale" : "ok";
}

/* A daemon that starts has not failed yet; what it last committed still counts. */
static const char *central_word(const struct health_facts *f)
{
	if (!f->daemon_answers)
		return "unknown";
	switch (f->record ? (enum sync_state)f->record->state : f->daemon_state) {
	case SYNC_RETRYING: return "retrying";
	case SYNC_FALLBACK: return "fallback";
	default: return "ok";
	}
}

struct health health_judge(const struct health_facts *f)
{
	struct health h = { .cache = cache_word(f), .central = central_word(f) };
	int64_t age = f->record ? stamp_age_ms(&f->record->confirmed_current, &f->now) : -1;

	h.daemon = f->daemon_answers ? "ok" : "unreachable";
	h.age_seconds = age < 0 ? -1 : age / 1000;
	if (h.cache[0] != 'o')
		h.verdict = HEALTH_UNHEALTHY;
	else if (!f->daemon_answers || h.central[0] != 'o' || f->record->products_rejected > 0)
		h.verdict = HEALTH_DEGRADED;
	return h;
}

const char *health_verdict_text(enum health_verdict v)
{
	static const char *const texts[] = { "healthy", "degraded", "unhealthy" };

	return texts[v];
}
