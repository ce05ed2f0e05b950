#include <string.h>

#include "model/doc.h"
#include "unit.h"

static struct doc parse(const char *text)
{
	struct doc d = { 0 };

	CU_ASSERT_EQUAL_FATAL(doc_parse(text, strlen(text), 1000, &d, NULL), ST_OK);
	return d;
}

TEST(doc, walks_arrays)
{
	struct doc d = parse(" [ 1 , [2,[3]] , {\"a\":4} , \"five\" ] ");
	static const char *const parts[] = { "1", "[2,[3]]", "{\"a\":4}", "\"five\"" };
	const struct doc_node *root = doc_root(&d), *n;
	size_t i = 0;

	CU_ASSERT_EQUAL(root->type, DOC_ARRAY);
	CU_ASSERT_EQUAL(root->count, 4);
	CU_ASSERT_EQUAL(root->start, 1);
	CU_ASSERT_EQUAL(root->stop, d.len - 1);
	CU_ASSERT_EQUAL(root->end, d.n);
	for (n = doc_first(&d, root); n; n = doc_next(&d, root, n), i++) {
		struct span s = doc_span(&d, n);

		CU_ASSERT_FATAL(i < 4);
		CU_ASSERT(s.len == strlen(parts[i]) && memcmp(s.data, parts[i], s.len) == 0);
	}
	CU_ASSERT_EQUAL(i, 4);
	doc_free(&d);
}

TEST(doc, walks_objects_and_finds_members)
{
	struct doc d = parse("{\"a\":{\"x\":1,\"y\":[2]},\"b\":[],\"\\u0063\":\"see\",\"\":null}");
	static const char *const names[] = { "a", "b", "c", "" };
	const struct doc_node *root = doc_root(&d), *n;
	int64_t value = 0;
	size_t i = 0;

	CU_ASSERT_EQUAL(root->count, 4);
	for (n = doc_first(&d, root); n; n = doc_next(&d, root, n), i++) {
		CU_ASSERT_FATAL(i < 4);
		CU_ASSERT(doc_is_text(&d, n, names[i]));
		CU_ASSERT_PTR_EQUAL(doc_member(&d, root, names[i]), doc_value(&d, n));
	}
	CU_ASSERT_EQUAL(i, 4);
	n = doc_member(&d, doc_member(&d, root, "a"), "x");
	CU_ASSERT_EQUAL(doc_int(&d, n, 0, 9, &value), ST_OK);
	CU_ASSERT_EQUAL(value, 1);
	CU_ASSERT_PTR_NULL(doc_member(&d, root, "x"));
	CU_ASSERT_PTR_NULL(doc_member(&d, root, "see"));
	CU_ASSERT_PTR_NULL(doc_member(&d, NULL, "a"));
	CU_ASSERT_PTR_NULL(doc_member(&d, doc_member(&d, root, "b"), "a"));
	CU_ASSERT_PTR_NULL(doc_first(&d, doc_member(&d, root, "b")));
	CU_ASSERT_PTR_NULL(doc_first(&d, doc_member(&d, root, "c")));
	CU_ASSERT_PTR_NULL(doc_first(&d, NULL));
	doc_free(&d);
	doc_free(NULL);
}

TEST(doc, finds_members_in_any_order)
{
	struct doc d = parse("{\"x\":0,\"\\u0062\":1,\"a\":2,\"e\":3,\"d\":[4],\"bb\":5}");
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	const struct doc_node *root = doc_root(&d), *found[5];

	doc_members(&d, root, names, 5, found);
	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_PTR_EQUAL(found[i], doc_member(&d, root, names[i]));
	CU_ASSERT_PTR_NOT_NULL(found[1]);
	CU_ASSERT_PTR_NULL(found[2]);
	doc_members(&d, found[3], names, 5, found); /* a list has none */
	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_PTR_NULL(found[i]);
	doc_members(&d, NULL, names, 5, found);
	CU_ASSERT_PTR_NULL(found[0]);
	doc_free(&d);
}

TEST(doc, reads_booleans)
{
	struct doc d = parse("[true,false,null,1,\"true\"]");
	const struct doc_node *n = doc_first(&d, doc_root(&d));
	bool value = false;

	CU_ASSERT(doc_bool(&d, n, &value) == ST_OK && value);
	n = doc_next(&d, doc_root(&d), n);
	CU_ASSERT(doc_bool(&d, n, &value) == ST_OK && !value);
	value = true;
	while ((n = doc_next(&d, doc_root(&d), n)))
		CU_ASSERT(doc_bool(&d, n, &value) == ST_INVALID && value);
	CU_ASSERT_EQUAL(doc_bool(&d, NULL, &value), ST_INVALID);
	doc_free(&d);
}

TEST(doc, reads_integers_within_a_range)
{
	static const struct {
		const char *text;
		int64_t min, max;
		enum st_err err;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0, ST_OK, 0 },
		{ "7", 0, 7, ST_OK, 7 },
		{ "8", 0, 7, ST_INVALID, 0 },
		{ "-5", -5, 5, ST_OK, -5 },
		{ "-6", -5, 5, ST_INVALID, 0 },
		{ "-1", 0, 5, ST_INVALID, 0 },
		{ "-0", -5, 5, ST_INVALID, 0 },
		{ "1.0", 0, 5, ST_INVALID, 0 },
		{ "1e0", 0, 5, ST_INVALID, 0 },
		{ "1E0", 0, 5, ST_INVALID, 0 },
		{ "0.0", 0, 5, ST_INVALID, 0 },
		{ "9223372036854775807", 0, INT64_MAX, ST_OK, INT64_MAX },
		{ "-9223372036854775807", INT64_MIN, 0, ST_OK, -INT64_MAX },
		{ "9223372036854775808", 0, INT64_MAX, ST_INVALID, 0 },
		{ "18446744073709551616", 0, INT64_MAX, ST_INVALID, 0 },
		{ "18446744073709551617", 0, INT64_MAX, ST_INVALID, 0 },
		{ "99999999999999999999999999999999999", 0, INT64_MAX, ST_INVALID, 0 },
		{ "-99999999999999999999999999999999999", INT64_MIN, 0, ST_INVALID, 0 },
		{ "\"1\"", 0, 5, ST_INVALID, 0 },
		{ "true", 0, 5, ST_INVALID, 0 },
		{ "null", 0, 5, ST_INVALID, 0 },
		{ "[1]", 0, 5, ST_INVALID, 0 },
	};
	int64_t untouched = 4711;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doc d = parse(cases[i].text);
		int64_t value = 4711;

		CU_ASSERT_EQUAL(
		    doc_int(&d, doc_root(&d), cases[i].min, cases[i].max, &value), cases[i].err);
		CU_ASSERT_EQUAL(value, cases[i].err ? 4711 : cases[i].value);
		doc_free(&d);
	}
	CU_ASSERT_EQUAL(doc_int(NULL, NULL, 0, 1, &untouched), ST_INVALID);
	CU_ASSERT_EQUAL(untouched, 4711);
}

TEST(doc, decodes_strings)
{
	static const struct {
		const char *text, *value;
		size_t len;
	} cases[] = {
		{ "\"\"", "", 0 },
		{ "\"plain\"", "plain", 5 },
		{ "\"Café 日本 😀\"", "Café 日本 😀", 17 },
		{ "\"\\u003c13\\\"\\u003e \\u0026\"", "<13\"> &", 7 },
		{ "\"a\\u0000b\"", "a\0b", 3 },
		{ "\"\\u0000\"", "\0", 1 },
		{ "\"\\ud83d\\ude00\"", "😀", 4 },
		{ "\"😀\\ud83d\\ude00é\\u00e9\"", "😀😀éé", 12 },
		{ "\"\\\\u0041\"", "\\u0041", 6 },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
		{ "\"\\uffff\"", "\xef\xbf\xbf", 3 },
		{ "\"\\ufeff\"", "\xef\xbb\xbf", 3 },
		{ "\"\\u007f\\u0080\\u07ff\\u0800\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80", 8 },
		{ "\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", 4 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doc d = parse(cases[i].text);
		struct buf out;

		buf_init(&out, 100);
		buf_adds(&out, "=");
		CU_ASSERT_EQUAL(doc_string(&d, doc_root(&d), &out), ST_OK);
		CU_ASSERT_EQUAL_FATAL(out.len, cases[i].len + 1);
		CU_ASSERT_EQUAL(memcmp(out.data + 1, cases[i].value, cases[i].len), 0);
		CU_ASSERT_EQUAL(doc_is_text(&d, doc_root(&d), cases[i].value),
		    strlen(cases[i].value) == cases[i].len);
		buf_free(&out);
		doc_free(&d);
	}
}

TEST(doc, refuses_other_types_and_long_text_as_strings)
{
	static const char *const texts[] = { "\"abcdef\"", "\"\\u0061bcdef\"" };
	struct doc d = parse("[1,null,true,[],{}]");
	struct buf out;

	buf_init(&out, 5);
	for (const struct doc_node *n = doc_first(&d, doc_root(&d)); n;
	     n = doc_next(&d, doc_root(&d), n))
		CU_ASSERT_EQUAL(doc_string(&d, n, &out), ST_INVALID);
	CU_ASSERT_EQUAL(doc_string(&d, NULL, &out), ST_INVALID);
	CU_ASSERT_EQUAL(out.len, 0);
	doc_free(&d);
	for (size_t i = 0; i < 2; i++) {
		d = parse(texts[i]);
		CU_ASSERT_EQUAL(doc_string(&d, doc_root(&d), &out), ST_TOO_BIG);
		buf_reset(&out);
		doc_free(&d);
	}
	buf_free(&out);
}

TEST(doc, compares_decoded_text)
{
	static const struct {
		const char *text, *other;
		bool same;
	} cases[] = {
		{ "\"name\"", "name", true },
		{ "\"\\u006eame\"", "name", true },
		{ "\"\\u006e\\u0061\\u006d\\u0065\"", "name", true },
		{ "\"names\"", "name", false },
		{ "\"nam\"", "name", false },
		{ "\"namE\"", "name", false },
		{ "\"\\u006famE\"", "name", false },
		{ "\"name\\u0000\"", "name", false },
		{ "\"\\n\"", "\\n", false },
		{ "\"\\n\"", "\n", true },
		{ "\"\"", "", true },
		{ "\"a\"", "", false },
		{ "\"\"", "a", false },
		{ "null", "null", false },
		{ "1", "1", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doc d = parse(cases[i].text);

		CU_ASSERT_EQUAL(doc_is_text(&d, doc_root(&d), cases[i].other), cases[i].same);
		doc_free(&d);
	}
	CU_ASSERT_FALSE(doc_is_text(NULL, NULL, ""));
}
