/*
 * Any text that is taken for JSON.
 *
 * What our scanner takes, json-c (strict) and a grammar that shares no code
 * with it take too; what it refuses and they take, it refuses for one of the
 * rules that we have beyond RFC 8259.  Strings survive being written and read
 * again, integers are those of strtoll(3).
 */
#include <errno.h>
#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "fuzz/fuzz.h"
#include "hostile/grammar.h"
#include "model/doc.h"

#define NODES_MAX 10000

static bool json_c_takes(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(2 * DOC_DEPTH_MAX);
	char *ended = calloc(1, len + 1);
	struct json_object *object;
	bool takes;

	HOLDS(tokener && ended);
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

/* A rule of ours, which the grammar doesn't know. */
static bool is_extra(const char *what)
{
	static const char *const rules[] = { "lone surrogate", "nested too deep",
		"a member stands twice", "a string is not UTF-8", "too many values" };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(what, rules[i]) == 0)
			return true;
	return false;
}

static void check_string(const struct doc *d, const struct doc_node *node)
{
	struct buf text, written, again;
	struct json_writer w;
	struct doc e;

	buf_init(&text, d->len);
	buf_init(&written, 6 * d->len + 2);
	buf_init(&again, d->len);
	HOLDS(doc_string(d, node, &text) == ST_OK);
	HOLDS(text_is_utf8(buf_text(&text), text.len));
	jw_init(&w, &written);
	jw_string(&w, buf_text(&text), text.len);
	HOLDS(doc_parse(written.data, written.len, 1, &e, NULL) == ST_OK);
	HOLDS(doc_string(&e, doc_root(&e), &again) == ST_OK);
	HOLDS(again.len == text.len && memcmp(buf_text(&again), buf_text(&text), text.len) == 0);
	doc_free(&e);
	buf_free(&text);
	buf_free(&written);
	buf_free(&again);
}

static void check_number(const struct doc *d, const struct doc_node *node)
{
	struct span span = doc_span(d, node);
	char *digits = strndup(span.data, span.len), *end;
	int64_t ours = 0;
	long long theirs;

	HOLDS(digits != NULL);
	errno = 0;
	theirs = strtoll(digits, &end, 10);
	if (strcmp(digits, "-0") == 0)
		HOLDS(doc_int(d, node, INT64_MIN, INT64_MAX, &ours) == ST_INVALID);
	else if (doc_int(d, node, INT64_MIN, INT64_MAX, &ours) == ST_OK)
		HOLDS(errno == 0 && *end == '\0' && ours == theirs);
	else
		/* LLONG_MIN has no positive counterpart, and so isn't one of ours. */
		HOLDS(errno != 0 || *end != '\0' || theirs == INT64_MIN);
	free(digits);
}

static void check_taken(const struct doc *d)
{
	HOLDS(grammar_is_json(d->text, d->len) && text_is_utf8(d->text, d->len));
	HOLDS(json_c_takes(d->text, d->len));
	for (size_t i = 0; i < d->n; i++) {
		const struct doc_node *node = &d->nodes[i];

		HOLDS(node->start < node->stop && node->stop <= d->len);
		HOLDS(node->end > i && node->end <= d->n);
		if (node->type == DOC_STRING)
			check_string(d, node);
		if (node->type == DOC_NUMBER)
			check_number(d, node);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct doc_error why = { NULL, 0 };
	struct doc d;

	if (doc_parse(text, size, NODES_MAX, &d, &why) == ST_OK) {
		check_taken(&d);
		doc_free(&d);
		return 0;
	}
	HOLDS(why.what && why.at <= size);
	if (!is_extra(why.what))
		HOLDS(!grammar_is_json(text, size));
	return 0;
}
