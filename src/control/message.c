/*
 * control/message.c: requests, and the answers to status and sync; those to an
 * update are message_update.c's, those to verify and restore message_report.c's.
 */
#include "control/message.h"

#include <inttypes.h>
#include <string.h>

#include "control/envelope.h"

#define NODES_MAX 200000

static const char *const type_names[] = {
	[CONTROL_STATUS] = "status",
	[CONTROL_SYNC] = "sync",
	[CONTROL_UPDATE] = "update",
	[CONTROL_VERIFY] = "verify",
	[CONTROL_RESTORE] = "restore",
};

#define TYPE_COUNT (sizeof(type_names) / sizeof(type_names[0]))

static void begin(struct json_writer *w, struct buf *out, const char *id)
{
	jw_init(w, out);
	jw_begin_object(w);
	jw_name(w, "v");
	jw_int(w, CONTROL_VERSION);
	jw_name(w, "id");
	jw_text(w, id);
}

void envelope_begin_answer(struct json_writer *w, struct buf *out, const char *id, bool ok)
{
	begin(w, out, id);
	jw_name(w, "ok");
	jw_bool(w, ok);
}

void control_request_write(const struct control_request *r, struct buf *out)
{
	struct json_writer w;

	begin(&w, out, r->id);
	jw_name(&w, "type");
	jw_text(&w, type_names[r->type]);
	if (r->type == CONTROL_SYNC) {
		jw_name(&w, "wait");
		jw_bool(&w, r->wait);
		if (r->damaged) {
			jw_name(&w, "damaged");
			jw_bool(&w, true);
			jw_name(&w, "agoMs");
			jw_int(&w, r->ago_ms);
		}
	}
	if (r->type == CONTROL_VERIFY) {
		jw_name(&w, "repair");
		jw_bool(&w, r->repair);
	}
	if (r->type == CONTROL_UPDATE) {
		jw_name(&w, "batch");
		jw_bool(&w, r->updates.batch);
		jw_name(&w, "items");
		update_list_write_items(&r->updates, out);
		w.comma = true;
	}
	jw_end_object(&w);
}

static enum st_err read_id(const struct doc *d, char id[CONTROL_ID_MAX + 1])
{
	struct buf text;
	enum st_err err;

	buf_init(&text, CONTROL_ID_MAX);
	err = doc_string(d, doc_member(d, doc_root(d), "id"), &text);
	if (!err && (text.len == 0 || text_has_control(text.data, text.len)))
		err = ST_INVALID;
	if (!err)
		memcpy(id, text.data, text.len + 1);
	buf_free(&text);
	return err ? ST_INVALID : ST_OK;
}

static enum st_err read_version(const struct doc *d)
{
	int64_t version;

	return doc_int(
	    d, doc_member(d, doc_root(d), "v"), CONTROL_VERSION, CONTROL_VERSION, &version);
}

static enum st_err read_type(const struct doc *d, enum control_type *out)
{
	const struct doc_node *type = doc_member(d, doc_root(d), "type");

	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (doc_is_text(d, type, type_names[i])) {
			*out = (enum control_type)i;
			return ST_OK;
		}
	}
	return ST_INVALID;
}

static enum st_err read_updates(const struct doc *d, struct update_list *out)
{
	bool batch;
	enum st_err err = doc_bool(d, doc_member(d, doc_root(d), "batch"), &batch);

	if (!err)
		err = update_list_read_items(d, doc_member(d, doc_root(d), "items"), out);
	if (err)
		return err;
	out->batch = batch;
	return batch || out->n == 1 ? ST_OK : ST_INVALID;
}

static enum st_err read_request(const struct doc *d, struct control_request *out)
{
	const struct doc_node *wait = doc_member(d, doc_root(d), "wait");
	const struct doc_node *repair = doc_member(d, doc_root(d), "repair");
	const struct doc_node *damaged = doc_member(d, doc_root(d), "damaged");
	const struct doc_node *ago = doc_member(d, doc_root(d), "agoMs");
	enum st_err err = read_id(d, out->id);

	if (!err)
		err = read_version(d);
	if (!err)
		err = read_type(d, &out->type);
	if (!err && out->type == CONTROL_SYNC && wait)
		err = doc_bool(d, wait, &out->wait);
	if (!err && out->type == CONTROL_VERIFY && repair)
		err = doc_bool(d, repair, &out->repair);
	if (!err && out->type == CONTROL_SYNC && damaged)
		err = doc_bool(d, damaged, &out->damaged);
	if (!err && out->damaged && ago)
		err = doc_int(d, ago, 0, INT64_MAX, &out->ago_ms);
	if (!err && out->type == CONTROL_UPDATE)
		err = read_updates(d, &out->updates);
	return err;
}

enum st_err control_request_read(const char *text, size_t len, struct control_request *out)
{
	struct doc d;
	enum st_err err;

	memset(out, 0, sizeof(*out));
	if (doc_parse(text, len, NODES_MAX, &d, NULL))
		return ST_INVALID;
	err = read_request(&d, out);
	doc_free(&d);
	return err ? ST_INVALID : ST_OK;
}

void control_request_free(struct control_request *r)
{
	if (r)
		update_list_free(&r->updates);
}

static void write_full_sync(struct json_writer *w, const struct control_status *s)
{
	jw_name(w, "fullSync");
	jw_begin_object(w);
	jw_name(w, "reason");
	jw_text(w, full_sync_reason_text(s->full_sync_reason));
	jw_name(w, "pagesDone");
	jw_uint(w, s->pages_done);
	jw_name(w, "productsSeen");
	jw_uint(w, s->products_seen);
	jw_name(w, "total");
	jw_int(w, s->products_total);
	jw_end_object(w);
}

static void write_failure(struct json_writer *w, const struct control_status *s)
{
	jw_name(w, "failure");
	jw_begin_object(w);
	jw_name(w, "class");
	jw_text(w, failure_class_text(s->failure));
	jw_name(w, "at");
	jw_int(w, s->failed_at);
	jw_name(w, "message");
	jw_text(w, s->failure_message);
	jw_end_object(w);
}

void control_status_write(const char *id, const struct control_status *s, struct buf *out)
{
	struct json_writer w;

	envelope_begin_answer(&w, out, id, true);
	jw_name(&w, "state");
	jw_text(&w, sync_state_text(s->state));
	jw_name(&w, "stateSince");
	jw_int(&w, s->state_since);
	jw_name(&w, "nextPollAt");
	jw_int(&w, s->next_poll_at);
	jw_name(&w, "lastContactAt");
	jw_int(&w, s->last_contact_at);
	jw_name(&w, "consecutiveFailures");
	jw_uint(&w, s->consecutive_failures);
	jw_name(&w, "fullSyncFailures");
	jw_uint(&w, s->full_sync_failures);
	jw_name(&w, "version");
	jw_text(&w, s->version);
	if (s->full_sync_running)
		write_full_sync(&w, s);
	if (s->failure)
		write_failure(&w, s);
	jw_end_object(&w);
}

/* The members of a status, in the order that they are written in. */
enum status_member {
	STATE,
	STATE_SINCE,
	NEXT_POLL_AT,
	LAST_CONTACT_AT,
	CONSECUTIVE_FAILURES,
	FULL_SYNC_FAILURES,
	VERSION,
	FULL_SYNC,
	FAILURE,
	STATUS_MEMBERS
};

static const char *const status_names[STATUS_MEMBERS] = {
	[STATE] = "state",
	[STATE_SINCE] = "stateSince",
	[NEXT_POLL_AT] = "nextPollAt",
	[LAST_CONTACT_AT] = "lastContactAt",
	[CONSECUTIVE_FAILURES] = "consecutiveFailures",
	[FULL_SYNC_FAILURES] = "fullSyncFailures",
	[VERSION] = "version",
	[FULL_SYNC] = "fullSync",
	[FAILURE] = "failure",
};

static enum st_err read_state(
    const struct doc *d, const struct doc_node *node, struct control_status *s)
{
	for (int i = 0; i < SYNC_STATE_COUNT; i++) {
		if (doc_is_text(d, node, sync_state_text((enum sync_state)i))) {
			s->state = (enum sync_state)i;
			return ST_OK;
		}
	}
	return ST_INVALID;
}

static enum st_err read_full_sync(
    const struct doc *d, const struct doc_node *node, struct control_status *s)
{
	const struct doc_node *reason = doc_member(d, node, "reason");
	int64_t pages, products;

	if (!node)
		return ST_OK;
	if (doc_int(d, doc_member(d, node, "pagesDone"), 0, INT64_MAX, &pages) ||
	    doc_int(d, doc_member(d, node, "productsSeen"), 0, INT64_MAX, &products) ||
	    doc_int(d, doc_member(d, node, "total"), -1, INT64_MAX, &s->products_total))
		return ST_INVALID;
	s->full_sync_running = true;
	s->pages_done = (uint64_t)pages;
	s->products_seen = (uint64_t)products;
	for (int i = FULL_SYNC_NONE + 1; i < FULL_SYNC_REASON_COUNT; i++) {
		if (doc_is_text(d, reason, full_sync_reason_text((enum full_sync_reason)i))) {
			s->full_sync_reason = (enum full_sync_reason)i;
			return ST_OK;
		}
	}
	return ST_INVALID;
}

enum st_err envelope_open(const char *text, size_t len, const char *id, struct doc *d, bool *ok)
{
	char got[CONTROL_ID_MAX + 1];

	if (doc_parse(text, len, NODES_MAX, d, NULL))
		return ST_INVALID;
	if (read_id(d, got) || strcmp(got, id) != 0 ||
	    doc_bool(d, doc_member(d, doc_root(d), "ok"), ok) || (*ok && read_version(d))) {
		doc_free(d);
		return ST_INVALID;
	}
	return ST_OK;
}

enum st_err envelope_open_ok(const char *text, size_t len, const char *id, struct doc *d)
{
	bool ok;
	enum st_err err = envelope_open(text, len, id, d, &ok);

	if (err || ok)
		return err;
	doc_free(d);
	return ST_INVALID;
}

enum st_err envelope_text(
    const struct doc *d, const struct doc_node *node, char out[CONTROL_TEXT_SIZE])
{
	struct buf text;
	size_t len;
	enum st_err err;

	buf_init(&text, CONTROL_MESSAGE_MAX);
	err = doc_string(d, node, &text);
	if (!err) {
		len = text.len < CONTROL_TEXT_SIZE ? text.len : CONTROL_TEXT_SIZE - 1;
		/* Not in the middle of a character. */
		while (len < text.len && len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
			len--;
		memcpy(out, buf_text(&text), len);
		out[len] = '\0';
	}
	buf_free(&text);
	return err;
}

static enum st_err read_class(
    const struct doc *d, const struct doc_node *node, enum failure_class *out)
{
	for (int i = FAILURE_NONE + 1; i < FAILURE_CLASS_COUNT; i++) {
		if (doc_is_text(d, node, failure_class_text((enum failure_class)i))) {
			*out = (enum failure_class)i;
			return ST_OK;
		}
	}
	return ST_INVALID;
}

static enum st_err read_failure(
    const struct doc *d, const struct doc_node *node, struct control_status *s)
{
	enum st_err err;

	if (!node)
		return ST_OK;
	err = read_class(d, doc_member(d, node, "class"), &s->failure);
	if (!err)
		err = doc_int(d, doc_member(d, node, "at"), 0, INT64_MAX, &s->failed_at);
	if (!err)
		err = envelope_text(d, doc_member(d, node, "message"), s->failure_message);
	return err;
}

/* The integers that stand in every status. */
static enum st_err read_numbers(
    const struct doc *d, const struct doc_node *const members[], struct control_status *s)
{
	int64_t failures, full_sync_failures;

	if (doc_int(d, members[STATE_SINCE], 0, INT64_MAX, &s->state_since) ||
	    doc_int(d, members[NEXT_POLL_AT], -1, INT64_MAX, &s->next_poll_at) ||
	    doc_int(d, members[LAST_CONTACT_AT], -1, INT64_MAX, &s->last_contact_at) ||
	    doc_int(d, members[CONSECUTIVE_FAILURES], 0, UINT32_MAX, &failures) ||
	    doc_int(d, members[FULL_SYNC_FAILURES], 0, INT64_MAX, &full_sync_failures))
		return ST_INVALID;
	s->consecutive_failures = (uint32_t)failures;
	s->full_sync_failures = (uint64_t)full_sync_failures;
	return ST_OK;
}

enum st_err control_status_read(
    const char *text, size_t len, const char *id, struct control_status *out)
{
	struct control_status s = { .products_total = -1 };
	const struct doc_node *members[STATUS_MEMBERS];
	struct doc d;
	enum st_err err = envelope_open_ok(text, len, id, &d);

	if (err)
		return err;
	doc_members(&d, doc_root(&d), status_names, STATUS_MEMBERS, members);
	err = read_state(&d, members[STATE], &s);
	if (!err)
		err = read_numbers(&d, members, &s);
	if (!err)
		err = read_full_sync(&d, members[FULL_SYNC], &s);
	if (!err)
		err = read_failure(&d, members[FAILURE], &s);
	/* An older daemon doesn't tell. */
	if (!err && members[VERSION])
		err = envelope_text(&d, members[VERSION], s.version);
	doc_free(&d);
	if (!err)
		*out = s;
	return err;
}

void control_sync_write(const char *id, const struct control_sync *s, struct buf *out)
{
	bool well = s->failure == FAILURE_NONE;
	struct json_writer w;

	envelope_begin_answer(&w, out, id, well);
	if (!well) {
		jw_name(&w, "code");
		jw_text(&w, "sync_failed");
		jw_name(&w, "message");
		jw_text(&w, s->message);
		jw_name(&w, "class");
		jw_text(&w, failure_class_text(s->failure));
	}
	jw_end_object(&w);
}

static enum st_err read_sync_failure(const struct doc *d, struct control_sync *s)
{
	enum st_err err = read_class(d, doc_member(d, doc_root(d), "class"), &s->failure);

	if (!err && !doc_is_text(d, doc_member(d, doc_root(d), "code"), "sync_failed"))
		err = ST_INVALID;
	return err ? err : envelope_text(d, doc_member(d, doc_root(d), "message"), s->message);
}

enum st_err control_sync_read(
    const char *text, size_t len, const char *id, struct control_sync *out)
{
	struct control_sync s = { .failure = FAILURE_NONE };
	struct doc d;
	bool ok;
	enum st_err err = envelope_open(text, len, id, &d, &ok);

	if (err)
		return err;
	if (!ok)
		err = read_sync_failure(&d, &s);
	doc_free(&d);
	if (!err)
		*out = s;
	return err;
}

void control_done_write(const char *id, struct buf *out)
{
	struct json_writer w;

	envelope_begin_answer(&w, out, id, true);
	jw_end_object(&w);
}

enum st_err control_done_read(const char *text, size_t len, const char *id)
{
	struct doc d;
	enum st_err err = envelope_open_ok(text, len, id, &d);

	if (!err)
		doc_free(&d);
	return err;
}

void control_refusal_write(const char *id, const char *code, const char *message, struct buf *out)
{
	struct json_writer w;

	envelope_begin_answer(&w, out, id, false);
	jw_name(&w, "code");
	jw_text(&w, code);
	jw_name(&w, "message");
	jw_text(&w, message);
	jw_end_object(&w);
}
