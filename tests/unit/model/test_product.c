#include <stdio.h>
#include <string.h>

#include "answers.h"
#include "model/product.h"
#include "unit.h"

struct reading {
	struct buf storage;
	struct product product;
	const char *why;
	enum st_err err;
};

static struct reading read_bytes(const char *text, size_t len)
{
	struct reading r = { .product = { .version = -7 } };
	struct doc d;

	buf_init(&r.storage, 1u << 24);
	CU_ASSERT_EQUAL_FATAL(doc_parse(text, len, 1000000, &d, NULL), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(buf_room(&r.storage, PRODUCT_ROOM(len)));
	r.err = product_read(&d, doc_root(&d), &r.storage, &r.product, &r.why);
	/* The promise of PRODUCT_ROOM. */
	CU_ASSERT(r.storage.len <= PRODUCT_ROOM(len));
	doc_free(&d);
	return r;
}

static struct reading read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void assert_span(struct span s, const char *text)
{
	char copy[2048];

	CU_ASSERT_FATAL(s.len < sizeof(copy));
	memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	ASSERT_TEXT(copy, text);
}

TEST(product, passes_central_s_own_products_on_byte_for_byte)
{
	static const struct {
		const char *text, *id;
		int64_t version;
	} cases[] = {
		{ PRODUCT_1, "PROD-001", 6 },
		{ PRODUCT_2, "PROD-002", 20 },
		{ PRODUCT_3, "PROD-003", 1 },
		{ PRODUCT_4, "PROD-006", 40 },
		{ PRODUCT_5, "a/b c%2F", 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r = read_text(cases[i].text);

		CU_ASSERT_EQUAL(r.err, ST_OK);
		CU_ASSERT_EQUAL(r.product.version, cases[i].version);
		assert_span(r.product.id, cases[i].id);
		assert_span(r.product.json, cases[i].text);
		buf_free(&r.storage);
	}
}

TEST(product, writes_known_members_first_and_keeps_the_others)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		/* Any order becomes ours. */
		{ "{\"price\":1.10,\"lastUpdated\":\"t\",\"version\":3,\"available\":2,"
		  "\"name\":\"n\",\"productId\":\"p\"}",
		    "{\"productId\":\"p\",\"name\":\"n\",\"available\":2,\"version\":3,"
		    "\"lastUpdated\":\"t\",\"price\":1.10}" },
		/* What we don't know stays, behind, in its own order. */
		{ "{\"z\":{\"b\":[1, 2],\"a\":\"\\u003c\"},\"version\":3,\"a\":null,\"productId\":"
		  "\"p\",\"m\":-0.0e1}",
		    "{\"productId\":\"p\",\"version\":3,\"z\":{\"b\":[1, "
		    "2],\"a\":\"\\u003c\"},\"a\":"
		    "null,\"m\":-0.0e1}" },
		/* What is missing stays missing, what has another type goes through. */
		{ "{\"version\":0,\"productId\":\"p\"}", "{\"productId\":\"p\",\"version\":0}" },
		{ "{\"productId\":\"p\",\"version\":1,\"price\":null,\"available\":\"many\"}",
		    "{\"productId\":\"p\",\"available\":\"many\",\"version\":1,\"price\":null}" },
		/* Space between members goes. */
		{ " { \"productId\" : \"p\" ,\n\t\"version\" : 1 , \"x\" : [ ] } ",
		    "{\"productId\":\"p\",\"version\":1,\"x\":[ ]}" },
		/* Names in disguise are known, and spelled our way; ours within a value aren't. */
		{ "{\"x\":{\"version\":9},\"v\\u0065rsion\":1,\"\\u0070roductId\":\"p\","
		  "\"\\u0078y\":1}",
		    "{\"productId\":\"p\",\"version\":1,\"x\":{\"version\":9},\"\\u0078y\":1}" },
		/* The very digits. */
		{ "{\"productId\":\"p\",\"version\":1,\"price\":12345678901234567890.10}",
		    "{\"productId\":\"p\",\"version\":1,\"price\":12345678901234567890.10}" },
		{ "{\"productId\":\"p\",\"version\":1,\"price\":1e400}",
		    "{\"productId\":\"p\",\"version\":1,\"price\":1e400}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r = read_text(cases[i].text);

		CU_ASSERT_EQUAL(r.err, ST_OK);
		assert_span(r.product.json, cases[i].json);
		buf_free(&r.storage);
	}
}

TEST(product, refuses_what_can_t_be_used)
{
	static const char object[] = "a product is no object";
	static const char id[] = "a product's productId is missing or no string";
	static const char length[] = "a product's productId is not 1 to 511 bytes long";
	static const char version[] = "a product's version is missing or no integer from 0 to 2^53";
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "[]", object },
		{ "null", object },
		{ "\"p\"", object },
		{ "{}", id },
		{ "{\"version\":1}", id },
		{ "{\"productId\":null,\"version\":1}", id },
		{ "{\"productId\":7,\"version\":1}", id },
		{ "{\"productId\":[\"p\"],\"version\":1}", id },
		{ "{\"ProductId\":\"p\",\"version\":1}", id },
		{ "{\"productId\":\"\",\"version\":1}", length },
		{ "{\"productId\":\"p\"}", version },
		{ "{\"productId\":\"p\",\"version\":null}", version },
		{ "{\"productId\":\"p\",\"version\":\"1\"}", version },
		{ "{\"productId\":\"p\",\"version\":-1}", version },
		{ "{\"productId\":\"p\",\"version\":-0}", version },
		{ "{\"productId\":\"p\",\"version\":1.0}", version },
		{ "{\"productId\":\"p\",\"version\":1e3}", version },
		{ "{\"productId\":\"p\",\"version\":9007199254740993}", version },
		{ "{\"productId\":\"p\",\"version\":18446744073709551617}", version },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r = read_text(cases[i].text);

		CU_ASSERT_EQUAL(r.err, ST_INVALID);
		ASSERT_TEXT(r.why, cases[i].why);
		CU_ASSERT_EQUAL(r.product.version, -7);
		buf_free(&r.storage);
	}
}

TEST(product, takes_the_largest_version)
{
	struct reading r = read_text("{\"productId\":\"p\",\"version\":9007199254740992}");

	CU_ASSERT_EQUAL(r.err, ST_OK);
	CU_ASSERT_EQUAL(r.product.version, PRODUCT_VERSION_MAX);
	buf_free(&r.storage);
}

TEST(product, counts_an_id_s_bytes_after_decoding)
{
	static const struct {
		const char *part;
		size_t times, bytes;
		enum st_err err;
	} cases[] = {
		{ "x", 511, 511, ST_OK },
		{ "x", 512, 512, ST_INVALID },
		{ "\\u0078", 511, 511, ST_OK },
		{ "\\u0078", 512, 512, ST_INVALID },
		{ "é", 255, 510, ST_OK },
		{ "é", 256, 512, ST_INVALID },
		{ "😀", 127, 508, ST_OK },
		{ "\\ud83d\\ude00", 127, 508, ST_OK },
		{ "\\ud83d\\ude00", 128, 512, ST_INVALID },
		{ "\\u0000", 1, 1, ST_OK },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r;
		struct buf text;

		buf_init(&text, 100000);
		buf_adds(&text, "{\"productId\":\"");
		for (size_t k = 0; k < cases[i].times; k++)
			buf_adds(&text, cases[i].part);
		buf_adds(&text, "\",\"version\":1}");
		r = read_bytes(text.data, text.len);
		CU_ASSERT_EQUAL(r.err, cases[i].err);
		CU_ASSERT_EQUAL(r.product.id.len, r.err ? 0 : cases[i].bytes);
		buf_free(&r.storage);
		buf_free(&text);
	}
}

TEST(product, bounds_the_json_of_a_product)
{
	for (size_t more = 0; more < 2; more++) {
		struct reading r;
		struct buf text;

		buf_init(&text, 1u << 22);
		buf_adds(&text, "{\"productId\":\"p\",\"version\":1, \"name\":\"");
		/* A space goes, two bytes close. */
		while (text.len < PRODUCT_JSON_MAX + 1 - 2 + more)
			buf_addc(&text, 'x');
		buf_adds(&text, "\"}");
		r = read_bytes(text.data, text.len);
		CU_ASSERT_EQUAL(r.err, more ? ST_TOO_BIG : ST_OK);
		CU_ASSERT_EQUAL(r.product.json.len, more ? 0 : PRODUCT_JSON_MAX);
		buf_free(&r.storage);
		buf_free(&text);
	}
}

TEST(product, says_when_storage_has_no_room)
{
	const char *why;
	struct product p;
	struct buf storage;
	struct doc d;

	CU_ASSERT_EQUAL_FATAL(doc_parse(PRODUCT_1, strlen(PRODUCT_1), 100, &d, NULL), ST_OK);
	buf_init(&storage, 20);
	CU_ASSERT_EQUAL(product_read(&d, doc_root(&d), &storage, &p, &why), ST_TOO_BIG);
	CU_ASSERT_EQUAL(product_read(&d, NULL, &storage, &p, &why), ST_INVALID);
	buf_free(&storage);
	doc_free(&d);
}
