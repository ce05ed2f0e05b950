/*
 * The engine with the real store, against a Central of a few lines: a list of N
 * products and a feed, with the faults that a test asks for.  What it did is
 * read from the store.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "central/client.h"
#include "control/client.h"
#include "sync/daemon.h"
#include "unit.h"

/* What the scripted Central holds and how it behaves; changed by the test under the lock. */
static struct {
	pthread_mutex_t lock;
	long products;    /* P00000 … */
	long version;     /* of all of them, in the list */
	long rejected;    /* so many more in the list that can't be used */
	long first, head; /* the feed holds offsets first to head - 1, each an update of P00000 */
	long hole;        /* an offset that is never there, -1: none */
	int events_status, list_status; /* other than 200: that is the answer */
	long lists, polls, heads;
} central = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct daemon run;

/* What the last event in the feed says of P00000, else what all others have. */
static long version_of(long product)
{
	return product == 0 && central.head > central.first ? central.head + 99 : central.version;
}

static void add_product(const char *head, struct buf *body)
{
	long product = strtol(strstr(head, "/v1/inventory/P") + 15, NULL, 10);

	buf_addf(body, "{\"productId\":\"P%05ld\",\"version\":%ld}", product, version_of(product));
}

static void add_list(const char *head, struct buf *body)
{
	long offset = script_parameter(head, "offset"), limit = script_parameter(head, "limit");
	long total = central.products + central.rejected, n = total - offset;

	if (n > limit)
		n = limit;
	buf_adds(body, "{\"products\":[");
	for (long i = offset; i < offset + n; i++) {
		buf_adds(body, i > offset ? "," : "");
		if (i < central.products)
			buf_addf(
			    body, "{\"productId\":\"P%05ld\",\"version\":%ld}", i, version_of(i));
		else
			buf_addf(body, "{\"productId\":\"Q%05ld\",\"version\":\"none\"}", i);
	}
	buf_addf(body,
	    "],\"pagination\":{\"offset\":%ld,\"limit\":%ld,\"total_count\":%ld,"
	    "\"has_more\":%s}}",
	    offset, limit, total, offset + n < total ? "true" : "false");
	central.lists++;
}

static void add_events(const char *head, struct buf *body)
{
	long offset = script_parameter(head, "offset"), limit = script_parameter(head, "limit"),
	     n = 0;
	long from = offset > central.first ? offset : central.first;

	buf_adds(body, "{\"events\":[");
	for (long o = from; o < central.head && n < limit; o++) {
		if (o == central.hole)
			continue;
		buf_addf(body,
		    "%s{\"offset\":%ld,\"timestamp\":\"2026-01-01T00:00:00Z\",\"eventType\":"
		    "\"product_updated\",\"productId\":\"P00000\",\"data\":{\"productId\":"
		    "\"P00000\","
		    "\"version\":%ld},\"version\":%ld}",
		    n++ > 0 ? "," : "", o, o + 100, o + 100);
	}
	buf_addf(body, "],\"nextOffset\":%ld,\"hasMore\":false,\"count\":%ld}", central.head, n);
	if (offset == CENTRAL_OFFSET_HEAD)
		central.heads++;
	else
		central.polls++;
}

static void answer(void *arg, const char *head, struct buf *out)
{
	bool events = strstr(head, "/v1/inventory/events?") != NULL;
	struct buf body;
	int status;

	(void)arg;
	buf_init(&body, 8 * 1024 * 1024);
	pthread_mutex_lock(&central.lock);
	status = events ? central.events_status : central.list_status;
	if (status != 200)
		buf_adds(&body, "{}");
	else if (events)
		add_events(head, &body);
	else if (strstr(head, "/v1/inventory/P"))
		add_product(head, &body);
	else
		add_list(head, &body);
	pthread_mutex_unlock(&central.lock);
	script_json(out, status, "", buf_text(&body));
	buf_free(&body);
}

static void begin_answering(long products, long head, int status)
{
	central.products = products;
	central.version = 1;
	central.rejected = 0;
	central.first = 0;
	central.head = head;
	central.hole = -1;
	central.events_status = central.list_status = status;
	central.lists = central.polls = central.heads = 0;
	daemon_begin(&run, answer, NULL);
}

static void begin(long products, long head)
{
	begin_answering(products, head, 200);
}

static void end(void)
{
	daemon_end(&run);
}

static bool read_record(struct sync_record *r, uint64_t *products, int64_t *version)
{
	struct store_snapshot s;
	struct product p = { .version = -1 };

	if (store_snapshot_begin(run.reader, &s))
		return false;
	*products = store_snapshot_count(&s);
	if (store_snapshot_product(&s, "P00000", 6, &p) == ST_OK)
		*version = p.version;
	else
		*version = -1;
	if (store_snapshot_record(&s, r))
		*products = UINT64_MAX;
	store_snapshot_end(&s);
	return true;
}

/* Wait until the record is as the condition says; *r is the last one seen. */
static bool until(
    bool (*condition)(const struct sync_record *r, long wanted), long wanted, struct sync_record *r)
{
	struct mono deadline = mono_add_ms(mono_now(), 15000);
	uint64_t products;
	int64_t version;

	do {
		if (read_record(r, &products, &version) && condition(r, wanted))
			return true;
		poll(NULL, 0, 2); /* others need the processor as well */
	} while (!mono_reached(deadline, mono_now()));
	return false;
}

static bool has_full_syncs(const struct sync_record *r, long n)
{
	return r->full_syncs == (uint64_t)n;
}

static bool has_offset(const struct sync_record *r, long offset)
{
	return r->event_offset == offset;
}

static bool is_in_state(const struct sync_record *r, long state)
{
	return r->state == (uint32_t)state;
}

static bool has_failed_as(const struct sync_record *r, long failure)
{
	return r->failure_class == (uint32_t)failure;
}

static void set(int *member, int value)
{
	pthread_mutex_lock(&central.lock);
	*member = value;
	pthread_mutex_unlock(&central.lock);
}

static long lists_asked(void)
{
	long n;

	pthread_mutex_lock(&central.lock);
	n = central.lists;
	pthread_mutex_unlock(&central.lock);
	return n;
}

static void set_feed(long first, long head, long hole)
{
	pthread_mutex_lock(&central.lock);
	central.first = first;
	central.head = head;
	central.hole = hole;
	pthread_mutex_unlock(&central.lock);
}

TEST(sync_engine, fills_the_store_from_all_pages_and_follows_the_feed)
{
	struct sync_record r;
	uint64_t products;
	int64_t version;

	begin(1000, 5);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	/* Each page begins with the last product of the one before. */
	CU_ASSERT_EQUAL(lists_asked(), 6);
	CU_ASSERT_EQUAL(r.full_sync_reason, FULL_SYNC_INITIAL);
	CU_ASSERT_EQUAL(r.full_sync_products, 1000);
	CU_ASSERT_EQUAL(r.full_sync_added, 1000);
	CU_ASSERT_EQUAL(r.event_offset, 5);
	CU_ASSERT_EQUAL(r.state, SYNC_LIVE);
	CU_ASSERT_TRUE(read_record(&r, &products, &version));
	CU_ASSERT_EQUAL(products, 1000);
	CU_ASSERT_EQUAL(version, 104);
	/* More events than an answer holds. */
	set_feed(0, 42, -1);
	CU_ASSERT_TRUE(until(has_offset, 42, &r));
	CU_ASSERT_TRUE(read_record(&r, &products, &version));
	CU_ASSERT_EQUAL(version, 141);
	CU_ASSERT_EQUAL(r.events_applied, 37);
	CU_ASSERT_EQUAL(r.full_syncs, 1);
	end();
}

TEST(sync_engine, goes_on_from_its_offset_after_a_kill)
{
	struct sync_record r;
	int status;

	begin(300, 5);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	for (long head = 10; head < 60; head += 10) {
		set_feed(0, head, -1);
		if (head % 20 == 0)
			CU_ASSERT_TRUE(until(has_offset, head, &r));
		kill(run.pid, SIGKILL);
		waitpid(run.pid, &status, 0);
		daemon_start(&run);
		CU_ASSERT_TRUE(until(has_offset, head, &r));
	}
	CU_ASSERT_EQUAL(lists_asked(), 2);
	CU_ASSERT_EQUAL(r.full_syncs, 1);
	end();
}

static bool owes_full_sync(const struct sync_record *r, long reason)
{
	return r->full_sync_owed == (uint32_t)reason;
}

/* Damage that only a reader met: the next daemon would not find it by itself. */
TEST(sync_engine, owes_a_full_sync_after_a_kill_too)
{
	struct sync_record r;
	int status;

	begin(10, 0);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	CU_ASSERT_EQUAL(r.full_sync_owed, FULL_SYNC_NONE);
	set(&central.list_status, 500);
	CU_ASSERT_EQUAL(control_tell_damage(run.dir, "reader", 0, 5000), ST_OK);
	CU_ASSERT_TRUE(until(owes_full_sync, FULL_SYNC_STORE_REBUILT, &r));
	kill(run.pid, SIGKILL);
	waitpid(run.pid, &status, 0);
	set(&central.list_status, 200);
	daemon_start(&run);
	CU_ASSERT_TRUE(until(has_full_syncs, 2, &r));
	CU_ASSERT_EQUAL(r.full_sync_reason, FULL_SYNC_STORE_REBUILT);
	CU_ASSERT_EQUAL(r.full_sync_owed, FULL_SYNC_NONE);
	end();
}

/* Workers died of the store before: whoever tells it may find nobody who hears until later. */
TEST(sync_engine, builds_no_store_anew_that_was_since_the_damage_was_met)
{
	struct sync_record r;

	begin(10, 0);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	set(&central.list_status, 500);
	CU_ASSERT_EQUAL(control_tell_damage(run.dir, "before", 60000, 5000), ST_OK);
	/* What is owed is committed in the turn that hears of it: before this is heard. */
	CU_ASSERT_EQUAL(control_ask_sync(run.dir, "now", 5000), ST_OK);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	CU_ASSERT_EQUAL(r.full_sync_owed, FULL_SYNC_NONE);
	end();
}

/* Whatever the state was that a dead daemon had committed. */
TEST(sync_engine, shows_readers_that_it_starts)
{
	struct sync_record r;
	int status;

	begin(10, 0);
	CU_ASSERT_TRUE(until(is_in_state, SYNC_LIVE, &r));
	kill(run.pid, SIGKILL);
	waitpid(run.pid, &status, 0);
	/* Central thinks about its answer. */
	pthread_mutex_lock(&central.lock);
	daemon_start(&run);
	CU_ASSERT_TRUE(until(is_in_state, SYNC_STARTING, &r));
	CU_ASSERT_EQUAL(r.full_syncs, 1);
	pthread_mutex_unlock(&central.lock);
	CU_ASSERT_TRUE(until(is_in_state, SYNC_LIVE, &r));
	end();
}

TEST(sync_engine, an_offset_that_is_gone_or_a_feed_that_began_anew_is_a_full_sync)
{
	struct sync_record r;

	begin(10, 50);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	set_feed(0, 3, -1);
	CU_ASSERT_TRUE(until(has_full_syncs, 2, &r));
	CU_ASSERT_EQUAL(r.full_sync_reason, FULL_SYNC_OFFSET_RESET);
	CU_ASSERT_EQUAL(r.event_offset, 3);
	set(&central.events_status, 410);
	CU_ASSERT_TRUE(until(has_failed_as, FAILURE_BAD_ANSWER, &r));
	set(&central.events_status, 200);
	CU_ASSERT_TRUE(until(has_full_syncs, 3, &r));
	CU_ASSERT_EQUAL(r.full_sync_reason, FULL_SYNC_OFFSET_GONE);
	end();
}

TEST(sync_engine, a_hole_is_waited_for_and_then_a_gap)
{
	struct sync_record r;

	begin(10, 5);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	set_feed(0, 20, 8);
	CU_ASSERT_TRUE(until(has_offset, 8, &r));
	set_feed(0, 20, -1); /* it appears */
	CU_ASSERT_TRUE(until(has_offset, 20, &r));
	CU_ASSERT_EQUAL(r.full_syncs, 1);
	set_feed(30, 40, -1); /* rotated away */
	CU_ASSERT_TRUE(until(has_full_syncs, 2, &r));
	CU_ASSERT_EQUAL(r.full_sync_reason, FULL_SYNC_EVENT_GAP);
	CU_ASSERT_EQUAL(r.event_offset, 40);
	end();
}

TEST(sync_engine, failures_are_told_and_open_the_breaker)
{
	struct sync_record r;

	begin(10, 5);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	set(&central.list_status, 503);
	set(&central.events_status, 500);
	CU_ASSERT_TRUE(until(is_in_state, SYNC_RETRYING, &r));
	CU_ASSERT_EQUAL(r.failure_class, FAILURE_HTTP_5XX);
	CU_ASSERT_EQUAL(r.failed, 1);
	CU_ASSERT_TRUE(strstr(r.failure_message, "500") != NULL);
	CU_ASSERT_TRUE(until(is_in_state, SYNC_FALLBACK, &r));
	CU_ASSERT_TRUE(r.consecutive_failures >= 3);
	/* Its state survives a restart; one success ends it. */
	daemon_stop(&run);
	daemon_start(&run);
	CU_ASSERT_TRUE(read_record(&r, &(uint64_t){ 0 }, &(int64_t){ 0 }));
	CU_ASSERT_EQUAL(r.state, SYNC_FALLBACK);
	set(&central.list_status, 200);
	set(&central.events_status, 200);
	CU_ASSERT_TRUE(until(is_in_state, SYNC_LIVE, &r));
	CU_ASSERT_EQUAL(r.consecutive_failures, 0);
	CU_ASSERT_EQUAL(r.failed, 0);
	end();
}

TEST(sync_engine, what_cannot_be_cached_is_left_out_and_counted)
{
	struct sync_record r;

	begin(250, 0);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	CU_ASSERT_EQUAL(r.products_rejected, 0);
	pthread_mutex_lock(&central.lock);
	central.rejected = 7;
	pthread_mutex_unlock(&central.lock);
	kill(run.pid, SIGUSR1);
	CU_ASSERT_TRUE(until(has_full_syncs, 2, &r));
	CU_ASSERT_EQUAL(r.full_sync_reason, FULL_SYNC_FORCED);
	CU_ASSERT_EQUAL(r.products_rejected, 7);
	CU_ASSERT_EQUAL(r.full_sync_products, 250);
	CU_ASSERT_EQUAL(r.full_sync_added, 0);
	end();
}

TEST(sync_engine, a_full_sync_counts_what_changed)
{
	struct sync_record r;

	begin(30, 0);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	pthread_mutex_lock(&central.lock);
	central.products = 20;
	central.version = 2;
	pthread_mutex_unlock(&central.lock);
	CU_ASSERT_EQUAL(control_ask_sync(run.dir, "unit", 5000), ST_OK);
	CU_ASSERT_TRUE(until(has_full_syncs, 2, &r));
	CU_ASSERT_EQUAL(r.full_sync_removed, 10);
	CU_ASSERT_EQUAL(r.full_sync_changed, 20);
	CU_ASSERT_EQUAL(r.full_sync_added, 0);
	end();
}

TEST(sync_engine, tells_its_moment_over_the_control_socket)
{
	struct control_status status;
	struct sync_record r;

	begin(10, 0);
	CU_ASSERT_TRUE(until(has_full_syncs, 1, &r));
	CU_ASSERT_EQUAL(control_ask_status(run.dir, "unit", 5000, &status), ST_OK);
	CU_ASSERT_EQUAL(status.state, SYNC_LIVE);
	CU_ASSERT_FALSE(status.full_sync_running);
	CU_ASSERT_TRUE(status.next_poll_at > 0);
	end();
	CU_ASSERT_EQUAL(control_ask_status(run.dir, "unit", 1000, &status), ST_UNAVAILABLE);
}

static bool tells_failures(unsigned n, struct control_status *status)
{
	struct mono began = mono_now();

	while (mono_ms_between(began, mono_now()) < 20000)
		if (control_ask_status(run.dir, "unit", 5000, status) == ST_OK &&
		    status->consecutive_failures >= n)
			return true;
	return false;
}

/* There is no store yet to say so. */
TEST(sync_engine, tells_its_failures_before_the_first_full_sync)
{
	struct control_status status;

	begin_answering(10, 0, 503);
	CU_ASSERT_TRUE(tells_failures(1, &status));
	CU_ASSERT_EQUAL(status.state, SYNC_RETRYING);
	CU_ASSERT_EQUAL(status.failure, FAILURE_HTTP_5XX);
	ASSERT_TEXT(status.failure_message, "Central answered with status 503");
	CU_ASSERT_TRUE(status.failed_at > 1700000000 && status.state_since > 1700000000);
	CU_ASSERT_TRUE(status.last_contact_at > 1700000000);
	end();
}
