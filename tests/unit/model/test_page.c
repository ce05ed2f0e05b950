#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "model/event.h"
#include "model/page.h"
#include "unit.h"

static struct page read_page(const char *text)
{
	struct page p = { 0 };
	const char *why = "";
	enum st_err err = page_read(text, strlen(text), &p, &why);

	CU_ASSERT_EQUAL(err, ST_OK);
	if (err)
		printf("refused: %s: %s\n", why, text);
	return p;
}

static void assert_span(struct span s, const char *text)
{
	CU_ASSERT_EQUAL(s.len, strlen(text));
	CU_ASSERT(s.len == strlen(text) && memcmp(s.data, text, s.len) == 0);
}

TEST(page, reads_central_s_list)
{
	static const char *const json[] = { PRODUCT_1, PRODUCT_2, PRODUCT_3, PRODUCT_4, PRODUCT_5 };
	struct page p = read_page(ANSWER_PAGE);

	CU_ASSERT_EQUAL(p.dialect, PAGE_PAGES);
	CU_ASSERT_EQUAL(p.rejected, 0);
	CU_ASSERT_EQUAL(p.offset, 0);
	CU_ASSERT_EQUAL(p.limit, 50);
	CU_ASSERT_EQUAL(p.total, 5);
	CU_ASSERT_FALSE(p.has_more);
	CU_ASSERT_PTR_NULL(p.cursor);
	CU_ASSERT_EQUAL(p.event_offset, -1);
	CU_ASSERT_EQUAL_FATAL(p.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_span(p.products[i].json, json[i]);
	assert_span(p.products[4].id, "a/b c%2F");
	CU_ASSERT_EQUAL(p.products[3].version, 40);
	page_free(&p);
	page_free(NULL);
}

TEST(page, needs_the_text_no_more_once_read)
{
	char *text = strdup(ANSWER_PAGE);
	struct page p = read_page(text);

	memset(text, 'x', strlen(text));
	free(text);
	CU_ASSERT_EQUAL_FATAL(p.n, 5);
	assert_span(p.products[0].id, "PROD-001");
	assert_span(p.products[0].json, PRODUCT_1);
	page_free(&p);
}

/* Storage that moved while it grew would leave the first products' spans behind. */
TEST(page, keeps_its_products_in_place_however_many_there_are)
{
	struct buf text;
	struct page p;

	buf_init(&text, 1u << 24);
	buf_addc(&text, '[');
	for (int i = 0; i < 20000; i++)
		buf_addf(&text, "%s{\"productId\":\"P%05d\",\"version\":%d}", i ? "," : "", i, i);
	buf_addc(&text, ']');
	p = read_page(text.data);
	CU_ASSERT_EQUAL_FATAL(p.n, 20000);
	for (int i = 0; i < 20000; i += 1999) {
		char id[16], json[64];

		snprintf(id, sizeof(id), "P%05d", i);
		snprintf(json, sizeof(json), "{\"productId\":\"%s\",\"version\":%d}", id, i);
		assert_span(p.products[i].id, id);
		assert_span(p.products[i].json, json);
	}
	page_free(&p);
	buf_free(&text);
}

#define ITEM(id) "{\"productId\":\"" id "\",\"version\":1}"
#define PAGE(products, offset, limit, total, more)                                            \
	"{\"products\":[" products "],\"pagination\":{\"offset\":" offset ",\"limit\":" limit \
	",\"total_count\":" total ",\"has_more\":" more "}}"

TEST(page, takes_pages_that_agree_with_themselves)
{
	static const struct {
		const char *text;
		size_t n, rejected;
		int64_t offset, limit, total;
		bool more;
	} cases[] = {
		{ PAGE("", "0", "50", "0", "false"), 0, 0, 0, 50, 0, false },
		{ PAGE("", "100", "2", "7", "false"), 0, 0, 100, 2, 7, false },
		{ PAGE("", "7", "2", "7", "false"), 0, 0, 7, 2, 7, false },
		{ PAGE(ITEM("a") "," ITEM("b"), "0", "2", "7", "true"), 2, 0, 0, 2, 7, true },
		{ PAGE(ITEM("a") "," ITEM("b"), "5", "2", "7", "false"), 2, 0, 5, 2, 7, false },
		{ PAGE(ITEM("a"), "6", "200", "7", "false"), 1, 0, 6, 200, 7, false },
		/* Unusable products count as products. */
		{ PAGE(ITEM("a") ",{}," ITEM("b"), "0", "3", "7", "true"), 2, 1, 0, 3, 7, true },
		{ PAGE("null,7," ITEM(""), "0", "3", "3", "false"), 0, 3, 0, 3, 3, false },
		/* Rising: byte order, not that of numbers or letters. */
		{ PAGE(ITEM("") "," ITEM("A") "," ITEM("AA") "," ITEM("a") "," ITEM("é") "," ITEM(
			   "😀"),
		      "0", "6", "6", "false"),
		    5, 1, 0, 6, 6, false },
		{ PAGE(ITEM("P-10") "," ITEM("P-9"), "0", "2", "2", "false"), 2, 0, 0, 2, 2,
		    false },
		{ PAGE("", "9223372036854775807", "9223372036854775807", "0", "false"), 0, 0,
		    INT64_MAX, INT64_MAX, 0, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct page p = read_page(cases[i].text);

		CU_ASSERT_EQUAL(p.dialect, PAGE_PAGES);
		CU_ASSERT_EQUAL(p.n, cases[i].n);
		CU_ASSERT_EQUAL(p.rejected, cases[i].rejected);
		CU_ASSERT_EQUAL(p.offset, cases[i].offset);
		CU_ASSERT_EQUAL(p.limit, cases[i].limit);
		CU_ASSERT_EQUAL(p.total, cases[i].total);
		CU_ASSERT_EQUAL(p.has_more, cases[i].more);
		page_free(&p);
	}
}

TEST(page, reads_the_cursor_dialect)
{
	static const struct {
		const char *text, *cursor;
		size_t n;
		int64_t event_offset;
	} cases[] = {
		{ "{\"items\":[" ITEM("b") "," ITEM("a") "],\"nextCursor\":\"abc\"}", "abc", 2,
		    -1 },
		{ "{\"items\":[" ITEM("a") "," ITEM("a") "],\"nextCursor\":\"\"}", NULL, 2, -1 },
		{ "{\"items\":[],\"nextCursor\":null}", NULL, 0, -1 },
		{ "{\"items\":[]}", NULL, 0, -1 },
		{ "{\"nextCursor\":\"\\u0061\\/\\\"=\",\"items\":[],\"eventOffset\":0}", "a/\"=", 0,
		    0 },
		{ "{\"items\":[],\"eventOffset\":9007199254740991}", NULL, 0, EVENT_OFFSET_MAX },
		{ "{\"items\":[],\"eventOffset\":null}", NULL, 0, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct page p = read_page(cases[i].text);

		CU_ASSERT_EQUAL(p.dialect, PAGE_CURSOR);
		CU_ASSERT_EQUAL(p.n, cases[i].n);
		CU_ASSERT_EQUAL(p.event_offset, cases[i].event_offset);
		CU_ASSERT_EQUAL(p.total, -1);
		CU_ASSERT_EQUAL(p.has_more, cases[i].cursor != NULL);
		if (cases[i].cursor)
			ASSERT_TEXT(p.cursor, cases[i].cursor);
		else
			CU_ASSERT_PTR_NULL(p.cursor);
		page_free(&p);
	}
}

TEST(page, reads_a_bare_array)
{
	struct page p = read_page("[" ITEM("b") ",{}," ITEM("a") "]");

	CU_ASSERT_EQUAL(p.dialect, PAGE_ARRAY);
	CU_ASSERT_EQUAL(p.n, 2);
	CU_ASSERT_EQUAL(p.rejected, 1);
	CU_ASSERT_FALSE(p.has_more);
	CU_ASSERT_EQUAL(p.limit, -1);
	CU_ASSERT_EQUAL(p.event_offset, -1);
	page_free(&p);
	p = read_page("[]");
	CU_ASSERT_EQUAL(p.n, 0);
	page_free(&p);
}

TEST(page, takes_an_event_offset_in_the_pages_dialect)
{
	struct page p = read_page(
	    "{\"eventOffset\":1045,\"products\":[],\"pagination\":{\"offset\":0,"
	    "\"limit\":1,\"total_count\":0,\"has_more\":false}}");

	CU_ASSERT_EQUAL(p.event_offset, 1045);
	page_free(&p);
}

TEST(page, refuses_all_else)
{
	static const char list[] = "no list of products in the answer";
	static const char pagination[] = "pagination is missing or broken";
	static const char contradiction[] = "pagination contradicts the list";
	static const char order[] = "the ids of a page do not rise";
	static const char cursor[] = "nextCursor is no string of up to 4096 bytes without NUL";
	static const char offset[] = "eventOffset is no integer from 0 to 2^53 - 1";
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "text ends too early" },
		{ "404 page not found\n", "bytes behind the value" },
		{ "<html>", "no JSON value" },
		{ "{\"products\":[],\"products\":[]}", "a member stands twice" },
		{ "[" ITEM("a") "," ITEM("b") ",]", "no JSON value" },
		{ "[{\"productId\":\"a\",\"version\":1,\"version\":2}]", "a member stands twice" },
		{ "null", list },
		{ "7", list },
		{ "\"products\"", list },
		{ "{}", list },
		{ "{\"code\":\"not_found\",\"message\":\"\"}", list },
		{ "{\"products\":null,\"pagination\":{}}", list },
		{ "{\"products\":{},\"pagination\":{}}", list },
		{ "{\"items\":null}", list },
		{ "{\"products\":[]}", pagination },
		{ "{\"products\":[],\"pagination\":null}", pagination },
		{ "{\"products\":[],\"pagination\":[]}", pagination },
		{ "{\"products\":[],\"pagination\":{}}", pagination },
		{ "{\"products\":[],\"pagination\":{\"offset\":0,\"limit\":1,\"total_count\":0}}",
		    pagination },
		{ "{\"products\":[],\"pagination\":{\"offset\":0,\"limit\":1,\"has_more\":false}}",
		    pagination },
		{ PAGE("", "-1", "1", "0", "false"), pagination },
		{ PAGE("", "0", "-1", "0", "false"), pagination },
		{ PAGE("", "0", "1", "-1", "false"), pagination },
		{ PAGE("", "0.0", "1", "0", "false"), pagination },
		{ PAGE("", "\"0\"", "1", "0", "false"), pagination },
		{ PAGE("", "0", "1e2", "0", "false"), pagination },
		{ PAGE("", "0", "1", "9223372036854775808", "false"), pagination },
		{ PAGE("", "0", "1", "0", "0"), pagination },
		{ PAGE("", "0", "1", "0", "null"), pagination },
		/* Numbers against each other: too few, too many, more or not. */
		{ PAGE(ITEM("a"), "0", "2", "7", "true"), contradiction },
		{ PAGE("", "0", "2", "7", "true"), contradiction },
		{ PAGE("", "0", "2", "7", "false"), contradiction },
		{ PAGE(ITEM("a") "," ITEM("b") "," ITEM("c"), "0", "2", "7", "true"),
		    contradiction },
		{ PAGE(ITEM("a"), "0", "2", "0", "false"), contradiction },
		{ PAGE(ITEM("a"), "7", "2", "7", "false"), contradiction },
		{ PAGE(ITEM("a"), "100", "2", "7", "false"), contradiction },
		{ PAGE(ITEM("a") "," ITEM("b"), "0", "2", "7", "false"), contradiction },
		{ PAGE(ITEM("a") "," ITEM("b"), "5", "2", "7", "true"), contradiction },
		{ PAGE("", "100", "2", "7", "true"), contradiction },
		{ PAGE("{}", "0", "2", "7", "true"), contradiction },
		/* Order. */
		{ PAGE(ITEM("b") "," ITEM("a"), "0", "2", "2", "false"), order },
		{ PAGE(ITEM("a") "," ITEM("a"), "0", "2", "2", "false"), order },
		{ PAGE(ITEM("a") "," ITEM("\\u0061"), "0", "2", "2", "false"), order },
		{ PAGE(ITEM("aa") "," ITEM("a"), "0", "2", "2", "false"), order },
		{ PAGE(ITEM("é") "," ITEM("z"), "0", "2", "2", "false"), order },
		{ PAGE(ITEM("b") ",{}," ITEM("a"), "0", "3", "3", "false"), order },
		/* The other members. */
		{ "{\"items\":[],\"nextCursor\":7}", cursor },
		{ "{\"items\":[],\"nextCursor\":{}}", cursor },
		{ "{\"items\":[],\"nextCursor\":\"a\\u0000b\"}", cursor },
		{ "{\"items\":[],\"nextCursor\":\"\\u0000\"}", cursor },
		{ "{\"items\":[],\"eventOffset\":-1}", offset },
		{ "{\"items\":[],\"eventOffset\":\"1\"}", offset },
		{ "{\"items\":[],\"eventOffset\":1.5}", offset },
		{ "{\"items\":[],\"eventOffset\":9007199254740992}", offset },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct page p = { .n = 77 };
		const char *why = "";
		enum st_err err = page_read(cases[i].text, strlen(cases[i].text), &p, &why);

		CU_ASSERT_EQUAL(err, ST_INVALID);
		ASSERT_TEXT(why, cases[i].why);
		CU_ASSERT_EQUAL(p.n, 77);
		if (err == ST_OK)
			printf("taken: %s\n", cases[i].text);
	}
}

TEST(page, bounds_the_cursor)
{
	for (size_t len = 4096; len <= 4097; len++) {
		struct page p = { 0 };
		const char *why;
		struct buf text;
		enum st_err err;

		buf_init(&text, 10000);
		buf_adds(&text, "{\"items\":[],\"nextCursor\":\"");
		for (size_t i = 0; i < len; i++)
			buf_addc(&text, 'c');
		buf_adds(&text, "\"}");
		err = page_read(text.data, text.len, &p, &why);
		CU_ASSERT_EQUAL(err, len == 4096 ? ST_OK : ST_INVALID);
		CU_ASSERT(err || strlen(p.cursor) == len);
		page_free(&p);
		buf_free(&text);
	}
}
