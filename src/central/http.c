#include "central/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#define CONNECT_TIMEOUT_MS 10000
#define RETRY_AFTER_MAX_S  3600
#define WATCHES_MAX        8

struct http {
	CURLM *multi;
	struct http_request *requests; /* all under way */
	char *ca_file, *client_cert, *client_key;
};

struct http_request {
	struct http *http;
	struct http_request *next;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	char error[CURL_ERROR_SIZE];
	int64_t limit, remaining; /* X-RateLimit-Limit, -1: none; X-RateLimit-Remaining */
	int64_t reset_at;         /* X-RateLimit-Reset: Unix seconds by Central's clock; 0: none */
	int64_t date;             /* that clock: the answer's Date, 0: none */
	bool once, sent;          /* send it only once; it was */
	http_done *done;
	void *arg;
};

/* Which failure a curl code is; everything else is FAILURE_CONNECT. */
static const struct {
	CURLcode code;
	enum failure_class failure;
} failures[] = {
	{ CURLE_OPERATION_TIMEDOUT, FAILURE_TIMEOUT },
	{ CURLE_WRITE_ERROR, FAILURE_BAD_ANSWER },
	{ CURLE_WEIRD_SERVER_REPLY, FAILURE_BAD_ANSWER },
	{ CURLE_UNSUPPORTED_PROTOCOL, FAILURE_BAD_ANSWER },
	{ CURLE_BAD_CONTENT_ENCODING, FAILURE_BAD_ANSWER },
	{ CURLE_OUT_OF_MEMORY, FAILURE_STORAGE },
};

static enum failure_class failure_of(CURLcode code)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].code == code)
			return failures[i].failure;
	return FAILURE_CONNECT;
}

static char *copy_path(const char *path)
{
	return path && path[0] ? strdup(path) : NULL;
}

enum st_err http_open(const struct http_options *options, struct http **out)
{
	struct http *h;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ST_SYSTEM;
	h = calloc(1, sizeof(*h));
	if (!h || !(h->multi = curl_multi_init())) {
		free(h);
		return ST_NOMEM;
	}
	/* A burst of requests side by side leaves its connections for the next one. */
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 64L);
	h->ca_file = copy_path(options->ca_file);
	h->client_cert = copy_path(options->client_cert);
	h->client_key = copy_path(options->client_key);
	*out = h;
	return ST_OK;
}

static void request_free(struct http_request *r)
{
	struct http_request **at = &r->http->requests;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	curl_multi_remove_handle(r->http->multi, r->easy);
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	buf_free(&r->body);
	free(r);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	while (h->requests)
		request_free(h->requests);
	curl_multi_cleanup(h->multi);
	free(h->ca_file);
	free(h->client_cert);
	free(h->client_key);
	free(h);
	curl_global_cleanup();
}

void http_cancel(struct http *h, struct http_request *r)
{
	(void)h;
	if (r)
		request_free(r);
}

/* Counts what came out of decompression; a short count makes curl give up. */
static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;

	buf_add(&r->body, data, size * n);
	return r->body.err ? 0 : size * n;
}

static bool header_value(const char *line, size_t len, const char *name, struct span *value)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && strchr("\r\n \t", line[len - 1]))
		len--;
	*value = (struct span){ line, len };
	return true;
}

/* With a minus in front it counts as 0: none remains either way. */
static int64_t header_number(const struct span *value, int64_t otherwise)
{
	uint64_t n;

	if (value->len > 0 && value->data[0] == '-')
		return 0;
	return text_to_uint(value->data, value->len, INT64_MAX / 1000, &n) == ST_OK ? (int64_t)n
	                                                                            : otherwise;
}

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;
	struct span value;
	char date[64];

	if (header_value(line, size * n, "X-RateLimit-Reset", &value)) {
		r->reset_at = header_number(&value, 0);
	} else if (header_value(line, size * n, "X-RateLimit-Limit", &value)) {
		r->limit = header_number(&value, -1);
	} else if (header_value(line, size * n, "X-RateLimit-Remaining", &value)) {
		r->remaining = header_number(&value, 0);
	} else if (header_value(line, size * n, "Date", &value) && value.len < sizeof(date)) {
		snprintf(date, sizeof(date), "%.*s", (int)value.len, value.data);
		r->date = (int64_t)curl_getdate(date, NULL);
	}
	return size * n;
}

/* Called when a connection is there, before anything of the request goes out. */
static int about_to_send(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_request *r = arg;
	bool again = r->sent;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	r->sent = true;
	if (!again || !r->once)
		return CURL_PREREQFUNC_OK;
	snprintf(r->error, sizeof(r->error), "the connection broke after the request was sent");
	return CURL_PREREQFUNC_ABORT;
}

static void set_tls(CURL *easy, const struct http *h)
{
	if (h->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, h->ca_file);
	if (h->client_cert)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, h->client_cert);
	if (h->client_key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, h->client_key);
}

static void set_options(struct http_request *r, const struct http_call *call)
{
	CURL *easy = r->easy;

	curl_easy_setopt(easy, CURLOPT_URL, call->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "store-syncd/" STORE_API_VERSION);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A stop doesn't wait for a dead name server. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	/* 0 would be no limit. */
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
	    (long)clock_real_ms(call->timeout_ms > 0 ? call->timeout_ms : 1));
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)clock_real_ms(CONNECT_TIMEOUT_MS));
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_send);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, r);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
	set_tls(easy, r->http);
}

static void set_body(struct http_request *r, const struct span *body)
{
	r->once = true;
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	curl_easy_setopt(r->easy, CURLOPT_COPYPOSTFIELDS, body->data);
}

static enum st_err copy_headers(const struct http_call *call, struct curl_slist **out)
{
	for (size_t i = 0; i < call->n_headers; i++) {
		struct curl_slist *longer = curl_slist_append(*out, call->headers[i]);

		if (!longer)
			return ST_NOMEM;
		*out = longer;
	}
	return ST_OK;
}

enum st_err http_start(struct http *h, const struct http_call *call, struct http_request **out)
{
	struct http_request *r = calloc(1, sizeof(*r));

	if (!r)
		return ST_NOMEM;
	r->http = h;
	r->limit = -1;
	r->done = call->done;
	r->arg = call->arg;
	buf_init(&r->body, call->body_max);
	r->easy = curl_easy_init();
	if (!r->easy || copy_headers(call, &r->headers)) {
		curl_easy_cleanup(r->easy);
		curl_slist_free_all(r->headers);
		free(r);
		return ST_NOMEM;
	}
	set_options(r, call);
	if (call->body)
		set_body(r, call->body);
	r->next = h->requests;
	h->requests = r;
	if (curl_multi_add_handle(h->multi, r->easy) != CURLM_OK) {
		request_free(r);
		return ST_SYSTEM;
	}
	*out = r;
	return ST_OK;
}

void http_push(struct http *h)
{
	int running;

	curl_multi_perform(h->multi, &running);
}

/* In milliseconds, and no longer than is sensible, whatever Central's headers say. */
static int64_t clamp_wait(int64_t seconds)
{
	return seconds < 0 ? 0 : 1000 * (seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds);
}

/*
 * Retry-After first (seconds or a date; negative for a date that has passed).
 * Else the end of the rate limit's window, by Central's own clock: its Date is
 * taken off, and a second added since both are whole seconds.
 */
static int64_t until_reset(const struct http_request *r)
{
	int64_t now = r->date > 0 ? r->date : wall_now_ms() / 1000;

	return clamp_wait(r->reset_at - now + 1);
}

static int64_t wait_asked(const struct http_request *r, long status)
{
	curl_off_t seconds = 0;

	if (status != 429 && status != 503)
		return 0;
	curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &seconds);
	if (seconds > 0)
		return clamp_wait(seconds);
	return status == 429 && r->reset_at > 0 ? until_reset(r) : 0;
}

/* It goes into JSON, and may name hosts and certificates, or be cut within a character. */
static void make_utf8(char *message)
{
	if (text_is_utf8(message, strlen(message)))
		return;
	for (; *message; message++)
		if ((unsigned char)*message >= 0x80)
			*message = '?';
}

static void finish(struct http_request *r, CURLcode code)
{
	struct http_answer answer = { .failure = FAILURE_NONE };
	http_done *done = r->done;
	void *arg = r->arg;
	long connects = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	if (code != CURLE_OK) {
		answer.failure = failure_of(code);
		snprintf(answer.message, sizeof(answer.message), "%s",
		    r->body.err == ST_TOO_BIG ? "the answer is larger than its limit"
		    : r->error[0]             ? r->error
					      : curl_easy_strerror(code));
		make_utf8(answer.message);
	}
	answer.body = (struct span){ buf_text(&r->body), r->body.len };
	answer.retry_after_ms = wait_asked(r, answer.status);
	answer.limit.limit = r->reset_at > 0 ? r->limit : -1;
	answer.limit.remaining = r->remaining;
	answer.limit.reset_ms = until_reset(r);
	curl_easy_getinfo(r->easy, CURLINFO_NUM_CONNECTS, &connects);
	answer.new_connection = connects > 0;
	answer.sent = r->sent;
	done(arg, &answer);
	request_free(r);
}

static void wait_for_any(struct http *h, struct http_watch *watches, size_t n, int timeout_ms)
{
	struct curl_waitfd fds[WATCHES_MAX];

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct curl_waitfd){ .fd = watches[i].fd, .events = CURL_WAIT_POLLIN };
	/* curl wants a number: without a limit, wake up once in a while. */
	curl_multi_poll(h->multi, fds, (unsigned)n, timeout_ms < 0 ? 60000 : timeout_ms, NULL);
	for (size_t i = 0; i < n; i++)
		watches[i].ready = fds[i].revents != 0;
}

void http_wait(struct http *h, struct http_watch *watches, size_t n, int timeout_ms)
{
	CURLMsg *msg;
	int left;

	wait_for_any(h, watches, n < WATCHES_MAX ? n : WATCHES_MAX, timeout_ms);
	curl_multi_perform(h->multi, &left);
	while ((msg = curl_multi_info_read(h->multi, &left))) {
		struct http_request *r;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r);
		finish(r, msg->data.result);
	}
}
