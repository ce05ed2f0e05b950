#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/answers.h"
#include "model/update.h"
#include "unit.h"

#define TIME "2026-11-22T18:59:40Z"

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* What was asked for, as far as the reader of answers looks at it. */
struct asked {
	struct update items[4];
	struct update_list list;
};

static void ask(struct asked *a, bool batch, const char *const *ids)
{
	*a = (struct asked){ .list = { .batch = batch, .items = a->items } };
	for (; ids[a->list.n]; a->list.n++)
		a->items[a->list.n].product_id = span_of(ids[a->list.n]);
}

static void check(const char *text, bool batch, const char *const *ids, const char *expected)
{
	struct update_results r = { 0 };
	const char *why = "";
	struct asked a;
	struct buf out;
	enum st_err err;

	ask(&a, batch, ids);
	buf_init(&out, 1 << 20);
	err = update_results_read(text, strlen(text), &a.list, &r, &why);
	CU_ASSERT_TRUE(err == ST_OK || err == ST_INVALID);
	if (err) {
		CU_ASSERT_PTR_NULL(r.items);
		buf_adds(&out, why);
	} else {
		update_results_write_items(&r, &out);
	}
	if (strcmp(buf_text(&out), expected) != 0)
		printf("\nof: %s\n", text);
	ASSERT_TEXT(buf_text(&out), expected);
	update_results_free(&r);
	buf_free(&out);
}

#define RESULT(id, quantity, version, applied, updated, type, message)                   \
	"{\"productId\":\"" id "\",\"newQuantity\":" quantity ",\"newVersion\":" version \
	",\"applied\":" applied ",\"lastUpdated\":\"" updated "\",\"errorType\":\"" type \
	"\",\"errorMessage\":\"" message "\"}"

/* As recorded: members that are zero or false are not there. */
TEST(update_results, a_single_answer_leaves_zeros_out)
{
	static const char *const p1[] = { "PROD-001", NULL };
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "{\"productId\":\"PROD-001\",\"newQuantity\":8,\"newVersion\":7,\"applied\":true,"
		  "\"lastUpdated\":\"" TIME "\"}",
		    "[" RESULT("PROD-001", "8", "7", "true", TIME, "", "") "]" },
		{ "{\"productId\":\"PROD-001\",\"newVersion\":2,\"applied\":true,\"lastUpdated\":"
		  "\"" TIME "\"}",
		    "[" RESULT("PROD-001", "0", "2", "true", TIME, "", "") "]" },
		{ "{\"productId\":\"PROD-001\",\"newQuantity\":8,\"newVersion\":7,\"lastUpdated\":"
		  "\"" TIME
		  "\",\"errorType\":\"version_conflict\",\"errorMessage\":\"version conflict: "
		  "expected 7, got 6\"}",
		    "[" RESULT("PROD-001", "8", "7", "false", TIME, "version_conflict",
			"version conflict: expected 7, got 6") "]" },
		{ "{\"productId\":\"PROD-001\",\"newVersion\":2,\"lastUpdated\":\"" TIME
		  "\",\"errorType\":\"version_conflict\",\"errorMessage\":\"m\"}",
		    "[" RESULT("PROD-001", "0", "2", "false", TIME, "version_conflict", "m") "]" },
		{ "{\"productId\":\"PROD-001\",\"errorType\":\"insufficient_inventory\","
		  "\"errorMessage\":\"insufficient \\u003c\"}",
		    "[" RESULT("PROD-001", "0", "0", "false", "", "insufficient_inventory",
			"insufficient <") "]" },
		{ "{\"errorType\":\"internal_error\"}",
		    "[" RESULT("PROD-001", "0", "0", "false", "", "internal_error", "") "]" },
		{ "{\"productId\":\"PROD-001\",\"newVersion\":2,\"applied\":true,\"errorType\":"
		  "\"\","
		  "\"errorMessage\":\"fine\"}",
		    "[" RESULT("PROD-001", "0", "2", "true", "", "", "") "]" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].text, false, p1, cases[i].expected);
}

#define BAD_ID   "a result is of another product than was asked for"
#define BAD_TYPE "a result is no object, or a member of it has the wrong type"
#define NO_TYPE  "a refusal has no errorType"

TEST(update_results, anything_else_is_no_answer)
{
	static const char *const p1[] = { "P", NULL };
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "text ends too early" },
		{ "<html>", "no JSON value" },
		{ "{\"productId\":\"P\",\"productId\":\"P\",\"errorType\":\"x\"}",
		    "a member stands twice" },
		{ "[]", BAD_TYPE },
		{ "null", BAD_TYPE },
		{ "{}", NO_TYPE },
		{ "{\"code\":\"bad_request\",\"message\":\"Invalid JSON\"}", NO_TYPE },
		{ "{\"productId\":\"P\"}", NO_TYPE },
		{ "{\"productId\":\"P\",\"applied\":false,\"newVersion\":7}", NO_TYPE },
		{ "{\"productId\":\"Q\",\"errorType\":\"x\"}", BAD_ID },
		{ "{\"productId\":\"\",\"errorType\":\"x\"}", BAD_ID },
		{ "{\"productId\":\"P\",\"applied\":true}", "an applied result has no newVersion" },
		{ "{\"productId\":\"P\",\"applied\":true,\"newVersion\":0}",
		    "an applied result has no newVersion" },
		{ "{\"applied\":true,\"newVersion\":1}", "an applied result names no product" },
		{ "{\"productId\":\"P\",\"applied\":true,\"newVersion\":1,\"errorType\":\"x\"}",
		    "a result is applied and refused at once" },
		{ "{\"productId\":\"P\",\"applied\":\"true\",\"newVersion\":1}", BAD_TYPE },
		{ "{\"productId\":\"P\",\"applied\":true,\"newVersion\":\"1\"}", BAD_TYPE },
		{ "{\"productId\":\"P\",\"applied\":true,\"newVersion\":1.0}", BAD_TYPE },
		{ "{\"productId\":\"P\",\"applied\":true,\"newVersion\":-1}", BAD_TYPE },
		{ "{\"productId\":\"P\",\"applied\":true,\"newVersion\":9007199254740993}",
		    BAD_TYPE },
		{ "{\"productId\":\"P\",\"applied\":true,\"newVersion\":1,\"newQuantity\":null}",
		    BAD_TYPE },
		{ "{\"productId\":\"P\",\"applied\":true,\"newVersion\":1,\"lastUpdated\":5}",
		    BAD_TYPE },
		{ "{\"productId\":7,\"errorType\":\"x\"}", BAD_TYPE },
		{ "{\"productId\":\"P\",\"errorType\":[\"x\"]}", BAD_TYPE },
		{ "{\"results\":[{\"productId\":\"P\",\"newVersion\":2,\"applied\":true}]}",
		    NO_TYPE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].text, false, p1, cases[i].why);
}

#define B1                                                                                    \
	"{\"productId\":\"PROD-006\",\"newQuantity\":499,\"newVersion\":41,\"applied\":true," \
	"\"lastUpdated\":\"" TIME "\"}"
#define B2                                                                              \
	"{\"productId\":\"NOPE\",\"newQuantity\":0,\"newVersion\":0,\"applied\":false," \
	"\"lastUpdated\":\"\",\"errorType\":\"product_not_found\",\"errorMessage\":\"no\"}"
#define NO_LIST "no list of results, or another number of them than was asked for"

TEST(update_results, a_batch_is_answered_item_by_item)
{
	static const char *const ids[] = { "PROD-006", "NOPE", NULL };
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "{\"results\":[" B1 "," B2
		  "],\"summary\":{\"total\":2,\"succeeded\":1,\"failed\":1}}",
		    "[" RESULT("PROD-006", "499", "41", "true", TIME, "", "") "," RESULT(
			"NOPE", "0", "0", "false", "", "product_not_found", "no") "]" },
		{ "{\"results\":[" B2 "," B1 "]}", BAD_ID },
		{ "{\"results\":[" B1 "]}", NO_LIST },
		{ "{\"results\":[" B1 "," B2 "," B2 "]}", NO_LIST },
		{ "{\"results\":null}", NO_LIST },
		{ "{}", NO_LIST },
		{ "[" B1 "," B2 "]", NO_LIST },
		{ "{\"results\":[" B1 ",7]}", BAD_TYPE },
		{ "{\"results\":[" B1 ",{\"errorType\":\"x\"}]}", BAD_ID },
		{ B1, NO_LIST },
	};
	static const char *const one[] = { "PROD-006", NULL };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].text, true, ids, cases[i].expected);
	check("{\"results\":[" B1 "]}", true, one,
	    "[" RESULT("PROD-006", "499", "41", "true", TIME, "", "") "]");
	check(B1, true, one, NO_LIST);
}

static enum st_err read_items(const char *text, struct update_results *out)
{
	struct doc d;
	enum st_err err;

	CU_ASSERT_EQUAL_FATAL(doc_parse(text, strlen(text), 10000, &d, NULL), ST_OK);
	err = update_results_read_items(&d, doc_root(&d), out);
	doc_free(&d);
	return err;
}

TEST(update_results, a_message_holds_what_was_read)
{
	static const char *const good[] = { "[]",
		"[" RESULT("a\\\"b", "-3", "7", "false", "", "x", "日\\u0001") "]",
		"[" RESULT("P", "0", "1", "true", TIME, "", "") "," RESULT(
		    "Q", "9007199254740992", "9007199254740992", "true", TIME, "", "") "]" };
	static const char *const bad[] = { "{}", "null", "[7]", "[{\"applied\":1}]" };
	struct update_results r = { 0 };
	struct buf out;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		buf_reset(&out);
		CU_ASSERT_EQUAL(read_items(good[i], &r), ST_OK);
		update_results_write_items(&r, &out);
		ASSERT_TEXT(buf_text(&out), good[i]);
		update_results_free(&r);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(read_items(bad[i], &r), ST_INVALID);
	CU_ASSERT_PTR_NULL(r.items);
	update_results_free(&r);
	update_results_free(NULL);
	buf_free(&out);
}

/* ---- merging ---- */

static void merged(const char *json, const char *updated, const char *expected)
{
	struct product was = { .version = 6, .json = span_of(json), .partial = true };
	struct update_result result = {
		.new_quantity = 0, .new_version = 7, .last_updated = span_of(updated)
	};
	struct product got = { 0 };
	struct buf storage;

	buf_init(&storage, 1 << 22);
	buf_adds(&storage, "before");
	CU_ASSERT_EQUAL(update_merge(&was, &result, &storage, &got), ST_OK);
	CU_ASSERT_EQUAL(got.version, 7);
	CU_ASSERT_TRUE(got.partial);
	buf_add(&storage, "", 1);
	ASSERT_TEXT(got.json.data, expected);
	CU_ASSERT_TRUE(strncmp(storage.data, "before", 6) == 0);
	buf_free(&storage);
}

TEST(update_merge, replaces_the_numbers_and_nothing_else)
{
	merged(PRODUCT_1, TIME,
	    "{\"productId\":\"PROD-001\",\"name\":\"Wireless Headphones\",\"available\":0,"
	    "\"version\":7,\"lastUpdated\":\"" TIME "\",\"price\":99.99}");
	merged(PRODUCT_2, "",
	    "{\"productId\":\"PROD-002\",\"name\":\"Laptop \\u003c13\\\"\\u003e \\u0026 case\","
	    "\"available\":0,\"version\":7,\"lastUpdated\":\"2025-09-02T20:51:37Z\",\"price\":"
	    "1299.5}");
	merged("{\"productId\":\"P\",\"x\": [ 1.10 ] ,\"version\":6,\"a\\u0076ailable\":5}", "a\"b",
	    "{\"productId\":\"P\",\"available\":0,\"version\":7,\"lastUpdated\":\"a\\\"b\","
	    "\"x\":[ 1.10 ]}");
	merged("{\"productId\":\"P\"}", "", "{\"productId\":\"P\",\"available\":0,\"version\":7}");
}

TEST(update_merge, refuses_what_is_no_product)
{
	static const char *const bad[] = { "", "{", "[]", "7", "{}", "{\"productId\":7}" };
	struct update_result result = { .new_version = 7 };
	struct product got = { .version = 77 };
	struct buf storage;

	buf_init(&storage, 1 << 22);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct product was = { .json = span_of(bad[i]) };

		CU_ASSERT_EQUAL(update_merge(&was, &result, &storage, &got), ST_CORRUPT);
		CU_ASSERT_EQUAL(got.version, 77);
	}
	buf_free(&storage);
}
