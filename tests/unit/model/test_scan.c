#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answers.h"
#include "model/doc.h"
#include "unit.h"

/* A text with its length, so that it may hold NUL. */
#define BYTES(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct {
	const char *text;
	size_t len;
} valid[] = {
	BYTES("0"),
	BYTES("-0"),
	BYTES("-1"),
	BYTES("10"),
	BYTES("1.10"),
	BYTES("-0.0"),
	BYTES("0e0"),
	BYTES("0E+1"),
	BYTES("1e-2"),
	BYTES("1E400"),
	BYTES("1e+21"),
	BYTES("123456789012345678901234567890"),
	BYTES("0.000000000000000000000000000000000000001"),
	BYTES("true"),
	BYTES("false"),
	BYTES("null"),
	BYTES(" \t\r\nnull \t\r\n"),
	BYTES("\"\""),
	BYTES("\"a\""),
	BYTES("\"'\""),
	BYTES("\"\x7f\""),
	BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	BYTES("\"\\u0000\""),
	BYTES("\"\\u00e9\\u00E9\\uFFFF\\uffff\""),
	BYTES("\"\\ud83d\\ude00\""),
	BYTES("\"\\uDBFF\\uDFFF\""),
	BYTES("\"\\\\ud83d\""),
	BYTES("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
	BYTES("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
	BYTES("\"\xef\xbb\xbf\""),
	BYTES("\"\xe2\x80\xa8\xe2\x80\xa9\""),
	BYTES("[]"),
	BYTES("[ ]"),
	BYTES("[[]   ]"),
	BYTES("[null, 1, \"1\", {}]"),
	BYTES("[1\n]"),
	BYTES("{}"),
	BYTES("{ }"),
	BYTES("{\"\":0}"),
	BYTES("{\"a\":1,\"b\":2}"),
	BYTES("{\"a\" : [ 1 , 2 ] , \"b\" : { \"a\" : null } }"),
	BYTES("{\"a\":1,\"A\":2,\"a \":3,\"aa\":4}"),
	BYTES("{\"a\":{\"a\":{\"a\":1}}}"),
	BYTES("[{\"a\":1},{\"a\":1}]"),
	BYTES("{\"a\\u0000b\":1,\"a\":2,\"a\\u0000c\":3}"),
	BYTES("{\"e\\u0301\":1,\"\\u00e9\":2}"),
	BYTES("{\"\xc3\xa9\":1,\"e\xcc\x81\":2}"),
	BYTES(ANSWER_PAGE),
	BYTES(ANSWER_EVENTS),
	BYTES(ANSWER_NO_EVENTS),
};

static const struct {
	const char *text;
	size_t len;
	const char *what;
	size_t at;
} invalid[] = {
#define BAD(text, what, at)                                    \
	{                                                      \
		(text), sizeof(text) - 1, (what), (size_t)(at) \
	}
	/* Nothing, or nothing whole. */
	BAD("", "text ends too early", 0),
	BAD(" \n", "text ends too early", 2),
	BAD("[", "text ends too early", 1),
	BAD("{", "text ends too early", 1),
	BAD("[1", "text ends too early", 2),
	BAD("[1,", "text ends too early", 3),
	BAD("{\"a\"", "text ends too early", 4),
	BAD("{\"a\":", "text ends too early", 5),
	BAD("{\"a\":1", "text ends too early", 6),
	BAD("{\"a\":1,", "text ends too early", 7),
	BAD("[{\"a\":[", "text ends too early", 7),
	/* Bytes in front and behind. */
	BAD("\xef\xbb\xbf{}", "no JSON value", 0),
	BAD("\xff\xfe[\0]\0", "no JSON value", 0),
	BAD("\0", "no JSON value", 0),
	BAD("{}\0", "bytes behind the value", 2),
	BAD("{}x", "bytes behind the value", 2),
	BAD("{}{}", "bytes behind the value", 2),
	BAD("1 2", "bytes behind the value", 2),
	BAD("[]]", "bytes behind the value", 2),
	BAD("{}}", "bytes behind the value", 2),
	BAD("[],", "bytes behind the value", 2),
	BAD("\"a\"b", "bytes behind the value", 3),
	BAD("{}//", "bytes behind the value", 2),
	BAD("[\f1]", "no JSON value", 1),
	BAD("[\v]", "no JSON value", 1),
	BAD("\xc2\xa0[]", "no JSON value", 0),
	BAD("[1]\xe2\x80\x8b", "bytes behind the value", 3),
	/* Brackets, commas, colons. */
	BAD("]", "no JSON value", 0),
	BAD("}", "no JSON value", 0),
	BAD(",", "no JSON value", 0),
	BAD(":", "no JSON value", 0),
	BAD("[}", "a bracket closes nothing", 1),
	BAD("{]", "a bracket closes nothing", 1),
	BAD("[1}", "a bracket closes nothing", 2),
	BAD("{\"a\":1]", "a bracket closes nothing", 6),
	BAD("[,1]", "no JSON value", 1),
	BAD("[1,]", "no JSON value", 3),
	BAD("[1,,2]", "no JSON value", 3),
	BAD("[1 2]", "a comma is missing", 3),
	BAD("[1:2]", "a comma is missing", 2),
	BAD("[\"a\" \"b\"]", "a comma is missing", 5),
	BAD("[\"a\":1]", "a comma is missing", 4),
	BAD("{,}", "a member has no name", 1),
	BAD("{\"a\":1,}", "a member has no name", 7),
	BAD("{\"a\":1,,\"b\":2}", "a member has no name", 7),
	BAD("{\"a\":1 \"b\":2}", "a comma is missing", 7),
	BAD("{\"a\" 1}", "a colon is missing", 5),
	BAD("{\"a\",1}", "a colon is missing", 4),
	BAD("{\"a\"}", "a colon is missing", 4),
	BAD("{\"a\"::1}", "no JSON value", 5),
	BAD("{\"a\":}", "no JSON value", 5),
	BAD("{\"a\":,}", "no JSON value", 5),
	BAD("{a:1}", "a member has no name", 1),
	BAD("{1:1}", "a member has no name", 1),
	BAD("{null:1}", "a member has no name", 1),
	BAD("{[]:1}", "a member has no name", 1),
	BAD("{'a':1}", "a member has no name", 1),
	BAD("[/**/]", "no JSON value", 1),
	BAD("[1]//x", "bytes behind the value", 3),
	BAD("#\n1", "no JSON value", 0),
	/* Words. */
	BAD("True", "no JSON value", 0),
	BAD("TRUE", "no JSON value", 0),
	BAD("NULL", "no JSON value", 0),
	BAD("tru", "no JSON value", 0),
	BAD("truE", "no JSON value", 0),
	BAD("nul", "no JSON value", 0),
	BAD("n", "no JSON value", 0),
	BAD("nulll", "bytes behind the value", 4),
	BAD("[truefalse]", "a comma is missing", 5),
	BAD("undefined", "no JSON value", 0),
	BAD("NaN", "no JSON value", 0),
	BAD("nan", "no JSON value", 0),
	BAD("Infinity", "no JSON value", 0),
	BAD("-Infinity", "a number has no digits", 1),
	BAD("-NaN", "a number has no digits", 1),
	/* Numbers. */
	BAD("-", "a number has no digits", 1),
	BAD("[-]", "a number has no digits", 2),
	BAD("--1", "a number has no digits", 1),
	BAD("- 1", "a number has no digits", 1),
	BAD("+1", "no JSON value", 0),
	BAD(".5", "no JSON value", 0),
	BAD("-.5", "a number has no digits", 1),
	BAD("5.", "a number has no digits behind its point", 2),
	BAD("[5.]", "a number has no digits behind its point", 3),
	BAD("1.e1", "a number has no digits behind its point", 2),
	BAD("1..2", "a number has no digits behind its point", 2),
	BAD("1.2.3", "bytes behind the value", 3),
	BAD("1e", "a number has no digits in its exponent", 2),
	BAD("1e+", "a number has no digits in its exponent", 3),
	BAD("1e-]", "a number has no digits in its exponent", 3),
	BAD("1e1.5", "bytes behind the value", 3),
	BAD("007", "bytes behind the value", 1),
	BAD("-007", "bytes behind the value", 2),
	BAD("[01]", "a comma is missing", 2),
	BAD("00", "bytes behind the value", 1),
	BAD("0x10", "bytes behind the value", 1),
	BAD("1a", "bytes behind the value", 1),
	BAD("1_000", "bytes behind the value", 1),
	BAD("1 000", "bytes behind the value", 2),
	BAD("\xef\xbc\x91", "no JSON value", 0),
	/* Strings. */
	BAD("'a'", "no JSON value", 0),
	BAD("\"", "text ends inside a string", 1),
	BAD("\"a", "text ends inside a string", 2),
	BAD("\"\\\"", "text ends inside a string", 3),
	BAD("\"\\", "text ends inside a string", 1),
	BAD("[\"a]", "text ends inside a string", 4),
	BAD("\"a\nb\"", "control byte in a string", 2),
	BAD("\"\t\"", "control byte in a string", 1),
	BAD("\"\r\"", "control byte in a string", 1),
	BAD("\"\0\"", "control byte in a string", 1),
	BAD("\"\x1f\"", "control byte in a string", 1),
	BAD("{\"a\n\":1}", "control byte in a string", 3),
	BAD("\"\\a\"", "unknown escape", 1),
	BAD("\"\\x41\"", "unknown escape", 1),
	BAD("\"\\'\"", "unknown escape", 1),
	BAD("\"\\U0041\"", "unknown escape", 1),
	BAD("\"\\\n\"", "unknown escape", 1),
	BAD("\"\\\0\"", "unknown escape", 1),
	BAD("\"\\\xc3\xa9\"", "unknown escape", 1),
	BAD("\"\\u\"", "broken \\u escape", 1),
	BAD("\"\\u12\"", "broken \\u escape", 1),
	BAD("\"\\u123", "broken \\u escape", 1),
	BAD("\"\\u12g4\"", "broken \\u escape", 1),
	BAD("\"\\u-123\"", "broken \\u escape", 1),
	BAD("\"\\u 123\"", "broken \\u escape", 1),
	BAD("\"\\ud83d\"", "lone surrogate", 1),
	BAD("\"\\ud83d", "lone surrogate", 1),
	BAD("\"\\ud83dx\"", "lone surrogate", 1),
	BAD("\"\\ud83d\\n\"", "lone surrogate", 1),
	BAD("\"\\ud83d\\u0041\"", "lone surrogate", 1),
	BAD("\"\\ud83d\\ud83d\"", "lone surrogate", 1),
	BAD("\"\\ud83d\\udbff\"", "lone surrogate", 1),
	BAD("\"\\ud83d\\ue000\"", "lone surrogate", 1),
	BAD("\"\\ud83d\\ude0\"", "lone surrogate", 1),
	BAD("\"\\ud83d\\ude0", "lone surrogate", 1),
	BAD("\"\\ude00\"", "lone surrogate", 1),
	BAD("\"\\ude00\\ud83d\"", "lone surrogate", 1),
	BAD("{\"\\ud800\":1}", "lone surrogate", 2),
	/* UTF-8. */
	BAD("\"\x80\"", "a string is not UTF-8", 2),
	BAD("\"\xff\"", "a string is not UTF-8", 2),
	BAD("\"\xc3\"", "a string is not UTF-8", 2),
	BAD("\"\xe2\x82\"", "a string is not UTF-8", 3),
	BAD("\"\xf0\x9f\x98\"", "a string is not UTF-8", 4),
	BAD("\"\xc0\xaf\"", "a string is not UTF-8", 3),
	BAD("\"\xc1\xbf\"", "a string is not UTF-8", 3),
	BAD("\"\xe0\x9f\xbf\"", "a string is not UTF-8", 4),
	BAD("\"\xf0\x8f\xbf\xbf\"", "a string is not UTF-8", 5),
	BAD("\"\xed\xa0\x80\"", "a string is not UTF-8", 4),
	BAD("\"\xed\xbf\xbf\"", "a string is not UTF-8", 4),
	BAD("\"\xf4\x90\x80\x80\"", "a string is not UTF-8", 5),
	BAD("\"\xf8\x88\x80\x80\x80\"", "a string is not UTF-8", 6),
	BAD("\"\xe9\"", "a string is not UTF-8", 2),
	BAD("\"\xc3\\n\xa9\"", "a string is not UTF-8", 5),
	BAD("{\"\xff\":1}", "a string is not UTF-8", 3),
	/* Members that stand twice, however they are spelled. */
	BAD("{\"a\":1,\"a\":1}", "a member stands twice", 7),
	BAD("{\"a\":1,\"b\":2,\"a\":3}", "a member stands twice", 13),
	BAD("{\"a\":1,\"\\u0061\":2}", "a member stands twice", 7),
	BAD("{\"\\u0061\":1,\"a\":2}", "a member stands twice", 12),
	BAD("{\"\\/\":1,\"/\":2}", "a member stands twice", 8),
	BAD("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "a member stands twice", 18),
	BAD("{\"\":1,\"\":2}", "a member stands twice", 6),
	BAD("{\"x\\u0000y\":1,\"x\\u0000y\":1}", "a member stands twice", 14),
	BAD("[0,{\"x\":{\"a\":1,\"a\":2}}]", "a member stands twice", 15),
};

TEST(scan, takes_valid_texts)
{
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		struct doc_error why = { "", 0 };
		struct doc d = { 0 };
		enum st_err err = doc_parse(valid[i].text, valid[i].len, 1000, &d, &why);

		CU_ASSERT_EQUAL(err, ST_OK);
		if (err)
			printf("refused: %s (%s)\n", valid[i].text, why.what);
		doc_free(&d);
	}
}

TEST(scan, refuses_invalid_texts_and_says_where)
{
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		/* On the heap and no longer than it is, so that ASan sees a byte too far. */
		char *text = malloc(invalid[i].len + !invalid[i].len);
		struct doc_error why = { "", 9999 };
		struct doc d = { .n = 77 };

		memcpy(text, invalid[i].text, invalid[i].len);
		CU_ASSERT_EQUAL(doc_parse(text, invalid[i].len, 1000, &d, &why), ST_INVALID);
		ASSERT_TEXT(why.what, invalid[i].what);
		CU_ASSERT_EQUAL(why.at, invalid[i].at);
		if (why.at != invalid[i].at)
			printf("at %zu: %s\n", why.at, invalid[i].text);
		CU_ASSERT_EQUAL(d.n, 77);
		CU_ASSERT_EQUAL(doc_parse(text, invalid[i].len, 1000, &d, NULL), ST_INVALID);
		free(text);
	}
}

/* Strings are looked through by several bytes at once. */
TEST(scan, sees_each_byte_at_each_place_of_a_string)
{
	for (size_t place = 1; place <= 20; place++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
			char text[] = "\"aaaaaaaaaaaaaaaaaaaa\"";
			struct doc_error why = { "", 0 };
			struct doc d = { 0 };

			text[place] = (char)byte;
			CU_ASSERT_EQUAL(doc_parse(text, sizeof(text) - 1, 1, &d, &why),
			    plain ? ST_OK : ST_INVALID);
			if (byte < 0x20)
				CU_ASSERT_EQUAL(why.at, place);
			doc_free(&d);
		}
	}
}

static enum st_err parse_nested(size_t depth, char open, const char *inside)
{
	char text[2048] = "";
	struct doc d = { 0 };
	size_t len = 0;
	enum st_err err;

	for (size_t i = 0; i < depth; i++) {
		text[len++] = open;
		if (open == '{' && i + 1 < depth)
			len += (size_t)sprintf(text + len, "\"a\":");
	}
	len += (size_t)sprintf(text + len, "%s", inside);
	for (size_t i = 0; i < depth; i++)
		text[len++] = open == '{' ? '}' : ']';
	err = doc_parse(text, len, 1000, &d, NULL);
	doc_free(&d);
	return err;
}

TEST(scan, bounds_the_depth)
{
	CU_ASSERT_EQUAL(parse_nested(DOC_DEPTH_MAX, '[', "1"), ST_OK);
	CU_ASSERT_EQUAL(parse_nested(DOC_DEPTH_MAX, '{', "\"a\":1"), ST_OK);
	CU_ASSERT_EQUAL(parse_nested(DOC_DEPTH_MAX + 1, '[', "1"), ST_INVALID);
	CU_ASSERT_EQUAL(parse_nested(DOC_DEPTH_MAX + 1, '{', ""), ST_INVALID);
	CU_ASSERT_EQUAL(parse_nested(300, '[', ""), ST_INVALID);
}

TEST(scan, bounds_the_number_of_nodes)
{
	static const char text[] = "{\"a\":[1,2]}";
	struct doc_error why;
	struct doc d;

	CU_ASSERT_EQUAL(doc_parse(text, strlen(text), 4, &d, &why), ST_TOO_BIG);
	ASSERT_TEXT(why.what, "too many values");
	CU_ASSERT_EQUAL(doc_parse(text, strlen(text), 5, &d, &why), ST_OK);
	CU_ASSERT_EQUAL(d.n, 5);
	doc_free(&d);
	CU_ASSERT_EQUAL(doc_parse(text, (size_t)INT32_MAX + 1, 5, &d, &why), ST_TOO_BIG);
	ASSERT_TEXT(why.what, "text too long");
}

/* An object of so many members whose last name is this one. */
static void many_members(struct buf *text, size_t n, const char *prefix, const char *last)
{
	buf_init(text, 1u << 26);
	buf_addc(text, '{');
	for (size_t i = 0; i + 1 < n; i++)
		buf_addf(text, "\"%s%zu\":%zu,", prefix, i, i);
	buf_addf(text, "\"%s\":0}", last);
}

static double processor_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* Pairs of 200,000 names would be 2 * 10^10 comparisons: minutes, not seconds. */
TEST(scan, finds_a_double_among_very_many_members)
{
	static const struct {
		const char *prefix, *last;
		enum st_err err;
	} cases[] = {
		{ "k", "k", ST_OK },
		{ "k", "k77777", ST_INVALID },
		{ "k", "\\u006b77777", ST_INVALID },
		{ "\\u006b", "k77777", ST_INVALID },
		{ "\\u006b", "l", ST_OK },
	};
	double start = processor_seconds();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doc_error why = { "", 0 };
		struct doc d = { 0 };
		struct buf text;

		many_members(&text, 200000, cases[i].prefix, cases[i].last);
		CU_ASSERT_EQUAL(doc_parse(text.data, text.len, 1000000, &d, &why), cases[i].err);
		if (cases[i].err)
			CU_ASSERT_EQUAL(why.at, text.len - strlen(cases[i].last) - 5);
		doc_free(&d);
		buf_free(&text);
	}
	CU_ASSERT(processor_seconds() - start < 30);
}

/* Objects at the border between the two ways of comparing names. */
TEST(scan, finds_doubles_in_objects_of_any_size)
{
	for (size_t n = 2; n < 40; n++) {
		struct doc d = { 0 };
		struct buf text;

		many_members(&text, n, "n", "n0");
		CU_ASSERT_EQUAL(doc_parse(text.data, text.len, 1000, &d, NULL), ST_INVALID);
		buf_free(&text);
		many_members(&text, n, "n", "n");
		CU_ASSERT_EQUAL(doc_parse(text.data, text.len, 1000, &d, NULL), ST_OK);
		CU_ASSERT_EQUAL(doc_root(&d)->count, n);
		doc_free(&d);
		buf_free(&text);
	}
}
