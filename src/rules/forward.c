#include "rules/forward.h"

#include "base/mutant.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   1000

static enum forward_verdict again(int64_t left_ms)
{
	return left_ms >= FORWARD_WORTH_MS ? FORWARD_AGAIN : FORWARD_TIMEOUT;
}

static enum forward_verdict not_sent(const struct forward *f, int64_t left_ms)
{
	if (f->sent)
		return again(left_ms);
	return f->unknown ? FORWARD_TIMEOUT : FORWARD_UNAVAILABLE;
}

static enum forward_verdict answered(const struct forward *f, const struct forward_try *t)
{
	if (t->own_error)
		return FORWARD_ERROR;
	if (t->refused && f->unknown && !mutant("refusal-after-unknown-believed"))
		return FORWARD_TIMEOUT;
	return FORWARD_ANSWERED;
}

enum forward_verdict forward_tried(struct forward *f, const struct forward_try *t, int64_t left_ms)
{
	f->tries++;
	if (t->answered)
		return answered(f, t);
	if (!t->sent)
		return not_sent(f, left_ms);
	f->sent = true;
	switch (t->failure) {
	case FAILURE_RATE_LIMITED: return f->unknown ? FORWARD_TIMEOUT : FORWARD_RATE_LIMITED;
	case FAILURE_AUTH: return f->unknown ? FORWARD_TIMEOUT : FORWARD_AUTH_FAILED;
	case FAILURE_CONNECT:
	case FAILURE_TIMEOUT: f->unknown = true; return again(left_ms);
	default: f->unknown = true; return FORWARD_ERROR;
	}
}

int64_t forward_try_ms(const struct forward *f, int64_t left_ms)
{
	return f->tries == 0 ? left_ms * 5 / 8 : left_ms;
}

int64_t forward_pause_ms(const struct forward *f, uint32_t random)
{
	int64_t ceiling = PAUSE_FIRST_MS;

	for (unsigned i = 1; i < f->tries && ceiling < PAUSE_MAX_MS; i++)
		ceiling *= 2;
	ceiling = ceiling < PAUSE_MAX_MS ? ceiling : PAUSE_MAX_MS;
	return ceiling / 2 + (int64_t)((uint64_t)(ceiling / 2) * random >> 32);
}
