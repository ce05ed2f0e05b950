/*
 * sync/restore.c: a restore that somebody waits for, beside everything else.
 *
 *   CHECKING ──▶ BUILDING ──▶ published: the feed is followed from where the
 *                             backup stood
 *
 * While it is checked nothing changes.  While it is built no full sync runs: one
 * that did is put off.  A store that has just been restored is compared with
 * Central soon: by a backup alone it can't be told whether its offset is still
 * one of Central's log.
 */
#include "sync/restore.h"

#include <stdio.h>
#include <unistd.h>

#include "sync/state.h"

#define NEWS_EACH_MS 1000

bool restore_builds(const struct engine *e)
{
	return e->restore.work && restore_phase(e->restore.work) >= RESTORE_BUILDING;
}

static void end(struct engine *e, const struct control_report *report)
{
	struct restore_order *o = &e->restore;
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_report_write(o->id, report, &json);
	control_answer(o->peer, &json);
	buf_free(&json);
	restore_close(o->work);
	close(o->file);
	*o = (struct restore_order){ .file = -1 };
}

static void fail(struct engine *e, const char *code, const char *message)
{
	struct control_report r = { .done = false };

	log_warn(
	    "restore failed", log_text("error", message), log_text("request_id", e->restore.id));
	/* One that has begun to build is a full sync. */
	if (restore_builds(e)) {
		metrics_daemon_full_sync(e->metrics, FULL_SYNC_STORE_REBUILT, false);
		e->record.full_sync_failures++;
	}
	snprintf(r.code, sizeof(r.code), "%s", code);
	snprintf(r.message, sizeof(r.message), "%s", message);
	end(e, &r);
}

static void fail_why(struct engine *e, enum st_err err, const struct buf *why)
{
	fail(e, err == ST_INVALID ? "bad_backup" : "failed",
	    why->len > 0 ? buf_text(why) : st_err_text(err));
}

void restore_take(struct engine *e, struct control_peer *peer, const char *id)
{
	struct restore_order *o = &e->restore;
	int file = control_take_file(peer);
	struct buf why;
	enum st_err err;

	if (file < 0 || o->peer) {
		engine_refuse(peer, id, o->peer ? "busy" : "bad_message",
		    o->peer ? "another restore is running" : "no open file came with the request");
		if (file >= 0)
			close(file);
		return;
	}
	*o = (struct restore_order){ .peer = peer, .file = file, .began = mono_now() };
	snprintf(o->id, sizeof(o->id), "%s", id);
	buf_init(&why, 4096);
	err = restore_open(file, e->store_id, &o->work, &why);
	if (err)
		fail_why(e, err, &why);
	else
		log_info("restore begins",
		    log_number("products", (int64_t)restore_header(o->work)->products),
		    log_number("offset", restore_header(o->work)->offset),
		    log_text("request_id", id));
	buf_free(&why);
}

static void give_up(struct engine *e, const char *code, const char *message)
{
	if (restore_builds(e))
		store_build_abandon(e->store);
	fail(e, code, message);
}

void restore_cancel(struct engine *e)
{
	if (e->restore.peer)
		give_up(e, "stopping", "the daemon is about to end");
}

static void tell(struct engine *e, struct mono now)
{
	struct restore_order *o = &e->restore;
	struct buf json, no_differences;
	struct control_progress p = {
		.phase = restore_builds(e) ? CONTROL_BUILDING : CONTROL_CHECKING,
		.products = restore_products(o->work),
		.total = (int64_t)restore_header(o->work)->products,
	};

	buf_init(&json, CONTROL_MESSAGE_MAX);
	buf_init(&no_differences, 0);
	control_progress_write(o->id, &p, &no_differences, &json);
	/* One that doesn't hear how far it is hears how it ended. */
	(void)control_news(o->peer, &json);
	buf_free(&json);
	o->next_news = mono_add_ms(now, NEWS_EACH_MS);
}

/* The store is another one: nothing of what was known of the old one holds. */
static void follow_from_here(struct engine *e, const struct sync_record *record, struct mono now)
{
	report_adopt(e, record);
	e->damaged = false;
	e->trust_deletes_from = mono_add_ms(now, DOUBT_MS);
	verify_end(e, "interrupted", "the store was replaced by a backup; run verify again");
	full_sync_superseded(e);
	follow_published(e);
	writes_store_again(e);
	follow_reload(e);
	known_reload(e);
	compare_cancel(e);
	compare_soon(e, now);
}

static void publish(struct engine *e, struct buf *why)
{
	struct restore_order *o = &e->restore;
	struct sync_record next = e->record;
	struct control_report r = { .done = true,
		.products = restore_products(o->work),
		.offset = restore_header(o->work)->offset };
	struct mono now = mono_now();
	enum st_err err;

	/* Answers to open questions would speak of a position that is no longer ours. */
	follow_cancel(e);
	err = restore_publish(o->work, e->store, &next, mono_ms_between(o->began, now), why);
	if (err) {
		fail_why(e, err, why);
		return;
	}
	log_info("sync status: restored from a backup",
	    log_text("reason", full_sync_reason_text(FULL_SYNC_STORE_REBUILT)),
	    log_number("products", (int64_t)r.products), log_number("offset", r.offset),
	    log_text("time", restore_header(o->work)->time), log_text("request_id", o->id));
	metrics_daemon_full_sync(e->metrics, FULL_SYNC_STORE_REBUILT, true);
	follow_from_here(e, &next, now);
	end(e, &r);
}

struct mono restore_due(const struct engine *e, struct mono now)
{
	return e->restore.peer ? now : MONO_NEVER;
}

void restore_tick(struct engine *e, struct mono now)
{
	struct restore_order *o = &e->restore;
	struct buf why;
	enum st_err err;

	if (!o->peer)
		return;
	if (control_peer_is_gone(o->peer)) {
		give_up(e, "gone", "nobody waits for it any more");
		return;
	}
	if (mono_reached(o->next_news, now))
		tell(e, now);
	/* Only one generation can be built at a time. */
	if (restore_phase(o->work) == RESTORE_CHECKED)
		full_sync_put_off(e);
	buf_init(&why, 4096);
	err = restore_step(o->work, e->store, &why);
	if (err)
		fail_why(e, err, &why);
	else if (restore_phase(o->work) == RESTORE_READY)
		publish(e, &why);
	buf_free(&why);
}
