#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exposition.h"
#include "metrics/metrics.h"
#include "metrics/pages.h"
#include "unit.h"

#define REQUESTS "store_api_http_requests_total{"
#define DURATION "store_api_http_request_duration_seconds"
#define FILLED   ((size_t)4096) /* more than the daemon's page */

static struct metrics_cache empty_cache(void)
{
	return (struct metrics_cache){ .age_ms = -1, .state = "stopped" };
}

/* Rendered and read back; static, since it is large. */
static const struct exposition *rendered(
    const struct metrics_pool *pool, const char *run_dir, const struct metrics_cache *cache)
{
	static struct exposition e;
	struct metrics_cache none = empty_cache();
	struct buf out;

	buf_init(&out, 1024 * 1024);
	metrics_render(pool, run_dir, cache ? cache : &none, "1.2.3", &out);
	CU_ASSERT_EQUAL(out.err, ST_OK);
	CU_ASSERT_TRUE(exposition_read(buf_text(&out), &e));
	ASSERT_TEXT(e.error, "");
	buf_free(&out);
	return &e;
}

static struct metrics_pool *pool_open(void)
{
	struct metrics_pool *pool = NULL;

	CU_ASSERT_EQUAL_FATAL(metrics_pool_open(&pool), ST_OK);
	return pool;
}

static struct metrics_daemon *daemon_create(const char *run_dir)
{
	struct metrics_daemon *daemon = NULL;

	CU_ASSERT_EQUAL_FATAL(metrics_daemon_create(run_dir, &daemon), ST_OK);
	return daemon;
}

static void value_is(const struct exposition *e, const char *key, double expected)
{
	char got[256], want[256];

	snprintf(got, sizeof(got), "%s %.6f", key, exposition_value(e, key));
	snprintf(want, sizeof(want), "%s %.6f", key, expected);
	ASSERT_TEXT(got, want);
}

static void request(struct metrics_pool *pool, enum metrics_route route, const char *method,
    int code, int64_t us, uint64_t bytes)
{
	struct metrics_request r = { route, method, code, us, bytes };

	metrics_pool_request(pool, &r);
}

/* The reader itself must be able to say no, else it proves nothing below. */
TEST(metrics_exposition, refuses_what_is_no_exposition)
{
	static const char *const bad[] = {
		"a 1\n",
		"# HELP a x\na 1\n",
		"# HELP a x\n# TYPE a gauge\na 1",
		"# HELP a x\n# TYPE a gauge\nb 1\n",
		"# HELP a x\n# TYPE a gauge\na 1\na 1\n",
		"# HELP a x\n# TYPE a gauge\na\n",
		"# HELP a x\n# TYPE a gauge\na  1\n",
		"# HELP a x\n# TYPE a gauge\na 1x\n",
		"# HELP a x\n# TYPE a gauge\na{b=c} 1\n",
		"# HELP a x\n# TYPE a gauge\na{b=\"c} 1\n",
		"# HELP a x\n# TYPE a counter\na -1\n",
		"# HELP a x\n# TYPE a counter\na NaN\n",
		"# HELP a x\n# TYPE a number\na 1\n",
		"# HELP a x\n# TYPE b gauge\n",
		"# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\n# HELP a x\n",
		"# HELP a x\n# TYPE a histogram\na_bucket{r=\"\",le=\"1\"} 2\n"
		"a_bucket{r=\"\",le=\"+Inf\"} 1\na_count{r=\"\"} 1\n",
		"# HELP a x\n# TYPE a histogram\na_bucket{r=\"\",le=\"1\"} 1\n"
		"a_bucket{r=\"\",le=\"+Inf\"} 1\na_count{r=\"\"} 2\n",
		"# HELP a x\n# TYPE a histogram\na_bucket{r=\"\",le=\"1\"} 1\n",
	};
	static struct exposition e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_FALSE(exposition_read(bad[i], &e));
		if (!e.error[0])
			printf("\naccepted: %s\n", bad[i]);
	}
	CU_ASSERT_TRUE(exposition_read("# HELP a x\n# TYPE a gauge\na{b=\"\\\"\"} NaN\n", &e));
}

TEST(metrics_render, has_every_series_from_the_start)
{
	static const struct {
		const char *beginning;
		size_t n;
	} counts[] = {
		{ REQUESTS "route=\"other\",", 4 * 4 + 4 },
		{ REQUESTS "route=\"/health\",method=\"GET\",", 3 },
		{ REQUESTS "route=\"/v1/store/inventory/updates\",method=\"POST\",", 13 },
		{ DURATION "_bucket{", METRICS_ROUTE_COUNT * (METRICS_BUCKETS + 1) },
		{ DURATION "_sum{", METRICS_ROUTE_COUNT },
		{ DURATION "_count{", METRICS_ROUTE_COUNT },
		{ "store_api_events_total{", METRICS_EVENT_COUNT },
		{ "store_api_sync_failures_total{", FAILURE_CLASS_COUNT - 1 },
		{ "store_api_full_syncs_total{", (FULL_SYNC_REASON_COUNT - 1) * 2 },
		{ "store_api_writes_total{", METRICS_WRITE_COUNT },
		{ "store_api_sync_state{", SYNC_STATE_COUNT + 1 },
		{ "store_api_resident_bytes{", 2 },
		{ "store_api_build_info{version=\"1.2.3\"}", 1 },
	};
	struct metrics_pool *pool = pool_open();
	const struct exposition *e = rendered(pool, unit_temp_dir(), NULL);

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		CU_ASSERT_EQUAL(exposition_count(e, counts[i].beginning), counts[i].n);
	for (size_t i = 0; i < e->n; i++) {
		bool one = strstr(e->series[i].key, "build_info") ||
		           strstr(e->series[i].key, "\"stopped\"");
		bool nan = strcmp(e->series[i].key, "store_api_cache_age_seconds") == 0;

		CU_ASSERT(nan ? isnan(e->series[i].value) : e->series[i].value == one);
	}
	metrics_pool_close(pool);
}

TEST(metrics_render, names_what_dashboards_ask_for)
{
	static const char *const keys[] = {
		REQUESTS "route=\"/v1/store/inventory\",method=\"GET\",code=\"200\"}",
		REQUESTS "route=\"/v1/store/inventory/{productId}\",method=\"HEAD\",code=\"404\"}",
		REQUESTS "route=\"/v1/store/sync/status\",method=\"OPTIONS\",code=\"204\"}",
		REQUESTS "route=\"/health\",method=\"GET\",code=\"503\"}",
		REQUESTS "route=\"/metrics\",method=\"POST\",code=\"405\"}",
		REQUESTS "route=\"other\",method=\"other\",code=\"other\"}",
		DURATION "_bucket{route=\"other\",le=\"0.0001\"}",
		DURATION "_bucket{route=\"other\",le=\"10\"}",
		DURATION "_bucket{route=\"other\",le=\"+Inf\"}",
		"store_api_http_response_bytes_total",
		"store_api_cache_age_seconds",
		"store_api_event_offset",
		"store_api_products",
		"store_api_products_rejected",
		"store_api_sync_state{state=\"live\"}",
		"store_api_verify_timestamp_seconds",
		"store_api_verify_products{result=\"differed\"}",
		"store_api_verify_products{result=\"mended\"}",
		"store_api_events_total{result=\"repaired\"}",
		"store_api_sync_failures_total{class=\"rate_limited\"}",
		"store_api_full_syncs_total{reason=\"initial\",result=\"ok\"}",
		"store_api_full_syncs_total{reason=\"verify_mismatch\",result=\"failed\"}",
		"store_api_writes_total{outcome=\"not_sent\"}",
		"store_api_store_used_bytes",
		"store_api_store_limit_bytes",
		"store_api_readers",
		"store_api_readers_max",
		"store_api_workers",
		"store_api_worker_restarts_total",
		"store_api_resident_bytes{process=\"pool\"}",
		"store_api_resident_bytes{process=\"daemon\"}",
	};
	struct metrics_pool *pool = pool_open();
	const struct exposition *e = rendered(pool, unit_temp_dir(), NULL);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ASSERT_TEXT(exposition_has(e, keys[i]) ? keys[i] : "(missing)", keys[i]);
	metrics_pool_close(pool);
}

TEST(metrics_pool, counts_requests_by_route_method_and_code)
{
	struct metrics_pool *pool = pool_open();
	const struct exposition *e;

	request(pool, METRICS_ROUTE_INVENTORY, "GET", 200, 10, 1000);
	request(pool, METRICS_ROUTE_INVENTORY, "GET", 200, 10, 500);
	request(pool, METRICS_ROUTE_PRODUCT, "HEAD", 404, 10, 0);
	request(pool, METRICS_ROUTE_OTHER, "PROPFIND", 404, 10, 7);
	request(pool, METRICS_ROUTE_OTHER, "", 418, 10, 0);
	request(pool, METRICS_ROUTE_OTHER, "get", 0, 10, 0);
	e = rendered(pool, unit_temp_dir(), NULL);
	value_is(e, REQUESTS "route=\"/v1/store/inventory\",method=\"GET\",code=\"200\"}", 2);
	value_is(e,
	    REQUESTS "route=\"/v1/store/inventory/{productId}\",method=\"HEAD\",code=\"404\"}", 1);
	value_is(e, REQUESTS "route=\"other\",method=\"other\",code=\"404\"}", 1);
	value_is(e, REQUESTS "route=\"other\",method=\"other\",code=\"other\"}", 2);
	value_is(e, "store_api_http_response_bytes_total", 1507);
	metrics_pool_close(pool);
}

/* Nothing that is counted may be lost on the way to the text. */
TEST(metrics_pool, shows_each_answer_in_one_series)
{
	struct metrics_pool *pool = pool_open();
	const struct exposition *e;
	double sum = 0;
	int n = 0;

	for (int r = 0; r < METRICS_ROUTE_COUNT; r++)
		for (unsigned m = 0; m < METRICS_METHODS; m++)
			for (unsigned c = 0; c < METRICS_CODES; c++, n++)
				request(pool, (enum metrics_route)r, metrics_methods[m],
				    metrics_codes[c], 1, 0);
	e = rendered(pool, unit_temp_dir(), NULL);
	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->series[i].key, REQUESTS, strlen(REQUESTS)) == 0)
			sum += e->series[i].value;
	CU_ASSERT_EQUAL(sum, n);
	value_is(e, REQUESTS "route=\"/health\",method=\"GET\",code=\"503\"}", 1);
	value_is(e, REQUESTS "route=\"/health\",method=\"GET\",code=\"other\"}", METRICS_CODES - 2);
	metrics_pool_close(pool);
}

TEST(metrics_pool, sorts_durations_into_buckets)
{
	static const struct {
		int64_t us;
		const char *le; /* the first bucket that holds it */
	} cases[] = {
		{ -5, "0.0001" },
		{ 0, "0.0001" },
		{ 100, "0.0001" },
		{ 101, "0.00025" },
		{ 250, "0.00025" },
		{ 500, "0.0005" },
		{ 1000, "0.001" },
		{ 2500, "0.0025" },
		{ 5000, "0.005" },
		{ 10000, "0.01" },
		{ 25000, "0.025" },
		{ 100000, "0.1" },
		{ 1000000, "1" },
		{ 10000000, "10" },
		{ 10000001, "+Inf" },
		{ INT64_MAX, "+Inf" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metrics_pool *pool = pool_open();
		const struct exposition *e;
		const char *first = "none";
		char key[128];

		request(pool, METRICS_ROUTE_HEALTH, "GET", 200, cases[i].us, 0);
		e = rendered(pool, unit_temp_dir(), NULL);
		for (size_t b = METRICS_BUCKETS + 1; b-- > 0;) {
			const char *le = b < METRICS_BUCKETS ? metrics_bucket_seconds[b] : "+Inf";

			snprintf(
			    key, sizeof(key), DURATION "_bucket{route=\"/health\",le=\"%s\"}", le);
			if (exposition_value(e, key) == 1)
				first = le;
		}
		ASSERT_TEXT(first, cases[i].le);
		metrics_pool_close(pool);
	}
}

TEST(metrics_pool, adds_durations_up_in_seconds)
{
	struct metrics_pool *pool = pool_open();
	const struct exposition *e;

	request(pool, METRICS_ROUTE_HEALTH, "GET", 200, 1500000, 0);
	request(pool, METRICS_ROUTE_HEALTH, "GET", 200, 7, 0);
	request(pool, METRICS_ROUTE_HEALTH, "GET", 200, -7, 0);
	e = rendered(pool, unit_temp_dir(), NULL);
	value_is(e, DURATION "_sum{route=\"/health\"}", 1.500007);
	value_is(e, DURATION "_count{route=\"/health\"}", 3);
	value_is(e, DURATION "_count{route=\"/metrics\"}", 0);
	metrics_pool_close(pool);
}

/* Workers share the page; one that dies takes nothing away. */
TEST(metrics_pool, survives_the_death_of_a_worker)
{
	struct metrics_pool *pool = pool_open();
	const struct exposition *e;
	int status = 0;

	for (int i = 0; i < 4; i++) {
		fflush(NULL);
		if (fork() == 0) {
			for (int k = 0; k < 1000; k++)
				request(pool, METRICS_ROUTE_HEALTH, "GET", 200, 1, 2);
			abort();
		}
	}
	while (wait(&status) > 0)
		CU_ASSERT_TRUE(WIFSIGNALED(status));
	e = rendered(pool, unit_temp_dir(), NULL);
	value_is(e, REQUESTS "route=\"/health\",method=\"GET\",code=\"200\"}", 4000);
	value_is(e, DURATION "_bucket{route=\"/health\",le=\"0.0001\"}", 4000);
	value_is(e, "store_api_http_response_bytes_total", 8000);
	metrics_pool_close(pool);
}

TEST(metrics_pool, shows_its_processes)
{
	struct metrics_pool *pool = pool_open();
	const struct exposition *e;

	metrics_pool_workers(pool, 3);
	metrics_pool_workers(pool, 2);
	metrics_pool_worker_restarted(pool);
	metrics_pool_worker_restarted(pool);
	metrics_pool_resident(pool, 0, 100);
	metrics_pool_resident(pool, 64, 40);
	metrics_pool_resident(pool, 64, 50); /* of now, not added up */
	metrics_pool_resident(pool, 65, 1000000);
	metrics_pool_resident(pool, UINT32_MAX, 1000000);
	e = rendered(pool, unit_temp_dir(), NULL);
	value_is(e, "store_api_workers", 2);
	value_is(e, "store_api_worker_restarts_total", 2);
	value_is(e, "store_api_resident_bytes{process=\"pool\"}", 150);
	metrics_pool_close(pool);
}

/* That of the page, not of whoever asks. */
TEST(metrics_pool, counts_its_time)
{
	struct metrics_pool *pool = pool_open();
	struct mono began = mono_now();
	int status;

	CU_ASSERT_TRUE(metrics_pool_uptime_ms(pool) >= 0 && metrics_pool_uptime_ms(pool) < 60000);
	while (mono_ms_between(began, mono_now()) < 5)
		;
	fflush(NULL);
	if (fork() == 0)
		_exit(metrics_pool_uptime_ms(pool) >= 5 ? 0 : 1);
	CU_ASSERT_TRUE(wait(&status) > 0);
	CU_ASSERT_EQUAL(status, 0);
	metrics_pool_close(pool);
}

TEST(metrics_daemon, has_no_memory_once_it_ended)
{
	const char *run_dir = unit_temp_dir();
	struct metrics_daemon *daemon = daemon_create(run_dir);

	CU_ASSERT_EQUAL(metrics_daemon_private_memory(run_dir), 0);
	metrics_daemon_resident(daemon, 12345);
	CU_ASSERT_EQUAL(metrics_daemon_private_memory(run_dir), 12345);
	metrics_daemon_close(daemon);
	CU_ASSERT_EQUAL(metrics_daemon_private_memory(run_dir), 0);
	CU_ASSERT_EQUAL(metrics_daemon_private_memory(unit_temp_dir()), 0);
}

TEST(metrics_daemon, counts_what_the_daemon_does)
{
	const char *run_dir = unit_temp_dir();
	struct metrics_pool *pool = pool_open();
	struct metrics_daemon *daemon = daemon_create(run_dir);
	struct metrics_cache alive = { .age_ms = -1, .state = "live", .has_daemon = true };
	const struct exposition *e;

	metrics_daemon_events(daemon, METRICS_EVENT_APPLIED, 5);
	metrics_daemon_events(daemon, METRICS_EVENT_APPLIED, 2);
	metrics_daemon_events(daemon, METRICS_EVENT_STALE, 1);
	metrics_daemon_failure(daemon, FAILURE_CONNECT);
	metrics_daemon_failure(daemon, FAILURE_STORAGE);
	metrics_daemon_failure(daemon, FAILURE_STORAGE);
	metrics_daemon_full_sync(daemon, FULL_SYNC_INITIAL, true);
	metrics_daemon_full_sync(daemon, FULL_SYNC_VERIFY_MISMATCH, false);
	metrics_daemon_writes(daemon, METRICS_WRITE_UNKNOWN, 3);
	metrics_daemon_resident(daemon, 4096);
	e = rendered(pool, run_dir, &alive);
	value_is(e, "store_api_events_total{result=\"applied\"}", 7);
	value_is(e, "store_api_events_total{result=\"stale\"}", 1);
	value_is(e, "store_api_sync_failures_total{class=\"connect\"}", 1);
	value_is(e, "store_api_sync_failures_total{class=\"storage\"}", 2);
	value_is(e, "store_api_full_syncs_total{reason=\"initial\",result=\"ok\"}", 1);
	value_is(e, "store_api_full_syncs_total{reason=\"initial\",result=\"failed\"}", 0);
	value_is(e, "store_api_full_syncs_total{reason=\"verify_mismatch\",result=\"failed\"}", 1);
	value_is(e, "store_api_writes_total{outcome=\"unknown\"}", 3);
	value_is(e, "store_api_resident_bytes{process=\"daemon\"}", 4096);
	e = rendered(pool, run_dir, NULL); /* nobody holds the store: it was killed */
	value_is(e, "store_api_resident_bytes{process=\"daemon\"}", 0);
	metrics_daemon_close(daemon);
	metrics_pool_close(pool);
}

TEST(metrics_daemon, counts_stay_after_it_ended_and_begin_anew_with_the_next)
{
	const char *run_dir = unit_temp_dir();
	struct metrics_pool *pool = pool_open();
	struct metrics_daemon *first = daemon_create(run_dir), *second;
	const char *key = "store_api_events_total{result=\"applied\"}";

	metrics_daemon_events(first, METRICS_EVENT_APPLIED, 5);
	metrics_daemon_close(first);
	value_is(rendered(pool, run_dir, NULL), key, 5);
	second = daemon_create(run_dir);
	value_is(rendered(pool, run_dir, NULL), key, 0);
	metrics_daemon_events(second, METRICS_EVENT_APPLIED, 1);
	value_is(rendered(pool, run_dir, NULL), key, 1);
	metrics_daemon_close(second);
	metrics_pool_close(pool);
}

TEST(metrics_daemon, page_can_be_read_by_the_group_whatever_the_umask)
{
	const char *run_dir = unit_temp_dir();
	mode_t mask = umask(0077);
	struct metrics_daemon *daemon = daemon_create(run_dir);
	struct stat st;
	char path[128];

	umask(mask);
	snprintf(path, sizeof(path), "%s/metrics", run_dir);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
	metrics_daemon_close(daemon);
}

TEST(metrics_daemon, page_that_is_removed_comes_back_with_its_counters)
{
	static const char key[] = "store_api_events_total{result=\"applied\"}";
	const char *run_dir = unit_temp_dir();
	struct metrics_pool *pool = pool_open();
	struct metrics_daemon *daemon = daemon_create(run_dir);
	char path[128];

	snprintf(path, sizeof(path), "%s/metrics", run_dir);
	metrics_daemon_events(daemon, METRICS_EVENT_APPLIED, 5);
	CU_ASSERT_EQUAL(metrics_daemon_keep(run_dir, daemon), ST_OK);
	CU_ASSERT_EQUAL(unlink(path), 0);
	value_is(rendered(pool, run_dir, NULL), key, 0);
	CU_ASSERT_EQUAL(metrics_daemon_keep(run_dir, daemon), ST_OK);
	value_is(rendered(pool, run_dir, NULL), key, 5);
	metrics_daemon_events(daemon, METRICS_EVENT_APPLIED, 1);
	value_is(rendered(pool, run_dir, NULL), key, 6);
	metrics_daemon_close(daemon);
	metrics_pool_close(pool);
}

TEST(metrics_daemon, needs_its_directory)
{
	struct metrics_daemon *daemon = NULL;

	CU_ASSERT_EQUAL(metrics_daemon_create("/nowhere/at/all", &daemon), ST_NOT_FOUND);
	CU_ASSERT_PTR_NULL(daemon);
	metrics_daemon_close(NULL);
	metrics_pool_close(NULL);
}

static void write_page(const char *path, uint64_t magic, size_t len)
{
	static unsigned char bytes[FILLED];
	FILE *f = fopen(path, "w");

	memset(bytes, 0xa5, sizeof(bytes));
	memcpy(bytes, &magic, sizeof(magic));
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

/* What stands at the page's place may be anything; it must count as nothing. */
TEST(metrics_daemon, page_that_is_none_counts_as_zero)
{
	static const struct {
		uint64_t magic;
		size_t len;
	} pages[] = {
		{ METRICS_MAGIC, 0 },
		{ METRICS_MAGIC, 3 },
		{ METRICS_MAGIC, sizeof(uint64_t) },
		{ METRICS_MAGIC, sizeof(struct metrics_daemon) - 1 },
		{ METRICS_MAGIC, sizeof(struct metrics_daemon) + 8 },
		{ METRICS_MAGIC + 1, sizeof(struct metrics_daemon) },
		{ 0, FILLED },
	};
	const char *run_dir = unit_temp_dir();
	struct metrics_pool *pool = pool_open();
	const char *key = "store_api_events_total{result=\"applied\"}";
	char path[128];

	CU_ASSERT_TRUE_FATAL(sizeof(struct metrics_daemon) < FILLED);
	snprintf(path, sizeof(path), "%s/metrics", run_dir);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		write_page(path, pages[i].magic, pages[i].len);
		value_is(rendered(pool, run_dir, NULL), key, 0);
	}
	unlink(path);
	mkdir(path, 0700);
	value_is(rendered(pool, run_dir, NULL), key, 0);
	rmdir(path);
	/* Nobody writes to it: opening it to read must not wait for that. */
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	alarm(20);
	value_is(rendered(pool, run_dir, NULL), key, 0);
	alarm(0);
	metrics_pool_close(pool);
}

TEST(metrics_render, shows_the_cache)
{
	struct metrics_cache cache = { .age_ms = 61005,
		.record = { .event_offset = 1045,
		    .products_rejected = 3,
		    .compared_at = 1700000000,
		    .compared_differed = 15,
		    .compared_mended = 14 },
		.products = 150,
		.used_bytes = 1 << 20,
		.limit_bytes = UINT64_C(1) << 34,
		.readers = 4,
		.readers_max = 4608,
		.state = "live" };
	struct metrics_pool *pool = pool_open();
	const struct exposition *e = rendered(pool, unit_temp_dir(), &cache);

	value_is(e, "store_api_cache_age_seconds", 61.005);
	value_is(e, "store_api_event_offset", 1045);
	value_is(e, "store_api_products", 150);
	value_is(e, "store_api_products_rejected", 3);
	value_is(e, "store_api_verify_timestamp_seconds", 1700000000);
	value_is(e, "store_api_verify_products{result=\"differed\"}", 15);
	value_is(e, "store_api_verify_products{result=\"mended\"}", 14);
	value_is(e, "store_api_store_used_bytes", 1 << 20);
	value_is(e, "store_api_store_limit_bytes", 17179869184.0);
	value_is(e, "store_api_readers", 4);
	value_is(e, "store_api_readers_max", 4608);
	metrics_pool_close(pool);
}

TEST(metrics_render, shows_one_state_at_a_time)
{
	static const char *const states[] = { "starting", "live", "retrying", "fallback",
		"stopped" };
	struct metrics_pool *pool = pool_open();
	const char *run_dir = unit_temp_dir();

	for (size_t i = 0; i < 5; i++) {
		struct metrics_cache cache = { .age_ms = -1, .state = states[i] };
		const struct exposition *e = rendered(pool, run_dir, &cache);

		for (size_t k = 0; k < 5; k++) {
			char key[96];

			snprintf(key, sizeof(key), "store_api_sync_state{state=\"%s\"}", states[k]);
			value_is(e, key, i == k);
		}
	}
	metrics_pool_close(pool);
}
