#include "health/check.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#define NOW_MS 10000000
#define NEVER  (-1)

static const struct stamp now = { "boot", NOW_MS, NOW_MS };
static const struct check_limits defaults = {
	.warning = { .end = 150, .text = "150" },
	.critical = { .end = 500, .text = "500" },
	.failures_max = 5,
};

static struct sync_record record;

/* A store of 150 products at offset 1045, in step three seconds ago, whose daemon answers. */
static struct check_facts well(void)
{
	record = (struct sync_record){ .event_offset = 1045,
		.state = SYNC_LIVE,
		.confirmed_current = { "boot", NOW_MS - 3999, NOW_MS - 3999 } };
	return (struct check_facts){ .has_writer = true,
		.waited_ms = 1,
		.daemon = { .state = SYNC_LIVE, .message = "", .products_total = -1 },
		.record = &record,
		.products = 150,
		.now = now };
}

static struct check_facts with_age(int64_t age_seconds)
{
	struct check_facts f = well();

	record.confirmed_current =
	    (struct stamp){ "boot", NOW_MS - age_seconds * 1000, NOW_MS - age_seconds * 1000 };
	return f;
}

static struct check_facts asked_in_vain(enum st_err err)
{
	struct check_facts f = well();

	f.asked = err;
	return f;
}

/* A store that was never filled, or can't be read. */
static struct check_facts without_store(enum st_err err)
{
	struct check_facts f = well();

	f.store = err;
	f.record = NULL;
	return f;
}

static const char *line_of(const struct check_facts *f, const struct check_limits *l, bool detail)
{
	static char text[2048];
	struct buf line;
	enum check_state state;

	buf_init(&line, sizeof(text) - 8);
	state = check_judge(f, l, detail, &line);
	snprintf(text, sizeof(text), "%d %s", (int)state, buf_text(&line));
	buf_free(&line);
	return text;
}

#define PERF  " | age=3s;150;500;0 products=150 offset=1045 failures=0;1;5\n"
#define PLACE "150 products, offset 1045, age 3s"

#define ASSERT_LINE(facts, expected)                                     \
	do {                                                             \
		struct check_facts f_ = (facts);                         \
		ASSERT_TEXT(line_of(&f_, &defaults, false), (expected)); \
	} while (0)

TEST(check, is_ok_while_all_is_well)
{
	struct check_facts f = well();

	ASSERT_LINE(f, "0 STORE-SYNC OK - live, " PLACE PERF);
	/* One that has just started has failed at nothing yet. */
	f.daemon.state = SYNC_STARTING;
	record.state = SYNC_STARTING;
	ASSERT_LINE(f, "0 STORE-SYNC OK - starting, " PLACE PERF);
}

TEST(check, warns_of_trouble_with_central)
{
	struct check_facts f = well();

	f.daemon.state = SYNC_RETRYING;
	f.daemon.failures = 1;
	f.daemon.failure = FAILURE_CONNECT;
	ASSERT_LINE(f, "1 STORE-SYNC WARNING - retrying (1 failure, connect), " PLACE
		       " | age=3s;150;500;0 products=150 offset=1045 failures=1;1;5\n");
	f.daemon.state = SYNC_FALLBACK;
	f.daemon.failures = 7;
	f.daemon.failure = FAILURE_TIMEOUT;
	ASSERT_LINE(f, "1 STORE-SYNC WARNING - fallback mode (7 failures, timeout), " PLACE
		       " | age=3s;150;500;0 products=150 offset=1045 failures=7;1;5\n");
	/* What doesn't count as a failure. */
	f.daemon.state = SYNC_RETRYING;
	f.daemon.failures = 0;
	f.daemon.failure = FAILURE_RATE_LIMITED;
	ASSERT_LINE(f, "1 STORE-SYNC WARNING - retrying (rate_limited), " PLACE PERF);
}

/* A disk that is full: the record stays as it was, the daemon can tell. */
TEST(check, warns_of_a_store_that_takes_nothing)
{
	struct check_facts f = well();

	f.daemon.state = SYNC_RETRYING;
	f.daemon.failure = FAILURE_STORAGE;
	ASSERT_LINE(
	    f, "1 STORE-SYNC WARNING - store can't be written, retrying (storage), " PLACE PERF);
}

TEST(check, believes_neither_daemon_nor_record_alone)
{
	struct check_facts f = well();

	record.state = SYNC_FALLBACK;
	record.consecutive_failures = 9;
	record.failed = 1;
	record.failure_class = FAILURE_AUTH;
	ASSERT_LINE(f, "1 STORE-SYNC WARNING - fallback mode (9 failures, auth), " PLACE
		       " | age=3s;150;500;0 products=150 offset=1045 failures=9;1;5\n");
	/* A daemon that may not be asked leaves the record. */
	f.asked = ST_DENIED;
	ASSERT_LINE(f, "1 STORE-SYNC WARNING - no permission to ask the daemon, "
		       "fallback mode (9 failures, auth), " PLACE
		       " | age=3s;150;500;0 products=150 offset=1045 failures=9;1;5\n");
	/* One that is dead leaves nothing that is true now. */
	f.asked = ST_UNAVAILABLE;
	f.has_writer = false;
	ASSERT_LINE(f, "2 STORE-SYNC CRITICAL - daemon not running, " PLACE
		       " | age=3s;150;500;0 products=150 offset=1045 failures=9;1;5\n");
}

TEST(check, tells_how_the_daemon_is_away)
{
	struct check_facts f = asked_in_vain(ST_TIMEOUT);

	f.waited_ms = 9800;
	ASSERT_LINE(f, "2 STORE-SYNC CRITICAL - daemon hangs (no answer in 9.8s), " PLACE PERF);
	f.asked = ST_BUSY;
	ASSERT_LINE(
	    f, "2 STORE-SYNC CRITICAL - daemon hangs (takes no connection in 9.8s), " PLACE PERF);
	f = asked_in_vain(ST_UNAVAILABLE);
	ASSERT_LINE(
	    f, "2 STORE-SYNC CRITICAL - daemon runs, but not at its control socket, " PLACE PERF);
	f.has_writer = false;
	ASSERT_LINE(f, "2 STORE-SYNC CRITICAL - daemon not running, " PLACE PERF);
	ASSERT_LINE(asked_in_vain(ST_CLOSED),
	    "2 STORE-SYNC CRITICAL - daemon doesn't answer (closed by the peer), " PLACE PERF);
	ASSERT_LINE(asked_in_vain(ST_INVALID),
	    "1 STORE-SYNC WARNING - daemon of another version, live, " PLACE PERF);
	ASSERT_LINE(asked_in_vain(ST_DENIED),
	    "3 STORE-SYNC UNKNOWN - no permission to ask the daemon, live, " PLACE PERF);
}

#define NO_PERF " | age=U;150;500;0 products=U offset=U failures=0;1;5\n"

TEST(check, is_critical_without_a_store)
{
	struct check_facts f = without_store(ST_UNAVAILABLE);

	ASSERT_LINE(f, "2 STORE-SYNC CRITICAL - never filled, live" NO_PERF);
	f.daemon.state = SYNC_STARTING;
	f.daemon.full_sync = FULL_SYNC_INITIAL;
	ASSERT_LINE(f, "2 STORE-SYNC CRITICAL - never filled, starting, full sync (initial) under "
		       "way" NO_PERF);
	f.asked = ST_UNAVAILABLE;
	f.has_writer = false;
	ASSERT_LINE(f, "2 STORE-SYNC CRITICAL - daemon not running, never filled"
		       " | age=U;150;500;0 products=U offset=U failures=U;1;5\n");
	ASSERT_LINE(without_store(ST_NOT_FOUND),
	    "2 STORE-SYNC CRITICAL - never filled (there is no DATA_DIR), live" NO_PERF);
	ASSERT_LINE(without_store(ST_CORRUPT),
	    "2 STORE-SYNC CRITICAL - store unreadable (damaged), live" NO_PERF);
	ASSERT_LINE(without_store(ST_FULL),
	    "2 STORE-SYNC CRITICAL - store unreadable (its reader table is full), live" NO_PERF);
	ASSERT_LINE(without_store(ST_SYSTEM),
	    "2 STORE-SYNC CRITICAL - store unreadable (system failure), live" NO_PERF);
}

TEST(check, does_not_know_what_it_may_not_see)
{
	struct check_facts f = without_store(ST_DENIED);

	ASSERT_LINE(f, "3 STORE-SYNC UNKNOWN - no permission to read the store, or to take its "
		       "locks, live" NO_PERF);
	f.asked = ST_DENIED;
	ASSERT_LINE(f, "3 STORE-SYNC UNKNOWN - no permission to ask the daemon, no permission to "
		       "read the store, or to take its locks"
		       " | age=U;150;500;0 products=U offset=U failures=U;1;5\n");
	/* What isn't seen hides no trouble that is. */
	f.asked = ST_TIMEOUT;
	CU_ASSERT_EQUAL(line_of(&f, &defaults, false)[0], '2');
	f.asked = ST_OK;
	f.daemon.state = SYNC_RETRYING;
	CU_ASSERT_EQUAL(line_of(&f, &defaults, false)[0], '1');
}

TEST(check, judges_the_age_by_the_ranges)
{
	struct check_limits l = defaults;
	struct check_facts f;

	CU_ASSERT_EQUAL((f = with_age(150), line_of(&f, &l, false))[0], '0');
	CU_ASSERT_EQUAL((f = with_age(500), line_of(&f, &l, false))[0], '1');
	ASSERT_LINE(with_age(151),
	    "1 STORE-SYNC WARNING - age is past -w 150, live, 150 products, offset 1045, age 151s"
	    " | age=151s;150;500;0 products=150 offset=1045 failures=0;1;5\n");
	ASSERT_LINE(with_age(501),
	    "2 STORE-SYNC CRITICAL - age is past -c 500, live, 150 products, offset 1045, age 501s"
	    " | age=501s;150;500;0 products=150 offset=1045 failures=0;1;5\n");
	CU_ASSERT_EQUAL(range_read("@3:4", &l.critical), ST_OK);
	CU_ASSERT_EQUAL((f = with_age(3), line_of(&f, &l, false))[0], '2');
	CU_ASSERT_EQUAL((f = with_age(2), line_of(&f, &l, false))[0], '0');
}

TEST(check, is_critical_where_reads_are_refused)
{
	struct check_limits l = defaults;
	struct check_facts f = with_age(101);

	l.max_staleness_seconds = 100;
	ASSERT_TEXT(line_of(&f, &l, false),
	    "2 STORE-SYNC CRITICAL - reads are refused (MAX_STALENESS_SECONDS=100), live, "
	    "150 products, offset 1045, age 101s"
	    " | age=101s;150;500;0 products=150 offset=1045 failures=0;1;5\n");
	f = with_age(99);
	CU_ASSERT_EQUAL(line_of(&f, &l, false)[0], '0');
}

/* The machine was started anew with a clock that had gone back. */
TEST(check, guesses_no_age)
{
	struct check_limits l = defaults;
	struct check_facts f = well();

	record.confirmed_current = (struct stamp){ "before", 5, NOW_MS + 5000 };
	ASSERT_TEXT(line_of(&f, &l, false),
	    "1 STORE-SYNC WARNING - live, 150 products, offset 1045, age unknown"
	    " | age=U;150;500;0 products=150 offset=1045 failures=0;1;5\n");
	l.max_staleness_seconds = 100;
	CU_ASSERT_EQUAL(line_of(&f, &l, false)[0], '2');
}

TEST(check, warns_of_products_left_out)
{
	struct check_facts f = well();

	record.products_rejected = 2;
	ASSERT_LINE(f, "1 STORE-SYNC WARNING - 2 products left out, live, " PLACE PERF);
}

TEST(check, tells_more_in_the_same_line)
{
	struct check_facts f = well();

	f.daemon.full_sync = FULL_SYNC_FORCED;
	f.daemon.products_seen = 60;
	ASSERT_LINE(f, "0 STORE-SYNC OK - live, " PLACE ", full sync (forced) under way" PERF);
	ASSERT_TEXT(line_of(&f, &defaults, true),
	    "0 STORE-SYNC OK - live, " PLACE
	    ", full sync (forced) under way: 60 products read" PERF);
	f.daemon.products_total = 150;
	ASSERT_TEXT(line_of(&f, &defaults, true),
	    "0 STORE-SYNC OK - live, " PLACE
	    ", full sync (forced) under way: 60 of 150 products read" PERF);
	f = well();
	f.daemon.state = SYNC_RETRYING;
	f.daemon.failure = FAILURE_BAD_ANSWER;
	/* CSI as one character, text from right to left, a byte that is none. */
	f.daemon.message = "not | JSON:\n\x1b[2J\x7f<html>\xc2\x9b"
			   "1m\xe2\x80\xae\xff caf\xc3\xa9";
	ASSERT_TEXT(line_of(&f, &defaults, true),
	    "1 STORE-SYNC WARNING - retrying (bad_answer), " PLACE
	    ", last failure: not / JSON:  [2J <html> 1m   caf\xc3\xa9" PERF);
}

TEST(check, gives_up_in_one_line)
{
	struct buf line;

	buf_init(&line, 4096);
	check_give_up(CHECK_UNKNOWN, "a|b\nc", &line);
	ASSERT_TEXT(buf_text(&line), "STORE-SYNC UNKNOWN - a/b c\n");
	buf_free(&line);
}

TEST(check, has_limits_by_default)
{
	static const struct {
		int64_t cycle;
		const char *warning, *critical;
	} cases[] = { { 50, "150", "500" }, { 20, "60", "200" }, { 0, "60", "200" },
		{ 21, "63", "210" }, { 3660, "10980", "36600" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct check_limits l;

		check_default_limits(cases[i].cycle, &l);
		ASSERT_TEXT(l.warning.text, cases[i].warning);
		ASSERT_TEXT(l.critical.text, cases[i].critical);
		CU_ASSERT_FALSE(range_alerts(&l.warning, l.warning.end));
		CU_ASSERT_TRUE(range_alerts(&l.critical, l.critical.end + 1));
	}
}
