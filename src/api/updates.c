/*
 * api/updates.c: POST /v1/store/inventory/updates and /batch-updates.
 *
 * announced length → a place of the bulkhead → body → every mistake at once →
 * the daemon, which forwards it and commits what Central answered → the answer.
 *
 * What Central said of an update is answered as it said it.  Where it said
 * nothing usable the answer is a problem that tells what is known of the
 * outcome: what isn't known is never called failed.
 */
#include <string.h>

#include "api/body.h"
#include "control/client.h"

#define TAKE_MS 5000 /* for the daemon to take it */
#define BUSY_S  1

static const enum problem ends[CONTROL_UPDATE_END_COUNT] = {
	[CONTROL_UPDATE_ANSWERED] = PROBLEM_CENTRAL_ERROR, /* an error of Central's own */
	[CONTROL_UPDATE_KEY_REUSED] = PROBLEM_KEY_REUSED,
	[CONTROL_UPDATE_RATE_LIMITED] = PROBLEM_CENTRAL_RATE_LIMITED,
	[CONTROL_UPDATE_AUTH_FAILED] = PROBLEM_CENTRAL_AUTH_FAILED,
	[CONTROL_UPDATE_UNAVAILABLE] = PROBLEM_CENTRAL_UNAVAILABLE,
	[CONTROL_UPDATE_TIMEOUT] = PROBLEM_CENTRAL_TIMEOUT,
	[CONTROL_UPDATE_ERROR] = PROBLEM_CENTRAL_ERROR,
	[CONTROL_UPDATE_OVERLOADED] = PROBLEM_OVERLOADED,
};

/* What Central says of one update; 0: it said nothing of it. */
static const int statuses[] = {
	[UPDATE_APPLIED] = 200,
	[UPDATE_CONFLICT] = 409,
	[UPDATE_NO_PRODUCT] = 404,
	[UPDATE_REFUSED] = 400,
	[UPDATE_OWN_ERROR] = 0,
};

/* ---- pieces of answers ---- */

static void member_span(struct json_writer *w, const char *name, struct span text)
{
	jw_name(w, name);
	jw_string(w, text.data, text.len);
}

static void write_applied(struct json_writer *w, bool applied)
{
	jw_name(w, "applied");
	jw_bool(w, applied);
}

/* Where Central named no version it named no quantity either. */
static void write_numbers(struct json_writer *w, const struct update_result *r)
{
	if (r->new_version < 1)
		return;
	jw_name(w, "newQuantity");
	jw_int(w, r->new_quantity);
	jw_name(w, "newVersion");
	jw_int(w, r->new_version);
}

static void write_error(struct json_writer *w, const struct update_result *r)
{
	member_span(w, "errorType", r->error_type);
	member_span(w, "errorMessage", r->error_message);
}

static void write_success(struct json_writer *w, const struct update_result *r)
{
	jw_begin_object(w);
	member_span(w, "productId", r->product_id);
	write_numbers(w, r);
	write_applied(w, true);
	if (r->last_updated.len > 0)
		member_span(w, "lastUpdated", r->last_updated);
	jw_end_object(w);
}

static void write_results(struct json_writer *w, const struct update_results *results)
{
	jw_begin_array(w);
	for (size_t i = 0; i < results->n; i++) {
		const struct update_result *r = &results->items[i];

		if (r->applied) {
			write_success(w, r);
			continue;
		}
		jw_begin_object(w);
		member_span(w, "productId", r->product_id);
		write_applied(w, false);
		write_error(w, r);
		write_numbers(w, r);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void finish(struct call *c, int status)
{
	c->response->status = status;
	response_header(c->response, "Content-Type", "application/json");
	response_header(c->response, "Cache-Control", "no-store");
}

/* ---- problems ---- */

static void write_details(
    const struct update_list *list, const struct control_update *u, struct json_writer *w)
{
	const struct update_result *r = !list->batch && u->results.n == 1 ? u->results.items : NULL;

	jw_begin_object(w);
	if (u->end != CONTROL_UPDATE_KEY_REUSED) {
		jw_name(w, "outcome");
		jw_text(w, control_outcome_text(u->outcome));
	} else if (list->batch) {
		jw_name(w, "index");
		jw_int(w, u->index);
	}
	if (u->end == CONTROL_UPDATE_TIMEOUT && !list->batch)
		member_span(w, "idempotencyKey", list->items[0].key);
	if (r && u->end == CONTROL_UPDATE_TIMEOUT) {
		write_error(w, r);
		write_numbers(w, r);
	} else if (r) {
		member_span(w, "centralErrorType", r->error_type);
	}
	if (list->batch && u->results.n > 0) {
		jw_name(w, "results");
		write_results(w, &u->results);
	}
	jw_end_object(w);
}

static void respond_problem(struct call *c, const struct update_list *list,
    const struct control_update *u, enum problem problem)
{
	struct json_writer w;
	struct buf details;

	buf_init(&details, CONTROL_MESSAGE_MAX);
	jw_init(&w, &details);
	write_details(list, u, &w);
	problem_respond_saying(c, problem, u->message, &details);
	response_retry_after(c->response, u->retry_after_s);
	buf_free(&details);
}

/* The daemon isn't there, or was until it had taken this. */
static void respond_unanswered(
    struct call *c, const struct update_list *list, enum st_err err, bool taken)
{
	struct control_update u = {
		.end = taken ? CONTROL_UPDATE_TIMEOUT : CONTROL_UPDATE_UNAVAILABLE,
		.outcome = taken ? CONTROL_UNKNOWN : CONTROL_NOT_SENT,
		.retry_after_s = -1,
		.index = -1,
	};

	trouble_met(&c->api->troubles, TROUBLE_DAEMON, err, c->response->request_id, mono_now());
	respond_problem(c, list, &u, taken ? PROBLEM_CENTRAL_TIMEOUT : PROBLEM_DAEMON_UNAVAILABLE);
}

static void respond_overloaded(struct call *c)
{
	struct buf details;

	buf_init(&details, 64);
	buf_addf(&details, "{\"outcome\":\"%s\"}", control_outcome_text(CONTROL_NOT_SENT));
	problem_respond(c, PROBLEM_OVERLOADED, &details);
	response_retry_after(c->response, BUSY_S);
	buf_free(&details);
}

static void respond_faults(struct call *c, const struct update_faults *faults)
{
	struct json_writer w;
	struct buf details;

	buf_init(&details, 256 * 1024);
	jw_init(&w, &details);
	jw_begin_object(&w);
	jw_name(&w, "fields");
	jw_begin_array(&w);
	for (size_t i = 0; i < faults->n; i++) {
		const struct update_fault *f = &faults->list[i];

		jw_begin_object(&w);
		if (f->index >= 0) {
			jw_name(&w, "index");
			jw_int(&w, f->index);
		}
		member_span(&w, "field", f->field);
		jw_name(&w, "issue");
		jw_text(&w, f->issue);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	c->product_id = (struct span){ faults->product_id, faults->product_id_len };
	problem_respond(c, PROBLEM_INVALID_REQUEST, &details);
	buf_free(&details);
}

/* ---- what Central said ---- */

static void respond_single(
    struct call *c, const struct update_list *list, const struct control_update *u)
{
	const struct update_result *r = &u->results.items[0];
	enum update_verdict verdict = update_verdict_of(r);
	struct json_writer w;

	/* Whatever else was said with it: such an error tells nothing of the update. */
	if (verdict == UPDATE_OWN_ERROR) {
		struct control_update unknown = *u;

		unknown.outcome = CONTROL_UNKNOWN;
		respond_problem(c, list, &unknown, ends[u->end]);
		return;
	}
	jw_init(&w, &c->response->body);
	if (verdict == UPDATE_APPLIED) {
		write_success(&w, r);
	} else {
		jw_begin_object(&w);
		member_span(&w, "productId", r->product_id);
		write_applied(&w, false);
		if (verdict == UPDATE_CONFLICT)
			write_numbers(&w, r);
		write_error(&w, r);
		jw_end_object(&w);
	}
	finish(c, statuses[verdict]);
}

static void respond_batch(struct call *c, const struct control_update *u)
{
	struct json_writer w;
	int64_t applied = 0;

	for (size_t i = 0; i < u->results.n; i++)
		applied += u->results.items[i].applied;
	jw_init(&w, &c->response->body);
	jw_begin_object(&w);
	jw_name(&w, "storeId");
	jw_text(&w, c->api->options.store_id);
	jw_name(&w, "totalCount");
	jw_uint(&w, u->results.n);
	jw_name(&w, "successCount");
	jw_int(&w, applied);
	jw_name(&w, "failureCount");
	jw_int(&w, (int64_t)u->results.n - applied);
	jw_name(&w, "results");
	write_results(&w, &u->results);
	jw_end_object(&w);
	finish(c, 200);
}

static void respond(struct call *c, const struct update_list *list, const struct control_update *u)
{
	if (u->end != CONTROL_UPDATE_ANSWERED)
		respond_problem(c, list, u, ends[u->end]);
	else if (u->results.n != list->n)
		respond_unanswered(c, list, ST_INVALID, true);
	else if (list->batch)
		respond_batch(c, u);
	else
		respond_single(c, list, u);
}

/* ---- the way there ---- */

static void forward(struct call *c, const struct update_list *list)
{
	struct control_patience patience = {
		.ms = TAKE_MS, .stop_fd = c->api->options.stop_fd, .after_stop_ms = call_stop_ms(c)
	};
	struct control_update u = { 0 };
	bool taken;
	enum st_err err = control_forward(
	    c->api->options.run_dir, c->response->request_id, list, &patience, &taken, &u);

	if (err)
		respond_unanswered(c, list, err, taken);
	else
		respond(c, list, &u);
	update_results_free(&u.results);
}

static bool is_our_store(const struct call *c, struct span asked)
{
	const struct api_options *o = &c->api->options;

	return !o->store_id_set || !asked.data ||
	       (asked.len == strlen(o->store_id) &&
		   memcmp(asked.data, o->store_id, asked.len) == 0);
}

static void take_list(struct call *c, const struct update_list *list)
{
	if (!list->batch)
		c->product_id = list->items[0].product_id;
	if (is_our_store(c, list->store_id))
		forward(c, list);
	else
		problem_respond_with(c, PROBLEM_STORE_MISMATCH, "storeId",
		    (struct span){ c->api->options.store_id, strlen(c->api->options.store_id) },
		    NULL, NULL);
	c->product_id = (struct span){ NULL, 0 };
}

static void take_body(struct call *c, const struct buf *body, bool batch)
{
	struct update_faults faults;
	struct update_list list;

	switch (update_list_read(buf_text(body), body->len, batch, &list, &faults)) {
	case ST_OK:
		take_list(c, &list);
		update_list_free(&list);
		break;
	case ST_INVALID: respond_faults(c, &faults); break;
	default: problem_respond(c, PROBLEM_INTERNAL, NULL); break;
	}
	c->product_id = (struct span){ NULL, 0 };
}

static void post(struct call *c, bool batch)
{
	struct bulkhead *b = &c->api->bulkhead;
	struct buf body;

	if (!body_is_acceptable(c))
		return;
	if (!bulkhead_enter(b, BULKHEAD_WRITE)) {
		respond_overloaded(c);
		return;
	}
	buf_init(&body, SIZE_MAX / 4);
	if (body_read(c, &body))
		take_body(c, &body, batch);
	buf_free(&body);
	bulkhead_leave(b, BULKHEAD_WRITE);
}

void updates_post(struct call *c)
{
	post(c, false);
}

void batch_updates_post(struct call *c)
{
	post(c, true);
}
