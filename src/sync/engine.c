/*
 * sync/engine.c: the loop.  Everything that waits has a due time; the loop
 * starts what is due, then sleeps in central_wait() until the earliest of them,
 * an answer of Central, a signal or a control message.
 */
#include "sync/engine.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/signals.h"
#include "rules/breaker.h"
#include "sync/state.h"

#define HOUSEKEEPING_MS 5000
/* Records of products that can't be kept: so many in so long, and the number of the others. */
#define LEFT_OUT_BURST     10
#define LEFT_OUT_PERIOD_MS 60000

#define SETTLED_MS 60000 /* without a crash: the store is no cause of any */

static void answer_status(struct engine *e, struct control_peer *peer, const char *id)
{
	struct control_status status;
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	report_status(e, &status);
	control_status_write(id, &status, &json);
	control_answer(peer, &json);
	buf_free(&json);
}

static void begin_sync(struct engine *e, struct control_peer *peer, const char *id)
{
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	full_sync_ask(e, id);
	control_done_write(id, &json);
	control_answer(peer, &json);
	buf_free(&json);
}

/* What was met so long ago was another store.  A clock that was put back tells nothing. */
static bool was_built_since(const struct engine *e, int64_t ago_ms)
{
	int64_t now = wall_now_ms(), built = e->record.full_sync_at * 1000;

	return built <= now && now - built < ago_ms;
}

/* A reader met what only readers look at, or died of it. */
static void take_damage(
    struct engine *e, struct control_peer *peer, const struct control_request *request)
{
	const char *id = request->id;
	bool passed = was_built_since(e, request->ago_ms);
	struct mono now = mono_now();
	struct buf json;

	if (!passed && log_repeat_failed(&e->damage_reports, now)) {
		log_error("store damaged",
		    log_text("error", "a reader says so: it is to be built anew"),
		    log_text("request_id", id));
		metrics_daemon_failure(e->metrics, FAILURE_STORAGE);
	}
	if (!passed && !full_sync_runs(e))
		full_sync_want(e, FULL_SYNC_STORE_REBUILT, now);
	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_done_write(id, &json);
	control_answer(peer, &json);
	buf_free(&json);
}

void engine_refuse(struct control_peer *peer, const char *id, const char *code, const char *message)
{
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_refusal_write(id, code, message, &json);
	control_answer(peer, &json);
	buf_free(&json);
}

static bool is_for(const struct control_request *request, bool trusted)
{
	return trusted || request->type == CONTROL_STATUS || request->type == CONTROL_SYNC ||
	       request->type == CONTROL_UPDATE ||
	       (request->type == CONTROL_VERIFY && !request->repair);
}

static void answer_control(
    void *arg, struct control_peer *peer, struct control_request *request, bool trusted)
{
	struct engine *e = arg;

	if (!is_for(request, trusted)) {
		engine_refuse(
		    peer, request->id, "denied", "only root and the daemon's own user may do this");
		return;
	}
	if (e->stopping && request->type != CONTROL_STATUS) {
		engine_refuse(peer, request->id, "stopping", "the daemon is about to end");
		return;
	}
	switch (request->type) {
	case CONTROL_STATUS: answer_status(e, peer, request->id); break;
	case CONTROL_SYNC:
		if (request->damaged) {
			take_damage(e, peer, request);
			break;
		}
		log_info("sync now", log_text("by", "control socket"),
		    log_text("request_id", request->id));
		if (request->wait)
			full_sync_wait(e, peer, request->id);
		else
			begin_sync(e, peer, request->id);
		break;
	case CONTROL_UPDATE: writes_take(e, peer, request); break;
	case CONTROL_VERIFY: verify_take(e, peer, request); break;
	case CONTROL_RESTORE: restore_take(e, peer, request->id); break;
	}
}

bool engine_has_running(const struct engine *e)
{
	return store_writer_condition(e->store) == STORE_READY && !e->damaged;
}

/* What a dead daemon had committed, and what is to be done first. */
static void begin(struct engine *e)
{
	struct sync_record *r = &e->record;
	struct mono now = mono_now();
	struct store_snapshot s;
	enum store_condition condition = store_writer_condition(e->store);

	if (condition == STORE_READY && store_writer_snapshot(e->store, &s) == ST_OK) {
		if (store_snapshot_record(&s, r) != ST_OK)
			condition = STORE_DAMAGED;
		store_snapshot_end(&s);
	}
	if (r->state != SYNC_FALLBACK ||
	    !breaker_is_open(r->consecutive_failures, e->settings.failures_max)) {
		r->state = SYNC_STARTING;
		r->state_since = wall_now_ms() / 1000;
	}
	log_info("sync status at start",
	    log_text("state", sync_state_text((enum sync_state)r->state)),
	    log_number("offset", r->event_offset),
	    log_text("store", condition == STORE_READY   ? "ready"
			      : condition == STORE_EMPTY ? "empty"
							 : "unusable"));
	/* Pages of a full sync that had just ended may be newer than a delete that looks right. */
	e->settled_from = mono_add_ms(now, SETTLED_MS);
	e->trust_deletes_from = mono_add_ms(now, DOUBT_MS);
	e->damaged = condition == STORE_DAMAGED;
	/* Readers are to see it; a store that can't be written is noticed at the first event. */
	report_commit(e);
	follow_begin(e, now);
	known_begin(e);
	full_sync_begin(e);
	full_sync_take_up_owed(e, now);
	if (condition == STORE_DAMAGED) {
		full_sync_want(e, FULL_SYNC_STORE_REBUILT, now);
	} else if (condition == STORE_EMPTY) {
		full_sync_want(e, FULL_SYNC_INITIAL, now);
	} else if (r->state == SYNC_FALLBACK) {
		full_sync_want(e, FULL_SYNC_BREAKER_OPEN, now);
	}
	/* From a backup: whose log its offset is of, nobody knows. */
	if (condition == STORE_READY && !stamp_is_set(&r->confirmed_current))
		compare_soon(e, now);
}

/* Its group may write there: what of ours was removed comes back. */
static void keep_run_dir(struct engine *e, struct mono now)
{
	struct buf why;
	enum st_err err;

	buf_init(&why, 4096);
	err = control_server_keep(e->control, now, &why);
	if (!err)
		err = metrics_daemon_keep(e->run_dir, e->metrics);
	if (!err)
		report_recovered("RUN_DIR is in order again", &e->run_dir_failures);
	else if (log_repeat_failed(&e->run_dir_failures, now))
		log_error("RUN_DIR is out of order",
		    log_text("error", why.len > 0 ? buf_text(&why) : st_err_text(err)));
	buf_free(&why);
}

/*
 * What somebody else has done to our files shows to nobody but readers, who
 * find others or none.  Those who have them open read on, so they are changed
 * on until there is a new generation.
 */
static void keep_store(struct engine *e, struct mono now)
{
	if (!engine_has_running(e) || full_sync_runs(e))
		return;
	if (store_writer_is_in_place(e->store)) {
		report_recovered("the store's files are in place again", &e->store_displaced);
		return;
	}
	if (log_repeat_failed(&e->store_displaced, now)) {
		log_error("the store's files were removed or replaced: it is to be built anew");
		metrics_daemon_failure(e->metrics, FAILURE_STORAGE);
	}
	full_sync_want(e, FULL_SYNC_STORE_REBUILT, now);
}

/* While nothing is asked of Central there is nothing that takes memory. */
static void measure(struct engine *e)
{
	if (e->measured == e->moment)
		return;
	e->measured = e->moment;
	metrics_daemon_resident(e->metrics, io_private_memory());
}

static void keep_house(struct engine *e, struct mono now)
{
	if (!mono_reached(e->next_housekeeping, now))
		return;
	e->next_housekeeping = mono_add_ms(now, HOUSEKEEPING_MS);
	measure(e);
	store_writer_check_readers(e->store);
	keep_store(e, now);
	keep_run_dir(e, now);
	if (mono_reached(e->settled_from, now))
		store_writer_settled(e->store);
}

static void reload(struct engine *e)
{
	struct engine_settings settings;

	if (!e->options->reload(e->options->reload_arg, &settings))
		return;
	if (central_set_options(e->central, &settings.central)) {
		log_error("settings not reloaded", log_text("error", st_err_text(ST_NOMEM)));
		return;
	}
	e->settings = settings;
	log_info("settings reloaded");
}

static void take_signals(struct engine *e)
{
	int signal;

	while ((signal = signals_next(e->options->signal_fd))) {
		switch (signal) {
		case SIGTERM:
		case SIGINT: e->stopping = true; break;
		case SIGHUP:
			service_reload_begins();
			reload(e);
			service_reload_ended();
			break;
		case SIGUSR1:
			log_info("sync now", log_text("by", "SIGUSR1"));
			full_sync_want(e, FULL_SYNC_FORCED, mono_now());
			break;
		}
	}
}

static struct mono next_due(const struct engine *e, struct mono now)
{
	struct mono due = mono_earlier(follow_due(e, now), full_sync_due(e, now));

	due = mono_earlier(due, mono_earlier(lookups_due(e, now), compare_due(e, now)));
	due = mono_earlier(due, mono_earlier(writes_due(e, now), e->next_housekeeping));
	due = mono_earlier(due, mono_earlier(verify_due(e, now), restore_due(e, now)));
	due = mono_earlier(due, e->next_watchdog);
	return mono_earlier(due, control_server_deadline(e->control));
}

static void sleep_until(struct engine *e, struct mono due)
{
	struct http_watch watches[] = {
		{ .fd = e->options->signal_fd },
		{ .fd = control_server_fd(e->control) },
	};
	struct mono now = mono_now();

	central_wait(
	    e->central, watches, sizeof(watches) / sizeof(watches[0]), mono_poll_timeout(due, now));
	if (watches[0].ready)
		take_signals(e);
	now = mono_now();
	if (watches[1].ready || mono_reached(control_server_deadline(e->control), now))
		control_server_turn(e->control, now);
}

static void turn(struct engine *e)
{
	struct mono now = mono_now();

	keep_house(e, now);
	service_tick(e, now);
	/* Clients wait for these. */
	writes_tick(e, now);
	full_sync_tick(e, now);
	follow_tick(e, now);
	lookups_tick(e, now);
	compare_tick(e, now);
	verify_tick(e, now);
	restore_tick(e, now);
	full_sync_keep_owed(e);
	now = mono_now();
	sleep_until(e, next_due(e, now));
}

/* Asked to end: what was taken from a client is brought to its end, nothing else. */
static void turn_last(struct engine *e)
{
	struct mono now = mono_now();

	writes_tick(e, now);
	lookups_tick_urgent(e, now);
	now = mono_now();
	if (writes_are_open(e))
		sleep_until(e, mono_earlier(writes_due(e, now), lookups_due_urgent(e, now)));
}

static void stop(struct engine *e)
{
	log_info("sync status: stopping",
	    log_text("was", sync_state_text((enum sync_state)e->record.state)));
	service_stopping();
	follow_cancel(e);
	compare_cancel(e);
	verify_end(e, "stopping", "the daemon is about to end");
	restore_cancel(e);
	full_sync_cancel(e);
	while (writes_are_open(e))
		turn_last(e);
	writes_end(e);
	full_sync_end(e);
	known_forget_all(e);
	position_free(&e->follow.position);
}

enum st_err engine_run(const struct engine_options *options, struct buf *why)
{
	struct engine e = { .settings = options->settings,
		.options = options,
		.store = options->store,
		.metrics = options->metrics,
		.measured = UINT64_MAX }; /* never */
	enum st_err err;

	log_limit_init(&e.left_out, LEFT_OUT_BURST, LEFT_OUT_PERIOD_MS);
	/* A reload frees the caller's. */
	snprintf(e.store_id, sizeof(e.store_id), "%s", options->store_id);
	snprintf(e.run_dir, sizeof(e.run_dir), "%s", options->run_dir);
	err = central_open(&options->settings.central, &e.central);
	if (!err)
		err = writes_begin(&e);
	if (err) {
		buf_adds(why, st_err_text(err));
		central_close(e.central);
		return err;
	}
	err = control_server_open(options->run_dir, answer_control, &e, &e.control, why);
	if (!err) {
		begin(&e);
		service_begin(&e, mono_now());
		while (!e.stopping)
			turn(&e);
		stop(&e);
		control_server_close(e.control);
	} else {
		writes_end(&e);
	}
	central_close(e.central);
	return err;
}
