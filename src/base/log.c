#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "base/text.h"

/* A record above this is cut: it must stay one write. */
#define RECORD_MAX 16384

#define REPEAT_FIRST_MS (10 * 1000)
#define REPEAT_MAX_MS   (3600 * 1000)

static const char *program = "store-api";
static _Atomic int wanted_level = LOG_LEVEL_INFO;
static _Atomic int wanted_format = LOG_FORMAT_LOGFMT;

static const char *const level_names[] = { "DEBUG", "INFO", "WARN", "ERROR" };

void log_open(const char *ident, enum log_level level, enum log_format format)
{
	program = ident;
	log_set(level, format);
}

void log_set(enum log_level level, enum log_format format)
{
	atomic_store(&wanted_level, (int)level);
	atomic_store(&wanted_format, (int)format);
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&wanted_level, memory_order_relaxed);
}

struct log_field log_bytes(const char *key, const char *text, size_t len)
{
	return (struct log_field){ text ? key : NULL, text, len, 0 };
}

struct log_field log_text(const char *key, const char *text)
{
	return log_bytes(key, text, text ? strlen(text) : 0);
}

struct log_field log_number(const char *key, int64_t number)
{
	return (struct log_field){ key, NULL, 0, number };
}

/* Length of the valid UTF-8 character at s, 0 if there is none. */
static size_t character(const char *s, size_t len)
{
	for (size_t n = 1; n <= 4 && n <= len; n++)
		if (text_is_utf8(s, n))
			return n;
	return 0;
}

static bool wants_quotes(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || strchr("\"=\\\x7f", s[i]) || (s[i] & 0x80))
			return true;
	return len == 0;
}

/* Quoted where it must be; bytes that are no text as \xNN. */
static void add_logfmt(struct buf *out, const char *s, size_t len)
{
	if (!wants_quotes(s, len)) {
		buf_add(out, s, len);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < len;) {
		size_t n = character(s + i, len - i);
		unsigned char c = (unsigned char)s[i];

		if (c == '\n')
			buf_adds(out, "\\n");
		else if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (n == 0 || c < 0x20 || c == 0x7f)
			buf_addf(out, "\\x%02x", c);
		else
			buf_add(out, s + i, n);
		i += n ? n : 1;
	}
	buf_addc(out, '"');
}

/* JSON must be valid whatever came in: what is no text becomes U+FFFD. */
static void add_json(struct json_writer *w, const char *s, size_t len)
{
	struct buf clean;

	buf_init(&clean, 3 * LOG_TEXT_MAX + 16);
	for (size_t i = 0; i < len;) {
		size_t n = character(s + i, len - i);

		buf_add(&clean, n ? s + i : "\xef\xbf\xbd", n ? n : 3);
		i += n ? n : 1;
	}
	jw_string(w, buf_text(&clean), clean.len);
	buf_free(&clean);
}

/* Cut long text between characters, and say so. */
static size_t shown_length(const struct log_field *f)
{
	size_t len = f->len;

	if (len <= LOG_TEXT_MAX)
		return len;
	for (len = LOG_TEXT_MAX; len > LOG_TEXT_MAX - 4 && (f->text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

static void write_logfmt(struct buf *out, const char *when, enum log_level level, const char *msg,
    const struct log_field *fields, size_t n)
{
	buf_addf(out, "time=%s level=%s ident=%s msg=", when, level_names[level], program);
	add_logfmt(out, msg, strlen(msg));
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].key)
			continue;
		buf_addf(out, " %s=", fields[i].key);
		if (fields[i].text)
			add_logfmt(out, fields[i].text, shown_length(&fields[i]));
		else
			buf_add_int(out, fields[i].number);
	}
}

static void write_json(struct buf *out, const char *when, enum log_level level, const char *msg,
    const struct log_field *fields, size_t n)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_begin_object(&w);
	jw_name(&w, "time");
	jw_text(&w, when);
	jw_name(&w, "level");
	jw_text(&w, level_names[level]);
	jw_name(&w, "ident");
	jw_text(&w, program);
	jw_name(&w, "msg");
	jw_text(&w, msg);
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].key)
			continue;
		jw_name(&w, fields[i].key);
		if (fields[i].text)
			add_json(&w, fields[i].text, shown_length(&fields[i]));
		else
			jw_int(&w, fields[i].number);
	}
	jw_end_object(&w);
}

void log_record(enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
	int saved = errno;
	char when[TIME_TEXT_SIZE];
	struct buf out;

	if (!log_wants(level))
		return;
	text_time(wall_now_ms() / 1000, when);
	buf_init(&out, RECORD_MAX);
	if (atomic_load(&wanted_format) == LOG_FORMAT_JSON)
		write_json(&out, when, level, msg, fields, n);
	else
		write_logfmt(&out, when, level, msg, fields, n);
	buf_addc(&out, '\n');
	/* A record that can't be written has nowhere else to go. */
	if (out.err == ST_OK && write(STDERR_FILENO, out.data, out.len) < 0)
		errno = saved;
	buf_free(&out);
	errno = saved;
}

bool log_repeat_failed(struct log_repeat *r, struct mono now)
{
	if (r->count == 0 || r->ended)
		*r = (struct log_repeat){
			.since = now, .next = now, .interval_ms = REPEAT_FIRST_MS
		};
	r->count++;
	r->unlogged = r->count - r->logged;
	if (!mono_reached(r->next, now))
		return false;
	r->logged = r->count;
	r->next = mono_add_ms(now, r->interval_ms);
	r->interval_ms = r->interval_ms * 2 < REPEAT_MAX_MS ? r->interval_ms * 2 : REPEAT_MAX_MS;
	return true;
}

bool log_repeat_ended(struct log_repeat *r)
{
	if (r->count == 0 || r->ended)
		return false;
	r->ended = true;
	return true;
}
