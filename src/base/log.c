#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

/*
 * What a pipe takes whole, whoever else writes to it (pipe(7)): below it lines
 * of many processes can't mix.
 */
#define RECORD_MAX PIPE_BUF

/* A field's text that has less room than this is left out. */
#define TEXT_MIN 24 /* as long as a number gets */

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

/* One character, or one byte that is none, as JSON and logfmt have it between quotes. */
static size_t escape(const char *s, size_t len, char out[8])
{
	uint32_t code = 0;
	size_t n = text_character(s, len, &code);

	if (n == 0)
		snprintf(out, 8, "\xef\xbf\xbd"); /* U+FFFD */
	else if (code == '\n')
		snprintf(out, 8, "\\n");
	else if (code == '"' || code == '\\')
		snprintf(out, 8, "\\%c", (int)code);
	else if (text_is_unsafe(code))
		snprintf(out, 8, "\\u%04x", code);
	else
		snprintf(out, 8, "%.*s", (int)n, s);
	return n ? n : 1;
}

#define CUT_MARK "\xe2\x80\xa6" /* an ellipsis */

/* At most `room` bytes between the quotes; what is cut ends in an ellipsis. */
static void add_quoted(struct buf *out, const char *s, size_t len, size_t room)
{
	size_t end = out->len + 1 + room, mark = sizeof(CUT_MARK) - 1, keep = 0;
	char part[8];

	buf_addc(out, '"');
	for (size_t i = 0; i < len;) {
		i += escape(s + i, len - i, part);
		/* How far it may stay if a later one doesn't fit. */
		if (out->len + mark <= end)
			keep = out->len;
		if (out->len + strlen(part) > end) {
			out->len = keep;
			buf_adds(out, CUT_MARK);
			break;
		}
		buf_adds(out, part);
	}
	buf_addc(out, '"');
}

static bool wants_quotes(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || strchr("\"=\\\x7f", s[i]) || (s[i] & 0x80))
			return true;
	return len == 0;
}

/* How the two formats differ. */
struct shape {
	const char *open, *before, *between, *close; /* record, key, key and value, record */
	bool always_quoted;
};

static const struct shape shapes[] = {
	[LOG_FORMAT_LOGFMT] = { "", " ", "=", "", false },
	[LOG_FORMAT_JSON] = { "{\"", ",\"", "\":", "}", true },
};

static void add_text(
    struct buf *out, const struct shape *shape, const char *s, size_t len, size_t room)
{
	if (!shape->always_quoted && len <= room && !wants_quotes(s, len))
		buf_add(out, s, len);
	else
		add_quoted(out, s, len, room);
}

/* What doesn't fit into the record any more is left out, as is what has no key. */
static void add_field(struct buf *out, const struct shape *shape, const struct log_field *f)
{
	size_t around = strlen(shape->before) + strlen(shape->between) + strlen("\"\"}\n");
	size_t room = RECORD_MAX - out->len;

	if (!f->key || room < around + strlen(f->key) + TEXT_MIN)
		return;
	room -= around + strlen(f->key);
	buf_adds(out, shape->before);
	buf_adds(out, f->key);
	buf_adds(out, shape->between);
	if (f->text)
		add_text(out, shape, f->text, f->len, room < LOG_TEXT_MAX ? room : LOG_TEXT_MAX);
	else
		buf_add_int(out, f->number);
}

static void add_record(struct buf *out, const struct shape *shape, enum log_level level,
    const char *msg, const struct log_field *fields, size_t n)
{
	char when[TIME_TEXT_SIZE];
	const struct log_field first[] = { log_text("level", level_names[level]),
		log_text("ident", program), log_text("msg", msg) };

	text_time(wall_now_ms() / 1000, when);
	buf_adds(out, shape->open);
	buf_addf(out, "time%s", shape->between);
	add_text(out, shape, when, strlen(when), sizeof(when));
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		add_field(out, shape, &first[i]);
	for (size_t i = 0; i < n; i++)
		add_field(out, shape, &fields[i]);
	buf_adds(out, shape->close);
	buf_addc(out, '\n');
}

void log_record(enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
	int saved = errno;
	struct buf out;

	if (!log_wants(level))
		return;
	buf_init(&out, RECORD_MAX);
	add_record(&out, &shapes[atomic_load(&wanted_format)], level, msg, fields, n);
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

void log_limit_init(struct log_limit *l, unsigned burst, int64_t period_ms)
{
	*l = (struct log_limit){ .burst = burst, .period_ms = period_ms };
	pthread_mutex_init(&l->lock, NULL);
}

static void begin_period(struct log_limit *l, struct mono now)
{
	if (!mono_reached(l->ends, now))
		return;
	l->ends = mono_add_ms(now, l->period_ms);
	l->taken = 0;
}

uint64_t log_limit_take(struct log_limit *l, struct mono now)
{
	uint64_t records = 0;

	pthread_mutex_lock(&l->lock);
	begin_period(l, now);
	l->unlogged++;
	if (l->taken < l->burst) {
		l->taken++;
		records = l->unlogged;
		l->unlogged = 0;
	}
	pthread_mutex_unlock(&l->lock);
	return records;
}

uint64_t log_limit_rest(struct log_limit *l, struct mono now)
{
	uint64_t records = 0;

	pthread_mutex_lock(&l->lock);
	if (mono_reached(l->ends, now)) {
		records = l->unlogged;
		l->unlogged = 0;
	}
	pthread_mutex_unlock(&l->lock);
	return records;
}
