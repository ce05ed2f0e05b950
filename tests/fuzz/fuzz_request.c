/*
 * A request, through api_handle() with a small real store behind it and no
 * daemon.  Lines of text, with the FastCGI names that web servers give them:
 *
 *   GET /v1/store/inventory?limit=3
 *   X_API_KEY: demo                 up to twice
 *   IF_NONE_MATCH: "…"              and so on, see `headers`
 *
 *   the body, behind an empty line
 *
 * `\n` and `\r` in a value are a newline and a carriage return: no web server
 * lets them through, and still they must come to nothing.
 *
 * The response has a documented status and code, whole header lines without
 * control bytes, none of them twice, a body that is the JSON which it says, and
 * products that are the store's own bytes.  A tag that it gave brings a 304.  A
 * body only comes so far as to find no daemon if the reader of bodies takes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/log.h"
#include "fuzz/fuzz.h"
#include "model/doc.h"
#include "model/update.h"

#define NODES_MAX 1000000
#define TAG_MAX   256

static struct api *api;
static struct api_response response;

/* ---- the input as a request ---- */

struct body {
	struct span bytes;
	size_t at;
};

static enum st_err read_body(void *arg, char *to, size_t most, struct mono deadline, size_t *n)
{
	struct body *b = arg;
	size_t left = b->bytes.len - b->at;

	(void)deadline;
	*n = left < most ? left : most;
	memcpy(to, b->bytes.data + b->at, *n);
	b->at += *n;
	return ST_OK;
}

/* What is behind the first `end`; all before it stays in *line. */
static struct span cut(struct span text, char end, struct span *line)
{
	const char *at = memchr(text.data, end, text.len);
	size_t len = at ? (size_t)(at - text.data) : text.len;

	*line = (struct span){ text.data, len };
	return at ? (struct span){ at + 1, text.len - len - 1 }
	          : (struct span){ text.data + text.len, 0 };
}

/* The two escapes, in their place. */
static void unescape(char *text, size_t *len)
{
	size_t to = 0;

	for (size_t i = 0; i < *len; i++) {
		bool escape = text[i] == '\\' && i + 1 < *len &&
		              strchr("nr", text[i + 1]) != NULL && text[i + 1];

		text[to++] = !escape ? text[i] : text[i + 1] == 'n' ? '\n' : '\r';
		i += escape;
	}
	*len = to;
}

static void take_header(struct api_request *q, struct span name, struct span value)
{
	const struct {
		const char *name;
		struct span *to;
	} headers[] = {
		{ "X_API_KEY", &q->keys[q->n_keys ? 1 : 0] },
		{ "X_REQUEST_ID", &q->request_id },
		{ "IF_NONE_MATCH", &q->if_none_match },
		{ "X_STORE_MAX_STALENESS", &q->max_staleness },
		{ "ORIGIN", &q->origin },
		{ "CONTENT_LENGTH", &q->content_length },
		{ "REMOTE_ADDR", &q->remote_addr },
		{ "STORE_API_PREFIX", &q->prefix },
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (fuzz_same(name, fuzz_span(headers[i].name)))
			*headers[i].to = value;
	if (fuzz_same(name, fuzz_span("X_API_KEY")) && q->n_keys < 2)
		q->n_keys++;
}

/* Spans point into the text, which is changed. */
static void make_request(char *text, size_t len, struct api_request *q, struct body *body)
{
	struct span rest = { text, len }, line, name, value;

	*q = (struct api_request){ .read_body = read_body, .body_arg = body };
	rest = cut(rest, '\n', &line);
	unescape(text, &line.len);
	q->uri = cut(line, ' ', &q->method);
	for (;;) {
		rest = cut(rest, '\n', &line);
		if (line.len == 0)
			break;
		unescape(text + (line.data - text), &line.len);
		value = cut(line, ':', &name);
		while (value.len > 0 && *value.data == ' ') {
			value.data++;
			value.len--;
		}
		take_header(q, name, value);
	}
	*body = (struct body){ .bytes = rest };
}

/* ---- the response ---- */

static void check_status(void)
{
	static const int known[] = { 200, 202, 204, 304, 400, 401, 404, 405, 408, 413, 429, 500,
		502, 503, 504 };
	bool found = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		found |= response.status == known[i];
	HOLDS(found);
	/* The store is whole and everything has room. */
	HOLDS(response.status != 500);
}

/* A header's value; .data NULL where there is none. */
static struct span header(const char *name)
{
	struct span rest = { buf_text(&response.headers), response.headers.len }, line, key;

	while (rest.len > 0) {
		struct span value;

		rest = cut(rest, '\n', &line);
		value = cut(line, ':', &key);
		if (fuzz_same(key, fuzz_span(name)))
			return (struct span){ value.data + 1, value.len - 2 };
	}
	return (struct span){ NULL, 0 };
}

/* "Name: value\r\n", and nothing in it that would begin another line. */
static void check_headers(void)
{
	static const char name_bytes[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
	struct span rest = { buf_text(&response.headers), response.headers.len }, line, name, value;

	HOLDS(response.headers.err == ST_OK);
	while (rest.len > 0) {
		char text[64];

		rest = cut(rest, '\n', &line);
		HOLDS(line.len > 0 && line.data[line.len - 1] == '\r');
		value = cut(line, ':', &name);
		HOLDS(
		    name.len > 0 && name.len < sizeof(text) && value.len > 2 && *value.data == ' ');
		HOLDS(!text_has_control(value.data, value.len - 1));
		memcpy(text, name.data, name.len);
		text[name.len] = '\0';
		HOLDS(strspn(text, name_bytes) == name.len);
		/* The first of this name is this one. */
		HOLDS(header(text).data == value.data + 1);
	}
	HOLDS(fuzz_same(header("X-Request-Id"), fuzz_span(response.request_id)));
}

/* What goes with a status. */
static void check_companions(void)
{
	static const struct {
		int status;
		const char *name;
	} companions[] = { { 401, "WWW-Authenticate" }, { 405, "Allow" }, { 304, "ETag" },
		{ 204, "Allow" } };

	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++)
		HOLDS(response.status != companions[i].status || header(companions[i].name).data);
}

static bool is_ours(struct span json)
{
	for (unsigned i = 0; i < FUZZ_PRODUCTS; i++)
		if (fuzz_same(fuzz_product(i).json, json))
			return true;
	return false;
}

/* Products are those of the store, byte for byte. */
static void check_products(const struct doc *d)
{
	const struct doc_node *list = doc_member(d, doc_root(d), "products");

	if (response.status != 200)
		return;
	if (response.route == METRICS_ROUTE_INVENTORY) {
		HOLDS(list && list->type == DOC_ARRAY && list->count <= FUZZ_PRODUCTS);
		for (const struct doc_node *n = doc_first(d, list); n; n = doc_next(d, list, n))
			HOLDS(is_ours(doc_span(d, n)));
	} else if (response.route == METRICS_ROUTE_PRODUCT) {
		HOLDS(is_ours((struct span){ response.body.data, response.body.len }));
	}
}

/* The error's code, "" where the body is none. */
static void check_error(const struct doc *d, char code[64])
{
	const struct doc_node *error = doc_member(d, doc_root(d), "error");
	struct span text;

	code[0] = '\0';
	if (!error)
		return;
	HOLDS(response.status >= 400);
	HOLDS(doc_member(d, error, "message") && doc_member(d, error, "details"));
	HOLDS(doc_member(d, error, "code") != NULL);
	text = doc_span(d, doc_member(d, error, "code"));
	snprintf(code, 64, "%.*s", (int)text.len - 2, text.data + 1);
	HOLDS(fuzz_same(header("Cache-Control"), fuzz_span("no-store")));
}

static void check_code(const char *code)
{
	static const struct {
		int status;
		const char *code;
	} known[] = { { 401, "unauthorized" }, { 400, "invalid_path" }, { 404, "not_found" },
		{ 404, "product_not_found" }, { 405, "method_not_allowed" },
		{ 400, "invalid_parameter" }, { 400, "invalid_request" }, { 400, "store_mismatch" },
		{ 413, "payload_too_large" }, { 503, "cache_too_stale" },
		{ 503, "sync_daemon_unavailable" } };
	bool found = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		found |= known[i].status == response.status && strcmp(known[i].code, code) == 0;
	HOLDS(found);
}

static void check_body(char code[64])
{
	struct span type = header("Content-Type");
	struct doc d;

	code[0] = '\0';
	HOLDS(response.body.err == ST_OK);
	if (response.status == 204 || response.status == 304) {
		HOLDS(response.body.len == 0 && !type.data);
		return;
	}
	HOLDS(text_is_utf8(response.body.data, response.body.len));
	if (!fuzz_same(type, fuzz_span("application/json"))) {
		HOLDS(response.route == METRICS_ROUTE_METRICS);
		return;
	}
	HOLDS(doc_parse(response.body.data, response.body.len, NODES_MAX, &d, NULL) == ST_OK);
	check_error(&d, code);
	check_products(&d);
	/* Health has a form of its own. */
	if (response.status >= 400 && response.route != METRICS_ROUTE_HEALTH)
		check_code(code);
	doc_free(&d);
}

/* ---- what request and response have to do with each other ---- */

static bool is_write(void)
{
	return response.route == METRICS_ROUTE_UPDATES ||
	       response.route == METRICS_ROUTE_BATCH_UPDATES;
}

/* Whoever has a wrong key, several, or none gets nothing. */
static void check_key(const struct api_request *q)
{
	bool good = q->n_keys == 1 && fuzz_same(q->keys[0], fuzz_span("demo"));
	bool open = response.route == METRICS_ROUTE_HEALTH ||
	            response.route == METRICS_ROUTE_METRICS;

	HOLDS(good || open || response.status == 204 || response.status >= 400);
	HOLDS(!good || response.status != 401);
}

static void check_write(const struct api_request *q, const struct body *body, const char *code)
{
	static struct update_faults faults;
	struct update_list list;
	enum st_err err;

	if (!is_write() || !fuzz_same(q->method, fuzz_span("POST")) || response.status == 401)
		return;
	err = update_list_read(body->bytes.data, body->bytes.len,
	    response.route == METRICS_ROUTE_BATCH_UPDATES, &list, &faults);
	if (strcmp(code, "sync_daemon_unavailable") == 0)
		HOLDS(err == ST_OK);
	if (!err)
		update_list_free(&list);
}

static void check_tag(const struct api_request *q, struct body *body)
{
	struct api_request again = *q;
	struct span tag = header("ETag");
	char text[TAG_MAX];

	if (response.status != 200 || !tag.data)
		return;
	HOLDS(tag.len < sizeof(text));
	memcpy(text, tag.data, tag.len);
	again.if_none_match = (struct span){ text, tag.len };
	body->at = 0;
	api_handle(api, &again, &response);
	HOLDS(response.status == 304 && response.body.len == 0);
	HOLDS(fuzz_same(header("ETag"), again.if_none_match));
	check_headers();
}

static void start(void)
{
	static const char *const keys[] = { "demo" };
	static const char *const origins[] = { "https://shop.example", "http://localhost:3000" };
	static struct api_options o = { .store_id = "store-s1",
		.version = "1.2.3",
		.api_keys = keys,
		.n_api_keys = 1,
		.cors_origins = origins,
		.n_cors_origins = 2,
		.mount_from = "/api",
		.mount_to = "/v1/store",
		.max_body_bytes = 4096,
		.body_ms = API_BODY_MS,
		.stop_ms = API_STOP_MS,
		.threads = 16,
		.stop_fd = -1 };

	log_open("fuzz", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	o.store = fuzz_store();
	o.run_dir = o.store.data_dir;
	HOLDS(metrics_pool_open(&o.metrics) == ST_OK);
	HOLDS(api_open(&o, &api) == ST_OK);
	api_response_init(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_request q;
	struct body body;
	char code[64], *text;

	if (!api)
		start();
	text = malloc(size + 1);
	HOLDS(text != NULL);
	memcpy(text, data, size);
	make_request(text, size, &q, &body);
	api_handle(api, &q, &response);
	check_status();
	check_headers();
	check_companions();
	check_body(code);
	check_key(&q);
	check_write(&q, &body, code);
	check_tag(&q, &body);
	free(text);
	return 0;
}
