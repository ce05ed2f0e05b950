#include "api/trouble.h"

#include <string.h>

#define QUIET_MS         10000 /* one that comes and goes with every request is one */
#define STRANGERS_BURST  50
#define STRANGERS_PERIOD 1000

static const struct {
	const char *begins, *ends;
} words[TROUBLE_COUNT] = {
	[TROUBLE_STORE] = { "store can't be read", "store can be read again" },
	[TROUBLE_DAEMON] = { "sync daemon doesn't answer", "sync daemon is there again" },
};

void troubles_init(struct troubles *t)
{
	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	log_limit_init(&t->strangers, STRANGERS_BURST, STRANGERS_PERIOD);
}

void trouble_met(struct troubles *t, enum trouble which, enum st_err err, const char *request_id,
    struct mono now)
{
	struct log_repeat *repeat = &t->of[which].repeat;

	pthread_mutex_lock(&t->lock);
	t->of[which].last = now;
	if (log_repeat_failed(repeat, now))
		log_error(words[which].begins, log_text("error", st_err_text(err)),
		    log_number("records", (int64_t)repeat->unlogged),
		    log_text("request_id", request_id));
	pthread_mutex_unlock(&t->lock);
}

bool trouble_may_be_over(struct troubles *t, enum trouble which, struct mono now)
{
	const struct log_repeat *repeat = &t->of[which].repeat;
	bool may;

	pthread_mutex_lock(&t->lock);
	may = repeat->count > 0 && !repeat->ended &&
	      mono_ms_between(t->of[which].last, now) >= QUIET_MS;
	pthread_mutex_unlock(&t->lock);
	return may;
}

void trouble_is_over(struct troubles *t, enum trouble which, struct mono now)
{
	struct log_repeat *repeat = &t->of[which].repeat;

	pthread_mutex_lock(&t->lock);
	if (log_repeat_ended(repeat))
		log_info(words[which].ends, log_number("failures", (int64_t)repeat->count),
		    log_number("seconds", mono_ms_between(repeat->since, now) / 1000));
	pthread_mutex_unlock(&t->lock);
}

void trouble_stranger(
    struct troubles *t, struct span remote_addr, const char *request_id, struct mono now)
{
	uint64_t records = log_limit_take(&t->strangers, now);

	if (records > 0)
		log_warn("unauthorized request",
		    log_bytes("remote_addr", remote_addr.data, remote_addr.len),
		    log_text("request_id", request_id), log_number("records", (int64_t)records));
}

void trouble_count_strangers(struct troubles *t, struct mono now)
{
	uint64_t records = log_limit_rest(&t->strangers, now);

	if (records > 0)
		log_warn("unauthorized requests without a line of their own",
		    log_number("records", (int64_t)records));
}
