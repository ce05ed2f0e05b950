/*
 * hostile [--count N] [--seed N]: bodies that nobody should send, through the
 * API in this process, with a daemon behind it that looks at each item that it
 * is to forward, and answers in every way that the protocol knows.
 *
 * A failure: a status or an error code that the contract doesn't have, an answer
 * that is no JSON, a refusal that was forwarded all the same, something
 * forwarded that is invalid, a valid body that wasn't.  The body that did it is
 * printed; the same seed does it again.
 */
#include <ctype.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "control/server.h"
#include "hostile/bodies.h"
#include "hostile/grammar.h"
#include "model/doc.h"

#define BODY_MAX 65536

/* How the daemon answers; RESULTS: as Central did. */
enum manner { RESULTS, PROBLEM, DIES, DIES_AFTER_TAKEN, NONSENSE, MANNER_COUNT };

static struct {
	struct control_server *server;
	atomic_bool stop;
	atomic_uint forwarded, invalid;
	atomic_int manner; /* of the next answer */
	atomic_uint roll;
} daemon_end;

static unsigned failures;

/* ---- the daemon ---- */

static bool is_name(struct span s, size_t max)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f)
			return false;
	return s.len >= 1 && s.len <= max && text_is_utf8(s.data, s.len);
}

static bool is_valid(const struct update_list *l)
{
	if (l->n < 1 || l->n > 100 || (!l->batch && l->n != 1))
		return false;
	for (size_t i = 0; i < l->n; i++) {
		const struct update *u = &l->items[i];

		if (!is_name(u->product_id, 511) || !is_name(u->key, 200) || u->delta == 0 ||
		    u->delta > 2147483647 || u->delta < -2147483647 || u->version < 1 ||
		    u->version > 9007199254740992)
			return false;
		for (size_t k = 0; k < i; k++)
			if (l->items[k].key.len == u->key.len &&
			    memcmp(l->items[k].key.data, u->key.data, u->key.len) == 0)
				return false;
	}
	return true;
}

static void write_results(const struct update_list *l, unsigned roll, struct control_update *u)
{
	static const char *const types[] = { "version_conflict", "product_not_found",
		"insufficient_inventory", "invalid_request", "timeout", "" };
	const char *type = types[roll % 6];
	struct update_result *items = calloc(l->n, sizeof(*items));

	for (size_t i = 0; items && i < l->n; i++)
		items[i] = (struct update_result){ .product_id = l->items[i].product_id,
			.applied = !type[0],
			.new_quantity = roll % 7,
			.new_version = !type[0] || roll % 3,
			.last_updated = { "t", roll % 2 },
			.error_type = { type, strlen(type) },
			.error_message = { "m", type[0] != '\0' } };
	u->results.items = items;
	u->results.n = items ? l->n : 0;
}

static void answer(struct control_peer *peer, const struct control_request *r, unsigned roll)
{
	int manner = atomic_load(&daemon_end.manner);
	struct control_update u = { .retry_after_s = (int64_t)(roll % 4) - 1, .index = -1 };
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	if (manner != DIES) {
		control_taken_write(r->id, 9000, &json);
		(void)control_interim(peer, &json);
		buf_reset(&json);
	}
	if (manner == PROBLEM) {
		u.end = (enum control_update_end)(1 + roll % (CONTROL_UPDATE_END_COUNT - 1));
		u.outcome = (enum control_outcome)(roll % CONTROL_OUTCOME_COUNT);
		u.index = u.end == CONTROL_UPDATE_KEY_REUSED ? (int64_t)(roll % r->updates.n) : -1;
	}
	if (manner == RESULTS || (manner == PROBLEM && u.end == CONTROL_UPDATE_TIMEOUT))
		write_results(&r->updates, roll, &u);
	if (manner == RESULTS || manner == PROBLEM)
		control_update_write(r->id, &u, &json);
	else if (manner == NONSENSE)
		buf_adds(&json, "{\"v\":1}");
	control_answer(peer, &json); /* one that is empty is the connection's end */
	free(u.results.items);
	buf_free(&json);
}

static void handle(void *arg, struct control_peer *peer, struct control_request *r, bool trusted)
{
	(void)arg;
	(void)trusted;
	atomic_fetch_add(&daemon_end.forwarded, 1);
	if (r->type != CONTROL_UPDATE || !is_valid(&r->updates))
		atomic_fetch_add(&daemon_end.invalid, 1);
	answer(peer, r, atomic_load(&daemon_end.roll));
}

static void *serve(void *arg)
{
	struct pollfd p = { .fd = control_server_fd(daemon_end.server), .events = POLLIN };

	(void)arg;
	while (!atomic_load(&daemon_end.stop)) {
		poll(&p, 1, 100);
		control_server_turn(daemon_end.server, mono_now());
	}
	return NULL;
}

/* ---- the client ---- */

struct body {
	const char *text;
	size_t len, at, piece;
	enum st_err end;
};

static enum st_err read_body(void *arg, char *to, size_t most, struct mono deadline, size_t *n)
{
	struct body *b = arg;
	size_t left = b->len - b->at;

	(void)deadline;
	if (left == 0 && b->end)
		return b->end;
	*n = left < most ? left : most;
	*n = *n < b->piece ? *n : b->piece;
	memcpy(to, b->text + b->at, *n);
	b->at += *n;
	return ST_OK;
}

static void fail(const char *what, const struct body *body, const struct api_response *r)
{
	failures++;
	printf("FAILED: %s\n  status %d: %s\n  body:", what, r->status, buf_text(&r->body));
	for (size_t i = 0; i < body->len; i++)
		printf(isprint((unsigned char)body->text[i]) ? "%c" : "\\x%02x",
		    (unsigned char)body->text[i]);
	putchar('\n');
}

/* "400 invalid_request"; "409 -" where the answer is Central's own. */
static void outcome_of(const struct api_response *r, const struct doc *d, char *out, size_t size)
{
	const struct doc_node *code = doc_member(d, doc_member(d, doc_root(d), "error"), "code");
	struct span text = code ? doc_span(d, code) : (struct span){ "\"-\"", 3 };

	snprintf(out, size, "%d %.*s", r->status, (int)text.len - 2, text.data + 1);
}

static bool is_known(const char *outcome, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], outcome) == 0)
			return true;
	return false;
}

#define KNOWN(outcome, list) is_known(outcome, list, sizeof(list) / sizeof((list)[0]))

/* What is known of a body beforehand. */
enum body_kind { BODY_ANY, BODY_VALID, BODY_CUT };

static void check(
    const struct api_response *r, const struct body *body, enum body_kind kind, bool forwarded)
{
	static const char *const refused[] = { "400 invalid_request", "408 request_timeout",
		"413 payload_too_large" };
	static const char *const answered[] = { "200 -", "400 -", "404 -", "409 -",
		"409 idempotency_key_reused", "429 central_rate_limited", "502 central_auth_failed",
		"502 central_error", "503 central_unavailable", "503 overloaded",
		"503 sync_daemon_unavailable", "504 central_timeout" };
	char outcome[128] = "";
	struct doc d;

	if (doc_parse(r->body.data, r->body.len, 1000000, &d, NULL)) {
		fail("the answer is no JSON", body, r);
		return;
	}
	outcome_of(r, &d, outcome, sizeof(outcome));
	if (strchr(outcome, '-') == NULL && !doc_member(&d, doc_root(&d), "errorType"))
		fail("no errorType at top level", body, r);
	doc_free(&d);
	if (forwarded ? !KNOWN(outcome, answered) : !KNOWN(outcome, refused))
		fail(forwarded ? "forwarded, and then this" : "not forwarded, and then this", body,
		    r);
	if (forwarded &&
	    (!grammar_is_json(body->text, body->len) || !text_is_utf8(body->text, body->len)))
		fail("forwarded, and no JSON", body, r);
	if (kind == BODY_VALID && !forwarded)
		fail("valid, and not forwarded", body, r);
	if (kind == BODY_CUT && forwarded)
		fail("cut or of another length than announced, and forwarded", body, r);
}

static void ask_once(struct api *api, struct dice *d, struct api_response *r, struct buf *text)
{
	static const char *const uris[] = { "/v1/store/inventory/updates",
		"/v1/store/inventory/batch-updates" };
	bool batch = dice_roll(d, 2);
	enum body_kind kind;
	unsigned before = atomic_load(&daemon_end.forwarded);
	uint32_t trick = dice_roll(d, 40);
	struct body body = { 0 };
	char length[32];
	struct api_request q = { .method = { "POST", 4 },
		.uri = { uris[batch], strlen(uris[batch]) },
		.keys = { { "key", 3 } },
		.n_keys = 1,
		.read_body = read_body,
		.body_arg = &body };

	buf_reset(text);
	kind = body_any(d, batch, text) && text->len <= BODY_MAX ? BODY_VALID : BODY_ANY;
	if (trick <= 2)
		kind = BODY_CUT;
	body = (struct body){ .text = buf_text(text),
		.len = text->len,
		.piece = dice_roll(d, 3) ? SIZE_MAX : 1 + dice_roll(d, 50),
		.end = trick == 0   ? ST_CLOSED
		       : trick == 1 ? ST_TIMEOUT
		                    : ST_OK };
	snprintf(length, sizeof(length), "%zu", text->len + (trick == 2));
	if (dice_roll(d, 3) || trick == 2)
		q.content_length = (struct span){ length, strlen(length) };
	atomic_store(
	    &daemon_end.manner, dice_roll(d, 3) ? RESULTS : (int)dice_roll(d, MANNER_COUNT));
	atomic_store(&daemon_end.roll, dice_roll(d, 1000));
	api_handle(api, &q, r);
	check(r, &body, kind, atomic_load(&daemon_end.forwarded) != before);
}

static void run(struct api *api, unsigned long count, uint64_t seed)
{
	struct dice d = { seed * UINT64_C(0x9e3779b97f4a7c15) + 1 };
	struct api_response r;
	struct buf text;

	api_response_init(&r);
	buf_init(&text, SIZE_MAX / 4);
	for (unsigned long i = 0; i < count && failures < 20; i++)
		ask_once(api, &d, &r, &text);
	buf_free(&text);
	api_response_free(&r);
}

static unsigned long option(int argc, char **argv, const char *name, unsigned long otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return strtoul(argv[i + 1], NULL, 10);
	return otherwise;
}

int main(int argc, char **argv)
{
	unsigned long count = option(argc, argv, "--count", 100000);
	unsigned long seed = option(argc, argv, "--seed", 1);
	static const char *const keys[] = { "key" };
	char dir[] = "/tmp/hostile.XXXXXX", path[64];
	struct api_options o = { .store = { "/nonexistent", (size_t)64 << 20 },
		.store_id = "store-s1",
		.version = "0",
		.api_keys = keys,
		.n_api_keys = 1,
		.mount_from = "",
		.mount_to = "",
		.max_body_bytes = BODY_MAX,
		.body_ms = API_BODY_MS,
		.stop_ms = API_STOP_MS,
		.force_wait_s = API_FORCE_WAIT_S,
		.threads = 16,
		.stop_fd = -1 };
	struct api *api;
	pthread_t thread;
	struct buf why;

	log_open("hostile", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	buf_init(&why, 4096);
	o.run_dir = mkdtemp(dir);
	if (!o.run_dir || metrics_pool_open(&o.metrics) ||
	    control_server_open(o.run_dir, handle, NULL, &daemon_end.server, &why) ||
	    pthread_create(&thread, NULL, serve, NULL) || api_open(&o, &api)) {
		fprintf(stderr, "hostile: can't begin: %s\n", buf_text(&why));
		return 2;
	}
	run(api, count, seed);
	atomic_store(&daemon_end.stop, true);
	pthread_join(thread, NULL);
	control_server_close(daemon_end.server);
	api_close(api);
	metrics_pool_close(o.metrics);
	buf_free(&why);
	snprintf(path, sizeof(path), "%s", o.run_dir);
	rmdir(path);
	if (atomic_load(&daemon_end.invalid) > 0 || atomic_load(&daemon_end.forwarded) == 0)
		failures++;
	printf("%lu bodies, seed %lu: %u forwarded, %u of them invalid\n", count, seed,
	    atomic_load(&daemon_end.forwarded), atomic_load(&daemon_end.invalid));
	printf("%d passed, %u failed\n", failures == 0, failures);
	return failures > 0;
}
