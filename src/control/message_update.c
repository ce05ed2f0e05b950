/* control/message_update.c: the two answers to an update. */
#include <stdio.h>

#include "control/envelope.h"

#define WITHIN_MAX_MS (INT64_C(24) * 3600 * 1000)
#define SECONDS_MAX   (INT64_C(1) << 31)

static const char *const end_codes[CONTROL_UPDATE_END_COUNT] = {
	[CONTROL_UPDATE_ANSWERED] = "answered",
	[CONTROL_UPDATE_KEY_REUSED] = "idempotency_key_reused",
	[CONTROL_UPDATE_RATE_LIMITED] = "central_rate_limited",
	[CONTROL_UPDATE_AUTH_FAILED] = "central_auth_failed",
	[CONTROL_UPDATE_UNAVAILABLE] = "central_unavailable",
	[CONTROL_UPDATE_TIMEOUT] = "central_timeout",
	[CONTROL_UPDATE_ERROR] = "central_error",
	[CONTROL_UPDATE_OVERLOADED] = "overloaded",
};

static const char *const outcome_texts[CONTROL_OUTCOME_COUNT] = {
	[CONTROL_NOT_SENT] = "not_sent",
	[CONTROL_NOT_APPLIED] = "not_applied",
	[CONTROL_UNKNOWN] = "unknown",
};

const char *control_update_end_text(enum control_update_end end)
{
	return (unsigned)end < CONTROL_UPDATE_END_COUNT ? end_codes[end] : "";
}

const char *control_outcome_text(enum control_outcome o)
{
	return (unsigned)o < CONTROL_OUTCOME_COUNT ? outcome_texts[o] : "";
}

void control_taken_write(const char *id, int64_t within_ms, struct buf *out)
{
	struct json_writer w;

	envelope_begin_answer(&w, out, id, true);
	jw_name(&w, "taken");
	jw_bool(&w, true);
	jw_name(&w, "withinMs");
	jw_int(&w, within_ms);
	jw_end_object(&w);
}

enum st_err control_taken_read(const char *text, size_t len, const char *id, int64_t *within_ms)
{
	int64_t within;
	struct doc d;
	bool taken = false;
	enum st_err err = envelope_open_ok(text, len, id, &d);

	if (err)
		return err;
	err = doc_bool(&d, doc_member(&d, doc_root(&d), "taken"), &taken);
	if (!err)
		err = doc_int(
		    &d, doc_member(&d, doc_root(&d), "withinMs"), 0, WITHIN_MAX_MS, &within);
	doc_free(&d);
	if (err || !taken)
		return ST_INVALID;
	*within_ms = within;
	return ST_OK;
}

void control_update_write(const char *id, const struct control_update *u, struct buf *out)
{
	bool ok = u->end == CONTROL_UPDATE_ANSWERED;
	struct json_writer w;

	envelope_begin_answer(&w, out, id, ok);
	if (!ok) {
		jw_name(&w, "code");
		jw_text(&w, end_codes[u->end]);
		jw_name(&w, "message");
		jw_text(&w, u->message);
		jw_name(&w, "outcome");
		jw_text(&w, control_outcome_text(u->outcome));
		jw_name(&w, "retryAfter");
		jw_int(&w, u->retry_after_s);
		jw_name(&w, "index");
		jw_int(&w, u->index);
	}
	jw_name(&w, "results");
	update_results_write_items(&u->results, out);
	w.comma = true;
	jw_end_object(&w);
}

/* The place of the text that a node holds, n where it holds none of them. */
static int find_text(
    const struct doc *d, const struct doc_node *node, const char *const *texts, int n)
{
	int i = 0;

	while (i < n && !doc_is_text(d, node, texts[i]))
		i++;
	return i;
}

static enum st_err read_refusal(const struct doc *d, struct control_update *u)
{
	const struct doc_node *root = doc_root(d);
	int end = find_text(d, doc_member(d, root, "code"), end_codes, CONTROL_UPDATE_END_COUNT);
	int outcome = find_text(
	    d, doc_member(d, root, "outcome"), outcome_texts, CONTROL_OUTCOME_COUNT);

	if (end == CONTROL_UPDATE_END_COUNT || end == CONTROL_UPDATE_ANSWERED ||
	    outcome == CONTROL_OUTCOME_COUNT)
		return ST_INVALID;
	u->end = (enum control_update_end)end;
	u->outcome = (enum control_outcome)outcome;
	if (doc_int(d, doc_member(d, root, "retryAfter"), -1, SECONDS_MAX, &u->retry_after_s) ||
	    doc_int(d, doc_member(d, root, "index"), -1, UPDATE_BATCH_MAX - 1, &u->index))
		return ST_INVALID;
	return envelope_text(d, doc_member(d, root, "message"), u->message);
}

enum st_err control_update_read(
    const char *text, size_t len, const char *id, struct control_update *out)
{
	struct control_update u = {
		.end = CONTROL_UPDATE_ANSWERED, .retry_after_s = -1, .index = -1
	};
	struct doc d;
	bool ok;
	enum st_err err = envelope_open(text, len, id, &d, &ok);

	if (err)
		return err;
	if (!ok)
		err = read_refusal(&d, &u);
	if (!err)
		err = update_results_read_items(
		    &d, doc_member(&d, doc_root(&d), "results"), &u.results);
	doc_free(&d);
	if (!err)
		*out = u;
	return err;
}
