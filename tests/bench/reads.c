/*
 * reads.c: asks the api for products in this very process, to be run under a
 * profiler (tests/bench/read_path.sh).
 *
 *   reads fill DIR N            a store with N products of about 150 bytes
 *   reads ask DIR TIMES URI…    each of them so often; prints bytes of all bodies
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "store/write.h"

#define MAP_SIZE ((size_t)256 << 20)

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static enum st_err put_products(struct store_writer *w, unsigned n)
{
	struct sync_record record = { .state = SYNC_LIVE };
	struct store_txn *t;
	enum st_err err = store_build_begin(w);

	if (!err)
		err = store_txn_begin(w, STORE_COMING, &t);
	if (err)
		return err;
	for (unsigned i = 0; i < n; i++) {
		char id[16], json[256];
		struct product p = { .version = 1 };

		snprintf(id, sizeof(id), "PROD-%06u", i);
		snprintf(json, sizeof(json),
		    "{\"productId\":\"%s\",\"name\":\"A thing of the longer kind, number %u\","
		    "\"available\":10,\"version\":1,\"lastUpdated\":\"2026-01-01T00:00:00Z\","
		    "\"price\":9.90}",
		    id, i);
		p.id = span_of(id);
		p.json = span_of(json);
		store_txn_put(t, &p);
	}
	store_txn_put_record(t, &record);
	err = store_txn_commit(t);
	return err ? err : store_build_publish(w);
}

static int fill(const struct store_options *options, unsigned n)
{
	struct store_writer *w;
	struct buf why;
	enum st_err err;

	buf_init(&why, 4096);
	err = store_writer_open(options, &w, &why);
	if (!err)
		err = put_products(w, n);
	if (err)
		fprintf(stderr, "%s %s\n", st_err_text(err), buf_text(&why));
	else
		store_writer_close(w);
	buf_free(&why);
	return err != ST_OK;
}

static int ask(const struct store_options *store, int times, char **uris)
{
	static const char *const keys[] = { "k" };
	struct api_options options = { .store = *store,
		.run_dir = store->data_dir,
		.store_id = "bench",
		.version = "0",
		.api_keys = keys,
		.n_api_keys = 1,
		.mount_from = "",
		.mount_to = "" };
	struct api_response response;
	struct api *api;
	uint64_t bytes = 0;
	int failed = 0;

	if (metrics_pool_open(&options.metrics) || api_open(&options, &api))
		return 1;
	api_response_init(&response);
	for (; *uris; uris++) {
		struct api_request request = { .method = span_of("GET"),
			.uri = span_of(*uris),
			.keys = { span_of("k") },
			.n_keys = 1 };

		for (int i = 0; i < times; i++) {
			api_handle(api, &request, &response);
			failed += response.status != 200;
			bytes += response.body.len;
			api_response_trim(&response);
		}
	}
	printf("%" PRIu64 "\n", bytes);
	api_response_free(&response);
	api_close(api);
	metrics_pool_close(options.metrics);
	return failed > 0;
}

int main(int argc, char **argv)
{
	struct store_options options = { argc > 2 ? argv[2] : "", MAP_SIZE };

	if (argc == 4 && strcmp(argv[1], "fill") == 0)
		return fill(&options, (unsigned)strtoul(argv[3], NULL, 10));
	if (argc > 4 && strcmp(argv[1], "ask") == 0)
		return ask(&options, atoi(argv[3]), argv + 4);
	fprintf(stderr, "usage: reads fill DIR N | reads ask DIR TIMES URI...\n");
	return 2;
}
