/*
 * api/watch.c: what monitoring reads: GET /health and GET /metrics.
 */
#include <inttypes.h>

#include "api/call.h"
#include "control/client.h"
#include "health/health.h"

#define ASK_DAEMON_MS 250

/* Both judge the store's own record; the daemon is only asked whether it is there. */
struct facts {
	enum st_err store;
	struct sync_record record;
	struct store_stats stats;
	uint64_t products;
	struct stamp now;
	struct control_status live;
	bool daemon_answers;
};

static void gather(struct call *c, struct facts *f)
{
	struct store_snapshot s;

	f->daemon_answers = control_ask_status(c->api->options.run_dir, c->response->request_id,
				ASK_DAEMON_MS, &f->live) == ST_OK;
	f->store = store_snapshot_begin(c->api->store, &s);
	/* Not before: what was committed since would lie in the future. */
	f->now = stamp_now();
	if (f->store)
		return;
	f->products = store_snapshot_count(&s);
	f->store = store_snapshot_record(&s, &f->record);
	if (!f->store)
		f->store = store_snapshot_stats(&s, &f->stats);
	store_snapshot_end(&s);
}

static void write_health(struct call *c, const struct facts *f, const struct health *h)
{
	struct json_writer w;

	jw_init(&w, &c->response->body);
	jw_begin_object(&w);
	jw_name(&w, "status");
	jw_text(&w, health_verdict_text(h->verdict));
	jw_name(&w, "service");
	jw_text(&w, "store-api");
	jw_name(&w, "storeId");
	jw_text(&w, c->api->options.store_id);
	jw_name(&w, "version");
	jw_text(&w, c->api->options.version);
	jw_name(&w, "timestamp");
	jw_time(&w, f->now.wall_ms / 1000);
	jw_name(&w, "checks");
	jw_begin_object(&w);
	jw_name(&w, "cache");
	jw_text(&w, h->cache);
	jw_name(&w, "syncDaemon");
	jw_text(&w, h->daemon);
	jw_name(&w, "central");
	jw_text(&w, h->central);
	jw_name(&w, "ageSeconds");
	if (h->age_seconds < 0)
		jw_null(&w);
	else
		jw_int(&w, h->age_seconds);
	jw_end_object(&w);
	jw_end_object(&w);
}

void health_get(struct call *c)
{
	struct facts f = { 0 };
	struct health_facts asked;
	struct health h;

	gather(c, &f);
	asked = (struct health_facts){ .store = f.store,
		.record = f.store ? NULL : &f.record,
		.now = f.now,
		.daemon_answers = f.daemon_answers,
		.daemon_state = f.live.state,
		.max_staleness_seconds = c->api->options.max_staleness_seconds };
	h = health_judge(&asked);
	write_health(c, &f, &h);
	c->response->status = h.verdict == HEALTH_UNHEALTHY ? 503 : 200;
	response_header(c->response, "Content-Type", "application/json");
	response_header(c->response, "Cache-Control", "no-store");
}

void metrics_get(struct call *c)
{
	struct facts f = { 0 };
	struct metrics_cache cache = { .age_ms = -1 };

	gather(c, &f);
	cache.has_daemon = store_reader_has_writer(c->api->store);
	cache.state = f.daemon_answers ? sync_state_text(f.live.state) : "stopped";
	if (!f.store) {
		cache.age_ms = stamp_age_ms(&f.record.confirmed_current, &f.now);
		cache.record = f.record;
		cache.products = f.products;
		cache.used_bytes = f.stats.used_bytes;
		cache.limit_bytes = f.stats.map_bytes;
		cache.readers = f.stats.readers;
		cache.readers_max = f.stats.readers_max;
	}
	metrics_render(c->api->options.metrics, c->api->options.run_dir, &cache,
	    c->api->options.version, &c->response->body);
	c->response->status = 200;
	response_header(c->response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	response_header(c->response, "Cache-Control", "no-store");
}
