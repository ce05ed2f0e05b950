#include <stdio.h>
#include <string.h>

#include "tool/show.h"
#include "unit.h"

static const char *shown(const char *text, size_t len)
{
	static char copy[512];
	struct buf out;

	show_init();
	buf_init(&out, 4096);
	show_text(text, len, &out);
	snprintf(copy, sizeof(copy), "%s", buf_text(&out));
	buf_free(&out);
	return copy;
}

#define SHOWN(literal) shown(literal, sizeof(literal) - 1)

TEST(tool_show, leaves_text_as_it_is)
{
	ASSERT_TEXT(SHOWN("Wireless \"Headphones\" <5> & \\ more"),
	    "Wireless \"Headphones\" <5> & \\ more");
	ASSERT_TEXT(SHOWN("Café 日本 😀 Ελληνικά"), "Café 日本 😀 Ελληνικά");
	ASSERT_TEXT(SHOWN("e\xcc\x81"), "e\xcc\x81"); /* a combining accent */
	/* The joiners of zero width, in Malayalam and in an emoji. */
	ASSERT_TEXT(SHOWN("ക്\xe2\x80\x8d ന്\xe2\x80\x8c"), "ക്\xe2\x80\x8d ന്\xe2\x80\x8c");
	ASSERT_TEXT(SHOWN("👩\xe2\x80\x8d🔬"), "👩\xe2\x80\x8d🔬");
	ASSERT_TEXT(SHOWN(""), "");
}

TEST(tool_show, what_moves_a_terminal_becomes_an_escape)
{
	ASSERT_TEXT(SHOWN("\x1b[31mred\x1b]0;title\a"), "\\x1b[31mred\\x1b]0;title\\x07");
	ASSERT_TEXT(SHOWN("a\nb\tc\rd\be\x7f"), "a\\x0ab\\x09c\\x0dd\\x08e\\x7f");
	ASSERT_TEXT(SHOWN("a\0b"), "a\\x00b");
	/* CSI as one character of the second row of controls. */
	ASSERT_TEXT(SHOWN("\xc2\x9b"
			  "31m"),
	    "\\u009b31m");
	/* From right to left. */
	ASSERT_TEXT(SHOWN("a\xe2\x80\xae"
			  "b\xe2\x81\xa6"
			  "c\xd8\x9c"),
	    "a\\u202eb\\u2066c\\u061c");
	/* Lines that no terminal may end there, and what can't be seen. */
	ASSERT_TEXT(SHOWN("a\xe2\x80\xa8"
			  "b\xe2\x80\x8b"
			  "c\xef\xbb\xbf"),
	    "a\\u2028b\\u200bc\\ufeff");
}

TEST(tool_show, bytes_that_are_no_text_become_escapes)
{
	ASSERT_TEXT(SHOWN("\xff\xc3"), "\\xff\\xc3");
	ASSERT_TEXT(SHOWN("\xe6\x97"), "\\xe6\\x97");
	ASSERT_TEXT(SHOWN("\xc0\x9b[2J"), "\\xc0\\x9b[2J");
	ASSERT_TEXT(SHOWN("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}

TEST(tool_show, knows_how_wide_text_is)
{
	static const struct {
		const char *text;
		size_t width;
	} cases[] = { { "", 0 }, { "abc", 3 }, { "Café", 4 }, { "e\xcc\x81", 1 }, { "日本", 4 } };

	show_init();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(show_width(cases[i].text, strlen(cases[i].text)), cases[i].width);
}

TEST(tool_show, values_of_all_types)
{
	static const char json[] =
	    "{\"a\":\"x\\u001b\\\"y\",\"b\":1.10,\"c\":null,\"d\":[1,\"z\"]}";
	struct doc d;
	struct buf out;

	show_init();
	CU_ASSERT_EQUAL_FATAL(doc_parse(json, sizeof(json) - 1, 100, &d, NULL), ST_OK);
	buf_init(&out, 4096);
	show_line("text", &d, doc_member(&d, doc_root(&d), "a"), &out);
	show_line("number", &d, doc_member(&d, doc_root(&d), "b"), &out);
	show_line("null", &d, doc_member(&d, doc_root(&d), "c"), &out);
	show_line("none", &d, NULL, &out);
	show_line("日本", &d, doc_member(&d, doc_root(&d), "d"), &out);
	ASSERT_TEXT(buf_text(&out), "text             x\\x1b\"y\n"
				    "number           1.10\n"
				    "null             -\n"
				    "none             -\n"
				    "日本             [1,\"z\"]\n");
	buf_free(&out);
	doc_free(&d);
}
