#include "central/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "model/doc.h"

#define URL_MAX   8192
#define BODY_MAX  ((size_t)256 * 1024 * 1024)
#define ID_SIZE   72
#define NODES_MAX 100000 /* JSON values of one product */

struct central {
	struct http *http;
	char *url; /* without a slash at its end */
	char *key_header;
	int64_t timeout_ms;
	uint64_t calls;     /* so far, for request ids */
	char name[ID_SIZE]; /* of the requests to come; "": none */
};

struct central_call {
	struct central *central;
	struct http_request *request;
	char id[ID_SIZE];
	central_page_done *page_done; /* one of the four */
	central_product_done *product_done;
	char *product_id; /* that was asked for */
	size_t product_id_len;
	central_events_done *events_done;
	central_updates_done *updates_done;
	const struct update_list *asked;
	void *arg;
};

static char *without_slash(const char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return strndup(url, len);
}

enum st_err central_set_options(struct central *c, const struct central_options *options)
{
	char *url = without_slash(options->url), *key_header = NULL;

	if (!url || asprintf(&key_header, "X-API-Key: %s", options->key) < 0) {
		free(url);
		return ST_NOMEM;
	}
	free(c->url);
	free(c->key_header);
	c->url = url;
	c->key_header = key_header;
	c->timeout_ms = options->timeout_ms;
	return ST_OK;
}

enum st_err central_open(const struct central_options *options, struct central **out)
{
	struct central *c = calloc(1, sizeof(*c));
	enum st_err err;

	if (!c)
		return ST_NOMEM;
	err = central_set_options(c, options);
	if (!err)
		err = http_open(&options->tls, &c->http);
	if (err)
		central_close(c);
	else
		*out = c;
	return err;
}

void central_close(struct central *c)
{
	if (!c)
		return;
	http_close(c->http);
	free(c->url);
	if (c->key_header)
		explicit_bzero(c->key_header, strlen(c->key_header));
	free(c->key_header);
	free(c);
}

void central_wait(struct central *c, struct http_watch *watches, size_t n, int timeout_ms)
{
	http_wait(c->http, watches, n, timeout_ms);
}

void central_name_requests(struct central *c, const char *id)
{
	snprintf(c->name, sizeof(c->name), "%s", id ? id : "");
}

static void call_free(struct central_call *call)
{
	if (call)
		free(call->product_id);
	free(call);
}

void central_push(struct central *c)
{
	http_push(c->http);
}

void central_cancel(struct central *c, struct central_call *call)
{
	if (!call)
		return;
	http_cancel(c->http, call->request);
	call_free(call);
}

static enum failure_class class_of_status(long status)
{
	if (status == 200)
		return FAILURE_NONE;
	if (status >= 500 && status <= 599)
		return FAILURE_HTTP_5XX;
	if (status == 429)
		return FAILURE_RATE_LIMITED;
	if (status == 401 || status == 403)
		return FAILURE_AUTH;
	return FAILURE_BAD_ANSWER;
}

static void judge(
    struct central_call *call, const struct http_answer *answer, struct central_outcome *out)
{
	*out = (struct central_outcome){ .failure = answer->failure,
		.status = answer->status,
		.retry_after_ms = answer->retry_after_ms,
		.limit = answer->limit,
		.new_connection = answer->new_connection,
		.sent = answer->sent,
		.request_id = call->id };
	if (answer->failure) {
		snprintf(out->message, sizeof(out->message), "%s", answer->message);
		return;
	}
	out->failure = class_of_status(answer->status);
	if (out->failure)
		snprintf(out->message, sizeof(out->message), "Central answered with status %ld",
		    answer->status);
}

static void unreadable(struct central_outcome *out, enum st_err err, const char *why)
{
	out->failure = err == ST_NOMEM ? FAILURE_STORAGE : FAILURE_BAD_ANSWER;
	snprintf(out->message, sizeof(out->message), "Central's answer can't be used: %s", why);
}

static void page_arrived(void *arg, const struct http_answer *answer)
{
	struct central_call *call = arg;
	struct central_outcome outcome;
	struct page page = { 0 };
	const char *why;
	enum st_err err;

	judge(call, answer, &outcome);
	if (!outcome.failure) {
		err = page_read(answer->body.data, answer->body.len, &page, &why);
		if (err)
			unreadable(&outcome, err, why);
	}
	call->page_done(call->arg, &outcome, outcome.failure ? NULL : &page);
	page_free(&page);
	call_free(call);
}

static void events_arrived(void *arg, const struct http_answer *answer)
{
	struct central_call *call = arg;
	struct central_outcome outcome;
	struct event_batch batch = { 0 };
	const char *why;
	enum st_err err;

	judge(call, answer, &outcome);
	if (!outcome.failure) {
		err = event_batch_read(answer->body.data, answer->body.len, &batch, &why);
		if (err)
			unreadable(&outcome, err, why);
	}
	call->events_done(call->arg, &outcome, outcome.failure ? NULL : &batch);
	event_batch_free(&batch);
	call_free(call);
}

/* {"code":"not_found",…}: what the router says of a path that it doesn't know is no JSON. */
static bool says_not_found(const struct span *body)
{
	const struct doc_node *code;
	struct doc d;
	bool says = false;

	if (doc_parse(body->data, body->len, NODES_MAX, &d, NULL))
		return false;
	code = doc_member(&d, doc_root(&d), "code");
	says = code && doc_is_text(&d, code, "not_found");
	doc_free(&d);
	return says;
}

/* It is about the product that was asked for, whatever else is wrong with it. */
static bool names_it(const struct central_call *call, const struct doc *d)
{
	struct buf id;
	bool names;

	buf_init(&id, PRODUCT_ID_MAX);
	names = doc_string(d, doc_member(d, doc_root(d), "productId"), &id) == ST_OK &&
	        id.len == call->product_id_len &&
	        memcmp(buf_text(&id), call->product_id, id.len) == 0;
	buf_free(&id);
	return names;
}

static void read_product(const struct central_call *call, const struct span *body,
    struct buf *storage, struct product *out, struct central_outcome *outcome)
{
	struct doc_error wrong = { .what = "no memory" };
	const char *why = "no memory";
	struct doc d;
	enum st_err err = doc_parse(body->data, body->len, NODES_MAX, &d, &wrong);

	if (err) {
		unreadable(outcome, err, wrong.what);
		return;
	}
	if (!buf_room(storage, PRODUCT_ROOM(body->len)))
		err = ST_NOMEM;
	else
		err = product_read(&d, doc_root(&d), storage, out, &why);
	outcome->unusable = err && err != ST_NOMEM && names_it(call, &d);
	doc_free(&d);
	if (err) {
		unreadable(outcome, err, why);
	} else if (out->id.len != call->product_id_len ||
		   memcmp(out->id.data, call->product_id, out->id.len) != 0) {
		unreadable(outcome, ST_INVALID, "it is another product");
	}
}

static void product_arrived(void *arg, const struct http_answer *answer)
{
	struct central_call *call = arg;
	struct central_outcome outcome;
	struct product product;
	struct buf storage;

	buf_init(&storage, BODY_MAX * 3);
	judge(call, answer, &outcome);
	if (!outcome.failure)
		read_product(call, &answer->body, &storage, &product, &outcome);
	else if (outcome.status == 404 && says_not_found(&answer->body)) {
		outcome.gone = true;
		outcome.failure = FAILURE_NONE;
	}
	call->product_done(call->arg, &outcome, outcome.failure || outcome.gone ? NULL : &product);
	buf_free(&storage);
	call_free(call);
}

/* Central's words on updates: any code but those that mean something else. */
static bool may_hold_results(const struct central_outcome *outcome)
{
	return outcome->failure == FAILURE_NONE ||
	       (outcome->failure == FAILURE_BAD_ANSWER && outcome->status >= 400);
}

static void updates_arrived(void *arg, const struct http_answer *answer)
{
	struct central_call *call = arg;
	struct central_outcome outcome;
	struct update_results results = { 0 };
	const char *why = "no memory";
	enum st_err err = ST_INVALID;

	judge(call, answer, &outcome);
	if (may_hold_results(&outcome)) {
		err = update_results_read(
		    answer->body.data, answer->body.len, call->asked, &results, &why);
		if (!err)
			outcome.failure = FAILURE_NONE;
		else if (!outcome.failure)
			unreadable(&outcome, err, why);
	}
	call->updates_done(call->arg, &outcome, err ? NULL : &results);
	update_results_free(&results);
	call_free(call);
}

static enum st_err start(struct central_call *call, const char *url, int64_t timeout_ms,
    http_done *arrived, const struct span *body)
{
	struct central *c = call->central;
	char id_header[ID_SIZE + 16];
	/* The last two for a body: its type; and no waiting to be told to go on. */
	const char *headers[] = { c->key_header, id_header, "Accept: application/json",
		"Content-Type: application/json", "Expect:" };
	struct http_call http = { .url = url,
		.body = body,
		.headers = headers,
		.n_headers = body ? 5 : 3,
		.timeout_ms = timeout_ms,
		.body_max = BODY_MAX,
		.done = arrived,
		.arg = call };

	if (!call->id[0] && c->name[0])
		memcpy(call->id, c->name, sizeof(call->id));
	else if (!call->id[0])
		snprintf(
		    call->id, sizeof(call->id), "syncd-%ld-%" PRIu64, (long)getpid(), ++c->calls);
	snprintf(id_header, sizeof(id_header), "X-Request-Id: %s", call->id);
	log_debug("request to Central", log_text("request_id", call->id), log_text("url", url));
	return http_start(c->http, &http, &call->request);
}

static struct central_call *call_new(struct central *c, void *arg)
{
	struct central_call *call = calloc(1, sizeof(*call));

	if (call) {
		call->central = c;
		call->arg = arg;
	}
	return call;
}

static enum st_err call_begin(struct central_call *call, const struct buf *url, int64_t timeout_ms,
    http_done *arrived, struct central_call **out)
{
	enum st_err err = call ? url->err : ST_NOMEM;

	if (!err)
		err = start(call, buf_text(url), timeout_ms, arrived, NULL);
	if (err)
		call_free(call);
	else
		*out = call;
	return err;
}

enum st_err central_post_updates(struct central *c, const struct central_post *post,
    central_updates_done *done, void *arg, struct central_call **out)
{
	struct central_call *call = call_new(c, arg);
	struct buf url;
	enum st_err err;

	if (!call)
		return ST_NOMEM;
	call->updates_done = done;
	call->asked = post->asked;
	snprintf(call->id, sizeof(call->id), "%s", post->request_id);
	buf_init(&url, URL_MAX);
	buf_addf(&url, "%s/v1/inventory/updates", c->url);
	err = url.err;
	if (!err)
		err = start(call, buf_text(&url), post->timeout_ms, updates_arrived, &post->body);
	buf_free(&url);
	if (err)
		call_free(call);
	else
		*out = call;
	return err;
}

enum st_err central_get_product(struct central *c, const char *id, size_t id_len,
    central_product_done *done, void *arg, struct central_call **out)
{
	struct central_call *call = call_new(c, arg);
	struct buf url;
	enum st_err err;

	buf_init(&url, URL_MAX);
	buf_addf(&url, "%s/v1/inventory/", c->url);
	text_percent_encode(id, id_len, &url);
	if (call) {
		call->product_done = done;
		call->product_id_len = id_len;
		call->product_id = malloc(id_len);
		if (call->product_id)
			memcpy(call->product_id, id, id_len);
		else
			url.err = ST_NOMEM;
	}
	err = call_begin(call, &url, c->timeout_ms, product_arrived, out);
	buf_free(&url);
	return err;
}

enum st_err central_get_page(struct central *c, int64_t offset, const char *cursor,
    central_page_done *done, void *arg, struct central_call **out)
{
	struct central_call *call = call_new(c, arg);
	struct buf url;
	enum st_err err;

	buf_init(&url, URL_MAX);
	buf_addf(&url, "%s/v1/inventory?", c->url);
	if (cursor) {
		buf_adds(&url, "cursor=");
		text_percent_encode(cursor, strlen(cursor), &url);
	} else {
		buf_addf(&url, "offset=%" PRId64, offset);
	}
	buf_addf(&url, "&limit=%d", CENTRAL_PAGE_LIMIT);
	if (call)
		call->page_done = done;
	err = call_begin(call, &url, c->timeout_ms, page_arrived, out);
	buf_free(&url);
	return err;
}

enum st_err central_get_events(struct central *c, int64_t offset, int64_t limit,
    int64_t wait_seconds, central_events_done *done, void *arg, struct central_call **out)
{
	struct central_call *call = call_new(c, arg);
	struct buf url;
	enum st_err err;

	buf_init(&url, URL_MAX);
	buf_addf(&url, "%s/v1/inventory/events?offset=%" PRId64 "&limit=%" PRId64 "&wait=%" PRId64,
	    c->url, offset, limit, wait_seconds);
	if (call)
		call->events_done = done;
	err = call_begin(call, &url, c->timeout_ms + wait_seconds * 1000, events_arrived, out);
	buf_free(&url);
	return err;
}
