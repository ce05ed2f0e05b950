/*
 * api/freshness.c: how fresh an answer is, and whether that is fresh enough.
 *
 * The state is that of the store's record, as the daemon last committed it.
 * Whether a daemon is there at all, api_refresh() looks up every few seconds:
 * no read asks the daemon.
 */
#include <string.h>

#include "api/call.h"
#include "api/query.h"
#include "health/health.h"

#define ASKED_HEADER  "X-Store-Max-Staleness"
#define ASKED_ALLOWED "one integer from 0 to 2^53, in seconds"
#define NOT_ASKED     UINT64_MAX

/* One that was there is looked for again by api_refresh(); one that wasn't, at once. */
bool call_has_writer(const struct call *c)
{
	struct api *a = c->api;
	bool has = atomic_load(&a->has_writer);

	if (!has) {
		has = store_reader_has_writer(a->store);
		atomic_store(&a->has_writer, has);
	}
	return has;
}

const char *call_sync_state(const struct call *c, const struct sync_record *record)
{
	return call_has_writer(c) ? sync_state_text((enum sync_state)record->state) : "stopped";
}

void freshness_headers(
    struct call *c, const struct sync_record *record, const struct stamp *now, const char *state)
{
	int64_t age = stamp_age_ms(&record->confirmed_current, now);

	if (age >= 0)
		response_header_int(c->response, "Age", age / 1000);
	response_header_int(c->response, "X-Store-Event-Offset", record->event_offset);
	response_header(c->response, "X-Store-Sync-State", state);
}

static bool read_asked(struct call *c, uint64_t *seconds)
{
	struct span asked = c->request->max_staleness;

	*seconds = NOT_ASKED;
	if (!asked.data || text_to_uint(asked.data, asked.len, QUERY_NUMBER_MAX, seconds) == ST_OK)
		return true;
	problem_respond_with(c, PROBLEM_INVALID_PARAMETER, "parameter",
	    (struct span){ ASKED_HEADER, strlen(ASKED_HEADER) }, "allowed", ASKED_ALLOWED);
	return false;
}

/* What the client asks for is held against what `Age` tells it: whole seconds. */
static bool is_too_stale(
    const struct call *c, const struct sync_record *record, const struct stamp *now, uint64_t asked)
{
	int64_t age = stamp_age_ms(&record->confirmed_current, now);

	if (asked != NOT_ASKED && (age < 0 || (uint64_t)age / 1000 > asked))
		return true;
	return health_too_stale(record, now, c->api->options.max_staleness_seconds);
}

bool call_open_snapshot(struct call *c, struct store_snapshot *s, struct sync_record *record)
{
	struct stamp now;
	uint64_t asked;
	enum st_err err;

	if (!read_asked(c, &asked))
		return false;
	err = store_snapshot_begin(c->api->store, s);
	if (err) {
		problem_of_store(c, err);
		return false;
	}
	err = store_snapshot_record(s, record);
	if (err) {
		store_snapshot_end(s);
		problem_of_store(c, err);
		return false;
	}
	now = stamp_now();
	freshness_headers(c, record, &now, call_sync_state(c, record));
	if (is_too_stale(c, record, &now, asked)) {
		store_snapshot_end(s);
		problem_respond(c, PROBLEM_CACHE_TOO_STALE, NULL);
		return false;
	}
	return true;
}
