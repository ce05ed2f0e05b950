/*
 * model/record.c: words, and the age of a moment.
 *
 * Within one boot the boot-time clock tells an age: nobody can set it.  Over a
 * reboot only wall time is left, and where that went back nothing is known.
 */
#include "model/record.h"

#include <string.h>

#include "base/clock.h"
#include "model/doubt.h"

#define SAME_SIZE(type, sum) _Static_assert(sizeof(type) == (sum), #type " has padding")

SAME_SIZE(struct stamp, 40 + 2 * 8);
SAME_SIZE(struct doubt, sizeof(struct stamp) + 8 + 4 * 4);
SAME_SIZE(struct sync_record, 8 + 3 * sizeof(struct stamp) + 8 + 2 * 4 + 8 + 2 * 4 + 8 +
				  RECORD_TEXT_SIZE + 7 * 8 + 2 * 4 + 10 * 8);

static const char *const state_texts[SYNC_STATE_COUNT] = {
	[SYNC_STARTING] = "starting",
	[SYNC_LIVE] = "live",
	[SYNC_RETRYING] = "retrying",
	[SYNC_FALLBACK] = "fallback",
};

static const char *const class_texts[FAILURE_CLASS_COUNT] = {
	[FAILURE_NONE] = "",
	[FAILURE_CONNECT] = "connect",
	[FAILURE_TIMEOUT] = "timeout",
	[FAILURE_HTTP_5XX] = "http_5xx",
	[FAILURE_RATE_LIMITED] = "rate_limited",
	[FAILURE_AUTH] = "auth",
	[FAILURE_BAD_ANSWER] = "bad_answer",
	[FAILURE_STORAGE] = "storage",
};

static const char *const reason_texts[FULL_SYNC_REASON_COUNT] = {
	[FULL_SYNC_NONE] = "",
	[FULL_SYNC_INITIAL] = "initial",
	[FULL_SYNC_FORCED] = "forced",
	[FULL_SYNC_OFFSET_GONE] = "offset_gone",
	[FULL_SYNC_OFFSET_RESET] = "offset_reset",
	[FULL_SYNC_EVENT_GAP] = "event_gap",
	[FULL_SYNC_BREAKER_OPEN] = "breaker_open",
	[FULL_SYNC_STORE_REBUILT] = "store_rebuilt",
	[FULL_SYNC_VERIFY_MISMATCH] = "verify_mismatch",
};

const char *sync_state_text(enum sync_state state)
{
	return (unsigned)state < SYNC_STATE_COUNT ? state_texts[state] : "";
}

const char *failure_class_text(enum failure_class c)
{
	return (unsigned)c < FAILURE_CLASS_COUNT ? class_texts[c] : "";
}

const char *full_sync_reason_text(enum full_sync_reason reason)
{
	return (unsigned)reason < FULL_SYNC_REASON_COUNT ? reason_texts[reason] : "";
}

struct stamp stamp_now(void)
{
	struct stamp s = { .boottime_ms = mono_now().us / 1000, .wall_ms = wall_now_ms() };

	_Static_assert(BOOT_ID_SIZE <= sizeof(s.boot_id), "a longer id of a boot");
	memcpy(s.boot_id, clock_boot_id(), BOOT_ID_SIZE);
	return s;
}

bool stamp_is_set(const struct stamp *s)
{
	return s->wall_ms != 0 || s->boottime_ms != 0 || s->boot_id[0] != '\0';
}

int64_t stamp_age_ms(const struct stamp *s, const struct stamp *now)
{
	bool same_boot = s->boot_id[0] &&
	                 strncmp(s->boot_id, now->boot_id, sizeof(s->boot_id)) == 0;
	int64_t age = same_boot ? now->boottime_ms - s->boottime_ms : now->wall_ms - s->wall_ms;

	return stamp_is_set(s) && age >= 0 ? age : -1;
}
