#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/eight.h"

/*
 * What may follow a lead byte, by RFC 3629: number of continuation bytes and
 * the range of the first of them, which is where overlong forms, surrogates
 * and values above U+10FFFF are told apart.
 */
struct utf8_form {
	unsigned char first, last, more, low, high;
};

static const struct utf8_form utf8_forms[] = {
	{ 0xc2, 0xdf, 1, 0x80, 0xbf },
	{ 0xe0, 0xe0, 2, 0xa0, 0xbf },
	{ 0xe1, 0xec, 2, 0x80, 0xbf },
	{ 0xed, 0xed, 2, 0x80, 0x9f },
	{ 0xee, 0xef, 2, 0x80, 0xbf },
	{ 0xf0, 0xf0, 3, 0x90, 0xbf },
	{ 0xf1, 0xf3, 3, 0x80, 0xbf },
	{ 0xf4, 0xf4, 3, 0x80, 0x8f },
};

/* Bytes of the character at s (not ASCII), 0 if it is none. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
		const struct utf8_form *f = &utf8_forms[i];

		if (s[0] < f->first || s[0] > f->last)
			continue;
		if (len <= f->more || s[1] < f->low || s[1] > f->high)
			return 0;
		for (size_t k = 2; k <= f->more; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return f->more + 1u;
	}
	return 0;
}

bool text_is_utf8(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = 0;

	while (len - i >= 8 && !(eight_load(p + i) & EIGHT(0x80)))
		i += 8;
	while (i < len) {
		size_t n = p[i] < 0x80 ? 1 : utf8_length(p + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t text_character(const char *s, size_t len, uint32_t *code)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };

	for (size_t n = 1; n <= 4 && n <= len; n++) {
		if (!text_is_utf8(s, n))
			continue;
		*code = (unsigned char)s[0] & first_bits[n];
		for (size_t i = 1; i < n; i++)
			*code = *code << 6 | ((unsigned char)s[i] & 0x3f);
		return n;
	}
	return 0;
}

bool text_is_unsafe(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = { { 0, 0x1f }, { 0x7f, 0x9f }, { 0x61c, 0x61c }, { 0x200b, 0x200b },
		{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff } };

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

bool text_has_control(const char *s, size_t len)
{
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t bytes = eight_load(s + i);

		if (eight_controls(bytes) | eight_zeros(bytes ^ EIGHT(0x7f)))
			return true;
	}
	for (; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return true;
	return false;
}

enum st_err text_to_uint(const char *s, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	bool fits = true;

	if (len == 0)
		return ST_INVALID;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(s[i] - '0');

		if (digit > 9)
			return ST_INVALID;
		if (digit > max || value > (max - digit) / 10)
			fits = false;
		else if (fits)
			value = value * 10 + digit;
	}
	if (!fits)
		return ST_TOO_BIG;
	*out = value;
	return ST_OK;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes up to the next one that may mean something else. */
static size_t plain_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] != '%' && s[n] != '+')
		n++;
	return n;
}

enum st_err text_percent_decode(const char *s, size_t len, bool plus_is_space, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		size_t plain = plain_length(s + i, len - i);

		if (plain > 0) {
			buf_add(out, s + i, plain);
			i += plain - 1;
		} else if (s[i] == '%') {
			int high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
			int low = i + 2 < len ? hex_digit(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return ST_INVALID;
			buf_addc(out, (char)(high << 4 | low));
			i += 2;
		} else {
			buf_addc(out, plus_is_space ? ' ' : '+');
		}
	}
	return out->err;
}

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~", c));
}

void text_percent_encode(const char *s, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (is_unreserved(c))
			buf_addc(out, s[i]);
		else
			buf_addf(out, "%%%02X", c);
	}
}

void text_hex(uint64_t value, unsigned digits, char *out)
{
	out[digits] = '\0';
	while (digits-- > 0) {
		out[digits] = "0123456789abcdef"[value & 15];
		value >>= 4;
	}
}

/* So many digits of it, in front of `end`; where to put what stands before them. */
static char *digits_before(char *end, unsigned n, int value)
{
	for (; n > 0; n--, value /= 10)
		*--end = (char)('0' + value % 10);
	return end;
}

/* By hand, since strftime() would be the dearest part of an answer. */
void text_time(int64_t unix_seconds, char out[TIME_TEXT_SIZE])
{
	time_t t = (time_t)unix_seconds;
	struct tm tm;
	char *at;

	memcpy(out, "0000-00-00T00:00:00Z", TIME_TEXT_SIZE);
	/* Years of more than four digits have no RFC 3339 form. */
	if (!gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900)
		return;
	at = digits_before(out + TIME_TEXT_SIZE - 2, 2, tm.tm_sec);
	at = digits_before(at - 1, 2, tm.tm_min);
	at = digits_before(at - 1, 2, tm.tm_hour);
	at = digits_before(at - 1, 2, tm.tm_mday);
	at = digits_before(at - 1, 2, tm.tm_mon + 1);
	digits_before(at - 1, 4, tm.tm_year + 1900);
}

void text_duration(int64_t milliseconds, char out[DURATION_TEXT_SIZE])
{
	int64_t seconds = milliseconds / 1000;
	int64_t tenths = milliseconds / 100;

	if (milliseconds < 1000)
		snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "ms", milliseconds);
	else if (tenths < 100 && tenths % 10 != 0)
		snprintf(
		    out, DURATION_TEXT_SIZE, "%" PRId64 ".%" PRId64 "s", tenths / 10, tenths % 10);
	else if (tenths < 100)
		snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "s", tenths / 10);
	else if (seconds < 60)
		snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "s", seconds);
	else if (seconds < 3600)
		snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "m%" PRId64 "s", seconds / 60,
		    seconds % 60);
	else
		snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "h%" PRId64 "m%" PRId64 "s",
		    seconds / 3600, seconds / 60 % 60, seconds % 60);
}

void text_megabytes(uint64_t bytes, char out[DURATION_TEXT_SIZE])
{
	snprintf(out, DURATION_TEXT_SIZE, "%.1fMB", (double)bytes / (1024 * 1024));
}

bool text_equal_constant_time(const char *a, size_t a_len, const char *b, size_t b_len)
{
	volatile unsigned char different = a_len != b_len;

	for (size_t i = 0; i < a_len && i < b_len; i++)
		different |= (unsigned char)(a[i] ^ b[i]);
	return !different;
}
