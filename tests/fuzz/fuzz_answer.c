/*
 * Central's answers as they come over the wire: the first byte says what was
 * asked, the others are all that the server sends before it closes.
 *
 * So this feeds the status line, Retry-After, the X-RateLimit headers, Date,
 * encodings and bodies, through curl, to whoever asked.  Each call ends once,
 * with a result or a class of failure and a text that can go into JSON, and with
 * times to wait that nobody can make long or negative.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "central/client.h"
#include "fuzz/fuzz.h"

#define WAIT_MAX_MS  (3600 * 1000)
#define PATIENCE_MS  60000
#define ANSWER_BYTES 65536 /* fits into the socket's buffer */

static int listener;
static char url[64];
static bool ended;

static void start(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);

	log_open("fuzz", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	HOLDS(bind(listener, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 8) == 0);
	HOLDS(getsockname(listener, (struct sockaddr *)&a, &size) == 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(a.sin_port));
}

/* ---- the ends ---- */

static void check(const struct central_outcome *o, bool has_result)
{
	HOLDS(!ended);
	ended = true;
	HOLDS(o->failure < FAILURE_CLASS_COUNT);
	HOLDS((o->failure == FAILURE_NONE) == (has_result || o->gone));
	HOLDS(o->failure == FAILURE_NONE || o->message[0]);
	HOLDS(text_is_utf8(o->message, strlen(o->message)));
	HOLDS(o->retry_after_ms >= 0 && o->retry_after_ms <= WAIT_MAX_MS);
	HOLDS(o->limit.reset_ms >= 0 && o->limit.reset_ms <= WAIT_MAX_MS);
	HOLDS(o->limit.limit >= -1 && o->sent);
}

static void page_done(void *arg, const struct central_outcome *o, const struct page *page)
{
	(void)arg;
	check(o, page != NULL);
	HOLDS(!page || o->status == 200);
}

static void product_done(void *arg, const struct central_outcome *o, const struct product *p)
{
	(void)arg;
	check(o, p != NULL);
	HOLDS(!o->gone || o->status == 404);
	HOLDS(!p || (o->status == 200 && fuzz_same(p->id, fuzz_span("PROD-001"))));
	if (p)
		fuzz_holds_product(p);
}

static void events_done(void *arg, const struct central_outcome *o, const struct event_batch *b)
{
	(void)arg;
	check(o, b != NULL);
	HOLDS(!b || o->status == 200);
}

static void updates_done(void *arg, const struct central_outcome *o, struct update_results *r)
{
	(void)arg;
	check(o, r != NULL);
	HOLDS(!r || r->n == 1);
}

/* ---- one exchange ---- */

static void ask(struct central *c, unsigned what)
{
	static struct update item = {
		.product_id = { "PROD-001", 8 }, .key = { "k1", 2 }, .delta = -2, .version = 6
	};
	static const struct update_list list = { .items = &item, .n = 1 };
	const struct central_post post = {
		.asked = &list, .body = { "{}", 2 }, .request_id = "r-1", .timeout_ms = PATIENCE_MS
	};
	struct central_call *call;
	enum st_err err;

	switch (what % 4) {
	case 0: err = central_get_page(c, 0, NULL, page_done, NULL, &call); break;
	case 1: err = central_get_product(c, "PROD-001", 8, product_done, NULL, &call); break;
	case 2: err = central_get_events(c, 0, 100, 0, events_done, NULL, &call); break;
	default: err = central_post_updates(c, &post, updates_done, NULL, &call); break;
	}
	HOLDS(err == ST_OK);
}

/* Takes the connection and what was asked, once it is there. */
static int take_request(struct central *c)
{
	char request[4096];
	int fd = -1;

	for (unsigned i = 0; fd < 0 && i < 10000; i++) {
		central_push(c);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	HOLDS(fd >= 0);
	for (unsigned i = 0; i < 10000 && recv(fd, request, sizeof(request), 0) <= 0; i++)
		central_push(c);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct central_options o = {
		.url = url, .key = "demo", .timeout_ms = PATIENCE_MS, .tls = { "", "", "" }
	};
	/* Closed by a reset: no port is left waiting. */
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct central *c;
	int fd;

	if (size == 0 || size > ANSWER_BYTES)
		return 0;
	if (!url[0])
		start();
	HOLDS(central_open(&o, &c) == ST_OK);
	ended = false;
	ask(c, data[0]);
	fd = take_request(c);
	(void)!send(fd, data + 1, size - 1, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; !ended && i < 10000; i++)
		central_wait(c, NULL, 0, 100);
	HOLDS(ended);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	central_close(c);
	return 0;
}
