/*
 * metrics/names.c: the words of labels.  A series exists from the start for each
 * route, method and code; what is none of them counts as `other`.
 */
#include "metrics/pages.h"

const char *const metrics_routes[METRICS_ROUTE_COUNT] = {
	[METRICS_ROUTE_INVENTORY] = "/v1/store/inventory",
	[METRICS_ROUTE_PRODUCT] = "/v1/store/inventory/{productId}",
	[METRICS_ROUTE_UPDATES] = "/v1/store/inventory/updates",
	[METRICS_ROUTE_BATCH_UPDATES] = "/v1/store/inventory/batch-updates",
	[METRICS_ROUTE_SYNC_STATUS] = "/v1/store/sync/status",
	[METRICS_ROUTE_SYNC_FORCE] = "/v1/store/sync/force",
	[METRICS_ROUTE_CACHE_STATS] = "/v1/store/cache/stats",
	[METRICS_ROUTE_OPENAPI] = "/v1/store/openapi.json",
	[METRICS_ROUTE_HEALTH] = "/health",
	[METRICS_ROUTE_METRICS] = "/metrics",
	[METRICS_ROUTE_OTHER] = "other",
};

const char *const metrics_methods[METRICS_METHODS] = { "GET", "HEAD", "POST", "OPTIONS", "other" };

const int metrics_codes[METRICS_CODES] = { 200, 202, 204, 304, 400, 401, 404, 405, 408, 409, 413,
	429, 500, 502, 503, 504, 0 };

const int64_t metrics_bucket_us[METRICS_BUCKETS] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000,
	100000, 1000000, 10000000 };
const char *const metrics_bucket_seconds[METRICS_BUCKETS] = { "0.0001", "0.00025", "0.0005",
	"0.001", "0.0025", "0.005", "0.01", "0.025", "0.1", "1", "10" };

const char *const metrics_events[METRICS_EVENT_COUNT] = { "applied", "stale", "repaired" };
const char *const metrics_writes[METRICS_WRITE_COUNT] = { "applied", "refused", "not_sent",
	"not_applied", "unknown" };
