/*
 * api/problem.c: every error the API answers.
 *
 *   {"error":{"code":"…","message":"…","details":{…}}}
 */
#include <string.h>

#include "api/call.h"

#define RETRY_SECONDS "5" /* a first sync, or a Central that comes back, takes about that */

static const struct {
	int status;
	const char *code, *message;
	const char *header, *value; /* one more header, NULL: none */
} problems[PROBLEM_COUNT] = {
	[PROBLEM_UNAUTHORIZED] = { 401, "unauthorized", "Missing or invalid API key",
	    "WWW-Authenticate", "ApiKey realm=\"store-api\"" },
	[PROBLEM_INVALID_PATH] = { 400, "invalid_path",
	    "The path holds a bad escape, a control byte or invalid UTF-8", NULL, NULL },
	[PROBLEM_NOT_FOUND] = { 404, "not_found", "There is nothing at this path", NULL, NULL },
	[PROBLEM_PRODUCT_NOT_FOUND] = { 404, "product_not_found",
	    "Product not found in local cache", NULL, NULL },
	[PROBLEM_METHOD_NOT_ALLOWED] = { 405, "method_not_allowed",
	    "This path doesn't know the method; see Allow", NULL, NULL },
	[PROBLEM_INVALID_PARAMETER] = { 400, "invalid_parameter", "A query parameter can't be used",
	    NULL, NULL },
	[PROBLEM_CACHE_TOO_STALE] = { 503, "cache_too_stale",
	    "The cache is older than the store or the request allows", "Retry-After",
	    RETRY_SECONDS },
	[PROBLEM_CACHE_NOT_READY] = { 503, "cache_not_ready", "The cache has never been synced yet",
	    "Retry-After", RETRY_SECONDS },
	[PROBLEM_STORAGE_ERROR] = { 500, "storage_error", "The cache can't be read", NULL, NULL },
	[PROBLEM_INTERNAL] = { 500, "internal", "The response could not be made", NULL, NULL },
	[PROBLEM_INVALID_REQUEST] = { 400, "invalid_request",
	    "The request can't be used; details.fields says what is wrong with it", NULL, NULL },
	[PROBLEM_STORE_MISMATCH] = { 400, "store_mismatch", "The storeId is not this store's", NULL,
	    NULL },
	[PROBLEM_KEY_REUSED] = { 409, "idempotency_key_reused",
	    "The idempotencyKey was used for another update; take a new one", NULL, NULL },
	[PROBLEM_PAYLOAD_TOO_LARGE] = { 413, "payload_too_large",
	    "The request's body is larger than this store allows", NULL, NULL },
	[PROBLEM_REQUEST_TIMEOUT] = { 408, "request_timeout",
	    "The request's body didn't come in time", NULL, NULL },
	[PROBLEM_CENTRAL_UNAVAILABLE] = { 503, "central_unavailable",
	    "Central can't be reached; nothing was sent", NULL, NULL },
	[PROBLEM_CENTRAL_TIMEOUT] = { 504, "central_timeout",
	    "It is not known whether this was applied; repeat it with the same idempotencyKey",
	    NULL, NULL },
	[PROBLEM_CENTRAL_RATE_LIMITED] = { 429, "central_rate_limited",
	    "Central takes no more requests for now; nothing was applied", NULL, NULL },
	[PROBLEM_CENTRAL_AUTH_FAILED] = { 502, "central_auth_failed",
	    "Central refuses this store's key; nothing was applied", NULL, NULL },
	[PROBLEM_CENTRAL_ERROR] = { 502, "central_error",
	    "Central failed, or gave an answer that is none", NULL, NULL },
	[PROBLEM_DAEMON_UNAVAILABLE] = { 503, "sync_daemon_unavailable",
	    "The sync daemon isn't running; nothing was sent", NULL, NULL },
	[PROBLEM_SYNC_REFUSED] = { 503, "sync_failed", "The full sync failed", NULL, NULL },
	[PROBLEM_SYNC_TIMEOUT] = { 504, "sync_failed", "The full sync failed", NULL, NULL },
	[PROBLEM_SYNC_FAILED] = { 502, "sync_failed", "The full sync failed", NULL, NULL },
	[PROBLEM_OVERLOADED] = { 503, "overloaded",
	    "Too many requests wait already; nothing was sent", NULL, NULL },
};

void response_header(struct api_response *r, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);
	char *start = buf_room(&r->headers, name_len + value_len + 4), *at = start;

	if (!at)
		return;
	at = mempcpy(at, name, name_len);
	at = mempcpy(at, ": ", 2);
	at = mempcpy(at, value, value_len);
	at = mempcpy(at, "\r\n", 2);
	buf_commit(&r->headers, (size_t)(at - start));
}

void response_header_int(struct api_response *r, const char *name, int64_t value)
{
	buf_adds(&r->headers, name);
	buf_adds(&r->headers, ": ");
	buf_add_int(&r->headers, value);
	buf_adds(&r->headers, "\r\n");
}

void respond_tagged(struct call *c, const char *etag)
{
	struct api_response *r = c->response;

	response_header(r, "ETag", etag);
	response_header(r, "Cache-Control", "no-cache");
	if (c->request->if_none_match.data && etag_matches(c->request->if_none_match, etag)) {
		r->status = 304;
		buf_reset(&r->body);
		return;
	}
	r->status = 200;
	response_header(r, "Content-Type", "application/json");
}

void response_retry_after(struct api_response *r, int64_t seconds)
{
	if (seconds >= 0)
		response_header_int(r, "Retry-After", seconds);
}

/* Reading a product of such a name is no write.  c is NULL where there is no call. */
static bool is_write(const struct api_response *r, const struct call *c)
{
	struct span method = c ? c->request->method : (struct span){ NULL, 0 };
	bool reads = (method.len == 3 && memcmp(method.data, "GET", 3) == 0) ||
	             (method.len == 4 && memcmp(method.data, "HEAD", 4) == 0);

	return !reads &&
	       (r->route == METRICS_ROUTE_UPDATES || r->route == METRICS_ROUTE_BATCH_UPDATES);
}

static void write_envelope(struct api_response *r, const struct call *c, int status,
    const char *code, const char *message, const struct buf *details)
{
	bool write = is_write(r, c);
	struct json_writer w;

	r->status = status;
	buf_reset(&r->body);
	jw_init(&w, &r->body);
	jw_begin_object(&w);
	jw_name(&w, "error");
	jw_begin_object(&w);
	jw_name(&w, "code");
	jw_text(&w, code);
	jw_name(&w, "message");
	jw_text(&w, message);
	jw_name(&w, "details");
	if (details && details->len > 0 && !details->err)
		jw_raw(&w, details->data, details->len);
	else
		jw_raw(&w, "{}", 2);
	jw_end_object(&w);
	if (write) {
		jw_name(&w, "errorType");
		jw_text(&w, code);
		jw_name(&w, "errorMessage");
		jw_text(&w, message);
	}
	if (write && c && c->product_id.len > 0) {
		jw_name(&w, "productId");
		jw_string(&w, c->product_id.data, c->product_id.len);
	}
	jw_end_object(&w);
	response_header(r, "Content-Type", "application/json");
	response_header(r, "Cache-Control", "no-store");
}

void problem_respond(struct call *c, enum problem problem, const struct buf *details)
{
	problem_respond_saying(c, problem, "", details);
}

void problem_respond_saying(
    struct call *c, enum problem problem, const char *message, const struct buf *details)
{
	write_envelope(c->response, c, problems[problem].status, problems[problem].code,
	    message[0] ? message : problems[problem].message, details);
	if (problems[problem].header)
		response_header(c->response, problems[problem].header, problems[problem].value);
}

void problem_respond_with(struct call *c, enum problem problem, const char *name1,
    struct span text1, const char *name2, const char *text2)
{
	struct json_writer w;
	struct buf details;

	buf_init(&details, 65536);
	jw_init(&w, &details);
	jw_begin_object(&w);
	jw_name(&w, name1);
	jw_string(&w, text1.data, text1.len);
	if (name2) {
		jw_name(&w, name2);
		jw_text(&w, text2);
	}
	jw_end_object(&w);
	problem_respond(c, problem, &details);
	buf_free(&details);
}

void problem_of_store(struct call *c, enum st_err err)
{
	if (err == ST_UNAVAILABLE) {
		problem_respond(c, PROBLEM_CACHE_NOT_READY, NULL);
		return;
	}
	trouble_met(&c->api->troubles, TROUBLE_STORE, err, c->response->request_id, mono_now());
	problem_respond(c, PROBLEM_STORAGE_ERROR, NULL);
}

void problem_of_daemon(struct call *c, enum st_err err)
{
	trouble_met(&c->api->troubles, TROUBLE_DAEMON, err, c->response->request_id, mono_now());
	problem_respond(c, PROBLEM_DAEMON_UNAVAILABLE, NULL);
}

void api_problem(struct api_response *response, int status, const char *code, const char *message)
{
	buf_reset(&response->headers);
	write_envelope(response, NULL, status, code, message, NULL);
}
