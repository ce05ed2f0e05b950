#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "shop.h"

#define STATS   "/v1/store/cache/stats"
#define OPENAPI "/v1/store/openapi.json"

/* Numbers that vary are cut out: "totalProducts":N, "NMB", "1h30m45s" as "N". */
static const char *without_numbers(const char *body)
{
	static char text[1024];
	char *out = text;

	for (; *body && out < text + sizeof(text) - 1; body++) {
		if (*body >= '0' && *body <= '9') {
			*out++ = 'N';
			body += strspn(body, "0123456789.hms") - 1;
		} else {
			*out++ = *body;
		}
	}
	*out = '\0';
	return text;
}

static double number(const struct shop *s, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(shop_body(s), key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	at += strlen(key);
	return strtod(at + (at[0] == '"'), NULL);
}

TEST(api_stats, have_the_documented_form)
{
	struct shop s;

	shop_new(&s, 7);
	shop_get(&s, STATS);
	CU_ASSERT_EQUAL(s.response.status, 200);
	ASSERT_TEXT(without_numbers(shop_body(&s)),
	    "{\"totalProducts\":N,\"cacheSize\":\"NMB\",\"lastSyncTime\":\"N-N-NTN:N:NZ\","
	    "\"lastEventOffset\":N,\"initializedAt\":\"N-N-NTN:N:NZ\",\"uptime\":\"N\","
	    "\"memoryUsage\":{\"allocated\":\"NMB\",\"inUse\":\"NMB\"},\"cacheSizeBytes\":N,"
	    "\"mapSizeBytes\":N,\"readers\":N}");
	CU_ASSERT_EQUAL(number(&s, "totalProducts"), 7 + SHOP_ODD);
	CU_ASSERT_EQUAL(number(&s, "lastEventOffset"), 1045);
	CU_ASSERT_EQUAL(number(&s, "mapSizeBytes"), (double)FIXTURE_MAP);
	CU_ASSERT_TRUE(number(&s, "cacheSizeBytes") >= 4096);
	CU_ASSERT_TRUE(number(&s, "readers") >= 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "\"lastSyncTime\":\"2024-01-15T10:29:45Z\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "\"initializedAt\":\"2024-01-15T10:20:00Z\""));
	ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-store");
	ASSERT_TEXT(shop_header(&s, "X-Store-Event-Offset"), "1045");
	shop_close(&s);
}

TEST(api_stats, outside_of_a_pool_its_memory_and_uptime_are_null)
{
	struct shop s;
	struct metrics_pool *metrics;

	shop_prepare(&s);
	metrics = s.options.metrics;
	s.options.metrics = NULL;
	shop_open(&s);
	shop_get(&s, STATS);
	CU_ASSERT_EQUAL(s.response.status, 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "\"uptime\":null"));
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "\"inUse\":null"));
	s.options.metrics = metrics;
	shop_close(&s);
}

TEST(api_stats, of_nothing)
{
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	shop_get(&s, STATS);
	CU_ASSERT_EQUAL(s.response.status, 200);
	CU_ASSERT_EQUAL(number(&s, "totalProducts"), 0);
	CU_ASSERT_EQUAL(number(&s, "mapSizeBytes"), (double)FIXTURE_MAP);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(shop_body(&s), "\"cacheSize\":\"0.0MB\",\"lastSyncTime\":null,"
				  "\"lastEventOffset\":0,\"initializedAt\":null,"));
	ASSERT_TEXT(shop_header(&s, "X-Store-Event-Offset"), "");
	shop_close(&s);
}

/* What both of them published; a dead daemon's word doesn't count. */
TEST(api_stats, add_up_the_memory_of_pool_and_daemon)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct metrics_daemon *daemon;
	struct shop s;
	int fd;

	shop_new(&s, 1);
	metrics_pool_resident(s.options.metrics, 0, 1 << 20);
	metrics_pool_resident(s.options.metrics, 64, 3 << 20);
	CU_ASSERT_EQUAL_FATAL(metrics_daemon_create(s.options.run_dir, &daemon), ST_OK);
	metrics_daemon_resident(daemon, 5 << 20);
	shop_get(&s, STATS);
	CU_ASSERT_EQUAL(number(&s, "inUse"), 4);
	fd = open(fixture_path(&s.options.store, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	CU_ASSERT_EQUAL(fcntl(fd, F_OFD_SETLK, &lock), 0);
	api_refresh(s.api);
	shop_get(&s, STATS);
	CU_ASSERT_EQUAL(number(&s, "inUse"), 9);
	close(fd);
	metrics_daemon_close(daemon);
	shop_close(&s);
}

TEST(api_stats, of_a_store_that_can_not_be_read)
{
	struct sync_record record = shop_record(0);
	struct shop s;

	shop_prepare(&s);
	shop_fill(&s, 1, &record);
	CU_ASSERT_EQUAL(truncate(fixture_path(&s.options.store, "store-1/data.mdb"), 100), 0);
	shop_open(&s);
	log_set(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	shop_get(&s, STATS);
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	ASSERT_TEXT(shop_outcome(&s), "500 storage_error");
	shop_close(&s);
}

/* The very file, whatever becomes of the store. */
TEST(api_openapi, is_served_as_it_stands_in_the_tree)
{
	struct shop s;

	shop_prepare(&s);
	shop_open(&s);
	shop_get(&s, OPENAPI);
	CU_ASSERT_EQUAL(s.response.status, 200);
	ASSERT_TEXT(shop_header(&s, "Content-Type"), "application/json");
	ASSERT_TEXT(shop_header(&s, "Cache-Control"), "no-cache");
	CU_ASSERT_EQUAL(shop_header(&s, "ETag")[0], '"');
	CU_ASSERT_PTR_NOT_NULL(strstr(shop_body(&s), "\"openapi\": \"3.1."));
	CU_ASSERT_EQUAL(shop_body(&s)[s.response.body.len - 1], '\n');
	log_set(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	shop_ask(&s, "GET", OPENAPI, NULL);
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	ASSERT_TEXT(shop_outcome(&s), "401 unauthorized");
	shop_close(&s);
}
