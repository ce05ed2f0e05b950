#include "hostile/grammar.h"

#include <string.h>

#define DEPTH_MAX 64

struct text {
	const char *at, *stop;
};

static bool value(struct text *t, int depth);

static bool next_is(struct text *t, char c)
{
	if (t->at == t->stop || *t->at != c)
		return false;
	t->at++;
	return true;
}

static void space(struct text *t)
{
	while (t->at < t->stop && memchr(" \t\r\n", *t->at, 4))
		t->at++;
}

static bool word(struct text *t, const char *w)
{
	size_t len = strlen(w);

	if ((size_t)(t->stop - t->at) < len || memcmp(t->at, w, len) != 0)
		return false;
	t->at += len;
	return true;
}

static bool digits(struct text *t)
{
	const char *from = t->at;

	while (t->at < t->stop && *t->at >= '0' && *t->at <= '9')
		t->at++;
	return t->at > from;
}

static bool number(struct text *t)
{
	(void)next_is(t, '-');
	if (!next_is(t, '0') && !digits(t))
		return false;
	if (next_is(t, '.') && !digits(t))
		return false;
	if (next_is(t, 'e') || next_is(t, 'E')) {
		(void)(next_is(t, '+') || next_is(t, '-'));
		return digits(t);
	}
	return true;
}

static int hex(struct text *t)
{
	static const char all[] = "0123456789abcdefABCDEF";
	int n = 0;

	for (int i = 0; i < 4; i++) {
		const char *p = t->at < t->stop && *t->at ? strchr(all, *t->at) : NULL;

		if (!p)
			return -1;
		n = n * 16 + (int)(p - all < 16 ? p - all : p - all - 6);
		t->at++;
	}
	return n;
}

static bool escape(struct text *t)
{
	int c;

	if (t->at == t->stop)
		return false;
	if (*t->at != 'u')
		return *t->at && strchr("\"\\/bfnrt", *t->at++) != NULL;
	t->at++;
	c = hex(t);
	if (c < 0 || (c >= 0xdc00 && c <= 0xdfff))
		return false;
	if (c < 0xd800 || c > 0xdbff)
		return true;
	if (!next_is(t, '\\') || !next_is(t, 'u'))
		return false;
	c = hex(t);
	return c >= 0xdc00 && c <= 0xdfff;
}

static bool string(struct text *t)
{
	if (!next_is(t, '"'))
		return false;
	while (t->at < t->stop) {
		char c = *t->at++;

		if (c == '"')
			return true;
		if ((unsigned char)c < 0x20 || (c == '\\' && !escape(t)))
			return false;
	}
	return false;
}

/* What stands between brackets: values, or members. */
static bool list(struct text *t, int depth, bool members, char end)
{
	space(t);
	if (next_is(t, end))
		return true;
	do {
		space(t);
		if (members && (!string(t) || (space(t), !next_is(t, ':'))))
			return false;
		if (!value(t, depth + 1))
			return false;
		space(t);
	} while (next_is(t, ','));
	return next_is(t, end);
}

static bool value(struct text *t, int depth)
{
	space(t);
	if (t->at == t->stop || depth > DEPTH_MAX)
		return false;
	switch (*t->at) {
	case '{': t->at++; return list(t, depth, true, '}');
	case '[': t->at++; return list(t, depth, false, ']');
	case '"': return string(t);
	case 't': return word(t, "true");
	case 'f': return word(t, "false");
	case 'n': return word(t, "null");
	default: return number(t);
	}
}

bool grammar_is_json(const char *text, size_t len)
{
	struct text t = { text, text + len };

	if (!value(&t, 0))
		return false;
	space(&t);
	return t.at == t.stop;
}
