#include "api/body.h"

#include "base/clock.h"

#define BODY_BLOCK 16384

/* Web servers leave the length out where a client sends a body without one. */
static bool has_length(const struct call *c)
{
	return c->request->content_length.len > 0;
}

static enum st_err announced(const struct call *c, uint64_t *out)
{
	const struct span *text = &c->request->content_length;

	return text_to_uint(text->data, text->len, (uint64_t)c->api->options.max_body_bytes, out);
}

void body_refuse(struct call *c, const char *issue)
{
	struct json_writer w;
	struct buf details;

	buf_init(&details, 4096);
	jw_init(&w, &details);
	jw_begin_object(&w);
	jw_name(&w, "fields");
	jw_begin_array(&w);
	jw_begin_object(&w);
	jw_name(&w, "field");
	jw_text(&w, "");
	jw_name(&w, "issue");
	jw_text(&w, issue);
	jw_end_object(&w);
	jw_end_array(&w);
	jw_end_object(&w);
	problem_respond(c, PROBLEM_INVALID_REQUEST, &details);
	buf_free(&details);
}

bool body_is_acceptable(struct call *c)
{
	uint64_t length;
	enum st_err err = has_length(c) ? announced(c, &length) : ST_OK;

	if (err == ST_TOO_BIG)
		problem_respond(c, PROBLEM_PAYLOAD_TOO_LARGE, NULL);
	else if (err)
		body_refuse(c, "has a Content-Length that is no number");
	return err == ST_OK;
}

static enum st_err read_block(struct call *c, struct mono deadline, struct buf *out, size_t *n)
{
	char *room = buf_room(out, BODY_BLOCK);
	enum st_err err;

	if (!room)
		return ST_NOMEM;
	err = c->request->read_body(c->request->body_arg, room, BODY_BLOCK, deadline, n);
	if (!err)
		buf_commit(out, *n);
	return err;
}

/* ST_TOO_BIG as soon as there is more than `most`. */
static enum st_err read_all(struct call *c, size_t most, struct buf *out)
{
	struct mono deadline = mono_add_ms(mono_now(), c->api->options.body_ms);
	enum st_err err = ST_OK;
	size_t n = 1;

	while (!err && n > 0) {
		err = read_block(c, deadline, out, &n);
		if (!err && out->len > most)
			err = ST_TOO_BIG;
	}
	return err;
}

bool body_read(struct call *c, struct buf *out)
{
	uint64_t most = (uint64_t)c->api->options.max_body_bytes;
	enum st_err err = ST_OK;

	if (has_length(c) && announced(c, &most))
		err = ST_INVALID;
	if (!err && c->request->read_body)
		err = read_all(c, (size_t)most, out);
	if (has_length(c) && (err == ST_TOO_BIG || (!err && out->len != most)))
		err = ST_INVALID;
	switch (err) {
	case ST_OK: return true;
	case ST_TOO_BIG: problem_respond(c, PROBLEM_PAYLOAD_TOO_LARGE, NULL); break;
	case ST_TIMEOUT: problem_respond(c, PROBLEM_REQUEST_TIMEOUT, NULL); break;
	case ST_INVALID: body_refuse(c, "is shorter or longer than its Content-Length"); break;
	case ST_CLOSED: body_refuse(c, "was cut off"); break;
	default: problem_respond(c, PROBLEM_INTERNAL, NULL); break;
	}
	return false;
}
