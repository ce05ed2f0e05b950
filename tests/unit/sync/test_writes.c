/*
 * Forwarded writes: what Central says to each try, and what the client, the
 * store and the next try make of it.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/client.h"
#include "control/ends.h"
#include "sync/daemon.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define RESET "" /* instead of an answer the connection breaks */

/* One answer of Central to a POST. */
struct reply {
	int status;
	const char *headers, *body;
};

/* Guarded by the lock.  Products A to D; what A is follows from version and quantity. */
static struct {
	pthread_mutex_t lock;
	const struct reply *replies; /* to the next POSTs; beyond them 500 */
	size_t n_replies, posts;
	char body[4096]; /* of the last POST */
	char request_id[80];
	bool same_bodies; /* all POSTs so far */
	int product_status;
	long version, quantity; /* of A, and its price goes with the version */
	long products_asked;
} central = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct daemon run;

static void add_product(struct buf *body, char id)
{
	long version = id == 'A' ? central.version : 6,
	     quantity = id == 'A' ? central.quantity : 10;

	buf_addf(body,
	    "{\"productId\":\"%c\",\"name\":\"n%c\",\"available\":%ld,\"version\":%ld,"
	    "\"lastUpdated\":\"2026-01-01T00:00:00Z\",\"price\":%ld.50}",
	    id, id, quantity, version, version);
}

static void answer_list(const char *head, struct buf *body)
{
	long offset = script_parameter(head, "offset"), limit = script_parameter(head, "limit");

	buf_adds(body, "{\"products\":[");
	for (long i = offset; i < 4; i++) {
		buf_adds(body, i > offset ? "," : "");
		add_product(body, (char)('A' + i));
	}
	buf_addf(body,
	    "],\"pagination\":{\"offset\":%ld,\"limit\":%ld,\"total_count\":4,\"has_more\":false}}",
	    offset, limit);
}

static void answer_post(const char *head, struct buf *out)
{
	static const struct reply none = { 500, "", "{}" };
	const struct reply *r = central.posts < central.n_replies ? &central.replies[central.posts]
	                                                          : &none;
	const char *id = strstr(head, "X-Request-Id: "), *body = strstr(head, "\r\n\r\n") + 4;

	if (central.posts > 0 && strcmp(body, central.body) != 0)
		central.same_bodies = false;
	snprintf(central.body, sizeof(central.body), "%s", body);
	if (id)
		snprintf(central.request_id, sizeof(central.request_id), "%.*s",
		    (int)strcspn(id + 14, "\r"), id + 14);
	central.posts++;
	if (r->body[0])
		script_json(out, r->status, r->headers, r->body);
}

static void answer(void *arg, const char *head, struct buf *out)
{
	struct buf body;
	int status = 200;

	(void)arg;
	buf_init(&body, 65536);
	pthread_mutex_lock(&central.lock);
	if (strncmp(head, "POST ", 5) == 0) {
		answer_post(head, out);
		pthread_mutex_unlock(&central.lock);
		return;
	}
	if (strstr(head, "/v1/inventory/events?")) {
		buf_adds(&body, "{\"events\":null,\"nextOffset\":0,\"hasMore\":false,\"count\":0}");
	} else if (strstr(head, "/v1/inventory?")) {
		answer_list(head, &body);
	} else {
		central.products_asked++;
		status = central.product_status;
		add_product(&body, strstr(head, "/v1/inventory/")[14]);
	}
	pthread_mutex_unlock(&central.lock);
	script_json(out, status, "", buf_text(&body));
	buf_free(&body);
}

static bool store_has(const char *id, const char *json)
{
	struct store_snapshot s;
	struct product p;
	bool has;

	if (store_snapshot_begin(run.reader, &s))
		return false;
	has = store_snapshot_product(&s, id, strlen(id), &p) == ST_OK &&
	      p.json.len == strlen(json) && memcmp(p.json.data, json, p.json.len) == 0;
	store_snapshot_end(&s);
	return has;
}

static bool until_store_has(const char *id, const char *json)
{
	struct mono deadline = mono_add_ms(mono_now(), 15000);

	while (!store_has(id, json)) {
		if (mono_reached(deadline, mono_now()))
			return false;
		poll(NULL, 0, 2); /* others need the processor as well */
	}
	return true;
}

#define A6                                                                     \
	"{\"productId\":\"A\",\"name\":\"nA\",\"available\":10,\"version\":6," \
	"\"lastUpdated\":\"2026-01-01T00:00:00Z\",\"price\":6.50}"
/* What a write from 6 to 7 makes of it. */
#define A7                                                                    \
	"{\"productId\":\"A\",\"name\":\"nA\",\"available\":8,\"version\":7," \
	"\"lastUpdated\":\"2026-02-02T00:00:00Z\",\"price\":6.50}"
#define APPLIED                                                                     \
	"{\"productId\":\"A\",\"newQuantity\":8,\"newVersion\":7,\"applied\":true," \
	"\"lastUpdated\":\"2026-02-02T00:00:00Z\"}"
#define CONFLICT                                                                       \
	"{\"productId\":\"A\",\"newQuantity\":3,\"newVersion\":9,"                     \
	"\"lastUpdated\":\"2026-02-02T00:00:00Z\",\"errorType\":\"version_conflict\"," \
	"\"errorMessage\":\"version conflict: expected 9, got 6\"}"

#define UPDATE                                                                     \
	"{\"v\":1,\"id\":\"r-1\",\"type\":\"update\",\"batch\":false,\"items\":[{" \
	"\"productId\":\"A\",\"delta\":-2,\"version\":6,\"idempotencyKey\":\"k1\"}]}"

static void begin(void)
{
	central.version = 6;
	central.quantity = 10;
	central.product_status = 200;
	central.products_asked = 0;
	daemon_begin(&run, answer, NULL);
	CU_ASSERT_TRUE(until_store_has("A", A6));
}

static void end(void)
{
	daemon_end(&run);
}

static void say(const struct reply *replies, size_t n)
{
	pthread_mutex_lock(&central.lock);
	central.replies = replies;
	central.n_replies = n;
	central.posts = 0;
	central.same_bodies = true;
	pthread_mutex_unlock(&central.lock);
}

static void set_product(int status, long version, long quantity)
{
	pthread_mutex_lock(&central.lock);
	central.product_status = status;
	central.version = version;
	central.quantity = quantity;
	pthread_mutex_unlock(&central.lock);
}

static size_t posts(void)
{
	size_t n;

	pthread_mutex_lock(&central.lock);
	n = central.posts;
	pthread_mutex_unlock(&central.lock);
	return n;
}

static struct span text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static struct update update_of(const char *id, const char *key, int64_t version)
{
	return (struct update){ text(id), text(key), -2, version };
}

static struct control_update forward_all(struct update *items, size_t n, bool batch)
{
	struct update_list list = { .batch = batch, .items = items, .n = n };
	struct control_patience patience = { 5000, -1, 0 };
	struct control_update u = { .end = CONTROL_UPDATE_END_COUNT };
	bool taken = false;

	CU_ASSERT_EQUAL(control_forward(run.dir, "req-1", &list, &patience, &taken, &u), ST_OK);
	CU_ASSERT_TRUE(taken);
	return u;
}

static struct control_update forward(const char *key, int64_t version)
{
	struct update item = update_of("A", key, version);

	return forward_all(&item, 1, false);
}

TEST(sync_writes, applied_is_in_the_store_before_it_is_told)
{
	static const struct reply replies[] = { { 200, "", APPLIED } };
	struct control_update u;

	begin();
	say(replies, N(replies));
	u = forward("k1", 6);
	CU_ASSERT_TRUE(store_has("A", A7));
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_ANSWERED);
	CU_ASSERT_EQUAL_FATAL(u.results.n, 1);
	CU_ASSERT_TRUE(u.results.items[0].applied);
	CU_ASSERT_EQUAL(u.results.items[0].new_quantity, 8);
	CU_ASSERT_EQUAL(u.results.items[0].new_version, 7);
	ASSERT_TEXT(central.body,
	    "{\"storeId\":\"store-u\",\"productId\":\"A\",\"delta\":-2,\"version\":6,"
	    "\"idempotencyKey\":\"store-u-k1\"}");
	ASSERT_TEXT(central.request_id, "req-1");
	CU_ASSERT_EQUAL(central.products_asked, 0);
	update_results_free(&u.results);
	end();
}

TEST(sync_writes, a_conflict_has_its_product_looked_up_first)
{
	static const struct reply replies[] = { { 409, "", CONFLICT } };
	struct control_update u;

	begin();
	set_product(200, 9, 3);
	say(replies, N(replies));
	u = forward("k1", 6);
	/* With the price that goes with that version, which the conflict didn't name. */
	CU_ASSERT_TRUE(
	    store_has("A", "{\"productId\":\"A\",\"name\":\"nA\",\"available\":3,\"version\":9,"
			   "\"lastUpdated\":\"2026-01-01T00:00:00Z\",\"price\":9.50}"));
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_ANSWERED);
	CU_ASSERT_FALSE(u.results.items[0].applied);
	CU_ASSERT_EQUAL(central.products_asked, 1);
	update_results_free(&u.results);
	end();
}

TEST(sync_writes, without_a_look_up_its_numbers_stand_until_the_whole_product_comes)
{
	static const struct reply replies[] = { { 409, "", CONFLICT } };
	struct control_update u;

	begin();
	set_product(500, 9, 3);
	say(replies, N(replies));
	u = forward("k1", 6);
	CU_ASSERT_TRUE(
	    store_has("A", "{\"productId\":\"A\",\"name\":\"nA\",\"available\":3,\"version\":9,"
			   "\"lastUpdated\":\"2026-02-02T00:00:00Z\",\"price\":6.50}"));
	set_product(200, 9, 3);
	CU_ASSERT_TRUE(until_store_has("A",
	    "{\"productId\":\"A\",\"name\":\"nA\",\"available\":3,\"version\":9,"
	    "\"lastUpdated\":\"2026-01-01T00:00:00Z\",\"price\":9.50}"));
	update_results_free(&u.results);
	end();
}

TEST(sync_writes, what_breaks_is_sent_again_with_the_same_bytes)
{
	static const struct reply replies[] = { { 0, "", RESET }, { 0, "", RESET },
		{ 200, "", APPLIED } };
	struct control_update u;

	begin();
	say(replies, N(replies));
	u = forward("k1", 6);
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_ANSWERED);
	CU_ASSERT_EQUAL(posts(), 3);
	CU_ASSERT_TRUE(central.same_bodies);
	CU_ASSERT_TRUE(store_has("A", A7));
	update_results_free(&u.results);
	end();
}

/* Each row a fresh daemon: the first request, and what the next one of the same key makes of it. */
TEST(sync_writes, what_is_not_known_is_not_called_failed)
{
	static const struct {
		struct reply replies[3];
		size_t n;
		enum control_update_end end;
		enum control_outcome outcome;
		size_t results;
	} rows[] = {
		/* a refusal after a try that nobody knows of */
		{ { { 0, "", RESET }, { 409, "", CONFLICT } }, 2, CONTROL_UPDATE_TIMEOUT,
		    CONTROL_UNKNOWN, 1 },
		{ { { 0, "", RESET }, { 429, "", "{}" } }, 2, CONTROL_UPDATE_TIMEOUT,
		    CONTROL_UNKNOWN, 0 },
		{ { { 0, "", RESET }, { 401, "", "{}" } }, 2, CONTROL_UPDATE_TIMEOUT,
		    CONTROL_UNKNOWN, 0 },
		{ { { 500, "", "{}" } }, 1, CONTROL_UPDATE_ERROR, CONTROL_UNKNOWN, 0 },
		{ { { 200, "", "<html>" } }, 1, CONTROL_UPDATE_ERROR, CONTROL_UNKNOWN, 0 },
		{ { { 200, "", "{\"productId\":\"B\",\"newVersion\":7,\"applied\":true}" } }, 1,
		    CONTROL_UPDATE_ERROR, CONTROL_UNKNOWN, 0 },
		{ { { 409, "",
		      "{\"productId\":\"A\",\"errorType\":\"internal_error\",\"errorMessage\":"
		      "\"x\"}" } },
		    1, CONTROL_UPDATE_ERROR, CONTROL_UNKNOWN, 1 },
		/* these are known */
		{ { { 429, "Retry-After: 7\r\n", "{}" } }, 1, CONTROL_UPDATE_RATE_LIMITED,
		    CONTROL_NOT_APPLIED, 0 },
		{ { { 403, "", "{}" } }, 1, CONTROL_UPDATE_AUTH_FAILED, CONTROL_NOT_APPLIED, 0 },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct control_update u;

		begin();
		say(rows[i].replies, rows[i].n);
		u = forward("k1", 6);
		CU_ASSERT_EQUAL(u.end, rows[i].end);
		CU_ASSERT_EQUAL(u.outcome, rows[i].outcome);
		CU_ASSERT_EQUAL(u.results.n, rows[i].results);
		CU_ASSERT_EQUAL(posts(), rows[i].n);
		if (rows[i].end == CONTROL_UPDATE_RATE_LIMITED)
			CU_ASSERT_EQUAL(u.retry_after_s, 7);
		CU_ASSERT_TRUE(rows[i].results || store_has("A", A6));
		update_results_free(&u.results);
		end();
	}
}

/* The memory of keys: unknown stays unknown for the client's own repeat, too. */
TEST(sync_writes, a_repeat_of_an_unknown_key_is_believed_only_when_applied)
{
	static const struct reply unknown[] = { { 500, "", "{}" } };
	static const struct reply refused[] = { { 409, "", CONFLICT } };
	static const struct reply applied[] = { { 200, "", APPLIED } };
	struct control_update u;

	begin();
	say(unknown, 1);
	u = forward("k1", 6);
	CU_ASSERT_EQUAL(u.outcome, CONTROL_UNKNOWN);
	say(refused, 1);
	update_results_free(&u.results);
	u = forward("k1", 6);
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_TIMEOUT);
	CU_ASSERT_EQUAL(u.outcome, CONTROL_UNKNOWN);
	CU_ASSERT_EQUAL(u.results.n, 1);
	update_results_free(&u.results);
	say(applied, 1);
	u = forward("k1", 6);
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_ANSWERED);
	update_results_free(&u.results);
	/* Known now: a refusal is one again. */
	say(refused, 1);
	u = forward("k1", 6);
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_ANSWERED);
	update_results_free(&u.results);
	end();
}

TEST(sync_writes, a_key_is_for_one_update)
{
	static const struct reply applied[] = { { 200, "", APPLIED } };
	static const struct reply limited[] = { { 403, "", "{}" } };
	struct update items[] = { update_of("B", "k2", 6), update_of("A", "k1", 9) };
	struct control_update u;

	begin();
	say(applied, 1);
	u = forward("k1", 6);
	update_results_free(&u.results);
	u = forward("k1", 7);
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_KEY_REUSED);
	CU_ASSERT_EQUAL(u.index, 0);
	update_results_free(&u.results);
	u = forward_all(items, 2, true);
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_KEY_REUSED);
	CU_ASSERT_EQUAL(u.index, 1);
	CU_ASSERT_EQUAL(posts(), 1);
	update_results_free(&u.results);
	/* One that was not applied is free again. */
	say(limited, 1);
	u = forward("k3", 6);
	CU_ASSERT_EQUAL(u.outcome, CONTROL_NOT_APPLIED);
	say(applied, 1);
	update_results_free(&u.results);
	u = forward("k3", 8);
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_ANSWERED);
	update_results_free(&u.results);
	end();
}

TEST(sync_writes, a_batch_is_one_request_and_one_commit)
{
	static const struct reply replies[] = { { 200, "",
	    "{\"results\":[{\"productId\":\"A\",\"newQuantity\":8,\"newVersion\":7,"
	    "\"applied\":true,\"lastUpdated\":\"2026-02-02T00:00:00Z\"},"
	    "{\"productId\":\"B\",\"newQuantity\":0,\"newVersion\":0,\"applied\":false,"
	    "\"lastUpdated\":\"\",\"errorType\":\"insufficient_inventory\","
	    "\"errorMessage\":\"insufficient inventory: current 10, delta -100\"},"
	    "{\"productId\":\"C\",\"newQuantity\":0,\"newVersion\":7,\"applied\":true,"
	    "\"lastUpdated\":\"2026-02-02T00:00:00Z\"}],"
	    "\"summary\":{\"total\":3,\"succeeded\":2,\"failed\":1}}" } };
	struct update items[] = { update_of("A", "k1", 6), update_of("B", "k2", 6),
		update_of("C", "k3", 6) };
	struct control_update u;

	begin();
	say(replies, N(replies));
	u = forward_all(items, N(items), true);
	CU_ASSERT_EQUAL(u.end, CONTROL_UPDATE_ANSWERED);
	CU_ASSERT_EQUAL(u.results.n, 3);
	CU_ASSERT_TRUE(store_has("A", A7));
	CU_ASSERT_TRUE(
	    store_has("C", "{\"productId\":\"C\",\"name\":\"nC\",\"available\":0,\"version\":7,"
			   "\"lastUpdated\":\"2026-02-02T00:00:00Z\",\"price\":6.50}"));
	ASSERT_TEXT(central.body,
	    "{\"storeId\":\"store-u\",\"updates\":["
	    "{\"productId\":\"A\",\"delta\":-2,\"version\":6,\"idempotencyKey\":\"store-u-k1\"},"
	    "{\"productId\":\"B\",\"delta\":-2,\"version\":6,\"idempotencyKey\":\"store-u-k2\"},"
	    "{\"productId\":\"C\",\"delta\":-2,\"version\":6,\"idempotencyKey\":\"store-u-k3\"}]}");
	update_results_free(&u.results);
	end();
}

TEST(sync_writes, a_full_sync_that_is_waited_for_tells_how_it_ended)
{
	struct control_patience patience = { 10000, -1, 0 };
	struct control_sync how = { .failure = FAILURE_STORAGE };

	begin();
	CU_ASSERT_EQUAL(control_wait_sync(run.dir, "r", &patience, &how), ST_OK);
	CU_ASSERT_EQUAL(how.failure, FAILURE_NONE);
	end();
}

/* What a client was promised is brought to its end; nothing else is begun or promised. */
TEST(sync_writes, only_what_was_taken_is_done_while_the_daemon_ends)
{
	static const struct reply replies[] = { { 200, "", APPLIED } };
	struct control_status status;
	int fd, code;

	begin();
	say(replies, N(replies));
	/* Central thinks about its answers. */
	pthread_mutex_lock(&central.lock);
	fd = raw_connect(run.dir);
	raw_message(fd, UPDATE);
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "\"taken\":true"));
	kill(run.pid, SIGTERM);
	/* Whoever comes after this one comes after the signal. */
	CU_ASSERT_EQUAL(control_ask_status(run.dir, "r", 5000, &status), ST_OK);
	CU_ASSERT_EQUAL(control_ask_sync(run.dir, "r", 1000), ST_INVALID);
	pthread_mutex_unlock(&central.lock);
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "\"applied\":true"));
	close(fd);
	CU_ASSERT_EQUAL(waitpid(run.pid, &code, 0), run.pid);
	CU_ASSERT_TRUE(WIFEXITED(code) && WEXITSTATUS(code) == 0);
	store_reader_close(run.reader);
	script_stop(run.script);
}
