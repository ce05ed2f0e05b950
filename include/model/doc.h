/*
 * model/doc.h: strict JSON text as a tree of spans.
 *
 * All text from outside (Central's answers, control messages, request bodies)
 * passes through here.  The scanner accepts RFC 8259 and nothing else: valid
 * UTF-8, no lone surrogate escape, no duplicate member (after decoding), no
 * depth above DOC_DEPTH_MAX, no bytes behind the value.  It keeps where each
 * value stands, so that Central's own digits and escapes can be passed on byte
 * for byte.  Strings that hold escapes are decoded by json-c.
 */
#ifndef MODEL_DOC_H
#define MODEL_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

#define DOC_DEPTH_MAX 32

enum doc_type { DOC_NULL, DOC_BOOL, DOC_NUMBER, DOC_STRING, DOC_ARRAY, DOC_OBJECT };

/*
 * One value, or one member's name (a DOC_STRING whose value is the next node).
 * Nodes stand in the order of the text; `end` is the index behind the last
 * node below this one, so the next sibling is nodes[end].
 */
struct doc_node {
	enum doc_type type;
	uint32_t start, stop; /* bytes of the text, quotes and brackets included */
	uint32_t end;
	uint32_t count; /* members of an object, elements of an array */
};

struct doc {
	const char *text; /* the caller's; must stay */
	size_t len;
	struct doc_node *nodes; /* ours; nodes[0] is the whole */
	size_t n;
};

/* What was wrong: a text that never varies, and the byte it was seen at. */
struct doc_error {
	const char *what;
	size_t at;
};

/*
 * ST_INVALID with *why filled (why may be NULL), ST_TOO_BIG above max_nodes or
 * 2^31 bytes, ST_NOMEM.  The caller frees with doc_free().
 */
enum st_err doc_parse(
    const char *text, size_t len, size_t max_nodes, struct doc *out, struct doc_error *why);
void doc_free(struct doc *d);

/* The root. */
const struct doc_node *doc_root(const struct doc *d);

/* A member's value, NULL if there is none of that name or the node is NULL or no object. */
const struct doc_node *doc_member(
    const struct doc *d, const struct doc_node *object, const char *name);

/* Those of n names in one walk, which is short where they stand in this order. */
void doc_members(const struct doc *d, const struct doc_node *object, const char *const names[],
    size_t n, const struct doc_node *out[]);

/*
 * Walk: the first child of an array (a value) or object (a name), then on.
 * NULL at the end.  For objects doc_next() goes from name to name;
 * doc_value() is a name's value.
 */
const struct doc_node *doc_first(const struct doc *d, const struct doc_node *parent);
const struct doc_node *doc_next(
    const struct doc *d, const struct doc_node *parent, const struct doc_node *node);
const struct doc_node *doc_value(const struct doc *d, const struct doc_node *name);

/* The bytes of a node as they stand in the text. */
struct span doc_span(const struct doc *d, const struct doc_node *node);

/* Readers of typed values; ST_INVALID where node is NULL or of another type or out of range. */
enum st_err doc_bool(const struct doc *d, const struct doc_node *node, bool *out);

/* Integers have an optional minus and digits only: no point, no exponent, no "-0". */
enum st_err doc_int(
    const struct doc *d, const struct doc_node *node, int64_t min, int64_t max, int64_t *out);

/* A string decoded, appended to out (may hold NUL bytes). */
enum st_err doc_string(const struct doc *d, const struct doc_node *node, struct buf *out);

/* True if the node is a string whose decoded text is this. */
bool doc_is_text(const struct doc *d, const struct doc_node *node, const char *text);

#endif
