/*
 * model/product.c: one pass finds the known members, then they are written in
 * their order, then the rest.
 */
#include "model/product.h"

#include <stdbool.h>
#include <string.h>

/* The members that every product has, in the order in which clients get them. */
enum known { KNOWN_ID, KNOWN_NAME, KNOWN_AVAILABLE, KNOWN_VERSION, KNOWN_UPDATED, KNOWN_PRICE };

#define KNOWN_COUNT (KNOWN_PRICE + 1)

static const char *const known_names[KNOWN_COUNT] = {
	[KNOWN_ID] = "productId",
	[KNOWN_NAME] = "name",
	[KNOWN_AVAILABLE] = "available",
	[KNOWN_VERSION] = "version",
	[KNOWN_UPDATED] = "lastUpdated",
	[KNOWN_PRICE] = "price",
};

/* The nodes of a product's known members; NULL where there is none. */
struct members {
	const struct doc_node *names[KNOWN_COUNT];
	const struct doc_node *values[KNOWN_COUNT];
};

/* Which one it is, looked for from `guess` on; KNOWN_COUNT: none. */
static size_t which(const struct doc *d, const struct doc_node *name, size_t guess)
{
	for (size_t tried = 0; tried < KNOWN_COUNT; tried++) {
		size_t i = (guess + tried) % KNOWN_COUNT;

		if (doc_is_text(d, name, known_names[i]))
			return i;
	}
	return KNOWN_COUNT;
}

/* As a rule they come in our order, so that the first guess is right. */
static struct members find_members(const struct doc *d, const struct doc_node *product)
{
	struct members m = { { NULL }, { NULL } };
	const struct doc_node *n;
	size_t guess = 0;

	for (n = doc_first(d, product); n; n = doc_next(d, product, n)) {
		size_t i = which(d, n, guess);

		if (i == KNOWN_COUNT)
			continue;
		m.names[i] = n;
		m.values[i] = doc_value(d, n);
		guess = i + 1;
	}
	return m;
}

static bool is_known(const struct members *m, const struct doc_node *name)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (m->names[i] == name)
			return true;
	return false;
}

static void add_span(struct buf *out, struct span s)
{
	buf_add(out, s.data, s.len);
}

/* Names that we know are spelled our way, even if they came with escapes. */
static void write_json(
    const struct doc *d, const struct doc_node *product, const struct members *m, struct buf *out)
{
	char before = '{';

	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		if (!m->names[i])
			continue;
		buf_addc(out, before);
		buf_addc(out, '"');
		buf_adds(out, known_names[i]);
		buf_add(out, "\":", 2);
		add_span(out, doc_span(d, m->values[i]));
		before = ',';
	}
	for (const struct doc_node *n = doc_first(d, product); n; n = doc_next(d, product, n)) {
		if (is_known(m, n))
			continue;
		buf_addc(out, before);
		add_span(out, doc_span(d, n));
		buf_addc(out, ':');
		add_span(out, doc_span(d, doc_value(d, n)));
		before = ',';
	}
	buf_addc(out, '}');
}

enum st_err product_read(const struct doc *d, const struct doc_node *node, struct buf *storage,
    struct product *out, const char **why)
{
	size_t id_at = storage->len, json_at;
	struct members m;
	struct product p = { .partial = false };
	enum st_err err;

	*why = "a product is no object";
	if (!node || node->type != DOC_OBJECT)
		return ST_INVALID;
	m = find_members(d, node);

	*why = "a product's productId is missing or no string";
	err = doc_string(d, m.values[KNOWN_ID], storage);
	if (err)
		return err;
	json_at = storage->len;
	*why = "a product's productId is not 1 to 511 bytes long";
	if (json_at == id_at || json_at - id_at > PRODUCT_ID_MAX)
		return ST_INVALID;
	*why = "a product's version is missing or no integer from 0 to 2^53";
	if (doc_int(d, m.values[KNOWN_VERSION], 0, PRODUCT_VERSION_MAX, &p.version))
		return ST_INVALID;

	*why = "out of memory";
	write_json(d, node, &m, storage);
	if (storage->err)
		return storage->err;
	*why = "a product is larger than 1 MiB";
	if (storage->len - json_at > PRODUCT_JSON_MAX)
		return ST_TOO_BIG;
	p.id = (struct span){ storage->data + id_at, json_at - id_at };
	p.json = (struct span){ storage->data + json_at, storage->len - json_at };
	*out = p;
	return ST_OK;
}
