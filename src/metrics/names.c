/*
 * metrics/names.c: the words of labels, and which of them go together.
 *
 * A series of requests exists from the start for each route, method and code of
 * the API's description (src/api/openapi.json; the tests compare), refusals of
 * methods that a path doesn't know among them.  All codes that are not described
 * are `other`, so are all methods that no path knows; paths that there aren't are
 * the route `other`.
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

#define GET     1u
#define HEAD    2u
#define POST    4u
#define OPTIONS 8u
#define OTHER   16u

#define READ (GET | HEAD)

static const int list[] = { 200, 304, 400, 401, 500, 503, 0 };
static const int product[] = { 200, 304, 400, 401, 404, 500, 503, 0 };
static const int update[] = { 200, 400, 401, 404, 408, 409, 413, 429, 500, 502, 503, 504, 0 };
static const int batch_update[] = { 200, 400, 401, 408, 409, 413, 429, 500, 502, 503, 504, 0 };
static const int force[] = { 200, 202, 400, 401, 502, 503, 504, 0 };
static const int status[] = { 200, 401, 500, 0 };
static const int document[] = { 200, 304, 401, 0 };
static const int health[] = { 200, 503, 0 };
static const int metrics[] = { 200, 0 };
static const int options[] = { 204, 0 };
static const int refusals[] = { 401, 405, 0 };    /* of a method that the path doesn't know */
static const int refusals_of_open[] = { 405, 0 }; /* where no key is needed */
static const int no_path[] = { 400, 401, 404, 0 };
static const int no_path_options[] = { 204, 400, 404, 0 };

const struct metrics_answers metrics_answers[] = {
	{ METRICS_ROUTE_INVENTORY, READ, list },
	{ METRICS_ROUTE_INVENTORY, OPTIONS, options },
	{ METRICS_ROUTE_INVENTORY, POST | OTHER, refusals },
	{ METRICS_ROUTE_PRODUCT, READ, product },
	{ METRICS_ROUTE_PRODUCT, OPTIONS, options },
	{ METRICS_ROUTE_PRODUCT, POST | OTHER, refusals },
	{ METRICS_ROUTE_UPDATES, POST, update },
	{ METRICS_ROUTE_UPDATES, READ, product },
	{ METRICS_ROUTE_UPDATES, OPTIONS, options },
	{ METRICS_ROUTE_UPDATES, OTHER, refusals },
	{ METRICS_ROUTE_BATCH_UPDATES, POST, batch_update },
	{ METRICS_ROUTE_BATCH_UPDATES, READ, product },
	{ METRICS_ROUTE_BATCH_UPDATES, OPTIONS, options },
	{ METRICS_ROUTE_BATCH_UPDATES, OTHER, refusals },
	{ METRICS_ROUTE_SYNC_STATUS, READ, status },
	{ METRICS_ROUTE_SYNC_STATUS, OPTIONS, options },
	{ METRICS_ROUTE_SYNC_STATUS, POST | OTHER, refusals },
	{ METRICS_ROUTE_SYNC_FORCE, POST, force },
	{ METRICS_ROUTE_SYNC_FORCE, OPTIONS, options },
	{ METRICS_ROUTE_SYNC_FORCE, READ | OTHER, refusals },
	{ METRICS_ROUTE_CACHE_STATS, READ, status },
	{ METRICS_ROUTE_CACHE_STATS, OPTIONS, options },
	{ METRICS_ROUTE_CACHE_STATS, POST | OTHER, refusals },
	{ METRICS_ROUTE_OPENAPI, READ, document },
	{ METRICS_ROUTE_OPENAPI, OPTIONS, options },
	{ METRICS_ROUTE_OPENAPI, POST | OTHER, refusals },
	{ METRICS_ROUTE_HEALTH, READ, health },
	{ METRICS_ROUTE_HEALTH, OPTIONS, options },
	{ METRICS_ROUTE_HEALTH, POST | OTHER, refusals_of_open },
	{ METRICS_ROUTE_METRICS, READ, metrics },
	{ METRICS_ROUTE_METRICS, OPTIONS, options },
	{ METRICS_ROUTE_METRICS, POST | OTHER, refusals_of_open },
	{ METRICS_ROUTE_OTHER, READ | POST | OTHER, no_path },
	{ METRICS_ROUTE_OTHER, OPTIONS, no_path_options },
};
const size_t metrics_n_answers = sizeof(metrics_answers) / sizeof(metrics_answers[0]);

const int64_t metrics_bucket_us[METRICS_BUCKETS] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000,
	100000, 1000000, 10000000 };
const char *const metrics_bucket_seconds[METRICS_BUCKETS] = { "0.0001", "0.00025", "0.0005",
	"0.001", "0.0025", "0.005", "0.01", "0.025", "0.1", "1", "10" };

const char *const metrics_events[METRICS_EVENT_COUNT] = { "applied", "stale", "repaired" };
const char *const metrics_writes[METRICS_WRITE_COUNT] = { "applied", "refused", "not_sent",
	"not_applied", "unknown" };
