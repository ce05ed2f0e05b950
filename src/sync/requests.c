/*
 * sync/requests.c: what all requests to Central have in common: the one budget,
 * what an answer's headers teach about it, and when to try again.
 */
#include "base/random.h"
#include "rules/backoff.h"
#include "sync/state.h"

struct mono request_when(
    const struct engine *e, enum budget_kind kind, struct mono wanted, struct mono now)
{
	return mono_later(wanted, budget_earliest(&e->budget, kind, now));
}

uint64_t request_sent(struct engine *e, struct mono now)
{
	budget_spent(&e->budget, now);
	return ++e->moment;
}

void request_answered(struct engine *e, const struct central_outcome *outcome)
{
	struct mono now = mono_now();

	if (outcome->limit.limit >= 0)
		budget_learned(&e->budget, outcome->limit.limit, outcome->limit.remaining,
		    outcome->limit.reset_ms, now);
	if (outcome->failure == FAILURE_RATE_LIMITED)
		budget_refused(&e->budget, outcome->retry_after_ms, now);
	/* Behind a new connection may stand a Central that has lost its log. */
	if (outcome->new_connection)
		e->follow.check_owed = true;
}

void request_after_failure(struct engine *e, bool was_open)
{
	if (e->record.state == SYNC_FALLBACK && !was_open)
		full_sync_want(e, FULL_SYNC_BREAKER_OPEN, mono_now());
}

struct mono request_retry(unsigned failures, const struct central_outcome *outcome)
{
	return mono_add_ms(
	    mono_now(), backoff_ms(failures, outcome->retry_after_ms, random_bits()));
}
