/*
 * tool/products.c: one product, and lists of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/product.h"
#include "tool/request.h"
#include "tool/show.h"

#define INVENTORY    "/v1/store/inventory"
#define URI_MAX      (1024 * 1024) /* the system takes 128 KiB as one argument */
#define PAGE_OF_ALL  "200"
#define NAME_MAX_LEN 65536

static const struct doc_node *root_member(const struct doc *d, const char *name)
{
	return doc_member(d, doc_root(d), name);
}

/* ---- get ---- */

static void show_product(const struct doc *d, const struct doc_node *product, struct buf *out)
{
	for (const struct doc_node *n = doc_first(d, product); n; n = doc_next(d, product, n)) {
		struct buf name;

		buf_init(&name, NAME_MAX_LEN);
		show_value(d, n, &name);
		show_line(buf_text(&name), d, doc_value(d, n), out);
		buf_free(&name);
	}
}

static int print_product(const struct answer *a, void *arg, struct buf *out)
{
	(void)arg;
	show_product(&a->doc, doc_root(&a->doc), out);
	return TOOL_OK;
}

/* The one product of an answer to ids=; *missing: there is none. */
static int print_only_product(const struct answer *a, void *missing, struct buf *out)
{
	const struct doc *d = &a->doc;
	const struct doc_node *product = doc_first(d, root_member(d, "products"));

	*(bool *)missing = !product;
	if (product)
		show_product(d, product, out);
	return product ? TOOL_OK : TOOL_NEGATIVE;
}

int get_command(const struct tool *t)
{
	const char *id = tool_operand(t, 0);
	size_t len = strlen(id);
	/* No path may hold control bytes, so that such an id is asked for in the query. */
	bool by_query = text_has_control(id, len), missing = false;
	struct buf uri;
	int code;

	if (len == 0 || len > PRODUCT_ID_MAX) {
		tool_say("get: an id has 1 to %d bytes", PRODUCT_ID_MAX);
		return TOOL_USAGE;
	}
	buf_init(&uri, URI_MAX);
	buf_adds(&uri, by_query ? INVENTORY "?ids=" : INVENTORY "/");
	text_percent_encode(id, len, &uri);
	code = request_show_one(
	    t, buf_text(&uri), by_query ? print_only_product : print_product, &missing);
	if (missing && !t->arguments->json)
		tool_say("Product not found in local cache: %s", id);
	buf_free(&uri);
	return code;
}

/* ---- list ---- */

/* The name stands last, since it may be long. */
static const struct column {
	const char *member, *title;
	bool right; /* digits stand below each other */
} columns[] = {
	{ "productId", "PRODUCT", false },
	{ "available", "AVAILABLE", true },
	{ "version", "VERSION", true },
	{ "price", "PRICE", true },
	{ "lastUpdated", "UPDATED", false },
	{ "name", "NAME", false },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* One list, over all its pages. */
struct list {
	size_t width[COLUMNS]; /* so far: they only grow */
	uint64_t shown;
	bool more;
	struct buf next; /* nextAfter of the page */
};

static void widen(size_t *width, const char *text, size_t len)
{
	size_t needed = show_width(text, len);

	if (needed > *width)
		*width = needed;
}

static void measure(const struct doc *d, const struct doc_node *product, struct list *l)
{
	struct buf cell;

	buf_init(&cell, NAME_MAX_LEN);
	for (size_t i = 0; i < COLUMNS; i++) {
		buf_reset(&cell);
		show_value(d, doc_member(d, product, columns[i].member), &cell);
		widen(&l->width[i], buf_text(&cell), cell.len);
	}
	buf_free(&cell);
}

/* The last column isn't filled up. */
static void add_cell(const struct list *l, size_t column, const struct buf *cell, struct buf *out)
{
	size_t from = out->len, width = show_width(buf_text(cell), cell->len);

	if (columns[column].right)
		for (; width < l->width[column]; width++)
			buf_addc(out, ' ');
	buf_add(out, buf_text(cell), cell->len);
	if (column + 1 < COLUMNS) {
		show_pad(out, from, l->width[column]);
		buf_adds(out, "  ");
	}
}

static void add_titles(struct list *l, struct buf *out)
{
	struct buf cell;

	buf_init(&cell, NAME_MAX_LEN);
	for (size_t i = 0; i < COLUMNS; i++) {
		buf_reset(&cell);
		buf_adds(&cell, columns[i].title);
		add_cell(l, i, &cell, out);
	}
	buf_addc(out, '\n');
	buf_free(&cell);
}

static void add_row(
    const struct list *l, const struct doc *d, const struct doc_node *product, struct buf *out)
{
	struct buf cell;

	buf_init(&cell, NAME_MAX_LEN);
	for (size_t i = 0; i < COLUMNS; i++) {
		buf_reset(&cell);
		show_value(d, doc_member(d, product, columns[i].member), &cell);
		add_cell(l, i, &cell, out);
	}
	buf_addc(out, '\n');
	buf_free(&cell);
}

static int print_page(const struct answer *a, void *arg, struct buf *out)
{
	const struct doc *d = &a->doc;
	const struct doc_node *products = root_member(d, "products");
	const struct doc_node *next = doc_member(d, root_member(d, "pagination"), "nextAfter");
	struct list *l = arg;

	buf_reset(&l->next);
	l->more = doc_string(d, next, &l->next) == ST_OK;
	for (size_t i = 0; i < COLUMNS; i++)
		widen(&l->width[i], columns[i].title, strlen(columns[i].title));
	for (const struct doc_node *p = doc_first(d, products); p; p = doc_next(d, products, p))
		measure(d, p, l);
	if (l->shown == 0)
		add_titles(l, out);
	for (const struct doc_node *p = doc_first(d, products); p; p = doc_next(d, products, p)) {
		add_row(l, d, p, out);
		l->shown++;
	}
	return TOOL_OK;
}

/* For a shell, whatever it holds: it is meant to be pasted. */
static void add_quoted(const struct buf *id, struct buf *out)
{
	const char *quote = "'";

	buf_adds(out, quote);
	for (const char *at = buf_text(id); *at;) {
		size_t len = strcspn(at, quote);

		show_text(at, len, out);
		at += len;
		if (*at) {
			buf_adds(out, "'\\''");
			at++;
		}
	}
	buf_adds(out, quote);
}

/* Beside the list, so that what reads the list gets nothing else. */
static void say_how_it_goes_on(const struct list *l)
{
	struct buf text;

	buf_init(&text, NAME_MAX_LEN);
	buf_addf(&text, "%" PRIu64 " products", l->shown);
	if (l->more) {
		buf_adds(&text, "; for the next: --after ");
		add_quoted(&l->next, &text);
	}
	fflush(stdout);
	fprintf(stderr, "%s\n", buf_text(&text));
	buf_free(&text);
}

static void add_parameter(struct buf *uri, const char *name, const char *value, size_t len)
{
	buf_addf(uri, "%c%s=", strchr(buf_text(uri), '?') ? '&' : '?', name);
	text_percent_encode(value, len, uri);
}

static int list_page(const struct tool *t, struct list *l)
{
	static const char *const names[] = { "offset", "limit", "after" };
	struct buf uri;
	int code;

	buf_init(&uri, URI_MAX);
	buf_adds(&uri, INVENTORY);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = tool_option(t, names[i]);

		if (value)
			add_parameter(&uri, names[i], value, strlen(value));
	}
	code = request_show_one(t, buf_text(&uri), print_page, l);
	buf_free(&uri);
	return code;
}

/* Page by page, each from the last product of the one before: none is skipped or comes twice. */
static int list_all(const struct tool *t, struct list *l)
{
	const char *after = tool_option(t, "after");
	struct requests requests;
	struct buf uri;
	int code;

	requests_open(t, -1, &requests);
	buf_adds(&l->next, after ? after : "");
	buf_init(&uri, URI_MAX);
	do {
		buf_reset(&uri);
		buf_adds(&uri, INVENTORY);
		add_parameter(&uri, "after", buf_text(&l->next), l->next.len);
		add_parameter(&uri, "limit", PAGE_OF_ALL, strlen(PAGE_OF_ALL));
		code = request_show(&requests, buf_text(&uri), print_page, l);
	} while (code == TOOL_OK && l->more && !ferror(stdout));
	requests_close(&requests);
	buf_free(&uri);
	return code;
}

int list_command(const struct tool *t)
{
	struct list l = { 0 };
	int code;

	if (tool_option(t, "all") && (tool_option(t, "offset") || tool_option(t, "limit"))) {
		tool_say("list: --all goes neither with --offset nor with --limit");
		return TOOL_USAGE;
	}
	buf_init(&l.next, URI_MAX);
	code = tool_option(t, "all") ? list_all(t, &l) : list_page(t, &l);
	if (code == TOOL_OK && !t->arguments->json && !ferror(stdout))
		say_how_it_goes_on(&l);
	buf_free(&l.next);
	return code;
}
