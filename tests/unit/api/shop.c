#include "shop.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/server.h"
#include "model/doc.h"

static const char *const keys[] = { SHOP_KEY, SHOP_KEY2, SHOP_KEY_NONE };

struct span span_of(const char *text)
{
	return (struct span){ text, text ? strlen(text) : 0 };
}

void shop_prepare(struct shop *s)
{
	memset(s, 0, sizeof(*s));
	s->options = (struct api_options){ .store = fixture_options(),
		.run_dir = unit_temp_dir(),
		.store_id = "store-s1",
		.version = "1.2.3",
		.api_keys = keys,
		.n_api_keys = 3,
		.mount_from = "",
		.mount_to = "",
		.max_body_bytes = 1 << 20,
		.body_ms = 10000,
		.stop_ms = 9000,
		.force_wait_s = API_FORCE_WAIT_S,
		.threads = 16,
		.stop_fd = -1 };
	CU_ASSERT_EQUAL_FATAL(metrics_pool_open(&s->options.metrics), ST_OK);
}

/* The ages are counted back from now; the wall times that are shown don't move. */
struct sync_record shop_record(int64_t age_ms)
{
	struct sync_record r = {
		.event_offset = 1045,
		.last_contact = { .wall_ms = INT64_C(1705314586999) },
		.last_success = { .wall_ms = INT64_C(1705314585000) },
		.initialized_at = 1705314000,
		.state = SYNC_LIVE,
		.state_since = 1705314001,
		.events_applied = 11,
		.events_stale = 12,
		.events_repaired = 13,
		.full_syncs = 14,
		.full_sync_failures = 15,
		.writes_forwarded = 16,
		.full_sync_reason = FULL_SYNC_INITIAL,
		.full_sync_at = 1705314000,
		.full_sync_ms = 1234,
		.full_sync_products = 150,
		.full_sync_added = 150,
	};

	r.confirmed_current = stamp_now();
	r.confirmed_current.boottime_ms -= age_ms;
	r.confirmed_current.wall_ms -= age_ms;
	return r;
}

static void put(struct store_txn *t, const char *id, const char *json)
{
	struct product p = { .id = span_of(id), .version = 1, .json = span_of(json) };

	store_txn_put(t, &p);
}

void shop_fill(struct shop *s, unsigned n, const struct sync_record *record)
{
	struct store_writer *w = fixture_writer(&s->options.store);
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_build_begin(w), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_COMING, &t), ST_OK);
	for (unsigned i = 1; i <= n; i++) {
		char id[16], json[64];

		snprintf(id, sizeof(id), "PROD-%03u", i);
		snprintf(json, sizeof(json), "{\"productId\":\"%s\",\"price\":1.10}", id);
		put(t, id, json);
	}
	put(t, "a/b c%2F", "{\"productId\":\"a/b c%2F\"}");
	put(t, "updates", "{\"productId\":\"updates\"}");
	put(t, "日本", "{\"productId\":\"日本\"}");
	store_txn_put_record(t, record);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	CU_ASSERT_EQUAL(store_build_publish(w), ST_OK);
	store_writer_close(w);
}

void shop_open(struct shop *s)
{
	CU_ASSERT_EQUAL_FATAL(api_open(&s->options, &s->api), ST_OK);
	api_response_init(&s->response);
}

void shop_close(struct shop *s)
{
	api_response_free(&s->response);
	api_close(s->api);
	metrics_pool_close(s->options.metrics);
}

void shop_new(struct shop *s, unsigned n)
{
	struct sync_record record = shop_record(5000);

	shop_prepare(s);
	shop_fill(s, n, &record);
	shop_open(s);
}

const char *shop_body(const struct shop *s)
{
	return buf_text(&s->response.body);
}

const char *shop_header(struct shop *s, const char *name)
{
	const char *at = buf_text(&s->response.headers);
	size_t len = strlen(name);

	s->text[0] = '\0';
	for (; at && *at; at = strchr(at, '\n'), at += at != NULL)
		if (strncmp(at, name, len) == 0 && strncmp(at + len, ": ", 2) == 0)
			snprintf(s->text, sizeof(s->text), "%.*s",
			    (int)strcspn(at + len + 2, "\r\n"), at + len + 2);
	return s->text;
}

/* Each line is "Name: value\r\n", each name there once. */
static void check_headers(const struct api_response *r)
{
	const char *at = buf_text(&r->headers);

	while (*at) {
		size_t len = strcspn(at, "\r\n"), name = strcspn(at, ":");
		const char *rest = at + len + 2;

		CU_ASSERT_TRUE_FATAL(name < len && strncmp(at + name, ": ", 2) == 0);
		CU_ASSERT_TRUE_FATAL(strncmp(at + len, "\r\n", 2) == 0);
		for (const char *p = rest; *p; p += strcspn(p, "\n") + 1)
			CU_ASSERT_NOT_EQUAL(strncmp(p, at, name + 1), 0);
		at = rest;
	}
}

static void check_json(struct shop *s)
{
	const struct api_response *r = &s->response;
	const struct doc_node *error;
	struct doc_error why = { 0 };
	struct doc d;

	if (strcmp(shop_header(s, "Content-Type"), "application/json") != 0)
		return;
	if (doc_parse(r->body.data, r->body.len, 1000000, &d, &why)) {
		ASSERT_TEXT(why.what, "valid JSON");
		return;
	}
	error = doc_member(&d, doc_root(&d), "error");
	/* Health has a form of its own, and so have Central's refusals. */
	if (r->status >= 400 && !doc_member(&d, doc_root(&d), "checks") &&
	    !doc_member(&d, doc_root(&d), "applied")) {
		CU_ASSERT_PTR_NOT_NULL(doc_member(&d, error, "code"));
		CU_ASSERT_PTR_NOT_NULL(doc_member(&d, error, "message"));
		CU_ASSERT_PTR_NOT_NULL(doc_member(&d, error, "details"));
	}
	doc_free(&d);
}

void shop_ask_request(struct shop *s, const struct api_request *request)
{
	api_handle(s->api, request, &s->response);
	CU_ASSERT_EQUAL(s->response.body.err, ST_OK);
	CU_ASSERT_EQUAL(s->response.headers.err, ST_OK);
	check_headers(&s->response);
	ASSERT_TEXT(shop_header(s, "X-Request-Id"), s->response.request_id);
	check_json(s);
	if (s->response.status >= 400)
		ASSERT_TEXT(shop_header(s, "Cache-Control"), "no-store");
	if (s->response.status != 204 && s->response.status != 304)
		CU_ASSERT_NOT_EQUAL(shop_header(s, "Content-Type")[0], '\0');
}

void shop_ask(struct shop *s, const char *method, const char *uri, const char *key)
{
	struct api_request r = { .method = span_of(method),
		.uri = span_of(uri),
		.keys = { span_of(key) },
		.n_keys = key != NULL,
		.remote_addr = span_of("192.0.2.7") };

	shop_ask_request(s, &r);
}

void shop_get(struct shop *s, const char *uri)
{
	shop_ask(s, "GET", uri, SHOP_KEY);
}

static enum st_err read_body(void *arg, char *to, size_t most, struct mono deadline, size_t *n)
{
	struct shop_body *b = arg;
	size_t left = b->len - b->at;

	(void)deadline;
	if (left == 0 && b->end)
		return b->end;
	*n = left < most ? left : most;
	if (b->piece && *n > b->piece)
		*n = b->piece;
	memcpy(to, b->text + b->at, *n);
	b->at += *n;
	return ST_OK;
}

void shop_post_body(struct shop *s, const char *uri, const char *length, struct shop_body *body)
{
	struct api_request r = { .method = span_of("POST"),
		.uri = span_of(uri),
		.keys = { span_of(SHOP_KEY) },
		.n_keys = 1,
		.remote_addr = span_of("192.0.2.7"),
		.content_length = span_of(length),
		.read_body = read_body,
		.body_arg = body };

	shop_ask_request(s, &r);
}

void shop_post(struct shop *s, const char *uri, const char *text)
{
	struct shop_body body = { .text = text, .len = strlen(text) };
	char length[32];

	snprintf(length, sizeof(length), "%zu", body.len);
	shop_post_body(s, uri, length, &body);
}

const char *shop_outcome(const struct shop *s)
{
	static const char beginning[] = "{\"error\":{\"code\":\"";
	static char text[96];
	const char *body = shop_body(s);
	bool error = strncmp(body, beginning, sizeof(beginning) - 1) == 0;
	const char *code = error ? body + sizeof(beginning) - 1 : "-";

	snprintf(text, sizeof(text), "%d %.*s", s->response.status, (int)strcspn(code, "\""), code);
	return text;
}

struct shop_daemon {
	struct control_server *server;
	struct control_status status;
	struct shop_script script;
	struct buf heard;
	unsigned calls;
	struct control_peer *held; /* the last one; answered in its own thread */
	char held_id[CONTROL_ID_MAX + 1];
	const char *release;
	pthread_mutex_t mutex; /* around script and heard */
	atomic_bool stop;
	pthread_t thread;
};

static void answer_text(struct control_peer *peer, const char *id, const char *text)
{
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	if (text)
		buf_addf(&json, "{\"v\":1,\"id\":\"%s\",\"ok\":%s}", id, text);
	/* An empty answer is the connection's end. */
	control_answer(peer, &json);
	buf_free(&json);
}

static void answer_script(
    struct shop_daemon *d, struct control_peer *peer, struct control_request *request)
{
	struct buf json;

	if (request->type == CONTROL_UPDATE) {
		buf_reset(&d->heard);
		update_list_write_items(&request->updates, &d->heard);
	}
	if (request->type == CONTROL_UPDATE && d->script.takes) {
		buf_init(&json, CONTROL_MESSAGE_MAX);
		control_taken_write(request->id, 9000, &json);
		control_interim(peer, &json);
		buf_free(&json);
	}
	if (request->type == CONTROL_SYNC && !request->wait)
		answer_text(peer, request->id, d->script.answer ? "true" : NULL);
	else if (!d->script.holds)
		answer_text(peer, request->id, d->script.answer);
	else {
		d->held = peer;
		snprintf(d->held_id, sizeof(d->held_id), "%s", request->id);
	}
	d->calls++;
}

static void answer(
    void *arg, struct control_peer *peer, struct control_request *request, bool trusted)
{
	struct shop_daemon *d = arg;
	struct buf json;

	(void)trusted;
	if (request->type != CONTROL_STATUS) {
		pthread_mutex_lock(&d->mutex);
		answer_script(d, peer, request);
		pthread_mutex_unlock(&d->mutex);
		return;
	}
	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_status_write(request->id, &d->status, &json);
	control_answer(peer, &json);
	buf_free(&json);
}

void shop_daemon_says(struct shop *s, const struct shop_script *script)
{
	pthread_mutex_lock(&s->daemon->mutex);
	s->daemon->script = *script;
	s->daemon->calls = 0;
	buf_reset(&s->daemon->heard);
	pthread_mutex_unlock(&s->daemon->mutex);
}

unsigned shop_daemon_calls(struct shop *s)
{
	unsigned n;

	pthread_mutex_lock(&s->daemon->mutex);
	n = s->daemon->calls;
	pthread_mutex_unlock(&s->daemon->mutex);
	return n;
}

void shop_daemon_releases(struct shop *s, const char *text)
{
	pthread_mutex_lock(&s->daemon->mutex);
	s->daemon->release = text;
	pthread_mutex_unlock(&s->daemon->mutex);
}

static void release_held(struct shop_daemon *d)
{
	pthread_mutex_lock(&d->mutex);
	if (d->held && d->release) {
		answer_text(d->held, d->held_id, d->release);
		d->held = NULL;
	}
	pthread_mutex_unlock(&d->mutex);
}

const char *shop_daemon_heard(struct shop *s)
{
	const char *text;

	/* Nothing is heard between two requests of the one who asks. */
	pthread_mutex_lock(&s->daemon->mutex);
	text = s->daemon->heard.len > 0 ? s->daemon->heard.data : "";
	pthread_mutex_unlock(&s->daemon->mutex);
	return text;
}

static void *serve(void *arg)
{
	struct shop_daemon *d = arg;
	struct pollfd p = { .fd = control_server_fd(d->server), .events = POLLIN };

	while (!atomic_load(&d->stop)) {
		poll(&p, 1, 10);
		control_server_turn(d->server, mono_now());
		release_held(d);
	}
	return NULL;
}

void shop_daemon_begin(struct shop *s, const struct control_status *status)
{
	struct shop_daemon *d = calloc(1, sizeof(*d));
	struct buf why;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	d->status = *status;
	buf_init(&d->heard, CONTROL_MESSAGE_MAX);
	pthread_mutex_init(&d->mutex, NULL);
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL_FATAL(
	    control_server_open(s->options.run_dir, answer, d, &d->server, &why), ST_OK);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&d->thread, NULL, serve, d), 0);
	s->daemon = d;
}

void shop_daemon_end(struct shop *s)
{
	atomic_store(&s->daemon->stop, true);
	CU_ASSERT_EQUAL(pthread_join(s->daemon->thread, NULL), 0);
	control_server_close(s->daemon->server);
	buf_free(&s->daemon->heard);
	pthread_mutex_destroy(&s->daemon->mutex);
	free(s->daemon);
	s->daemon = NULL;
}
