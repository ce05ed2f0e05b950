/*
 * api/api.c: from a request to its handler.  The checks come in this order:
 *
 *   400 path · 404 outside /v1, /health, /metrics · OPTIONS · 401 · 404 · 405 ·
 *   what the handler refuses (413 and 400, then 503)
 */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/call.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "control/client.h"

#define BODY_LIMIT   ((size_t)256 * 1024 * 1024) /* 200 products of 1 MiB fit */
#define BODY_KEPT    ((size_t)256 * 1024)        /* memory that a thread keeps between requests */
#define HEADER_LIMIT 16384
#define TELL_MS      250 /* as for asking the daemon for its status */

#define ASK_DAEMON_MS 250

/* A request id that is made here: which worker, which request of it. */
#define COUNT_DIGITS 8

typedef void handler(struct call *c);

/*
 * Several rows may match a path: a request goes to the first one that has a
 * handler for its method, `Allow` tells of all of them.  So a path that is only
 * written to stands before the template that it falls under for reading.  It is
 * counted under the first one, whatever its method, as the description has it.
 */
static const struct route {
	const char *template;
	enum metrics_route metrics;
	handler *get, *post;
	bool open; /* needs no key */
	bool last; /* no row below matches its paths; said of those that are asked for most */
} routes[ROUTES_N] = {
	{ "/v1/store/inventory", METRICS_ROUTE_INVENTORY, .get = inventory_list, .last = true },
	{ "/v1/store/inventory/updates", METRICS_ROUTE_UPDATES, .post = updates_post },
	{ "/v1/store/inventory/batch-updates", METRICS_ROUTE_BATCH_UPDATES,
	    .post = batch_updates_post },
	{ "/v1/store/inventory/{productId}", METRICS_ROUTE_PRODUCT, .get = inventory_product,
	    .last = true },
	{ "/v1/store/sync/status", METRICS_ROUTE_SYNC_STATUS, .get = status_get },
	{ "/v1/store/sync/force", METRICS_ROUTE_SYNC_FORCE, .post = force_post },
	{ "/v1/store/cache/stats", METRICS_ROUTE_CACHE_STATS, .get = stats_get },
	{ "/v1/store/openapi.json", METRICS_ROUTE_OPENAPI, .get = openapi_get },
	{ "/health", METRICS_ROUTE_HEALTH, .get = health_get, .open = true },
	{ "/metrics", METRICS_ROUTE_METRICS, .get = metrics_get, .open = true },
};

/* What the rows of one path have to offer to one method. */
struct match {
	const struct route *route; /* whose name the request is counted under; NULL: no such path */
	handler *handler;          /* NULL: the path doesn't know the method */
	bool get, post;
};

static bool can_read(struct api *a)
{
	struct sync_record record;
	struct store_snapshot s;
	enum st_err err = store_snapshot_begin(a->store, &s);

	if (err)
		return false;
	err = store_snapshot_record(&s, &record);
	store_snapshot_end(&s);
	return err == ST_OK;
}

enum st_err api_open(const struct api_options *options, struct api **out)
{
	struct api *a = calloc(1, sizeof(*a));
	enum st_err err;

	if (!a)
		return ST_NOMEM;
	a->options = *options;
	bulkhead_init(&a->bulkhead, options->threads);
	troubles_init(&a->troubles);
	text_hex(random_bits(), INSTANCE_ID_DIGITS, a->instance);
	for (size_t i = 0; i < ROUTES_N; i++)
		path_template_read(routes[i].template, &a->templates[i]);
	err = api_keys_open(options->api_keys, options->n_api_keys, &a->keys);
	if (!err)
		err = store_reader_open(&options->store, &a->store);
	if (err) {
		api_keys_close(&a->keys);
		free(a);
		return err;
	}
	api_refresh(a);
	/* From now on it has the store, whatever another version puts in its place. */
	(void)can_read(a);
	*out = a;
	return ST_OK;
}

void api_close(struct api *a)
{
	if (!a)
		return;
	store_reader_close(a->store);
	api_keys_close(&a->keys);
	free(a);
}

void api_stop(struct api *a)
{
	atomic_store(&a->stopped_at_us, mono_now().us);
}

int64_t call_stop_ms(const struct call *c)
{
	int64_t most = c->api->options.stop_ms;
	struct mono stopped_at = { atomic_load(&c->api->stopped_at_us) };
	int64_t passed = stopped_at.us ? mono_ms_between(stopped_at, mono_now()) : 0;

	return passed < most ? most - passed : 0;
}

/* One that hangs, or was stopped, holds the store all the same. */
static bool daemon_answers(const struct api *a)
{
	struct control_status status;

	return control_ask_status(a->options.run_dir, "pool", ASK_DAEMON_MS, &status) == ST_OK;
}

static void log_what_is_over(struct api *a, struct mono now)
{
	struct troubles *t = &a->troubles;

	if (trouble_may_be_over(t, TROUBLE_STORE, now) && can_read(a))
		trouble_is_over(t, TROUBLE_STORE, now);
	if (trouble_may_be_over(t, TROUBLE_DAEMON, now) && daemon_answers(a))
		trouble_is_over(t, TROUBLE_DAEMON, now);
	trouble_count_strangers(t, now);
}

/* Where nobody hears it, the next reader says it again. */
static void tell_damage(struct api *a)
{
	char id[CONTROL_ID_MAX + 1];

	snprintf(id, sizeof(id), "damage-%ld", (long)getpid());
	if (control_tell_damage(a->options.run_dir, id, 0, TELL_MS) == ST_OK)
		log_error("store damaged", log_text("error", "the daemon was told"),
		    log_text("request_id", id));
}

void api_refresh(struct api *a)
{
	store_reader_refresh(a->store);
	if (store_reader_take_damage(a->store))
		tell_damage(a);
	atomic_store(&a->has_writer, store_reader_has_writer(a->store));
	log_what_is_over(a, mono_now());
}

void api_response_init(struct api_response *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->headers, HEADER_LIMIT);
	buf_init(&r->body, BODY_LIMIT);
}

void api_response_free(struct api_response *r)
{
	buf_free(&r->headers);
	buf_free(&r->body);
}

void api_response_trim(struct api_response *r)
{
	if (r->body.cap > BODY_KEPT)
		buf_free(&r->body);
}

static void response_reset(struct api_response *r)
{
	api_response_trim(r);
	buf_reset(&r->headers);
	buf_reset(&r->body);
	r->status = 0;
	r->route = METRICS_ROUTE_OTHER;
}

static bool is_request_id(struct span s)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	if (s.len == 0 || s.len > 64)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!memchr(allowed, s.data[i], sizeof(allowed) - 1))
			return false;
	return true;
}

static void choose_request_id(struct api *a, struct span asked, struct api_response *r)
{
	if (is_request_id(asked)) {
		memcpy(r->request_id, asked.data, asked.len);
		r->request_id[asked.len] = '\0';
	} else {
		memcpy(r->request_id, a->instance, INSTANCE_ID_DIGITS);
		r->request_id[INSTANCE_ID_DIGITS] = '-';
		text_hex(atomic_fetch_add(&a->requests, 1) + 1, COUNT_DIGITS,
		    r->request_id + INSTANCE_ID_DIGITS + 1);
	}
}

/* What every response carries, errors included. */
static void common_headers(struct call *c)
{
	response_header(c->response, "X-Request-Id", c->response->request_id);
	cors_headers(c);
}

static bool has_key(const struct api *a, const struct api_request *request)
{
	return request->n_keys == 1 && !memchr(request->keys[0].data, ',', request->keys[0].len) &&
	       api_keys_have(&a->keys, request->keys[0]);
}

static bool is_method(const struct call *c, const char *method)
{
	return span_is(c->request->method, method);
}

static handler *handler_of(const struct route *route, const struct call *c)
{
	if (is_method(c, "GET") || is_method(c, "HEAD"))
		return route->get;
	return is_method(c, "POST") ? route->post : NULL;
}

static struct match find_route(const struct call *c)
{
	struct match m = { 0 };

	for (size_t i = 0; i < ROUTES_N; i++) {
		handler *h;

		if (!path_matches(&c->path, &c->api->templates[i]))
			continue;
		h = handler_of(&routes[i], c);
		if (!m.route)
			m.route = &routes[i];
		if (!m.handler)
			m.handler = h;
		m.get |= routes[i].get != NULL;
		m.post |= routes[i].post != NULL;
		if (routes[i].last)
			break;
	}
	return m;
}

static const char *allowed(const struct match *m)
{
	if (m->get)
		return m->post ? "GET, HEAD, POST, OPTIONS" : "GET, HEAD, OPTIONS";
	return m->post ? "POST, OPTIONS" : "OPTIONS";
}

static bool is_below_v1(const struct path *p)
{
	return p->n >= 1 && p->segments[0].len == 2 && memcmp(p->segments[0].data, "v1", 2) == 0;
}

static void refuse_key(struct call *c)
{
	trouble_stranger(
	    &c->api->troubles, c->request->remote_addr, c->response->request_id, mono_now());
	problem_respond(c, PROBLEM_UNAUTHORIZED, NULL);
}

static void answer_options(struct call *c, const struct match *m)
{
	c->response->status = 204;
	response_header(c->response, "Allow", allowed(m));
	response_header(c->response, "Cache-Control", "no-store");
	cors_preflight(c, allowed(m));
}

static void dispatch(struct call *c)
{
	struct match m = find_route(c);
	bool open = m.route && m.route->open;

	if (m.route) {
		c->response->route = m.route->metrics;
		c->route = m.route->template;
	}
	if (!m.route && !is_below_v1(&c->path))
		problem_respond(c, PROBLEM_NOT_FOUND, NULL);
	else if (is_method(c, "OPTIONS"))
		answer_options(c, &m);
	else if (!open && !has_key(c->api, c->request))
		refuse_key(c);
	else if (!m.route)
		problem_respond(c, PROBLEM_NOT_FOUND, NULL);
	else if (m.handler)
		m.handler(c);
	else {
		response_header(c->response, "Allow", allowed(&m));
		problem_respond(c, PROBLEM_METHOD_NOT_ALLOWED, NULL);
	}
}

/* STORE_API_PREFIX of the web server beats the setting. */
static void mount(struct call *c)
{
	const struct api_options *o = &c->api->options;
	struct span from = { o->mount_from, strlen(o->mount_from) };
	struct span to = { o->mount_to, strlen(o->mount_to) };
	const char *equals;

	if (c->request->prefix.data) {
		from = c->request->prefix;
		to = (struct span){ "", 0 };
		equals = memchr(from.data, '=', from.len);
		if (equals) {
			to = (struct span){ equals + 1,
				from.len - (size_t)(equals - from.data) - 1 };
			from.len = (size_t)(equals - from.data);
		}
	}
	path_mount(&c->path, from, to);
}

static void count(struct call *c, struct mono began)
{
	struct metrics_request m = { .route = c->response->route,
		.code = c->response->status,
		.microseconds = mono_now().us - began.us,
		.response_bytes = is_method(c, "HEAD") ? 0 : c->response->body.len };
	char method[16] = "";

	if (c->request->method.len > 0 && c->request->method.len < sizeof(method))
		memcpy(method, c->request->method.data, c->request->method.len);
	m.method = method;
	if (c->api->options.metrics)
		metrics_pool_request(c->api->options.metrics, &m);
	if (log_wants(LOG_LEVEL_DEBUG))
		log_debug("request", log_text("request_id", c->response->request_id),
		    log_bytes("method", c->request->method.data, c->request->method.len),
		    log_text("route", c->route),
		    log_bytes("uri", c->request->uri.data, c->request->uri.len),
		    log_number("status", c->response->status), log_number("us", m.microseconds));
}

void api_handle(struct api *a, const struct api_request *request, struct api_response *response)
{
	struct call c = { .api = a, .request = request, .response = response, .route = "other" };
	struct mono began = mono_now();
	enum st_err err;

	response_reset(response);
	choose_request_id(a, request->request_id, response);
	common_headers(&c);
	err = path_read(request->uri, &c.path);
	if (!err) {
		mount(&c);
		dispatch(&c);
	} else {
		problem_respond(
		    &c, err == ST_INVALID ? PROBLEM_INVALID_PATH : PROBLEM_INTERNAL, NULL);
	}
	if (response->body.err || response->headers.err) {
		api_problem(response, 500, "internal", "The response could not be made");
		common_headers(&c);
	}
	path_free(&c.path);
	count(&c, began);
}
