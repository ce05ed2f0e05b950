/*
 * metrics/render.c: the text for Prometheus, exposition format 0.0.4.
 */
#include <inttypes.h>
#include <string.h>

#include "metrics/pages.h"

#define VALUE_OF(m) atomic_load_explicit(&(m), memory_order_relaxed)

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP store_api_%s %s\n# TYPE store_api_%s %s\n", name, help, name, type);
}

static void plain(struct buf *out, const char *name, uint64_t value)
{
	buf_addf(out, "store_api_%s %" PRIu64 "\n", name, value);
}

static void labelled(
    struct buf *out, const char *name, const char *label, const char *word, uint64_t value)
{
	buf_addf(out, "store_api_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, word, value);
}

/* Is this a code of the row? */
static bool has_code(const struct metrics_answers *a, int code)
{
	for (unsigned i = 0; a->codes[i]; i++)
		if (a->codes[i] == code)
			return true;
	return false;
}

/* What was counted under a row's code, or (0) under all that are none of the row's. */
static uint64_t sum_of(
    const struct metrics_pool *m, const struct metrics_answers *a, unsigned method, int code)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < METRICS_CODES; i++)
		if ((has_code(a, metrics_codes[i]) ? metrics_codes[i] : 0) == code)
			sum += VALUE_OF(m->requests[a->route][method][i]);
	return sum;
}

static void render_code(const struct metrics_pool *m, const struct metrics_answers *a,
    unsigned method, int code, struct buf *out)
{
	buf_addf(out, "store_api_http_requests_total{route=\"%s\",method=\"%s\",code=\"",
	    metrics_routes[a->route], metrics_methods[method]);
	if (code)
		buf_addf(out, "%d", code);
	else
		buf_adds(out, "other");
	buf_addf(out, "\"} %" PRIu64 "\n", sum_of(m, a, method, code));
}

static void render_requests(const struct metrics_pool *m, struct buf *out)
{
	family(out, "http_requests_total", "counter", "Requests answered.");
	for (size_t i = 0; i < metrics_n_answers; i++) {
		const struct metrics_answers *a = &metrics_answers[i];

		for (unsigned method = 0; method < METRICS_METHODS; method++) {
			if (!(a->methods & 1u << method))
				continue;
			for (unsigned k = 0; a->codes[k]; k++)
				render_code(m, a, method, a->codes[k], out);
			render_code(m, a, method, 0, out);
		}
	}
}

static void render_durations(const struct metrics_pool *m, struct buf *out)
{
	const char *name = "http_request_duration_seconds";

	family(out, name, "histogram",
	    "Making of the response, waiting for a body and for the daemon included.");
	for (unsigned r = 0; r < METRICS_ROUTE_COUNT; r++) {
		uint64_t us = VALUE_OF(m->microseconds[r]), sum = 0;

		for (unsigned b = 0; b <= METRICS_BUCKETS; b++) {
			sum += VALUE_OF(m->buckets[r][b]);
			buf_addf(out, "store_api_%s_bucket{route=\"%s\",le=\"%s\"} %" PRIu64 "\n",
			    name, metrics_routes[r],
			    b < METRICS_BUCKETS ? metrics_bucket_seconds[b] : "+Inf", sum);
		}
		buf_addf(out, "store_api_%s_sum{route=\"%s\"} %" PRIu64 ".%06" PRIu64 "\n", name,
		    metrics_routes[r], us / 1000000, us % 1000000);
		buf_addf(out, "store_api_%s_count{route=\"%s\"} %" PRIu64 "\n", name,
		    metrics_routes[r], sum);
	}
	family(out, "http_response_bytes_total", "counter", "Bytes of response bodies.");
	plain(out, "http_response_bytes_total", VALUE_OF(m->response_bytes));
}

static void render_state(const char *state, struct buf *out)
{
	family(out, "sync_state", "gauge", "1 for the state that the synchronisation is in.");
	for (int i = 0; i < SYNC_STATE_COUNT; i++) {
		const char *word = sync_state_text((enum sync_state)i);

		labelled(out, "sync_state", "state", word, strcmp(word, state) == 0);
	}
	labelled(out, "sync_state", "state", "stopped", strcmp("stopped", state) == 0);
}

static void render_verify(const struct sync_record *r, struct buf *out)
{
	family(out, "verify_timestamp_seconds", "gauge",
	    "When the cache was last compared with Central's list; 0: never.");
	plain(out, "verify_timestamp_seconds", (uint64_t)r->compared_at);
	family(out, "verify_products", "gauge", "Products that differed then, and were mended.");
	labelled(out, "verify_products", "result", "differed", r->compared_differed);
	labelled(out, "verify_products", "result", "mended", r->compared_mended);
}

static void render_cache(const struct metrics_cache *c, struct buf *out)
{
	family(out, "cache_age_seconds", "gauge", "Since the cache was last known to be current.");
	if (c->age_ms < 0)
		buf_adds(out, "store_api_cache_age_seconds NaN\n");
	else
		buf_addf(out, "store_api_cache_age_seconds %" PRId64 ".%03" PRId64 "\n",
		    c->age_ms / 1000, c->age_ms % 1000);
	family(out, "event_offset", "gauge", "Next offset of Central's event feed.");
	plain(out, "event_offset", (uint64_t)c->record.event_offset);
	family(out, "products", "gauge", "Products in the cache.");
	plain(out, "products", c->products);
	family(
	    out, "products_rejected", "gauge", "Products of Central's that could not be cached.");
	plain(out, "products_rejected", c->record.products_rejected);
	render_state(c->state, out);
	render_verify(&c->record, out);
	family(out, "store_used_bytes", "gauge", "Bytes of the store's pages in use.");
	plain(out, "store_used_bytes", c->used_bytes);
	family(out, "store_limit_bytes", "gauge", "Bytes that the store can grow to.");
	plain(out, "store_limit_bytes", c->limit_bytes);
	family(out, "readers", "gauge", "Reader slots of the store in use.");
	plain(out, "readers", c->readers);
	family(out, "readers_max", "gauge", "Reader slots of the store.");
	plain(out, "readers_max", c->readers_max);
}

static void render_full_syncs(const struct metrics_daemon *d, struct buf *out)
{
	static const char *const results[] = { "failed", "ok" };

	family(out, "full_syncs_total", "counter", "Full syncs that ended, or were begun again.");
	for (int i = FULL_SYNC_NONE + 1; i < FULL_SYNC_REASON_COUNT; i++)
		for (int ok = 0; ok < 2; ok++)
			buf_addf(out,
			    "store_api_full_syncs_total{reason=\"%s\",result=\"%s\"} %" PRIu64 "\n",
			    full_sync_reason_text((enum full_sync_reason)i), results[ok],
			    VALUE_OF(d->full_syncs[i][ok]));
}

static void render_daemon(const struct metrics_daemon *d, struct buf *out)
{
	family(out, "events_total", "counter", "Events of Central's feed, by what they did.");
	for (unsigned i = 0; i < METRICS_EVENT_COUNT; i++)
		labelled(out, "events_total", "result", metrics_events[i], VALUE_OF(d->events[i]));
	family(out, "sync_failures_total", "counter", "Exchanges with Central that failed.");
	for (int i = FAILURE_NONE + 1; i < FAILURE_CLASS_COUNT; i++)
		labelled(out, "sync_failures_total", "class",
		    failure_class_text((enum failure_class)i), VALUE_OF(d->failures[i]));
	render_full_syncs(d, out);
	family(out, "writes_total", "counter",
	    "Writes that the daemon took, by item and by what became of them.");
	for (unsigned i = 0; i < METRICS_WRITE_COUNT; i++)
		labelled(out, "writes_total", "outcome", metrics_writes[i], VALUE_OF(d->writes[i]));
}

static void render_processes(
    const struct metrics_pool *pool, const struct metrics_daemon *d, bool alive, struct buf *out)
{
	family(out, "workers", "gauge", "Worker processes that run.");
	plain(out, "workers", VALUE_OF(pool->workers));
	family(
	    out, "worker_restarts_total", "counter", "Worker processes replaced after they died.");
	plain(out, "worker_restarts_total", VALUE_OF(pool->worker_restarts));
	family(out, "resident_bytes", "gauge",
	    "Private resident memory, all processes of a kind together.");
	labelled(out, "resident_bytes", "process", "pool", metrics_pool_private_memory(pool));
	labelled(out, "resident_bytes", "process", "daemon", alive ? VALUE_OF(d->resident) : 0);
}

void metrics_render(const struct metrics_pool *pool, const char *run_dir,
    const struct metrics_cache *cache, const char *version, struct buf *out)
{
	struct metrics_daemon daemon;

	metrics_daemon_read(run_dir, &daemon);
	render_requests(pool, out);
	render_durations(pool, out);
	render_cache(cache, out);
	render_daemon(&daemon, out);
	render_processes(pool, &daemon, cache->has_daemon, out);
	family(out, "build_info", "gauge", "The version of this program.");
	labelled(out, "build_info", "version", version, 1);
}
