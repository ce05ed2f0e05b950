/*
 * The HTTP side: routes, keys, rate limit, faults; the answers come from the
 * other files.
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "central/central.h"

#define BODY_MAX    (64 * 1024 * 1024)
#define CONNECTIONS 1024
#define WINDOW_MS   60000
#define DRIPS       8   /* pieces of an answer that comes little by little */
#define NOISE       500 /* bytes */

struct exchange {
	struct text body; /* of the request */
};

/* One client's connection; a restart happened in between: it is cut. */
struct client {
	int64_t restarts;
};

/* ---------------------------------------------------------------- orders of tests */

static void answer_stats(struct central *c, struct answer *a)
{
	const int64_t *n = c->counters;

	text_addf(&a->body,
	    "{\"requests\":{\"list\":%lld,\"product\":%lld,\"events\":%lld,"
	    "\"updates\":%lld,\"admin\":%lld,\"limited\":%lld},\"waiting\":%lld,\"products\":%zu,"
	    "\"head\":%lld,\"downMs\":%lld}",
	    (long long)n[COUNT_LIST], (long long)n[COUNT_PRODUCT], (long long)n[COUNT_EVENTS],
	    (long long)n[COUNT_UPDATES], (long long)n[COUNT_ADMIN], (long long)n[COUNT_LIMITED],
	    (long long)c->waiting, c->catalogue.n, (long long)c->feed.head, (long long)c->down_ms);
}

static const char *restart(struct central *c, json_object *body)
{
	json_object *how, *lose, *down;
	const char *wrong;

	if (!json_object_object_get_ex(body, "feed", &how))
		return "feed is missing";
	wrong = feed_restart(&c->feed, json_object_get_string(how),
	    json_object_object_get_ex(body, "lose", &lose) ? json_object_get_int64(lose) : 0);
	if (wrong)
		return wrong;
	updates_forget_keys(c);
	c->restarts++;
	if (json_object_object_get_ex(body, "downMs", &down) && json_object_get_int64(down) > 0) {
		c->down_ms = json_object_get_int64(down);
		kill(getpid(), SIGNAL_DOWN);
	}
	return NULL;
}

static void answer_test(struct central *c, const char *what, json_object *body, struct answer *a)
{
	const char *wrong = NULL;
	json_object *n;

	if (strcmp(what, "stats") == 0) {
		answer_stats(c, a);
		return;
	}
	if (strcmp(what, "faults") == 0)
		wrong = faults_order(&c->faults, body);
	else if (strcmp(what, "reset-log") == 0)
		feed_reset(&c->feed);
	else if (strcmp(what, "feed") == 0)
		wrong = feed_order(&c->feed, body);
	else if (strcmp(what, "restart") == 0)
		wrong = restart(c, body);
	else if (strcmp(what, "lose") == 0)
		c->feed.lose_next =
		    json_object_object_get_ex(body, "next", &n) ? json_object_get_int64(n) : 1;
	else
		wrong = "no such order";
	pthread_cond_broadcast(&c->changed);
	if (wrong)
		answer_coded(a, 400, "bad_order", wrong);
	else
		text_adds(&a->body, "{}");
}

/* ---------------------------------------------------------------- limits, keys, faults */

static const char *address_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info && info->client_addr->sa_family == AF_INET ? "127" : "other";
}

/* Counts a request; true if it is beyond the limit, with the answer made. */
static bool is_limited(struct central *c, struct MHD_Connection *conn, struct answer *a)
{
	const char *address = address_of(conn);
	int64_t now = clock_ms();
	struct window *w = c->windows;

	if (c->options.rate_limit == 0)
		return false;
	while (w < c->windows + 63 && w->address[0] && strcmp(w->address, address) != 0)
		w++;
	snprintf(w->address, sizeof(w->address), "%s", address);
	if (w->ends_at <= now) {
		w->ends_at = now + WINDOW_MS;
		w->used = 0;
	}
	if (w->used <= c->options.rate_limit)
		w->used++;
	a->with_window = true;
	a->window = *w;
	if (w->used <= c->options.rate_limit)
		return false;
	c->counters[COUNT_LIMITED]++;
	a->status = 429;
	text_addf(&a->body,
	    "{\"code\":\"rate_limit_exceeded\",\"message\":\"Rate limit exceeded. Please try "
	    "again later.\",\"details\":[{\"field\":\"rate_limit\",\"issue\":\"Exceeded %lld "
	    "requests per "
	    "minute. -1 requests remaining.\"},{\"field\":\"retry_after\",\"issue\":\"Retry after "
	    "60 "
	    "seconds\"}]}",
	    (long long)c->options.rate_limit);
	return true;
}

static bool has_key(struct MHD_Connection *conn, const char *key, struct answer *a)
{
	const char *sent = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "X-API-Key");

	if (!sent)
		answer_coded(a, 401, "unauthorized", "API key required");
	else if (strcmp(sent, key) != 0)
		answer_coded(a, 401, "unauthorized", "Invalid API key");
	return a->status == 200;
}

/* True if the fault has made the answer. */
static bool answer_fault(struct central *c, const struct fault *f, struct answer *a)
{
	int64_t until = clock_ms() + f->delay_ms;

	switch (f->kind) {
	case FAULT_STATUS:
		a->status = f->status;
		a->retry_after = f->retry_after;
		text_adds(&a->body, f->body);
		return true;
	case FAULT_GARBAGE: text_adds(&a->body, "{\"events\":[{\"offset\":1,\"pro"); return true;
	case FAULT_NOISE:
		for (int i = 0; i < NOISE; i++)
			text_add(&a->body, &(char){ (char)rand_r(&c->faults.random) }, 1);
		return true;
	case FAULT_HTML:
		a->type = "text/html";
		text_adds(&a->body, "<html><body><h1>It works!</h1></body></html>\n");
		return true;
	case FAULT_HANG:
	case FAULT_DELAY:
		while (!c->stopping && clock_ms() < until)
			answer_wait(c, until, -1);
		return false;
	default: return false;
	}
}

/* ---------------------------------------------------------------- sending */

/* An answer that isn't sent as a whole, or not at once. */
struct part {
	char *data;
	size_t end;       /* it breaks off here, */
	size_t block;     /* so much is sent at a time, */
	int64_t pause_ms; /* with this before each */
};

static ssize_t read_part(void *arg, uint64_t at, char *buffer, size_t max)
{
	struct part *part = arg;
	size_t n;

	if (at >= part->end)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	poll(NULL, 0, (int)part->pause_ms);
	n = part->end - (size_t)at < max ? part->end - (size_t)at : max;
	n = n < part->block ? n : part->block;
	memcpy(buffer, part->data + at, n);
	return (ssize_t)n;
}

static void free_part(void *arg)
{
	struct part *part = arg;

	free(part->data);
	free(part);
}

static struct MHD_Response *make_response(struct answer *a, const struct fault *fault)
{
	bool drip = fault->kind == FAULT_DRIP;
	struct part *part;

	if (!a->body.data)
		text_adds(&a->body, "");
	if (fault->kind != FAULT_CUT && !drip)
		return MHD_create_response_from_buffer(
		    a->body.len, a->body.data, MHD_RESPMEM_MUST_FREE);
	part = must(calloc(1, sizeof(*part)));
	part->data = a->body.data;
	part->end = drip ? a->body.len : a->body.len / 2;
	part->block = drip ? a->body.len / DRIPS + 1 : a->body.len;
	part->pause_ms = drip ? clock_real(fault->delay_ms) / DRIPS : 0;
	return MHD_create_response_from_callback(a->body.len, 4096, read_part, part, free_part);
}

static void add_number(struct MHD_Response *r, const char *name, int64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	MHD_add_response_header(r, name, text);
}

static enum MHD_Result send_answer(
    struct central *c, struct MHD_Connection *conn, struct answer *a, const struct fault *fault)
{
	struct MHD_Response *r = make_response(a, fault);
	enum MHD_Result sent;
	char date[40];

	MHD_add_response_header(r, "Content-Type", a->type);
	clock_http_date(date);
	MHD_add_response_header(r, "Date", date);
	if (a->close)
		MHD_add_response_header(r, "Connection", "close");
	if (a->retry_after >= 0)
		add_number(r, "Retry-After", a->retry_after);
	if (a->with_window) {
		add_number(r, "X-Ratelimit-Limit", c->options.rate_limit);
		add_number(r, "X-Ratelimit-Remaining", c->options.rate_limit - a->window.used);
		add_number(r, "X-Ratelimit-Reset", a->window.ends_at / 1000);
	}
	sent = MHD_queue_response(conn, a->status, r);
	MHD_destroy_response(r);
	return sent;
}

static enum MHD_Result reset_connection(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (info)
		setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return MHD_NO;
}

/* ---------------------------------------------------------------- routes */

enum place {
	PLACE_NONE,
	PLACE_HEALTH,
	PLACE_LIST,
	PLACE_EVENTS,
	PLACE_UPDATES,
	PLACE_PRODUCT,
	PLACE_ADMIN,
	PLACE_TEST
};

static const struct route {
	const char *path;
	bool prefix;
	const char *method; /* NULL: any */
	enum place place;
	enum counter counter;
	const char *fault; /* name of the path for faults, NULL: none hits it */
} routes[] = {
	{ "/health", false, NULL, PLACE_HEALTH, COUNT_OTHER, NULL },
	{ "/v1/inventory", false, "GET", PLACE_LIST, COUNT_LIST, "list" },
	{ "/v1/inventory/events", false, "GET", PLACE_EVENTS, COUNT_EVENTS, "events" },
	{ "/v1/inventory/updates", false, "POST", PLACE_UPDATES, COUNT_UPDATES, "updates" },
	{ "/v1/inventory/", true, "GET", PLACE_PRODUCT, COUNT_PRODUCT, "product" },
	{ "/v1/admin/products/", true, NULL, PLACE_ADMIN, COUNT_ADMIN, NULL },
	{ "/test/", true, NULL, PLACE_TEST, COUNT_OTHER, NULL },
};

static const struct route *find_route(const char *path, const char *method)
{
	static const struct route none = { "", false, NULL, PLACE_NONE, COUNT_OTHER, NULL };

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];
		bool same = r->prefix ? strncmp(path, r->path, strlen(r->path)) == 0
		                      : strcmp(path, r->path) == 0;

		if (same && (!r->method || strcmp(r->method, method) == 0))
			return r;
	}
	return &none;
}

static void answer_body(struct central *c, const struct route *r, const char *rest,
    const struct text *sent, struct answer *a)
{
	json_object *body = sent->data ? json_tokener_parse(sent->data) : NULL;

	if (r->place == PLACE_TEST)
		answer_test(c, rest, body, a);
	else if (!body || !json_object_is_type(body, json_type_object))
		answer_coded(a, 400, "bad_request", "Invalid JSON");
	else if (r->place == PLACE_UPDATES)
		a->status = updates_answer(c, body, &a->body);
	else
		a->status = admin_answer(c, rest, body, &a->body);
	json_object_put(body);
	if (r->place != PLACE_TEST)
		state_save(c);
	pthread_cond_broadcast(&c->changed);
}

static void answer_place(struct central *c, struct MHD_Connection *conn, const struct route *r,
    const char *path, const struct text *sent, int64_t most, struct answer *a)
{
	const char *rest = path + strlen(r->path);

	switch (r->place) {
	case PLACE_HEALTH: text_adds(&a->body, "{\"status\":\"healthy\"}"); break;
	case PLACE_LIST: answer_list(c, conn, most, a); break;
	case PLACE_EVENTS: answer_events(c, conn, a); break;
	case PLACE_PRODUCT: answer_product(c, rest, a); break;
	case PLACE_UPDATES:
	case PLACE_ADMIN:
	case PLACE_TEST: answer_body(c, r, rest, sent, a); break;
	case PLACE_NONE:
		a->status = 404;
		a->type = "text/plain; charset=utf-8";
		text_adds(&a->body, "404 page not found\n");
		break;
	}
}

static int64_t most_of(const struct fault *f)
{
	return f->kind == FAULT_EMPTY ? 0 : f->kind == FAULT_SHRINK ? f->keep : INT64_MAX;
}

/* Under the lock: was it opened before the last restart? */
static bool is_cut(const struct central *c, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct client *client = info ? info->socket_context : NULL;

	return client && client->restarts != c->restarts;
}

static void log_request(struct MHD_Connection *conn, const char *method, const char *path)
{
	const char *id = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "X-Request-Id");

	fprintf(stderr, "%s %s %s\n", method, path, id ? id : "-");
}

/* Under the lock.  MHD_NO resets the connection. */
static enum MHD_Result answer(struct central *c, struct MHD_Connection *conn, const char *path,
    const char *method, const struct text *sent)
{
	const struct route *r = find_route(path, method);
	struct answer a = { .status = 200, .type = "application/json", .retry_after = -1 };
	struct fault fault = { .kind = FAULT_NONE };
	bool open = r->place == PLACE_HEALTH || r->place == PLACE_TEST || r->place == PLACE_NONE;
	const char *key = r->place == PLACE_ADMIN ? c->options.admin_key : c->options.key;
	int64_t restarts = c->restarts;

	/* A connection of before the restart is gone, whatever is asked on it. */
	if (is_cut(c, conn) && r->place != PLACE_TEST && r->place != PLACE_ADMIN)
		return reset_connection(conn);
	c->counters[r->counter]++;
	if (c->options.log_requests)
		log_request(conn, method, path);
	if (r->fault)
		fault = faults_hit(&c->faults, r->fault);
	if (fault.kind == FAULT_RESET)
		return reset_connection(conn);
	if (!(r->fault && is_limited(c, conn, &a)) && !answer_fault(c, &fault, &a) &&
	    (open || has_key(conn, key, &a)))
		answer_place(c, conn, r, path, sent, most_of(&fault), &a);
	if (fault.kind == FAULT_HANG)
		a.status = 504;
	a.close = fault.kind == FAULT_CLOSE;
	if (fault.kind == FAULT_FORGET)
		updates_forget_keys(c);
	/* It was carried out, or was waiting when Central restarted: no answer comes. */
	if (fault.kind == FAULT_LOST || fault.kind == FAULT_FORGET ||
	    (r->place != PLACE_TEST && c->restarts != restarts)) {
		text_free(&a.body);
		return reset_connection(conn);
	}
	return send_answer(c, conn, &a, &fault);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *conn, const char *path,
    const char *method, const char *version, const char *data, size_t *size, void **state)
{
	struct central *c = arg;
	struct exchange *x = *state;
	enum MHD_Result result;

	(void)version;
	if (!x) {
		*state = must(calloc(1, sizeof(*x)));
		return MHD_YES;
	}
	if (*size > 0) {
		if (x->body.len + *size > BODY_MAX)
			return MHD_NO;
		text_add(&x->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	pthread_mutex_lock(&c->lock);
	result = answer(c, conn, path, method, &x->body);
	pthread_mutex_unlock(&c->lock);
	return result;
}

static void completed(
    void *arg, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;

	(void)arg;
	(void)conn;
	(void)code;
	if (x)
		text_free(&x->body);
	free(x);
}

static void connection_changed(void *arg, struct MHD_Connection *conn, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct central *c = arg;
	struct client *client;

	(void)conn;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		client = must(calloc(1, sizeof(*client)));
		pthread_mutex_lock(&c->lock);
		client->restarts = c->restarts;
		pthread_mutex_unlock(&c->lock);
		*context = client;
	} else {
		free(*context);
		*context = NULL;
	}
}

/* Only what a client must escape is decoded here, once; MHD's own way would decode the path too early. */
struct MHD_Daemon *http_start(struct central *c, unsigned *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)c->options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon = MHD_start_daemon(
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC |
		MHD_USE_SUPPRESS_DATE_NO_CLOCK,
	    0, NULL, NULL, handle, c, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
	    MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
	    MHD_OPTION_NOTIFY_CONNECTION, connection_changed, c, MHD_OPTION_THREAD_STACK_SIZE,
	    (size_t)262144, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);

	if (!daemon)
		return NULL;
	info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	*port = info ? info->port : c->options.port;
	return daemon;
}
