#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "model/event.h"
#include "unit.h"

static struct event_batch read_batch(const char *text)
{
	struct event_batch b = { 0 };
	const char *why = "";
	enum st_err err = event_batch_read(text, strlen(text), &b, &why);

	CU_ASSERT_EQUAL(err, ST_OK);
	if (err)
		printf("refused: %s: %s\n", why, text);
	return b;
}

static void assert_span(struct span s, const char *text)
{
	CU_ASSERT_EQUAL(s.len, strlen(text));
	CU_ASSERT(s.len == strlen(text) && memcmp(s.data, text, s.len) == 0);
}

TEST(event, reads_central_s_feed)
{
	char *text = strdup(ANSWER_EVENTS);
	struct event_batch b = read_batch(text);

	/* The text is needed no more. */
	memset(text, 'x', strlen(text));
	free(text);
	CU_ASSERT_EQUAL(b.next_offset, 8);
	CU_ASSERT_FALSE(b.has_more);
	CU_ASSERT_EQUAL_FATAL(b.n, 3);

	CU_ASSERT_EQUAL(b.events[0].offset, 0);
	CU_ASSERT_EQUAL(b.events[0].kind, EVENT_UPDATED);
	CU_ASSERT_EQUAL(b.events[0].version, 41);
	CU_ASSERT_PTR_NULL(b.events[0].why);
	assert_span(b.events[0].timestamp, EVENT_TIME);
	assert_span(b.events[0].type, "product_updated");
	assert_span(b.events[0].product_id, "PROD-006");
	assert_span(b.events[0].product.id, "PROD-006");
	assert_span(b.events[0].product.json,
	    "{\"productId\":\"PROD-006\",\"name\":\"Cable\",\"available\":499,\"version\":41,"
	    "\"lastUpdated\":\"" EVENT_TIME "\",\"price\":1e+21}");

	CU_ASSERT_EQUAL(b.events[1].offset, 5);
	CU_ASSERT_EQUAL(b.events[1].kind, EVENT_CREATED);
	CU_ASSERT_EQUAL(b.events[1].product.version, 1);

	CU_ASSERT_EQUAL(b.events[2].offset, 7);
	CU_ASSERT_EQUAL(b.events[2].kind, EVENT_DELETED);
	CU_ASSERT_EQUAL(b.events[2].version, 3);
	assert_span(b.events[2].product_id, "NEW-1");
	CU_ASSERT_PTR_NULL(b.events[2].product.json.data);
	event_batch_free(&b);
	event_batch_free(NULL);
}

TEST(event, reads_answers_without_events)
{
	static const struct {
		const char *text;
		int64_t next;
		bool more;
	} cases[] = {
		{ ANSWER_NO_EVENTS, 9, false },
		{ "{\"events\":[],\"nextOffset\":0}", 0, false },
		{ "{\"events\":null,\"nextOffset\":9007199254740991,\"hasMore\":true}",
		    EVENT_OFFSET_MAX, true },
		{ "{\"nextOffset\":3,\"unknown\":{},\"count\":\"x\",\"events\":[]}", 3, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_batch b = read_batch(cases[i].text);

		CU_ASSERT_EQUAL(b.n, 0);
		CU_ASSERT_EQUAL(b.next_offset, cases[i].next);
		CU_ASSERT_EQUAL(b.has_more, cases[i].more);
		event_batch_free(&b);
	}
}

#define EVENT(type, id, version, data)                                                            \
	"{\"events\":[{\"offset\":4,\"timestamp\":\"t\",\"eventType\":" type ",\"productId\":" id \
	",\"version\":" version ",\"data\":" data "}],\"nextOffset\":5,\"hasMore\":true}"
#define DATA "{\"productId\":\"p\",\"version\":2}"

TEST(event, knows_the_kinds)
{
	static const struct {
		const char *text;
		enum event_kind kind;
	} cases[] = {
		{ EVENT("\"inventory_updated\"", "\"p\"", "2", DATA), EVENT_UPDATED },
		{ EVENT("\"product_updated\"", "\"p\"", "2", DATA), EVENT_UPDATED },
		{ EVENT("\"product_modified\"", "\"p\"", "2", DATA), EVENT_UPDATED },
		{ EVENT("\"product_created\"", "\"p\"", "2", DATA), EVENT_CREATED },
		{ EVENT("\"product_deleted\"", "\"p\"", "2", DATA), EVENT_DELETED },
		/* However it is spelled. */
		{ EVENT("\"product\\u005fdeleted\"", "\"\\u0070\"", "2", DATA), EVENT_DELETED },
		{ EVENT("\"product_updated\"", "\"\\u0070\"", "2", DATA), EVENT_UPDATED },
		/* A delete needs nothing of its data. */
		{ EVENT("\"product_deleted\"", "\"p\"", "2", "null"), EVENT_DELETED },
		{ EVENT("\"product_deleted\"", "\"p\"", "2", "[{}]"), EVENT_DELETED },
		{ EVENT("\"product_deleted\"", "\"p\"", "2", "{\"productId\":\"q\",\"version\":9}"),
		    EVENT_DELETED },
		{ "{\"events\":[{\"offset\":4,\"timestamp\":\"t\",\"eventType\":\"product_"
		  "deleted\","
		  "\"productId\":\"p\",\"version\":2}],\"nextOffset\":5}",
		    EVENT_DELETED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_batch b = read_batch(cases[i].text);

		CU_ASSERT_EQUAL_FATAL(b.n, 1);
		CU_ASSERT_EQUAL(b.events[0].kind, cases[i].kind);
		CU_ASSERT_PTR_NULL(b.events[0].why);
		CU_ASSERT_EQUAL(b.events[0].version, 2);
		assert_span(b.events[0].product_id, "p");
		if (cases[i].kind == EVENT_DELETED) {
			CU_ASSERT_PTR_NULL(b.events[0].product.json.data);
		} else {
			assert_span(b.events[0].product.json, DATA);
		}
		event_batch_free(&b);
	}
}

TEST(event, keeps_an_unusable_event_with_offset_and_id)
{
	static const char type[] = "its type is unknown";
	static const char id[] = "its productId is missing or not 1 to 511 bytes long";
	static const char version[] = "its version is missing or no integer from 0 to 2^53";
	static const struct {
		const char *text, *why, *id;
		int64_t version;
	} cases[] = {
		{ EVENT("\"product_renamed\"", "\"p\"", "2", DATA), type, "p", 2 },
		{ EVENT("\"Product_updated\"", "\"p\"", "2", DATA), type, "p", 2 },
		{ EVENT("\"\"", "\"p\"", "2", DATA), type, "p", 2 },
		{ EVENT("null", "\"p\"", "2", DATA), type, "p", 2 },
		{ EVENT("7", "7", "null", "7"), type, "", -1 },
		{ EVENT("\"product_updated\"", "null", "2", DATA), id, "", 2 },
		{ EVENT("\"product_updated\"", "7", "2", DATA), id, "", 2 },
		{ EVENT("\"product_updated\"", "\"\"", "2", DATA), id, "", 2 },
		{ EVENT("\"product_deleted\"", "\"\"", "2", DATA), id, "", 2 },
		{ EVENT("\"product_updated\"", "\"p\"", "-1", DATA), version, "p", -1 },
		{ EVENT("\"product_updated\"", "\"p\"", "\"2\"", DATA), version, "p", -1 },
		{ EVENT("\"product_updated\"", "\"p\"", "2.0", DATA), version, "p", -1 },
		{ EVENT("\"product_deleted\"", "\"p\"", "null", DATA), version, "p", -1 },
		{ EVENT("\"product_deleted\"", "\"p\"", "9007199254740993", DATA), version, "p",
		    -1 },
		{ EVENT("\"product_updated\"", "\"p\"", "2", "null"), "a product is no object", "p",
		    2 },
		{ EVENT("\"product_created\"", "\"p\"", "2", "[]"), "a product is no object", "p",
		    2 },
		{ EVENT("\"product_created\"", "\"p\"", "2", "{\"version\":2}"),
		    "a product's productId is missing or no string", "p", 2 },
		{ EVENT("\"product_created\"", "\"p\"", "2", "{\"productId\":\"p\"}"),
		    "a product's version is missing or no integer from 0 to 2^53", "p", 2 },
		{ EVENT("\"product_updated\"", "\"p\"", "3", DATA),
		    "its data is of another version", "p", 3 },
		{ EVENT("\"product_updated\"", "\"q\"", "2", DATA),
		    "its data is of another product", "q", 2 },
		{ EVENT("\"product_updated\"", "\"pp\"", "2", DATA),
		    "its data is of another product", "pp", 2 },
		{ EVENT(
		      "\"product_updated\"", "\"p\"", "2", "{\"productId\":\"pp\",\"version\":2}"),
		    "its data is of another product", "p", 2 },
		{ EVENT("\"product_updated\"", "\"P\"", "2", DATA),
		    "its data is of another product", "P", 2 },
		{ "{\"events\":[{\"offset\":4,\"timestamp\":\"t\"}],\"nextOffset\":5,\"hasMore\":"
		  "true}",
		    type, "", -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_batch b = read_batch(cases[i].text);
		const struct event *e = b.events;

		CU_ASSERT_EQUAL_FATAL(b.n, 1);
		CU_ASSERT_TRUE(b.has_more);
		CU_ASSERT_EQUAL(e->kind, EVENT_UNUSABLE);
		CU_ASSERT_EQUAL(e->offset, 4);
		CU_ASSERT_EQUAL(e->version, cases[i].version);
		ASSERT_TEXT(e->why, cases[i].why);
		assert_span(e->product_id, cases[i].id);
		assert_span(e->timestamp, "t");
		CU_ASSERT_PTR_NULL(e->product.json.data);
		event_batch_free(&b);
	}
}

/* Such a product can't be cached, so there is nothing to ask Central for. */
TEST(event, hands_no_id_on_that_is_too_long)
{
	for (size_t len = 511; len <= 512; len++) {
		struct event_batch b;
		struct buf text;
		char id[600];

		memset(id, 'x', len);
		id[len] = '\0';
		buf_init(&text, 10000);
		buf_addf(&text,
		    "{\"events\":[{\"offset\":1,\"eventType\":\"product_deleted\",\"productId\":\"%"
		    "s\","
		    "\"version\":1}],\"nextOffset\":2}",
		    id);
		b = read_batch(text.data);
		CU_ASSERT_EQUAL_FATAL(b.n, 1);
		CU_ASSERT_EQUAL(b.events[0].kind, EVENT_DELETED);
		CU_ASSERT_EQUAL(b.events[0].unkeepable, len == 512);
		CU_ASSERT_EQUAL(b.events[0].product_id.len, len == 511 ? 511 : 0);
		event_batch_free(&b);
		buf_free(&text);
	}
}

TEST(event, passes_a_timestamp_on_as_it_is)
{
	struct event_batch b = read_batch(
	    "{\"events\":["
	    "{\"offset\":1,\"timestamp\":\"2025-09-04T23:06:38-05:00\"},"
	    "{\"offset\":2,\"timestamp\":17},"
	    "{\"offset\":3,\"timestamp\":\"\\u0032\"},"
	    "{\"offset\":4}],\"nextOffset\":5}");

	CU_ASSERT_EQUAL_FATAL(b.n, 4);
	assert_span(b.events[0].timestamp, "2025-09-04T23:06:38-05:00");
	assert_span(b.events[1].timestamp, "");
	assert_span(b.events[2].timestamp, "2");
	assert_span(b.events[3].timestamp, "");
	event_batch_free(&b);
}

/* Many of one offset, so that an unstable sort would show. */
TEST(event, sorts_by_offset_and_keeps_the_order_of_equals)
{
	struct event_batch b;
	struct buf text;

	buf_init(&text, 1u << 20);
	buf_adds(&text, "{\"events\":[");
	for (int i = 0; i < 3000; i++)
		buf_addf(&text,
		    "%s{\"offset\":%d,\"eventType\":\"product_deleted\",\"productId\":\"p%d\","
		    "\"version\":%d}",
		    i ? "," : "", i * 7919 % 10, i, i);
	buf_adds(&text, "],\"nextOffset\":3}");
	b = read_batch(text.data);
	CU_ASSERT_EQUAL_FATAL(b.n, 3000);
	CU_ASSERT_EQUAL(b.next_offset, 3);
	for (size_t i = 0; i < b.n; i++) {
		const struct event *e = &b.events[i];
		char id[16];

		CU_ASSERT_EQUAL(e->offset, (int64_t)i / 300);
		CU_ASSERT(i % 300 == 0 || e[-1].version < e->version);
		CU_ASSERT_EQUAL((int64_t)e->place, e->version);
		snprintf(id, sizeof(id), "p%zu", e->place);
		assert_span(e->product_id, id);
	}
	event_batch_free(&b);
	buf_free(&text);
}

TEST(event, refuses_all_else)
{
	static const char list[] = "no list of events in the answer";
	static const char next[] = "nextOffset is missing or no integer from 0 to 2^53 - 1";
	static const char more[] = "hasMore is neither true nor false";
	static const char offset[] = "an event has no usable offset";
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "text ends too early" },
		{ "upstream timed out", "no JSON value" },
		{ "{\"events\":[],\"nextOffset\":1,\"nextOffset\":2}", "a member stands twice" },
		{ "[]", list },
		{ "null", list },
		{ "{}", list },
		{ "{\"nextOffset\":1}", list },
		{ "{\"events\":{},\"nextOffset\":1}", list },
		{ "{\"events\":\"\",\"nextOffset\":1}", list },
		{ "{\"events\":false,\"nextOffset\":1}", list },
		{ "{\"code\":\"EVENTS_ERROR\",\"message\":\"offset parameter is required\"}",
		    list },
		{ "{\"events\":[]}", next },
		{ "{\"events\":null,\"nextOffset\":null}", next },
		{ "{\"events\":null,\"nextOffset\":-1}", next },
		{ "{\"events\":null,\"nextOffset\":1.0}", next },
		{ "{\"events\":null,\"nextOffset\":\"1\"}", next },
		{ "{\"events\":null,\"nextOffset\":9007199254740992}", next },
		{ "{\"events\":null,\"nextOffset\":1,\"hasMore\":null}", more },
		{ "{\"events\":null,\"nextOffset\":1,\"hasMore\":0}", more },
		{ "{\"events\":null,\"nextOffset\":1,\"hasMore\":\"true\"}", more },
		{ "{\"events\":[null],\"nextOffset\":1}", offset },
		{ "{\"events\":[7],\"nextOffset\":1}", offset },
		{ "{\"events\":[[]],\"nextOffset\":1}", offset },
		{ "{\"events\":[{}],\"nextOffset\":1}", offset },
		{ "{\"events\":[{\"offset\":null}],\"nextOffset\":1}", offset },
		{ "{\"events\":[{\"offset\":-1}],\"nextOffset\":1}", offset },
		{ "{\"events\":[{\"offset\":\"1\"}],\"nextOffset\":1}", offset },
		{ "{\"events\":[{\"offset\":1e3}],\"nextOffset\":1}", offset },
		{ "{\"events\":[{\"offset\":9007199254740992}],\"nextOffset\":1}", offset },
		{ "{\"events\":[{\"offset\":1},{\"offset\":2},{}],\"nextOffset\":1}", offset },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_batch b = { .n = 77 };
		const char *why = "";
		enum st_err err = event_batch_read(cases[i].text, strlen(cases[i].text), &b, &why);

		CU_ASSERT_EQUAL(err, ST_INVALID);
		ASSERT_TEXT(why, cases[i].why);
		CU_ASSERT_EQUAL(b.n, 77);
		if (err == ST_OK)
			printf("taken: %s\n", cases[i].text);
	}
}
