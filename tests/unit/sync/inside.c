#include "sync/inside.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "control/ends.h"
#include "sync/writes.h"

#define WAIT_MS 60000 /* as long as a checker on a busy machine may need */

static void add_product(long number, int version, struct buf *body)
{
	struct product p = fixture_product((uint64_t)number, version);

	buf_add(body, p.json.data, p.json.len);
}

static void add_list(struct inside *in, const char *head, struct buf *body)
{
	long offset = script_parameter(head, "offset") + atomic_load(&in->astray);
	long limit = script_parameter(head, "limit");
	long first = atomic_load(&in->first), total = atomic_load(&in->products) - first;
	long end = offset + limit;

	end = end < total ? end : total;
	buf_adds(body, "{\"products\":[");
	for (long i = offset; i < end; i++) {
		buf_adds(body, i > offset ? "," : "");
		add_product(first + i, INSIDE_VERSION, body);
	}
	buf_addf(body,
	    "],\"pagination\":{\"offset\":%ld,\"limit\":%ld,\"total_count\":%ld,\"has_more\":%s}}",
	    offset, limit, total, end < total ? "true" : "false");
}

static void add_conflict(const char *head, struct buf *body)
{
	const char *id = strstr(head, "\"productId\":\"P-") + 13;

	buf_addf(body,
	    "{\"productId\":\"%.8s\",\"newQuantity\":3,\"newVersion\":%d,\"lastUpdated\":"
	    "\"2026-02-02T00:00:00Z\",\"errorType\":\"version_conflict\",\"errorMessage\":\"x\"}",
	    id, INSIDE_VERSION + 1);
}

/* The higher the log, the newer; its events tell of one time. */
static void add_events(struct inside *in, long from, long end, struct buf *body)
{
	int log = atomic_load(&in->log), n = 0;
	long oldest = atomic_load(&in->oldest);

	buf_adds(body, "{\"events\":[");
	for (long o = from > oldest ? from : oldest; log > 0 && o < end; o++) {
		struct product p = fixture_product(0, (int64_t)o + log * 1000);

		buf_addf(body,
		    "%s{\"offset\":%ld,\"timestamp\":\"2026-01-0%dT00:00:00Z\",\"eventType\":"
		    "\"product_updated\",\"productId\":\"P-000000\",\"version\":%lld,\"data\":",
		    n++ > 0 ? "," : "", o, log, (long long)p.version);
		buf_add(body, p.json.data, p.json.len);
		buf_adds(body, "}");
	}
	buf_addf(body, "],\"nextOffset\":%ld,\"hasMore\":false,\"count\":%d}", end, n);
}

static void answer(void *arg, const char *head, struct buf *out)
{
	struct inside *in = arg;
	const char *product = strstr(head, "/v1/inventory/P-");
	struct buf body;
	int status = 200;

	buf_init(&body, 1 << 20);
	if (strncmp(head, "POST ", 5) == 0) {
		atomic_fetch_add(&in->posts, 1);
		status = 409;
		add_conflict(head, &body);
	} else if (strstr(head, "/v1/inventory/events?")) {
		long from = script_parameter(head, "offset");

		status = atomic_load(&in->feed_status);
		add_events(in, from,
		    atomic_load(from == CENTRAL_OFFSET_HEAD ? &in->head : &in->poll_end), &body);
	} else if (product) {
		status = atomic_load(&in->product_status);
		add_product(
		    strtol(product + 16, NULL, 10), atomic_load(&in->product_version), &body);
	} else {
		status = atomic_load(&in->list_status);
		add_list(in, head, &body);
	}
	script_json(out, status, "", buf_text(&body));
	buf_free(&body);
}

static void take(
    void *arg, struct control_peer *peer, struct control_request *request, bool trusted)
{
	struct engine *e = arg;

	(void)trusted;
	if (request->type == CONTROL_UPDATE)
		writes_take(e, peer, request);
	else if (request->type == CONTROL_VERIFY)
		verify_take(e, peer, request);
	else if (request->type == CONTROL_RESTORE)
		restore_take(e, peer, request->id);
	else
		full_sync_wait(e, peer, request->id);
}

static void open_engine(struct inside *in)
{
	struct engine *e = &in->engine;
	struct store_snapshot s;
	struct buf why;

	e->options = &in->options;
	e->settings = (struct engine_settings){ .central = { .url = script_url(in->script),
						    .key = "k",
						    .timeout_ms = 5000,
						    .tls = { "", "", "" } },
		.batch_limit = 10,
		.fallback_interval_ms = 60000,
		.failures_max = 3,
		.max_drop_percent = 50,
		.write_budget_ms = 5000 };
	buf_init(&why, 1000);
	CU_ASSERT_EQUAL_FATAL(central_open(&e->settings.central, &e->central), ST_OK);
	CU_ASSERT_EQUAL_FATAL(metrics_daemon_create(in->run_dir, &e->metrics), ST_OK);
	CU_ASSERT_EQUAL_FATAL(writes_begin(e), ST_OK);
	CU_ASSERT_EQUAL_FATAL(control_server_open(in->run_dir, take, e, &e->control, &why), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(e->store, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_record(&s, &e->record), ST_OK);
	store_snapshot_end(&s);
	follow_begin(e, mono_now());
	known_begin(e);
	full_sync_begin(e);
	e->follow.check_owed = false;
	e->record.full_sync_products = (uint64_t)atomic_load(&in->products);
	e->compare.next = MONO_NEVER;
}

static void begin(struct inside *in, long products, const struct store_options *options)
{
	memset(in, 0, sizeof(*in));
	atomic_store(&in->products, products);
	atomic_store(&in->list_status, 200);
	atomic_store(&in->product_status, 200);
	atomic_store(&in->product_version, INSIDE_VERSION);
	atomic_store(&in->feed_status, 200);
	atomic_store(&in->head, INSIDE_VERSION);
	atomic_store(&in->poll_end, INSIDE_VERSION);
	/* What fails here fails on purpose. */
	log_set(LOG_LEVEL_ERROR + 1, LOG_FORMAT_LOGFMT);
	signal(SIGXFSZ, SIG_IGN);
	in->run_dir = unit_temp_dir();
	in->script = script_start(answer, in);
	in->engine.store = fixture_writer(options);
	open_engine(in);
}

void inside_begin(struct inside *in, long products)
{
	struct store_options options = fixture_store((uint64_t)products, INSIDE_VERSION);

	begin(in, products, &options);
}

void inside_begin_damaged(struct inside *in, long products, const char *id)
{
	struct store_options options = fixture_store((uint64_t)products, INSIDE_VERSION);

	fixture_spoil(&options, 1, "products", id, fixture_flip_last);
	begin(in, products, &options);
}

void inside_end(struct inside *in)
{
	struct engine *e = &in->engine;

	follow_cancel(e);
	compare_cancel(e);
	verify_end(e, "stopping", "the end of the test");
	restore_cancel(e);
	writes_end(e);
	full_sync_end(e);
	known_forget_all(e);
	position_free(&e->follow.position);
	control_server_close(e->control);
	central_close(e->central);
	metrics_daemon_close(e->metrics);
	store_writer_close(e->store);
	script_stop(in->script);
	signal(SIGXFSZ, SIG_DFL);
	log_set(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

static void hear(struct inside *in)
{
	struct engine *e = &in->engine;
	struct http_watch watch = { .fd = control_server_fd(e->control) };

	central_wait(e->central, &watch, 1, 20);
	control_server_turn(e->control, mono_now());
}

static void turn(struct inside *in)
{
	struct engine *e = &in->engine;
	struct mono now = mono_now();

	writes_tick(e, now);
	full_sync_tick(e, now);
	follow_tick(e, now);
	lookups_tick(e, now);
	compare_tick(e, now);
	verify_tick(e, now);
	restore_tick(e, now);
	hear(in);
}

static void until(struct inside *in, inside_condition *condition, void (*go_on)(struct inside *in))
{
	struct mono deadline = mono_add_ms(mono_now(), WAIT_MS);

	while (!condition(&in->engine) && !mono_reached(deadline, mono_now()))
		go_on(in);
	CU_ASSERT_TRUE(condition(&in->engine));
}

void inside_turn_until(struct inside *in, inside_condition *condition)
{
	until(in, condition, turn);
}

void inside_hear_until(struct inside *in, inside_condition *condition)
{
	until(in, condition, hear);
}

bool inside_has_write(const struct engine *e)
{
	return writes_are_open(e);
}

bool inside_has_no_write(const struct engine *e)
{
	return !writes_are_open(e);
}

bool inside_owes_nothing(const struct engine *e)
{
	return e->lookups.n_owed == 0;
}

int inside_forward(struct inside *in)
{
	int fd = raw_connect(in->run_dir);

	raw_message(fd, INSIDE_UPDATE);
	inside_hear_until(in, inside_has_write);
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "\"taken\""));
	return fd;
}

void inside_disk_full(bool full)
{
	struct rlimit limit;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = full ? 0 : limit.rlim_max;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

void inside_owe(struct inside *in, long product)
{
	struct sync_record next = in->engine.record;
	struct change c;

	CU_ASSERT_EQUAL(change_begin(&in->engine, &c), ST_OK);
	change_owe(&c, fixture_product((uint64_t)product, INSIDE_VERSION).id);
	CU_ASSERT_EQUAL(change_commit(&c, &next), ST_OK);
}

struct known *inside_known(struct inside *in, long product)
{
	struct span id = fixture_product((uint64_t)product, INSIDE_VERSION).id;

	return known_find(&in->engine, id.data, id.len);
}

struct wanted {
	struct span id;
	bool owed;
};

static enum st_err look(void *arg, const char *id, size_t len, const struct doubt *doubt)
{
	struct wanted *w = arg;

	if (walk_compare(id, len, w->id.data, w->id.len) == 0)
		w->owed = doubt->owed;
	return ST_OK;
}

bool inside_is_owed(struct inside *in, long product)
{
	struct wanted w = { .id = fixture_product((uint64_t)product, INSIDE_VERSION).id };
	struct store_txn *t;

	CU_ASSERT_EQUAL_FATAL(store_txn_begin(in->engine.store, STORE_RUNNING, &t), ST_OK);
	store_txn_each_doubt(t, look, &w);
	store_txn_abort(t);
	return w.owed;
}

int64_t inside_version(struct inside *in, long product)
{
	struct span id = fixture_product((uint64_t)product, INSIDE_VERSION).id;
	struct store_snapshot s;
	struct product p = { .version = -1 };

	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(in->engine.store, &s), ST_OK);
	CU_ASSERT_EQUAL(store_snapshot_product(&s, id.data, id.len, &p), ST_OK);
	store_snapshot_end(&s);
	return p.version;
}
