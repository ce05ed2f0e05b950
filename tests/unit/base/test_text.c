#include <string.h>

#include "base/text.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

TEST(base_text, utf8)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "", true },
		{ "plain", true },
		{ "\xc3\xa9", true },
		{ "\xe6\x97\xa5", true },
		{ "\xf0\x9f\x98\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "\xed\x9f\xbf", true },
		{ "\xc3", false },
		{ "\xe6\x97", false },
		{ "\xf0\x9f\x98", false }, /* cut */
		{ "\xc0\xaf", false },
		{ "\xe0\x80\xaf", false },
		{ "\xf0\x80\x80\xaf", false }, /* overlong */
		{ "\xed\xa0\x80", false },
		{ "\xed\xbf\xbf", false }, /* surrogates */
		{ "\xf4\x90\x80\x80", false },
		{ "\xf8\x88\x80\x80\x80", false }, /* too large */
		{ "\x80", false },
		{ "a\xffz", false },
		{ "\xc3(", false },
	};

	for (size_t i = 0; i < N(rows); i++)
		CU_ASSERT_EQUAL(text_is_utf8(rows[i].text, strlen(rows[i].text)), rows[i].good);
	CU_ASSERT_TRUE(text_is_utf8("a\0b", 3));
}

TEST(base_text, characters_and_what_a_terminal_makes_of_them)
{
	static const struct {
		const char *text;
		size_t len;
		uint32_t code;
		bool unsafe;
	} cases[] = { { "a", 1, 'a', false }, { "\x1b[", 1, 0x1b, true }, { "\x7f", 1, 0x7f, true },
		{ "\xc2\x9bm", 2, 0x9b, true }, { "\xc2\xa0", 2, 0xa0, false },
		{ "\xd8\x9c", 2, 0x61c, true }, { "\xe2\x80\xa8", 3, 0x2028, true },
		{ "\xe2\x80\xae", 3, 0x202e, true }, { "\xe2\x80\x8b", 3, 0x200b, true },
		{ "\xe2\x80\x8c", 3, 0x200c, false }, { "\xe2\x80\x8d", 3, 0x200d, false },
		{ "\xe2\x80\x8e", 3, 0x200e, true }, { "\xe2\x82\xac", 3, 0x20ac, false },
		{ "\xef\xbb\xbf", 3, 0xfeff, true }, { "\xf0\x9f\x98\x80", 4, 0x1f600, false },
		{ "\xff", 0, 0, true }, { "\xc2", 0, 0, true }, { "\xed\xa0\x80", 0, 0, true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t code = 0;

		CU_ASSERT_EQUAL(
		    text_character(cases[i].text, strlen(cases[i].text), &code), cases[i].len);
		CU_ASSERT_EQUAL(code, cases[i].code);
		CU_ASSERT_EQUAL(text_is_unsafe(code), cases[i].unsafe);
	}
}

TEST(base_text, control_bytes)
{
	CU_ASSERT_FALSE(text_has_control("plain \xc3\xa9 ~", 10));
	CU_ASSERT_TRUE(text_has_control("a\nb", 3));
	CU_ASSERT_TRUE(text_has_control("a\0b", 3));
	CU_ASSERT_TRUE(text_has_control("\x7f", 1));
	CU_ASSERT_FALSE(text_has_control("", 0));
	/* Eight at a time, and what is left. */
	CU_ASSERT_FALSE(text_has_control("eleven long", 11));
	CU_ASSERT_TRUE(text_has_control("eleven\x1flong", 11));
	CU_ASSERT_TRUE(text_has_control("\x7fwelve long", 11));
	CU_ASSERT_TRUE(text_has_control("eleven lo\rg", 11));
}

TEST(base_text, numbers)
{
	static const struct {
		const char *text;
		uint64_t max;
		enum st_err err;
		uint64_t value;
	} rows[] = {
		{ "0", 10, ST_OK, 0 },
		{ "10", 10, ST_OK, 10 },
		{ "007", 10, ST_OK, 7 },
		{ "11", 10, ST_TOO_BIG, 0 },
		{ "5", 4, ST_TOO_BIG, 0 },
		{ "18446744073709551615", UINT64_MAX, ST_OK, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, ST_TOO_BIG, 0 },
		{ "99999999999999999999999999", UINT64_MAX, ST_TOO_BIG, 0 },
		{ "", 10, ST_INVALID, 0 },
		{ "-1", 10, ST_INVALID, 0 },
		{ "+1", 10, ST_INVALID, 0 },
		{ " 1", 10, ST_INVALID, 0 },
		{ "1 ", 10, ST_INVALID, 0 },
		{ "1.5", 10, ST_INVALID, 0 },
		{ "0x1", 10, ST_INVALID, 0 },
		{ "9a", 5, ST_INVALID, 0 },
	};

	for (size_t i = 0; i < N(rows); i++) {
		uint64_t value = 0;

		CU_ASSERT_EQUAL(
		    text_to_uint(rows[i].text, strlen(rows[i].text), rows[i].max, &value),
		    rows[i].err);
		CU_ASSERT_EQUAL(value, rows[i].value);
	}
}

TEST(base_text, percent_coding)
{
	static const struct {
		const char *raw;
		bool plus_is_space;
		const char *decoded; /* NULL: refused */
	} rows[] = {
		{ "", false, "" },
		{ "abc", false, "abc" },
		{ "a%2Fb", false, "a/b" },
		{ "%25%32", false, "%2" },
		{ "%252F", false, "%2F" },
		{ "a+b", false, "a+b" },
		{ "+%2b++", false, "++++" },
		{ "a+b%2B", true, "a b+" },
		{ "%c3%A9", false, "\xc3\xa9" },
		{ "%", false, NULL },
		{ "%2", false, NULL },
		{ "a%zz", false, NULL },
		{ "%2g", false, NULL },
		{ "% 1", false, NULL },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct buf out;
		enum st_err err;

		buf_init(&out, 100);
		err = text_percent_decode(
		    rows[i].raw, strlen(rows[i].raw), rows[i].plus_is_space, &out);
		CU_ASSERT_EQUAL(err, rows[i].decoded ? ST_OK : ST_INVALID);
		if (rows[i].decoded)
			ASSERT_TEXT(buf_text(&out), rows[i].decoded);
		buf_free(&out);
	}
}

TEST(base_text, percent_encoding_leaves_unreserved_alone)
{
	struct buf out;

	buf_init(&out, 100);
	text_percent_encode("aZ9-._~ /%\xc3\xa9", 12, &out);
	ASSERT_TEXT(buf_text(&out), "aZ9-._~%20%2F%25%C3%A9");
	buf_free(&out);
}

TEST(base_text, hexadecimal_digits)
{
	char text[17];

	text_hex(UINT64_C(0x0123456789abcdef), 16, text);
	ASSERT_TEXT(text, "0123456789abcdef");
	text_hex(UINT64_C(0x0123456789abcdef), 4, text);
	ASSERT_TEXT(text, "cdef");
}

TEST(base_text, times)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1705314600, "2024-01-15T10:30:00Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ 253402300800, "0000-00-00T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ INT64_MAX, "0000-00-00T00:00:00Z" },
	};
	char out[TIME_TEXT_SIZE];

	for (size_t i = 0; i < N(rows); i++) {
		text_time(rows[i].seconds, out);
		ASSERT_TEXT(out, rows[i].text);
	}
}

TEST(base_text, durations_and_sizes)
{
	static const struct {
		int64_t ms;
		const char *text;
	} durations[] = {
		{ 0, "0ms" },
		{ 350, "350ms" },
		{ 999, "999ms" },
		{ 1000, "1s" },
		{ 1200, "1.2s" },
		{ 1249, "1.2s" },
		{ 9949, "9.9s" },
		{ 9999, "9.9s" },
		{ 10000, "10s" },
		{ 45000, "45s" },
		{ 59999, "59s" },
		{ 125000, "2m5s" },
		{ 3600000, "1h0m0s" },
		{ 5445000, "1h30m45s" },
		{ 360000000, "100h0m0s" },
	};
	char out[DURATION_TEXT_SIZE];

	for (size_t i = 0; i < N(durations); i++) {
		text_duration(durations[i].ms, out);
		ASSERT_TEXT(out, durations[i].text);
	}
	text_megabytes(2516582, out);
	ASSERT_TEXT(out, "2.4MB");
	text_megabytes(0, out);
	ASSERT_TEXT(out, "0.0MB");
}

TEST(base_text, constant_time_comparison_compares)
{
	CU_ASSERT_TRUE(text_equal_constant_time("key", 3, "key", 3));
	CU_ASSERT_TRUE(text_equal_constant_time("", 0, "", 0));
	CU_ASSERT_FALSE(text_equal_constant_time("key", 3, "kex", 3));
	CU_ASSERT_FALSE(text_equal_constant_time("key", 3, "ke", 2));
	CU_ASSERT_FALSE(text_equal_constant_time("key", 3, "", 0));
	CU_ASSERT_FALSE(text_equal_constant_time("a\0b", 3, "a\0c", 3));
}
