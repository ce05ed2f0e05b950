#include "base/json_writer.h"

#include <string.h>

#include "base/eight.h"
#include "base/text.h"

void jw_init(struct json_writer *w, struct buf *out)
{
	w->out = out;
	w->comma = false;
}

static void before_value(struct json_writer *w)
{
	if (w->comma)
		buf_addc(w->out, ',');
	w->comma = true;
}

static void begin(struct json_writer *w, char bracket)
{
	before_value(w);
	buf_addc(w->out, bracket);
	w->comma = false;
}

static void end(struct json_writer *w, char bracket)
{
	buf_addc(w->out, bracket);
	w->comma = true;
}

void jw_begin_object(struct json_writer *w)
{
	begin(w, '{');
}

void jw_end_object(struct json_writer *w)
{
	end(w, '}');
}

void jw_begin_array(struct json_writer *w)
{
	begin(w, '[');
}

void jw_end_array(struct json_writer *w)
{
	end(w, ']');
}

static void add_escape(struct buf *out, unsigned char c)
{
	static const char short_forms[] = "\bb\ff\nn\rr\tt";
	const char *at = c ? strchr(short_forms, c) : NULL;

	if (c == '"' || c == '\\')
		buf_addf(out, "\\%c", c);
	else if (at && c < 0x20)
		buf_addf(out, "\\%c", at[1]);
	else
		buf_addf(out, "\\u%04x", c);
}

/* How many bytes at the front stand for themselves. */
static size_t plain_length(const char *text, size_t len)
{
	size_t n = 0;

	for (; len - n >= 8; n += 8) {
		uint64_t bytes = eight_load(text + n);
		uint64_t odd = eight_controls(bytes) | eight_zeros(bytes ^ EIGHT('"')) |
		               eight_zeros(bytes ^ EIGHT('\\')) | eight_zeros(bytes ^ EIGHT(0x7f));

		if (odd != 0)
			return n + eight_first(odd);
	}
	while (n < len && (unsigned char)text[n] >= 0x20 && text[n] != '"' && text[n] != '\\' &&
	       text[n] != 0x7f)
		n++;
	return n;
}

static void add_string(struct buf *out, const char *text, size_t len)
{
	size_t plain = plain_length(text, len);

	buf_addc(out, '"');
	while (plain < len) {
		buf_add(out, text, plain);
		add_escape(out, (unsigned char)text[plain]);
		text += plain + 1;
		len -= plain + 1;
		plain = plain_length(text, len);
	}
	buf_add(out, text, len);
	buf_addc(out, '"');
}

void jw_name(struct json_writer *w, const char *name)
{
	size_t len = strlen(name);
	char *at = buf_room(w->out, len + 4);

	if (!at)
		return;
	if (w->comma)
		*at++ = ',';
	*at++ = '"';
	at = mempcpy(at, name, len);
	*at++ = '"';
	*at++ = ':';
	buf_commit(w->out, len + 3 + w->comma);
	w->comma = false;
}

void jw_string(struct json_writer *w, const char *text, size_t len)
{
	before_value(w);
	add_string(w->out, text, len);
}

void jw_text(struct json_writer *w, const char *text)
{
	if (text)
		jw_string(w, text, strlen(text));
	else
		jw_null(w);
}

void jw_int(struct json_writer *w, int64_t value)
{
	before_value(w);
	buf_add_int(w->out, value);
}

void jw_uint(struct json_writer *w, uint64_t value)
{
	before_value(w);
	buf_add_uint(w->out, value);
}

void jw_bool(struct json_writer *w, bool value)
{
	before_value(w);
	buf_adds(w->out, value ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
	before_value(w);
	buf_adds(w->out, "null");
}

void jw_raw(struct json_writer *w, const char *json, size_t len)
{
	before_value(w);
	buf_add(w->out, json, len);
}

void jw_time(struct json_writer *w, int64_t unix_seconds)
{
	char text[TIME_TEXT_SIZE];

	if (unix_seconds < 0) {
		jw_null(w);
		return;
	}
	text_time(unix_seconds, text);
	jw_text(w, text);
}
