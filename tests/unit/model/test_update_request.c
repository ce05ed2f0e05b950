#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/update.h"
#include "unit.h"

#define KEY_200                                            \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	"kkkkkkkk"

#define ID_ISSUE    "must be a string of 1 to 511 bytes without control characters"
#define DELTA_ISSUE "must be an integer other than 0"
#define RANGE_ISSUE "must be from -2147483647 to 2147483647"
#define V_ISSUE     "must be an integer from 1 to 9007199254740992"
#define KEY_ISSUE   "must be a string of 1 to 200 bytes without control characters"
#define LONG_NAME   "a_name_of_more_bytes_than_are_shown_of_one_that_nobody_knows_0123456"
#define LIST_ISSUE  "must be a list of 1 to 100 updates"

#define REST(id)                                                                     \
	"\"productId\":\"" id "\",\"delta\":-2,\"version\":6,\"idempotencyKey\":\"k" \
	"\""
#define ONE(id, delta, version, key)                                     \
	"{\"productId\":" id ",\"delta\":" delta ",\"version\":" version \
	",\"idempotencyKey\":" key "}"

/* All that update_list_read() says, as text: items, or the faults "index field: issue" in lines. */
static void describe(const char *body, size_t len, bool batch, struct buf *out)
{
	struct update_list l = { 0 };
	struct update_faults *faults = malloc(sizeof(*faults));
	enum st_err err = update_list_read(body, len, batch, &l, faults);

	CU_ASSERT_TRUE(err == ST_OK || err == ST_INVALID);
	if (err) {
		CU_ASSERT_PTR_NULL(l.items);
		CU_ASSERT_TRUE(faults->n > 0);
		for (size_t i = 0; i < faults->n; i++)
			buf_addf(out, "%s%" PRId64 " %.*s: %s", i ? "\n" : "",
			    faults->list[i].index, (int)faults->list[i].field.len,
			    faults->list[i].field.data, faults->list[i].issue);
	} else {
		CU_ASSERT_EQUAL(l.batch, batch);
		CU_ASSERT_EQUAL(faults->n, 0);
		if (l.store_id.data)
			buf_addf(out, "%.*s: ", (int)l.store_id.len, l.store_id.data);
		update_list_write_items(&l, out);
	}
	update_list_free(&l);
	free(faults);
}

static void check(const char *body, bool batch, const char *expected)
{
	struct buf out;
	/* In memory of just its size, so that a byte read behind it shows. */
	size_t len = strlen(body);
	char *exact = malloc(len ? len : 1);

	memcpy(exact, body, len);
	buf_init(&out, 1 << 20);
	describe(exact, len, batch, &out);
	if (strcmp(buf_text(&out), expected) != 0)
		printf("\nof: %s\n", body);
	ASSERT_TEXT(buf_text(&out), expected);
	buf_free(&out);
	free(exact);
}

TEST(update_request, takes_what_is_valid)
{
	static const struct {
		const char *body, *items;
	} cases[] = {
		{ "{" REST("PROD-001") "}", "[{" REST("PROD-001") "}]" },
		{ " {\"storeId\":\"store-s1\" , " REST("P") " } \n",
		    "store-s1: [{" REST("P") "}]" },
		{ "{\"storeId\":\"\"," REST("P") "}", ": [{" REST("P") "}]" },
		{ "{\"x\":null,\"y\":{\"delta\":0}," REST("P") ",\"updates\":[]}",
		    "[{" REST("P") "}]" },
		{ "{" REST("a b\\\"\\/\\\\,\\u00e4\\ud83d\\ude00日") "}",
		    "[{" REST("a b\\\"/\\\\,ä😀日") "}]" },
		{ "{\"\\u0070roductId\":\"P\",\"delta\":-2,\"version\":6,\"idempotencyKey\":\"k\"}",
		    "[{" REST("P") "}]" },
		{ ONE("\"P\"", "2147483647", "1", "\"" KEY_200 "\""),
		    "[" ONE("\"P\"", "2147483647", "1", "\"" KEY_200 "\"") "]" },
		{ ONE("\"P\"", "-2147483647", "9007199254740992", "\"k\""),
		    "[" ONE("\"P\"", "-2147483647", "9007199254740992", "\"k\"") "]" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].body, false, cases[i].items);
}

TEST(update_request, names_every_bad_member)
{
	static const struct {
		const char *body, *faults;
	} cases[] = {
		{ "{}", "-1 productId: is missing\n-1 delta: is missing\n"
			"-1 version: is missing\n-1 idempotencyKey: is missing" },
		{ ONE("7", "0", "0", "\"\""),
		    "-1 productId: " ID_ISSUE "\n-1 delta: " DELTA_ISSUE "\n-1 version: " V_ISSUE
		    "\n-1 idempotencyKey: " KEY_ISSUE },
		{ ONE("null", "null", "null", "null"),
		    "-1 productId: " ID_ISSUE "\n-1 delta: " DELTA_ISSUE "\n-1 version: " V_ISSUE
		    "\n-1 idempotencyKey: " KEY_ISSUE },
		{ "{\"storeId\":null," REST("P") "}", "-1 storeId: must be a string" },
		{ "{\"storeId\":1," REST("") "}",
		    "-1 storeId: must be a string\n-1 productId: " ID_ISSUE },
		{ "{" REST("a\\u0000b") "}", "-1 productId: " ID_ISSUE },
		{ "{" REST("a\\u001f") "}", "-1 productId: " ID_ISSUE },
		{ "{" REST("a\x7f") "}", "-1 productId: " ID_ISSUE },
		{ ONE("\"P\"", "-1", "1", "\"" KEY_200 "k\""), "-1 idempotencyKey: " KEY_ISSUE },
		{ ONE("\"P\"", "-1", "1", "\"a\\nb\""), "-1 idempotencyKey: " KEY_ISSUE },
		{ ONE("\"P\"", "2147483648", "1", "\"k\""), "-1 delta: " RANGE_ISSUE },
		{ ONE("\"P\"", "-2147483648", "1", "\"k\""), "-1 delta: " RANGE_ISSUE },
		{ ONE("\"P\"", "-0", "1", "\"k\""), "-1 delta: " DELTA_ISSUE },
		{ ONE("\"P\"", "-1.0", "1", "\"k\""), "-1 delta: " DELTA_ISSUE },
		{ ONE("\"P\"", "-1e0", "1", "\"k\""), "-1 delta: " DELTA_ISSUE },
		{ ONE("\"P\"", "\"-1\"", "1", "\"k\""), "-1 delta: " DELTA_ISSUE },
		{ ONE("\"P\"", "18446744073709551615", "1", "\"k\""), "-1 delta: " DELTA_ISSUE },
		{ ONE("\"P\"", "-1", "9007199254740993", "\"k\""), "-1 version: " V_ISSUE },
		{ ONE("\"P\"", "-1", "-1", "\"k\""), "-1 version: " V_ISSUE },
		{ ONE("\"P\"", "-1", "1.5", "\"k\""), "-1 version: " V_ISSUE },
		{ ONE("\"P\"", "-1", "true", "\"k\""), "-1 version: " V_ISSUE },
		{ "{\"delta\":1," REST("P") "}", "-1 delta: stands twice" },
		{ "{\"d\\u0065lta\":1," REST("") "}",
		    "-1 productId: " ID_ISSUE "\n-1 delta: stands twice" },
		{ "{\"storeId\":\"a\",\"storeId\":\"a\"," REST("P") "}",
		    "-1 storeId: stands twice" },
		{ "{\"x\":1,\"x\":2," REST("P") "}", "-1 x: stands twice" },
		{ "{\"" LONG_NAME "\":1,\"" LONG_NAME "\":2," REST("P") "}", "-1 : stands twice" },
		{ "{\"y\":{\"a\\\"\":1,\"a\\\"\":2}," REST("P") "}", "-1 a\\\": stands twice" },
		{ "[]", "-1 : must be a JSON object" },
		{ "null", "-1 : must be a JSON object" },
		{ "\"text\"", "-1 : must be a JSON object" },
		{ "", "-1 : must be valid JSON" },
		{ "{", "-1 : must be valid JSON" },
		{ "{" REST("P") "}{}", "-1 : must be valid JSON" },
		{ "{" REST("P") ",}", "-1 : must be valid JSON" },
		{ "{'productId':'P'}", "-1 : must be valid JSON" },
		{ ONE("\"P\"", "NaN", "1", "\"k\""), "-1 : must be valid JSON" },
		{ ONE("\"P\"", "-01", "1", "\"k\""), "-1 : must be valid JSON" },
		{ ONE("\"P\"", "+1", "1", "\"k\""), "-1 : must be valid JSON" },
		{ "{" REST("a\xff") "}", "-1 : must be valid JSON" },
		{ "{" REST("\\ud83d") "}", "-1 : must be valid JSON" },
		{ "{" REST("a\nb") "}", "-1 : must be valid JSON" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].body, false, cases[i].faults);
}

#define ITEM(id, key) ONE("\"" id "\"", "-1", "1", "\"" key "\"")

TEST(update_request, names_the_item_of_a_batch)
{
	static const struct {
		const char *body, *faults;
	} cases[] = {
		{ "{}", "-1 updates: is missing" },
		{ "{" REST("P") "}", "-1 updates: is missing" },
		{ "{\"updates\":null}", "-1 updates: " LIST_ISSUE },
		{ "{\"updates\":{}}", "-1 updates: " LIST_ISSUE },
		{ "{\"updates\":[]}", "-1 updates: " LIST_ISSUE },
		{ "{\"storeId\":[],\"updates\":[]}",
		    "-1 storeId: must be a string\n-1 updates: " LIST_ISSUE },
		{ "{\"updates\":[],\"updates\":[" ITEM("P", "k") "]}", "-1 updates: stands twice" },
		{ "{\"updates\":[7," ITEM("P", "k") ",null,[]]}",
		    "0 : must be an object\n2 : must be an object\n3 : must be an object" },
		{ "{\"updates\":[" ITEM("P", "k") "," ITEM("", "l") ",{}]}",
		    "1 productId: " ID_ISSUE "\n2 productId: is missing\n2 delta: is missing\n"
		    "2 version: is missing\n2 idempotencyKey: is missing" },
		{ "{\"updates\":[" ITEM("P", "k") "," ITEM("Q", "l") "," ITEM("R", "\\u006b") "]}",
		    "2 idempotencyKey: stands twice in this batch" },
		{ "{\"updates\":[" ITEM("P", "") "," ITEM("Q", "") "]}",
		    "0 idempotencyKey: " KEY_ISSUE "\n1 idempotencyKey: " KEY_ISSUE },
		{ "{\"updates\":[" ITEM("P", "k") ",{\"delta\":1," REST("Q") "},5]}",
		    "1 delta: stands twice\n2 : must be an object\n"
		    "1 idempotencyKey: stands twice in this batch" },
		{ "{\"updates\":[" ITEM("P", "k") ",{\"x\":1,\"x\":1," REST("Q") "}]}",
		    "1 idempotencyKey: stands twice in this batch" },
		{ "{\"updates\":[" ITEM("P", "j") ",{\"x\":1,\"x\":1," REST("Q") "}]}",
		    "1 x: stands twice" },
		{ "{\"x\":1,\"x\":1,\"updates\":[" ITEM("P", "j") "]}", "-1 x: stands twice" },
		{ "[" ITEM("P", "k") "]", "-1 : must be a JSON object" },
	};

	check("{\"updates\":[" ITEM("P", "k") "]}", true, "[" ITEM("P", "k") "]");
	check("{\"storeId\":\"s\",\"updates\":[{\"storeId\":7," REST("P") "}," ITEM("P", "l") "]}",
	    true, "s: [{" REST("P") "}," ITEM("P", "l") "]");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].body, true, cases[i].faults);
}

/* A batch of n items of which each has its own key. */
static void add_batch(struct buf *b, unsigned n, const char *item)
{
	buf_adds(b, "{\"updates\":[");
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "%s{%s,\"idempotencyKey\":\"k%u\"}", i ? "," : "", item, i);
	buf_adds(b, "]}");
}

TEST(update_request, batch_holds_up_to_100)
{
	const char *item = "\"productId\":\"P\",\"delta\":-1,\"version\":1";
	struct buf b, out;

	buf_init(&b, 1 << 20);
	buf_init(&out, 1 << 20);
	add_batch(&b, 100, item);
	describe(b.data, b.len, true, &out);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_text(&out), "\"idempotencyKey\":\"k99\"}]"));
	buf_reset(&b);
	buf_reset(&out);
	add_batch(&b, 101, item);
	describe(b.data, b.len, true, &out);
	ASSERT_TEXT(buf_text(&out), "-1 updates: " LIST_ISSUE);
	buf_free(&b);
	buf_free(&out);
}

/* Every member of 100 items may be bad: none is lost, and nothing is written beyond. */
TEST(update_request, all_faults_of_the_largest_batch_have_room)
{
	struct update_faults *faults = malloc(sizeof(*faults));
	struct update_list l;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_adds(&b, "{\"storeId\":0,\"updates\":[");
	for (int i = 0; i < 100; i++)
		buf_adds(&b, i ? ",{}" : "{}");
	buf_adds(&b, "]}");
	CU_ASSERT_EQUAL(update_list_read(b.data, b.len, true, &l, faults), ST_INVALID);
	CU_ASSERT_EQUAL(faults->n, 401);
	CU_ASSERT_EQUAL(faults->list[400].index, 99);
	buf_free(&b);
	free(faults);
}

TEST(update_request, a_body_of_countless_values_costs_no_memory)
{
	struct buf b, out;

	buf_init(&b, 1 << 20);
	buf_init(&out, 4096);
	buf_adds(&b, "{\"x\":[0");
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, ",0");
	buf_adds(&b, "]," REST("P") "}");
	describe(b.data, b.len, false, &out);
	ASSERT_TEXT(buf_text(&out), "-1 : holds too many values");
	buf_free(&b);
	buf_free(&out);
}

TEST(update_request, ids_are_up_to_511_bytes_long)
{
	struct buf b, out;

	buf_init(&b, 1 << 20);
	buf_init(&out, 1 << 20);
	for (size_t len = 511; len <= 512; len++) {
		buf_reset(&b);
		buf_reset(&out);
		buf_adds(
		    &b, "{\"delta\":-1,\"version\":1,\"idempotencyKey\":\"k\",\"productId\":\"");
		for (size_t i = 0; i < len; i++)
			buf_adds(&b, "\\u0061");
		buf_adds(&b, "\"}");
		describe(b.data, b.len, false, &out);
		if (len > 511) {
			ASSERT_TEXT(buf_text(&out), "-1 productId: " ID_ISSUE);
			break;
		}
		CU_ASSERT_TRUE(strncmp(buf_text(&out), "[{\"productId\":\"aaa", 18) == 0);
	}
	buf_free(&b);
	buf_free(&out);
}

/* Front ends look for the product's id in every answer. */
TEST(update_request, a_good_id_is_told_beside_bad_members)
{
	static const struct {
		const char *body, *id;
		bool batch;
	} cases[] = {
		{ "{\"productId\":\"P\\u00e4\",\"delta\":0}", "Pä", false },
		{ "{\"productId\":\"\"}", "", false },
		{ "{\"productId\":\"a\",\"productId\":\"b\"}", "", false },
		{ "{\"updates\":[{\"productId\":\"P\"}]}", "", true },
		{ "x", "", false },
	};
	struct update_faults *faults = malloc(sizeof(*faults));

	memset(faults, 0x55, sizeof(*faults));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct update_list l;
		char id[PRODUCT_ID_MAX + 1];

		CU_ASSERT_EQUAL(update_list_read(cases[i].body, strlen(cases[i].body),
				    cases[i].batch, &l, faults),
		    ST_INVALID);
		snprintf(id, sizeof(id), "%.*s", (int)faults->product_id_len, faults->product_id);
		ASSERT_TEXT(id, cases[i].id);
	}
	free(faults);
}

/* ---- what goes on ---- */

static void request_for(const char *body, bool batch, const char *expected)
{
	struct update_faults *faults = malloc(sizeof(*faults));
	struct update_list l = { 0 };
	struct buf out;

	buf_init(&out, 1 << 20);
	CU_ASSERT_EQUAL_FATAL(update_list_read(body, strlen(body), batch, &l, faults), ST_OK);
	update_list_write_request(&l, "store-s1", &out);
	ASSERT_TEXT(buf_text(&out), expected);
	buf_free(&out);
	update_list_free(&l);
	free(faults);
}

TEST(update_request, request_to_central_has_our_store_and_the_prefixed_key)
{
	request_for("{\"storeId\":\"other\"," REST("a/\\u00e4\\\"") "}", false,
	    "{\"storeId\":\"store-s1\",\"productId\":\"a/ä\\\"\",\"delta\":-2,\"version\":6,"
	    "\"idempotencyKey\":\"store-s1-k\"}");
	request_for(ONE("\"P\"", "-1", "1", "\"store-s1-k\""), false,
	    "{\"storeId\":\"store-s1\","
	    "\"productId\":\"P\",\"delta\":-1,\"version\":1,"
	    "\"idempotencyKey\":\"store-s1-store-s1-k\"}");
	request_for("{\"updates\":[" ITEM("P", "j") "," ITEM("Q", "k") "]}", true,
	    "{\"storeId\":\"store-s1\",\"updates\":[" ITEM("P", "store-s1-j") "," ITEM(
		"Q", "store-s1-k") "]}");
	request_for("{\"updates\":[" ITEM("P", "j") "]}", true,
	    "{\"storeId\":\"store-s1\",\"updates\":[" ITEM("P", "store-s1-j") "]}");
}

static enum st_err read_items(const char *text, struct update_list *out)
{
	struct doc d;
	enum st_err err;

	CU_ASSERT_EQUAL_FATAL(doc_parse(text, strlen(text), 10000, &d, NULL), ST_OK);
	err = update_list_read_items(&d, doc_root(&d), out);
	doc_free(&d);
	return err;
}

TEST(update_request, items_of_a_message_are_checked_like_those_of_clients)
{
	static const char *const bad[] = { "{}", "null", "[]", "[7]", "[{}]", "[" ITEM("", "k") "]",
		"[" ITEM("P", "") "]", "[" ONE("\"P\"", "0", "1", "\"k\"") "]",
		"[" ONE("\"P\"", "1", "0", "\"k\"") "]",
		"[" ITEM("P", "k") "," ITEM("Q", "k") "]" };
	struct update_list l = { 0 };
	struct buf out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(read_items(bad[i], &l), ST_INVALID);
		CU_ASSERT_PTR_NULL(l.items);
	}
	buf_init(&out, 1 << 20);
	CU_ASSERT_EQUAL(read_items("[" ITEM("P\\\"", "k") "," ITEM("Q", "l") "]", &l), ST_OK);
	update_list_write_items(&l, &out);
	ASSERT_TEXT(buf_text(&out), "[" ITEM("P\\\"", "k") "," ITEM("Q", "l") "]");
	buf_free(&out);
	update_list_free(&l);
	update_list_free(&l);
	update_list_free(NULL);
}
