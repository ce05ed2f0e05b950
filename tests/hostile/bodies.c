#include "hostile/bodies.h"

#include <string.h>

/* Pieces that break parsers, and ours if it were one of the kind. */
static const char *const tokens[] = { "\"", "'", "\\", "{", "}", "[", "]", ",", ":", "null", "true",
	"false", "NaN", "Infinity", "-", "-0", "0", "00", "01", "+1", "1.", ".5", "1.0", "1e5",
	"1E+2", "-1e-3", "9007199254740992", "9007199254740993", "2147483647", "2147483648",
	"-2147483648", "18446744073709551615", "18446744073709551616", "-9223372036854775808",
	"123456789012345678901234567890", "\"\\u0000\"", "\\u0000", "\\ud83d", "\\ude00",
	"\\ud83d\\ude00", "\\u00e4", "\\x41", "\\", "\n", "\t", "\x01", "\x7f", "\xc3", "\xc3\xa4",
	"\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\xff", "\xef\xbb\xbf", "/*", "*/", "//",
	"#", "undefined", "\"delta\":-1", "\"delta\":0", "\"version\":1", "\"version\":\"1\"",
	"\"productId\":\"X\"", "\"productId\":\"\"", "\"idempotencyKey\":\"k0\"",
	"\"idempotencyKey\":null", "\"storeId\":7", "\"storeId\":\"s\"", "\"updates\":[]",
	"\"d\\u0065lta\":-3", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "{\"a\":{\"a\":{\"a\":", "{}",
	"[]", ",,", "::", " ", "\r\n" };

#define TOKENS (sizeof(tokens) / sizeof(tokens[0]))

static const char *const ids[] = { "PROD-001", "a b", "a/b", "\\\"q\\\"", "\\u00e4", "日本",
	"\\ud83d\\ude00", "%2F", "..", "a,b", "'" };
static const char *const values[] = { "-1", "1", "6", "-2147483647", "2147483647", "\"x\"", "\"\"",
	"0", "null", "true", "[]", "{}", "1.5", "1e1", "-0", "2147483648", "9007199254740993",
	"99999999999999999999", "\"\\u0007\"", "\"a\x7f\"" };

uint32_t dice_roll(struct dice *d, uint32_t n)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return (uint32_t)(d->state >> 32) % n;
}

static const char *pick(struct dice *d, const char *const *list, size_t n)
{
	return list[dice_roll(d, (uint32_t)n)];
}

#define PICK(d, list) pick(d, list, sizeof(list) / sizeof((list)[0]))

static void valid_members(struct dice *d, unsigned number, struct buf *out)
{
	const char *space = dice_roll(d, 4) == 0 ? " " : "";

	buf_addf(out, "%s\"productId\":%s\"%s\",\"delta\":%s%u,", space, space, PICK(d, ids),
	    dice_roll(d, 4) ? "-" : "", 1 + dice_roll(d, 100));
	buf_addf(out, "\"version\":%u%s,\"idempotencyKey\":\"k%u\"", 1 + dice_roll(d, 1000), space,
	    number);
	if (dice_roll(d, 8) == 0)
		buf_adds(out, ",\"note\":{\"delta\":[null,\"x\"]}");
}

void body_valid(struct dice *d, bool batch, struct buf *out)
{
	unsigned n = dice_roll(d, 20) == 0 ? 100 : 1 + dice_roll(d, 3);

	buf_adds(out, dice_roll(d, 2) ? "{" : "{\"storeId\":\"s\",");
	if (!batch) {
		valid_members(d, 0, out);
		buf_addc(out, '}');
		return;
	}
	buf_adds(out, "\"updates\":[");
	for (unsigned i = 0; i < n; i++) {
		buf_adds(out, i ? ",{" : "{");
		valid_members(d, i, out);
		buf_addc(out, '}');
	}
	buf_adds(out, "]}");
}

/* Members as ours are called, with values of any kind, some missing, some twice. */
static void any_members(struct dice *d, struct buf *out)
{
	static const char *const names[] = { "productId", "delta", "version", "idempotencyKey" };
	const char *comma = "";

	buf_addc(out, '{');
	for (size_t i = 0; i < 4; i++) {
		unsigned times = dice_roll(d, 20) == 0 ? dice_roll(d, 3) : 1;

		for (unsigned k = 0; k < times; k++) {
			bool text = i % 3 == 0 && dice_roll(d, 3);

			buf_addf(out, "%s\"%s\":", comma, names[i]);
			if (text)
				buf_addf(out, "\"%s\"", PICK(d, ids));
			else
				buf_adds(out, PICK(d, values));
			comma = ",";
		}
	}
	buf_addc(out, '}');
}

static void any_object(struct dice *d, bool batch, struct buf *out)
{
	if (!batch) {
		any_members(d, out);
		return;
	}
	buf_adds(out, "{\"updates\":[");
	for (unsigned i = 0, n = dice_roll(d, 5); i < n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		any_members(d, out);
	}
	buf_adds(out, "]}");
}

static void random_bytes(struct dice *d, struct buf *out)
{
	for (unsigned n = dice_roll(d, 300); n > 0; n--)
		buf_addc(out, (char)dice_roll(d, 256));
}

/* The text with `len` bytes at `at` replaced. */
static void splice(struct buf *b, size_t at, size_t len, const char *text, size_t text_len)
{
	struct buf rest;

	buf_init(&rest, SIZE_MAX / 4);
	buf_add(&rest, b->data + at + len, b->len - at - len);
	b->len = at;
	buf_add(b, text, text_len);
	buf_add(b, buf_text(&rest), rest.len);
	buf_free(&rest);
}

static void mutate(struct dice *d, struct buf *b)
{
	size_t at = dice_roll(d, (uint32_t)b->len), left = b->len - at;
	size_t some = 1 + dice_roll(d, (uint32_t)(left < 20 ? left : 20));
	const char *token = PICK(d, tokens);
	char byte = (char)dice_roll(d, 256), copy[20];

	if (some > left)
		some = left;
	switch (dice_roll(d, 6)) {
	case 0: b->data[at] = byte; break;
	case 1: b->data[at] = (char)(b->data[at] ^ (1 << dice_roll(d, 8))); break;
	case 2: splice(b, at, 0, token, strlen(token)); break;
	case 3: splice(b, at, some < 4 ? some : 4, token, strlen(token)); break;
	case 4: splice(b, at, some, "", 0); break;
	default:
		memcpy(copy, b->data + at, some);
		splice(b, dice_roll(d, (uint32_t)b->len), 0, copy, some);
	}
}

bool body_any(struct dice *d, bool batch, struct buf *out)
{
	uint32_t kind = dice_roll(d, 20);

	if (kind == 0) {
		random_bytes(d, out);
		return false;
	}
	if (kind < 5) {
		any_object(d, batch, out);
		return false;
	}
	body_valid(d, batch, out);
	if (kind < 7)
		return true;
	for (unsigned n = 1 + dice_roll(d, 4); n > 0 && out->len > 0; n--)
		mutate(d, out);
	return false;
}
