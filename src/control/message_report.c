/*
 * control/message_report.c: what is told while a verify or a restore runs, and
 * how it ended.
 */
#include <string.h>

#include "control/envelope.h"

static const char *const phase_names[CONTROL_PHASE_COUNT] = {
	[CONTROL_WAITING] = "waiting",
	[CONTROL_COMPARING] = "comparing",
	[CONTROL_CONFIRMING] = "confirming",
	[CONTROL_REPAIRING] = "repairing",
	[CONTROL_CHECKING] = "checking",
	[CONTROL_BUILDING] = "building",
};

const char *control_phase_text(enum control_phase phase)
{
	return (unsigned)phase < CONTROL_PHASE_COUNT ? phase_names[phase] : "";
}

const char *control_difference_kind(const struct control_difference *d)
{
	return d->cached < 0 ? "missing" : d->central < 0 ? "extra" : "changed";
}

static void version(struct json_writer *w, const char *name, int64_t value)
{
	jw_name(w, name);
	if (value < 0)
		jw_null(w);
	else
		jw_int(w, value);
}

void control_difference_add(struct buf *list, const struct control_difference *d)
{
	struct json_writer w;

	jw_init(&w, list);
	w.comma = list->len > 0;
	jw_begin_object(&w);
	jw_name(&w, "productId");
	jw_string(&w, d->id.data, d->id.len);
	jw_name(&w, "kind");
	jw_text(&w, control_difference_kind(d));
	version(&w, "cached", d->cached);
	version(&w, "central", d->central);
	jw_end_object(&w);
}

void control_progress_write(const char *id, const struct control_progress *p,
    const struct buf *differences, struct buf *out)
{
	struct json_writer w;

	envelope_begin_answer(&w, out, id, true);
	jw_name(&w, "phase");
	jw_text(&w, control_phase_text(p->phase));
	jw_name(&w, "products");
	jw_uint(&w, p->products);
	jw_name(&w, "total");
	jw_int(&w, p->total);
	jw_name(&w, "differed");
	jw_uint(&w, p->differed);
	jw_name(&w, "differences");
	jw_begin_array(&w);
	buf_add(out, differences->data, differences->len);
	jw_end_array(&w);
	jw_end_object(&w);
}

void control_report_write(const char *id, const struct control_report *r, struct buf *out)
{
	struct json_writer w;

	if (!r->done) {
		control_refusal_write(id, r->code, r->message, out);
		return;
	}
	envelope_begin_answer(&w, out, id, true);
	jw_name(&w, "done");
	jw_bool(&w, true);
	jw_name(&w, "products");
	jw_uint(&w, r->products);
	jw_name(&w, "differed");
	jw_uint(&w, r->differed);
	jw_name(&w, "unlisted");
	jw_uint(&w, r->unlisted);
	jw_name(&w, "repaired");
	jw_bool(&w, r->repaired);
	jw_name(&w, "offset");
	jw_int(&w, r->offset);
	jw_end_object(&w);
}

/* ---- reading ---- */

static enum st_err count(const struct doc *d, const char *name, uint64_t *out)
{
	int64_t n;
	enum st_err err = doc_int(d, doc_member(d, doc_root(d), name), 0, INT64_MAX, &n);

	if (!err)
		*out = (uint64_t)n;
	return err;
}

static enum st_err read_done(const struct doc *d, struct control_report *r)
{
	const struct doc_node *root = doc_root(d);

	if (doc_bool(d, doc_member(d, root, "done"), &r->done) || !r->done ||
	    count(d, "products", &r->products) || count(d, "differed", &r->differed) ||
	    count(d, "unlisted", &r->unlisted) ||
	    doc_bool(d, doc_member(d, root, "repaired"), &r->repaired) ||
	    doc_int(d, doc_member(d, root, "offset"), 0, INT64_MAX, &r->offset))
		return ST_INVALID;
	return ST_OK;
}

static enum st_err read_refusal(const struct doc *d, struct control_report *r)
{
	r->done = false;
	if (envelope_text(d, doc_member(d, doc_root(d), "code"), r->code))
		return ST_INVALID;
	return envelope_text(d, doc_member(d, doc_root(d), "message"), r->message);
}

static enum st_err read_version(
    const struct doc *d, const struct doc_node *difference, const char *name, int64_t *out)
{
	const struct doc_node *node = doc_member(d, difference, name);

	*out = -1;
	return node && node->type == DOC_NULL ? ST_OK : doc_int(d, node, 0, INT64_MAX, out);
}

static enum st_err read_difference(
    const struct doc *d, const struct doc_node *node, const struct control_listener *l)
{
	struct control_difference difference;
	struct buf id;
	enum st_err err;

	buf_init(&id, CONTROL_MESSAGE_MAX);
	err = doc_string(d, doc_member(d, node, "productId"), &id);
	if (!err)
		err = read_version(d, node, "cached", &difference.cached);
	if (!err)
		err = read_version(d, node, "central", &difference.central);
	difference.id = (struct span){ buf_text(&id), id.len };
	if (!err)
		l->difference(l->arg, &difference);
	buf_free(&id);
	return err;
}

static enum st_err read_differences(const struct doc *d, const struct control_listener *l)
{
	const struct doc_node *list = doc_member(d, doc_root(d), "differences");
	enum st_err err = list && list->type == DOC_ARRAY ? ST_OK : ST_INVALID;

	for (const struct doc_node *n = err ? NULL : doc_first(d, list); n && !err;
	     n = doc_next(d, list, n))
		err = read_difference(d, n, l);
	return err;
}

static enum st_err read_progress(const struct doc *d, const struct control_listener *l)
{
	struct control_progress p = { .phase = CONTROL_WAITING };
	const struct doc_node *phase = doc_member(d, doc_root(d), "phase");

	while (p.phase < CONTROL_PHASE_COUNT && !doc_is_text(d, phase, phase_names[p.phase]))
		p.phase++;
	if (p.phase == CONTROL_PHASE_COUNT || count(d, "products", &p.products) ||
	    count(d, "differed", &p.differed) ||
	    doc_int(d, doc_member(d, doc_root(d), "total"), -1, INT64_MAX, &p.total) ||
	    read_differences(d, l))
		return ST_INVALID;
	l->progress(l->arg, &p);
	return ST_OK;
}

enum st_err control_report_read(const char *text, size_t len, const char *id,
    const struct control_listener *listener, struct control_report *out, bool *ended)
{
	struct control_report r = { 0 };
	struct doc d;
	bool ok;
	enum st_err err = envelope_open(text, len, id, &d, &ok);

	if (err)
		return err;
	*ended = !ok || doc_member(&d, doc_root(&d), "done");
	if (!*ended)
		err = read_progress(&d, listener);
	else
		err = ok ? read_done(&d, &r) : read_refusal(&d, &r);
	doc_free(&d);
	if (!err && *ended)
		*out = r;
	return err;
}
