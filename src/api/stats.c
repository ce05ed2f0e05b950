/*
 * api/stats.c: GET /v1/store/cache/stats, the size of things.
 *
 * Before the first sync there is nothing to count, and the answer says so: 200
 * with zeros and nulls, as sync/status does it.
 */
#include "api/call.h"

struct facts {
	struct sync_record record; /* all zero before the first sync */
	bool ever_synced;
	uint64_t products;
	struct store_stats stats;
};

static enum st_err read_store(struct call *c, struct facts *f)
{
	struct store_snapshot s;
	enum st_err err = store_snapshot_begin(c->api->store, &s);

	f->stats.map_bytes = c->api->options.store.map_size;
	if (err == ST_UNAVAILABLE)
		return ST_OK;
	if (err)
		return err;
	f->products = store_snapshot_count(&s);
	err = store_snapshot_record(&s, &f->record);
	if (!err)
		err = store_snapshot_stats(&s, &f->stats);
	f->ever_synced = err == ST_OK;
	store_snapshot_end(&s);
	return err;
}

static void member_uint(struct json_writer *w, const char *name, uint64_t value)
{
	jw_name(w, name);
	jw_uint(w, value);
}

static void member_size(struct json_writer *w, const char *name, uint64_t bytes)
{
	char text[DURATION_TEXT_SIZE];

	text_megabytes(bytes, text);
	jw_name(w, name);
	jw_text(w, text);
}

static void member_time(struct json_writer *w, const char *name, int64_t seconds)
{
	jw_name(w, name);
	jw_time(w, seconds);
}

/* Whoever isn't the pool knows neither the pool's memory nor since when it runs. */
static void write_pool_uptime(struct json_writer *w, const struct metrics_pool *m)
{
	char uptime[DURATION_TEXT_SIZE];

	jw_name(w, "uptime");
	if (m) {
		text_duration(metrics_pool_uptime_ms(m), uptime);
		jw_text(w, uptime);
	} else {
		jw_null(w);
	}
}

/* A daemon that was killed left what it had last published: that memory is free again. */
static uint64_t private_memory(const struct call *c)
{
	const struct api_options *o = &c->api->options;
	uint64_t daemon = call_has_writer(c) ? metrics_daemon_private_memory(o->run_dir) : 0;

	return metrics_pool_private_memory(o->metrics) + daemon;
}

static void write_stats(struct call *c, const struct facts *f)
{
	const struct sync_record *r = &f->record;
	struct json_writer w;

	jw_init(&w, &c->response->body);
	jw_begin_object(&w);
	member_uint(&w, "totalProducts", f->products);
	member_size(&w, "cacheSize", f->stats.used_bytes);
	member_time(&w, "lastSyncTime",
	    stamp_is_set(&r->last_success) ? r->last_success.wall_ms / 1000 : -1);
	member_uint(&w, "lastEventOffset", (uint64_t)r->event_offset);
	member_time(&w, "initializedAt", r->initialized_at > 0 ? r->initialized_at : -1);
	write_pool_uptime(&w, c->api->options.metrics);
	jw_name(&w, "memoryUsage");
	jw_begin_object(&w);
	member_size(&w, "allocated", f->stats.file_bytes);
	if (c->api->options.metrics) {
		member_size(&w, "inUse", private_memory(c));
	} else {
		jw_name(&w, "inUse");
		jw_null(&w);
	}
	jw_end_object(&w);
	member_uint(&w, "cacheSizeBytes", f->stats.used_bytes);
	member_uint(&w, "mapSizeBytes", f->stats.map_bytes);
	member_uint(&w, "readers", f->stats.readers);
	jw_end_object(&w);
}

void stats_get(struct call *c)
{
	struct facts f = { 0 };
	enum st_err err = read_store(c, &f);
	struct stamp now = stamp_now();

	if (err) {
		problem_of_store(c, err);
		return;
	}
	if (f.ever_synced)
		freshness_headers(c, &f.record, &now, call_sync_state(c, &f.record));
	write_stats(c, &f);
	c->response->status = 200;
	response_header(c->response, "Content-Type", "application/json");
	response_header(c->response, "Cache-Control", "no-store");
}
