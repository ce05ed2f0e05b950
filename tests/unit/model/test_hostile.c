/*
 * Broken answers of every kind: cut at each byte, mutated at random.  Texts
 * stand on the heap, no longer than they are, so that sanitizers and valgrind
 * see a byte read too far.
 */
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "model/event.h"
#include "model/page.h"
#include "unit.h"

#define MUTATIONS 20000

static char *copied(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, text, len);
	return copy;
}

static enum st_err try_page(const char *text, size_t len)
{
	struct page p = { 0 };
	const char *why = NULL;
	enum st_err err = page_read(text, len, &p, &why);

	CU_ASSERT(err == ST_OK || why != NULL);
	page_free(&p);
	return err;
}

static enum st_err try_batch(const char *text, size_t len)
{
	struct event_batch b = { 0 };
	const char *why = NULL;
	enum st_err err = event_batch_read(text, len, &b, &why);

	CU_ASSERT(err == ST_OK || why != NULL);
	event_batch_free(&b);
	return err;
}

TEST(hostile, a_page_cut_anywhere_is_refused)
{
	for (size_t len = 0; len < strlen(ANSWER_PAGE); len++) {
		char *text = copied(ANSWER_PAGE, len);

		CU_ASSERT_EQUAL(try_page(text, len), ST_INVALID);
		free(text);
	}
	CU_ASSERT_EQUAL(try_page(ANSWER_PAGE, strlen(ANSWER_PAGE)), ST_OK);
}

TEST(hostile, an_event_answer_cut_anywhere_is_refused)
{
	for (size_t len = 0; len < strlen(ANSWER_EVENTS); len++) {
		char *text = copied(ANSWER_EVENTS, len);

		CU_ASSERT_EQUAL(try_batch(text, len), ST_INVALID);
		free(text);
	}
	CU_ASSERT_EQUAL(try_batch(ANSWER_EVENTS, strlen(ANSWER_EVENTS)), ST_OK);
}

/* xorshift64: the same texts in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const char *const seeds[] = {
	ANSWER_PAGE,
	ANSWER_EVENTS,
	ANSWER_NO_EVENTS,
	"[" PRODUCT_2 ",{\"productId\":\"\\ud83d\\ude00\",\"version\":1,\"x\":[[],{},-0.5e-7]}]",
	"{\"items\":[" PRODUCT_1 "],\"nextCursor\":\"\\u0061\",\"eventOffset\":12}",
	" [ true , null , \"\\\\\\\"\\/\\b\\n\" , 1.5E+10 , { \"a\" : { \"b\" : [ ] } } ] ",
};

/* Pieces that JSON is made of, and such as look like it. */
static const char *const pieces[] = { "\"", "\\", "\\u", "\\ud83d", "\\ude00", "\\u0000", "{", "}",
	"[", "]", ",", ":", "-", "0", "1e5", ".", "null", "true", "NaN", "'", "//", " ", "\n",
	"\xed\xa0\x80", "\xc3", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xff", "\x01", "{\"a\":1}",
	"[[[[[[[[", "\"version\":1,", "9223372036854775808" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One change: a byte set, a piece put in, a part cut out, or a part doubled. */
static void change(struct buf *text, uint64_t *random)
{
	size_t at = next_random(random) % (text->len + 1), cut = 0, len;
	char *rest = copied(text->data + at, text->len - at), byte;
	const char *piece = &byte;
	size_t rest_len = text->len - at;

	byte = (char)next_random(random);
	len = 1;
	switch (next_random(random) % 4) {
	case 0: cut = 1; break;
	case 1:
		piece = pieces[next_random(random) % COUNT(pieces)];
		len = strlen(piece);
		break;
	case 2:
		cut = next_random(random) % 20;
		len = 0;
		break;
	default:
		piece = rest;
		len = next_random(random) % 40;
		break;
	}
	if (len > rest_len && piece == rest)
		len = rest_len;
	if (cut > rest_len)
		cut = rest_len;
	text->len = at;
	buf_add(text, piece, len);
	buf_add(text, rest + cut, rest_len - cut);
	free(rest);
}

static bool json_c_takes(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(2 * DOC_DEPTH_MAX);
	char *ended = calloc(1, len + 1);
	struct json_object *object;
	bool takes;

	CU_ASSERT_FATAL(tokener && ended);
	memcpy(ended, text, len);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With the NUL: a number ends only there. */
	object = json_tokener_parse_ex(tokener, ended, (int)len + 1);
	takes = json_tokener_get_error(tokener) == json_tokener_success;
	json_object_put(object);
	json_tokener_free(tokener);
	free(ended);
	return takes;
}

/* All that walks and reads, so that a wrong index in a node shows. */
static size_t walk(const struct doc *d, const struct doc_node *node, struct buf *text)
{
	const struct doc_node *n;
	size_t seen = 1;
	int64_t number;
	bool word;

	buf_reset(text);
	CU_ASSERT_EQUAL(doc_string(d, node, text) == ST_OK, node->type == DOC_STRING);
	CU_ASSERT(text_is_utf8(buf_text(text), text->len));
	doc_int(d, node, INT64_MIN, INT64_MAX, &number);
	doc_bool(d, node, &word);
	for (n = doc_first(d, node); n; n = doc_next(d, node, n))
		seen += walk(d, n, text) +
		        (node->type == DOC_OBJECT ? walk(d, doc_value(d, n), text) : 0);
	return seen;
}

/* What comes out as JSON of a product must be JSON, and give the same product again. */
static void read_again(const struct page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct product *product = &p->products[i];
		struct product again = { 0 };
		const char *why;
		struct buf storage;
		struct doc d;

		CU_ASSERT_EQUAL_FATAL(
		    doc_parse(product->json.data, product->json.len, 10000, &d, NULL), ST_OK);
		buf_init(&storage, 1u << 20);
		CU_ASSERT_EQUAL_FATAL(
		    product_read(&d, doc_root(&d), &storage, &again, &why), ST_OK);
		CU_ASSERT_EQUAL(again.version, product->version);
		CU_ASSERT(again.id.len == product->id.len &&
			  memcmp(again.id.data, product->id.data, again.id.len) == 0);
		CU_ASSERT(again.json.len == product->json.len &&
			  memcmp(again.json.data, product->json.data, again.json.len) == 0);
		buf_free(&storage);
		doc_free(&d);
	}
}

/* True if the scanner takes the text. */
static bool try_text(const char *text, size_t len)
{
	struct page p = { 0 };
	struct doc_error wrong;
	const char *why;
	struct buf decoded;
	struct doc d;

	try_batch(text, len);
	if (page_read(text, len, &p, &why) == ST_OK) {
		read_again(&p);
		page_free(&p);
	}
	if (doc_parse(text, len, 10000, &d, &wrong) != ST_OK) {
		CU_ASSERT(wrong.at <= len);
		return false;
	}
	buf_init(&decoded, 1u << 20);
	CU_ASSERT_EQUAL(walk(&d, doc_root(&d), &decoded), d.n);
	CU_ASSERT_TRUE(json_c_takes(text, len));
	buf_free(&decoded);
	doc_free(&d);
	return true;
}

TEST(hostile, mutated_texts_break_nothing_and_json_c_takes_what_we_take)
{
	uint64_t random = UINT64_C(0x9e3779b97f4a7c15);
	size_t taken = 0;

	for (int i = 0; i < MUTATIONS; i++) {
		const char *seed = seeds[next_random(&random) % COUNT(seeds)];
		uint64_t changes = 1 + next_random(&random) % 3;
		struct buf text;
		char *exact;

		buf_init(&text, 1u << 20);
		buf_adds(&text, seed);
		while (changes-- > 0)
			change(&text, &random);
		exact = copied(text.data, text.len);
		taken += try_text(exact, text.len);
		free(exact);
		buf_free(&text);
	}
	/* Mutations that are all refused, or all taken, would test little. */
	CU_ASSERT(taken > MUTATIONS / 50);
	CU_ASSERT(taken < MUTATIONS / 2);
}
