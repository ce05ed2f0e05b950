/*
 * api/force.c: POST /v1/store/sync/force.
 *
 * Orders a full sync (or joins the one that runs) and waits for its end, up to
 * `wait` seconds.  A request that finds no place of the bulkhead, or wants to
 * wait for nothing, hands in its order and is told that it goes on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/call.h"
#include "api/query.h"
#include "control/client.h"

#define ORDER_MS 250 /* as for asking the daemon for its status: no waiting */
#define BUSY_S   1   /* after which to come again where the daemon took no connection */

static enum problem problem_of(enum failure_class failure)
{
	switch (failure) {
	case FAILURE_CONNECT: return PROBLEM_SYNC_REFUSED;
	case FAILURE_TIMEOUT: return PROBLEM_SYNC_TIMEOUT;
	default: return PROBLEM_SYNC_FAILED;
	}
}

static void respond_failure(struct call *c, const struct control_sync *end)
{
	struct json_writer w;
	struct buf details;

	buf_init(&details, 4096);
	jw_init(&w, &details);
	jw_begin_object(&w);
	jw_name(&w, "class");
	jw_text(&w, failure_class_text(end->failure));
	jw_end_object(&w);
	problem_respond_saying(c, problem_of(end->failure), end->message, &details);
	buf_free(&details);
}

/* A daemon that doesn't say how it is can't be promised to go on. */
static void respond_status(struct call *c, int status, const char *message)
{
	struct buf *body = &c->response->body;
	bool daemon = false;
	struct json_writer w;
	enum st_err err;

	jw_init(&w, body);
	jw_begin_object(&w);
	jw_name(&w, "message");
	jw_text(&w, message);
	jw_name(&w, "status");
	err = status_write_seven(c, &w, &daemon);
	jw_end_object(&w);
	if (err) {
		problem_of_store(c, err);
		return;
	}
	if (status == 202 && !daemon) {
		problem_of_daemon(c, ST_UNAVAILABLE);
		return;
	}
	c->response->status = status;
	response_header(c->response, "Content-Type", "application/json");
	response_header(c->response, "Cache-Control", "no-store");
}

static void respond_running(struct call *c)
{
	respond_status(c, 202, "Force sync in progress");
}

/* The daemon didn't answer, and hasn't promised anything. */
static void respond_not_asked(struct call *c, enum st_err err)
{
	if (err != ST_BUSY) {
		problem_of_daemon(c, err);
		return;
	}
	problem_respond(c, PROBLEM_OVERLOADED, NULL);
	response_retry_after(c->response, BUSY_S);
}

static void order(struct call *c)
{
	enum st_err err = control_ask_sync(
	    c->api->options.run_dir, c->response->request_id, ORDER_MS);

	if (err)
		respond_not_asked(c, err);
	else
		respond_running(c);
}

static void order_and_wait(struct call *c, int64_t seconds)
{
	struct control_patience patience = {
		.ms = seconds * 1000, .stop_fd = c->api->options.stop_fd, .after_stop_ms = 0
	};
	struct control_sync end = { .failure = FAILURE_NONE };
	enum st_err err = control_wait_sync(
	    c->api->options.run_dir, c->response->request_id, &patience, &end);

	if (err == ST_TIMEOUT)
		respond_running(c);
	else if (err)
		respond_not_asked(c, err);
	else if (end.failure != FAILURE_NONE)
		respond_failure(c, &end);
	else
		respond_status(c, 200, "Force sync completed successfully");
}

void force_post(struct call *c)
{
	uint64_t most = (uint64_t)c->api->options.force_wait_s;
	char allowed[64];
	struct query_number wait = {
		.name = "wait", .max = most, .value = most, .allowed = allowed
	};
	const struct query_number *bad = query_read_numbers(c->path.query, &wait, 1);
	struct bulkhead *b = &c->api->bulkhead;

	snprintf(allowed, sizeof(allowed), "one integer from 0 to %" PRIu64, most);
	if (bad) {
		problem_respond_with(c, PROBLEM_INVALID_PARAMETER, "parameter",
		    (struct span){ bad->name, strlen(bad->name) }, "allowed", bad->allowed);
		return;
	}
	if (wait.value == 0 || !bulkhead_enter(b, BULKHEAD_FORCE)) {
		order(c);
		return;
	}
	order_and_wait(c, (int64_t)wait.value);
	bulkhead_leave(b, BULKHEAD_FORCE);
}
