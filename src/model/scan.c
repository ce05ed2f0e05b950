/*
 * model/scan.c: RFC 8259, byte by byte, in one pass.
 *
 * What may come next is a state; scan_token() takes one token by it:
 *
 *   VALUE, VALUE_OR_END ── a scalar ───▶ COMMA_OR_END, or NOTHING outside of all
 *                       ── `[` `{` ────▶ VALUE_OR_END, NAME_OR_END
 *   NAME, NAME_OR_END ──── a string ───▶ COLON ── `:` ──▶ VALUE
 *   COMMA_OR_END ───────── `,` ────────▶ VALUE, NAME
 *   …_OR_END ───────────── `]` `}` ────▶ COMMA_OR_END, or NOTHING outside of all
 *
 * Nodes are laid down in the order of the text.  A container's node is laid
 * down when it opens and gets its `stop` and `end` when it closes; the open
 * ones are a stack of at most DOC_DEPTH_MAX node indexes, so nothing recurses.
 */
#include "model/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/eight.h"
#include "base/text.h"

#define NODES_FIRST 64

/* What may come next. */
enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* behind `[` */
	EXPECT_NAME_OR_END,  /* behind `{` */
	EXPECT_NAME,         /* behind a comma in an object */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END,
	EXPECT_NOTHING
};

struct scan {
	struct doc *d;
	const unsigned char *at, *stop;
	size_t cap, max_nodes;
	uint32_t open[DOC_DEPTH_MAX];
	size_t depth;
	enum expect expect;
	struct doc_error *why;
};

static uint32_t position(const struct scan *s)
{
	return (uint32_t)(s->at - (const unsigned char *)s->d->text);
}

static enum st_err stop_at(struct scan *s, enum st_err err, const char *what)
{
	*s->why = (struct doc_error){ what, position(s) };
	return err;
}

static enum st_err broken(struct scan *s, const char *what)
{
	return stop_at(s, ST_INVALID, what);
}

static enum st_err add_node(struct scan *s, enum doc_type type, struct doc_node **out)
{
	struct doc *d = s->d;
	struct doc_node *node;

	if (d->n == s->max_nodes)
		return stop_at(s, ST_TOO_BIG, "too many values");
	if (d->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : NODES_FIRST;
		struct doc_node *nodes = realloc(d->nodes, cap * sizeof(*nodes));

		if (!nodes)
			return stop_at(s, ST_NOMEM, "out of memory");
		d->nodes = nodes;
		s->cap = cap;
	}
	node = &d->nodes[d->n++];
	*node = (struct doc_node){ .type = type, .start = position(s), .end = (uint32_t)d->n };
	*out = node;
	return ST_OK;
}

static struct doc_node *innermost(struct scan *s)
{
	return s->depth ? &s->d->nodes[s->open[s->depth - 1]] : NULL;
}

/* A value is complete: what its container wants now. */
static void value_done(struct scan *s)
{
	s->expect = s->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static int hex4(const unsigned char *p, const unsigned char *stop)
{
	int value = 0;

	if (stop - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned char c = p[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* s->at stands on the backslash; leaves it behind the escape. */
static enum st_err scan_escape(struct scan *s)
{
	int unit;

	if (s->stop - s->at < 2)
		return broken(s, "text ends inside a string");
	if (s->at[1] != 'u') {
		if (!s->at[1] || !strchr("\"\\/bfnrt", s->at[1]))
			return broken(s, "unknown escape");
		s->at += 2;
		return ST_OK;
	}
	unit = hex4(s->at + 2, s->stop);
	if (unit < 0)
		return broken(s, "broken \\u escape");
	if (unit >= 0xd800 && unit <= 0xdbff) {
		int low = s->stop - s->at >= 12 && s->at[6] == '\\' && s->at[7] == 'u'
		              ? hex4(s->at + 8, s->stop)
		              : -1;

		if (low < 0xdc00 || low > 0xdfff)
			return broken(s, "lone surrogate");
		s->at += 12;
		return ST_OK;
	}
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return broken(s, "lone surrogate");
	s->at += 6;
	return ST_OK;
}

/* Behind the ASCII that means nothing in a string, eight bytes at a time. */
static const unsigned char *skip_plain(const unsigned char *at, const unsigned char *stop)
{
	for (; stop - at >= 8; at += 8) {
		uint64_t bytes = eight_load(at);
		uint64_t odd = (bytes & EIGHT(0x80)) | eight_zeros(bytes ^ EIGHT('"')) |
		               eight_zeros(bytes ^ EIGHT('\\')) | eight_controls(bytes);

		if (odd != 0)
			return at + eight_first(odd);
	}
	return at;
}

/* s->at stands on the opening quote; leaves it behind the closing one. */
static enum st_err scan_string(struct scan *s)
{
	const unsigned char *from = ++s->at;
	unsigned bits = 0;

	s->at = skip_plain(s->at, s->stop);
	while (s->at < s->stop && *s->at != '"') {
		if (*s->at == '\\') {
			enum st_err err = scan_escape(s);

			if (err)
				return err;
		} else if (*s->at < 0x20) {
			return broken(s, "control byte in a string");
		} else {
			bits |= *s->at++;
		}
	}
	if (s->at == s->stop)
		return broken(s, "text ends inside a string");
	if (bits >= 0x80 && !text_is_utf8((const char *)from, (size_t)(s->at - from)))
		return broken(s, "a string is not UTF-8");
	s->at++;
	return ST_OK;
}

static bool skip_digits(struct scan *s)
{
	const unsigned char *from = s->at;

	while (s->at < s->stop && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > from;
}

static enum st_err scan_number(struct scan *s)
{
	if (*s->at == '-')
		s->at++;
	if (s->at < s->stop && *s->at == '0')
		s->at++;
	else if (!skip_digits(s))
		return broken(s, "a number has no digits");
	if (s->at < s->stop && *s->at == '.') {
		s->at++;
		if (!skip_digits(s))
			return broken(s, "a number has no digits behind its point");
	}
	if (s->at < s->stop && (*s->at | 0x20) == 'e') {
		s->at++;
		if (s->at < s->stop && (*s->at == '+' || *s->at == '-'))
			s->at++;
		if (!skip_digits(s))
			return broken(s, "a number has no digits in its exponent");
	}
	return ST_OK;
}

static enum st_err scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->stop - s->at) < len || memcmp(s->at, word, len) != 0)
		return broken(s, "no JSON value");
	s->at += len;
	return ST_OK;
}

static enum st_err open_container(struct scan *s, enum doc_type type)
{
	struct doc_node *node;
	enum st_err err;

	if (s->depth == DOC_DEPTH_MAX)
		return broken(s, "nested too deep");
	err = add_node(s, type, &node);
	if (err)
		return err;
	s->open[s->depth++] = (uint32_t)(s->d->n - 1);
	s->expect = type == DOC_OBJECT ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
	s->at++;
	return ST_OK;
}

static enum st_err close_container(struct scan *s)
{
	struct doc_node *node = innermost(s);

	if (!node || (node->type == DOC_OBJECT) != (*s->at == '}'))
		return broken(s, "a bracket closes nothing");
	s->at++;
	node->stop = position(s);
	node->end = (uint32_t)s->d->n;
	s->depth--;
	value_done(s);
	return ST_OK;
}

/* By the first byte, which is all that it takes. */
static enum st_err scan_scalar(struct scan *s)
{
	unsigned char first = *s->at;
	struct doc_node *node;
	enum doc_type type;
	enum st_err err;

	switch (first) {
	case '"': type = DOC_STRING; break;
	case 't':
	case 'f': type = DOC_BOOL; break;
	case 'n': type = DOC_NULL; break;
	default:
		if (first != '-' && (first < '0' || first > '9'))
			return broken(s, "no JSON value");
		type = DOC_NUMBER;
		break;
	}
	err = add_node(s, type, &node);
	if (err)
		return err;
	if (type == DOC_STRING)
		err = scan_string(s);
	else if (type == DOC_NUMBER)
		err = scan_number(s);
	else
		err = scan_word(s, first == 't' ? "true" : first == 'f' ? "false" : "null");
	node->stop = position(s);
	return err;
}

static enum st_err scan_value(struct scan *s)
{
	struct doc_node *in = innermost(s);
	enum st_err err;

	if (in && in->type == DOC_ARRAY)
		in->count++;
	if (*s->at == '{')
		return open_container(s, DOC_OBJECT);
	if (*s->at == '[')
		return open_container(s, DOC_ARRAY);
	err = scan_scalar(s);
	if (err == ST_OK)
		value_done(s);
	return err;
}

static enum st_err scan_name(struct scan *s)
{
	enum st_err err;

	if (*s->at != '"')
		return broken(s, "a member has no name");
	innermost(s)->count++;
	err = scan_scalar(s);
	s->expect = EXPECT_COLON;
	return err;
}

static enum st_err scan_comma(struct scan *s)
{
	if (*s->at != ',')
		return broken(s, "a comma is missing");
	s->at++;
	s->expect = innermost(s)->type == DOC_OBJECT ? EXPECT_NAME : EXPECT_VALUE;
	return ST_OK;
}

/* One token; s->at stands on something that is no space. */
static enum st_err scan_token(struct scan *s)
{
	bool closes = *s->at == '}' || *s->at == ']';

	switch (s->expect) {
	case EXPECT_VALUE_OR_END: return closes ? close_container(s) : scan_value(s);
	case EXPECT_VALUE: return scan_value(s);
	case EXPECT_NAME_OR_END: return closes ? close_container(s) : scan_name(s);
	case EXPECT_NAME: return scan_name(s);
	case EXPECT_COLON:
		if (*s->at != ':')
			return broken(s, "a colon is missing");
		s->at++;
		s->expect = EXPECT_VALUE;
		return ST_OK;
	case EXPECT_COMMA_OR_END: return closes ? close_container(s) : scan_comma(s);
	case EXPECT_NOTHING: break;
	}
	return broken(s, "bytes behind the value");
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

enum st_err scan_text(struct doc *d, size_t max_nodes, struct doc_error *why)
{
	struct scan s = { .d = d, .max_nodes = max_nodes, .why = why };

	s.at = (const unsigned char *)d->text;
	s.stop = s.at + d->len;
	while (s.at < s.stop) {
		enum st_err err;

		if (is_space(*s.at)) {
			s.at++;
			continue;
		}
		err = scan_token(&s);
		if (err)
			return err;
	}
	return s.expect == EXPECT_NOTHING ? ST_OK : broken(&s, "text ends too early");
}
