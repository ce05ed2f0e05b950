/*
 * model/doc.c: a text scanned, its names compared, its values read.
 *
 * scan.c lays down the nodes.  Here every object's names are compared: few
 * with one another, many through a sorted list, so that a hostile object costs
 * little more than its size.  And here is the border to json-c, which decodes
 * strings that hold escapes: nothing reaches it that the scanner has not passed.
 */
#include "model/doc.h"

#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "model/scan.h"

/* Up to so many names are compared each with each. */
#define NAMES_FEW 16

/* A member's name decoded. */
struct name {
	const char *text;
	size_t len;
	uint32_t at;
};

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

/*
 * The checks of one object: ST_INVALID with *at, the later one of two members
 * of one name.  This one, for many names or names with escapes, decodes all,
 * sorts them and compares neighbours.
 */
static enum st_err check_sorted(const struct doc *d, const struct doc_node *object, size_t *at)
{
	struct name *names = calloc(object->count, sizeof(*names));
	struct buf storage;
	enum st_err err = names ? ST_OK : ST_NOMEM;
	size_t n = 0;

	/* Decoding never makes a string longer: with this room the names stay where they are. */
	buf_init(&storage, d->len);
	if (!err && !buf_room(&storage, object->stop - object->start))
		err = ST_NOMEM;
	for (const struct doc_node *name = doc_first(d, object); name && !err;
	     name = doc_next(d, object, name)) {
		size_t from = storage.len;

		err = doc_string(d, name, &storage);
		names[n++] = (struct name){ storage.data + from, storage.len - from, name->start };
	}
	if (!err)
		qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 1; i < n && !err; i++) {
		if (compare_names(&names[i - 1], &names[i]) != 0)
			continue;
		*at = names[i - 1].at > names[i].at ? names[i - 1].at : names[i].at;
		err = ST_INVALID;
	}
	buf_free(&storage);
	free(names);
	return err;
}

/* This one is for few names without escapes, as nearly all objects have. */
static enum st_err check_each(const struct doc *d, const struct doc_node *object, size_t *at)
{
	for (const struct doc_node *a = doc_first(d, object); a; a = doc_next(d, object, a)) {
		for (const struct doc_node *b = doc_next(d, object, a); b;
		     b = doc_next(d, object, b)) {
			size_t len = a->stop - a->start;

			if (len != b->stop - b->start ||
			    memcmp(d->text + a->start, d->text + b->start, len) != 0)
				continue;
			*at = b->start;
			return ST_INVALID;
		}
	}
	return ST_OK;
}

static bool has_escape(const struct doc *d, const struct doc_node *string)
{
	return memchr(d->text + string->start, '\\', string->stop - string->start) != NULL;
}

/* True if the names are few and plain enough to be compared as they stand. */
static bool names_are_simple(const struct doc *d, const struct doc_node *object)
{
	if (object->count > NAMES_FEW)
		return false;
	for (const struct doc_node *n = doc_first(d, object); n; n = doc_next(d, object, n))
		if (has_escape(d, n))
			return false;
	return true;
}

static enum st_err check_names(const struct doc *d, struct doc_error *why)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct doc_node *object = &d->nodes[i];
		size_t at = object->start;
		enum st_err err;

		if (object->type != DOC_OBJECT || object->count < 2)
			continue;
		err = names_are_simple(d, object) ? check_each(d, object, &at)
		                                  : check_sorted(d, object, &at);
		if (!err)
			continue;
		why->what = err == ST_INVALID ? "a member stands twice" : "out of memory";
		why->at = at;
		return err;
	}
	return ST_OK;
}

enum st_err doc_parse(
    const char *text, size_t len, size_t max_nodes, struct doc *out, struct doc_error *why)
{
	struct doc d = { .text = text, .len = len };
	struct doc_error wrong = { "text too long", 0 };
	enum st_err err = len > INT32_MAX ? ST_TOO_BIG : ST_OK;

	if (!err)
		err = scan_text(&d, max_nodes, &wrong);
	if (!err)
		err = check_names(&d, &wrong);
	if (!err) {
		*out = d;
		return ST_OK;
	}
	if (why)
		*why = wrong;
	free(d.nodes);
	return err;
}

void doc_free(struct doc *d)
{
	if (!d)
		return;
	free(d->nodes);
	*d = (struct doc){ 0 };
}

const struct doc_node *doc_root(const struct doc *d)
{
	return d->nodes;
}

const struct doc_node *doc_first(const struct doc *d, const struct doc_node *parent)
{
	if (!parent || parent->count == 0 ||
	    (parent->type != DOC_ARRAY && parent->type != DOC_OBJECT))
		return NULL;
	return &d->nodes[parent - d->nodes + 1];
}

const struct doc_node *doc_value(const struct doc *d, const struct doc_node *name)
{
	return &d->nodes[name->end];
}

const struct doc_node *doc_next(
    const struct doc *d, const struct doc_node *parent, const struct doc_node *node)
{
	uint32_t next = parent->type == DOC_OBJECT ? doc_value(d, node)->end : node->end;

	return next < parent->end ? &d->nodes[next] : NULL;
}

struct span doc_span(const struct doc *d, const struct doc_node *node)
{
	return (struct span){ d->text + node->start, node->stop - node->start };
}

enum st_err doc_bool(const struct doc *d, const struct doc_node *node, bool *out)
{
	if (!node || node->type != DOC_BOOL)
		return ST_INVALID;
	*out = d->text[node->start] == 't';
	return ST_OK;
}

enum st_err doc_int(
    const struct doc *d, const struct doc_node *node, int64_t min, int64_t max, int64_t *out)
{
	struct span digits;
	uint64_t size;
	bool negative;
	int64_t value;

	if (!node || node->type != DOC_NUMBER)
		return ST_INVALID;
	digits = doc_span(d, node);
	negative = digits.data[0] == '-';
	if (text_to_uint(digits.data + negative, digits.len - negative, INT64_MAX, &size) !=
		ST_OK ||
	    (negative && size == 0))
		return ST_INVALID;
	value = negative ? -(int64_t)size : (int64_t)size;
	if (value < min || value > max)
		return ST_INVALID;
	*out = value;
	return ST_OK;
}

/* json-c decodes what holds escapes; the scanner has seen that it is well-formed. */
static enum st_err decode_string(const char *quoted, size_t len, struct buf *out)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *string = NULL;
	enum st_err err = ST_NOMEM;

	if (tokener)
		string = json_tokener_parse_ex(tokener, quoted, (int)len);
	if (string) {
		buf_add(out, json_object_get_string(string),
		    (size_t)json_object_get_string_len(string));
		err = out->err;
	}
	json_object_put(string);
	if (tokener)
		json_tokener_free(tokener);
	return err;
}

enum st_err doc_string(const struct doc *d, const struct doc_node *node, struct buf *out)
{
	struct span quoted;

	if (!node || node->type != DOC_STRING)
		return ST_INVALID;
	quoted = doc_span(d, node);
	if (has_escape(d, node))
		return decode_string(quoted.data, quoted.len, out);
	buf_add(out, quoted.data + 1, quoted.len - 2);
	return out->err;
}

/* doc_is_text(), of a text of this length. */
static bool is_text(const struct doc *d, const struct doc_node *node, const char *text, size_t len)
{
	struct buf decoded;
	size_t raw_len;
	const char *raw;
	bool same;

	if (!node || node->type != DOC_STRING)
		return false;
	/* Most don't match: an escape is at most six times as long as what it stands for. */
	raw = d->text + node->start + 1;
	raw_len = node->stop - node->start - 2;
	if (raw_len < len || raw_len > 6 * len || (raw[0] != text[0] && raw[0] != '\\' && len > 0))
		return false;
	if (!has_escape(d, node))
		return raw_len == len && memcmp(raw, text, len) == 0;
	buf_init(&decoded, raw_len);
	same = doc_string(d, node, &decoded) == ST_OK && decoded.len == len &&
	       memcmp(buf_text(&decoded), text, len) == 0;
	buf_free(&decoded);
	return same;
}

bool doc_is_text(const struct doc *d, const struct doc_node *node, const char *text)
{
	return is_text(d, node, text, strlen(text));
}

const struct doc_node *doc_member(
    const struct doc *d, const struct doc_node *object, const char *name)
{
	size_t len = strlen(name);

	if (!object || object->type != DOC_OBJECT)
		return NULL;
	for (const struct doc_node *n = doc_first(d, object); n; n = doc_next(d, object, n))
		if (is_text(d, n, name, len))
			return doc_value(d, n);
	return NULL;
}

/* The place of this name, looked for from the one on that is likely; n: none of them. */
static size_t place_of(const struct doc *d, const struct doc_node *name, const char *const names[],
    size_t n, size_t likely)
{
	for (size_t i = likely; i < n; i++)
		if (doc_is_text(d, name, names[i]))
			return i;
	for (size_t i = 0; i < likely; i++)
		if (doc_is_text(d, name, names[i]))
			return i;
	return n;
}

void doc_members(const struct doc *d, const struct doc_node *object, const char *const names[],
    size_t n, const struct doc_node *out[])
{
	size_t likely = 0;

	for (size_t i = 0; i < n; i++)
		out[i] = NULL;
	if (!object || object->type != DOC_OBJECT)
		return;
	for (const struct doc_node *name = doc_first(d, object); name;
	     name = doc_next(d, object, name)) {
		size_t place = place_of(d, name, names, n, likely);

		if (place == n)
			continue;
		out[place] = doc_value(d, name);
		likely = place + 1;
	}
}
