/*
 * Readers that read as clients do, through the API, while all that happens:
 * each remembers what it has seen of every product.  Lives are numbered in the
 * products' names, so what a reader sees tells its place in the history.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "property/property.h"

struct seen {
	int life;
	int64_t version;
};

struct watcher {
	struct world *world;
	struct api_response response;
	struct seen seen[PRODUCTS_MAX];
	unsigned random;
};

static const char key[] = "k";

static int get(struct watcher *r, const char *uri)
{
	struct api_request request = { .method = { "GET", 3 },
		.uri = { uri, strlen(uri) },
		.keys = { { key, 1 } },
		.n_keys = 1 };
	/* As it was when we asked: meanwhile the other reader may see it filled. */
	bool filled = atomic_load(&r->world->filled);

	api_handle(r->world->api, &request, &r->response);
	if (r->response.status >= 500 && filled)
		world_fail(r->world, "%d for %s: %.100s", r->response.status, uri,
		    buf_text(&r->response.body));
	return r->response.status;
}

/* One product's JSON; returns what is behind it, NULL if there is none. */
static const char *look(struct watcher *r, const char *json, int *number)
{
	const char *name = strstr(json, "\"name\":\"P"), *version = strstr(json, "\"version\":");
	struct seen now, *was;
	size_t i;

	if (!name || !version)
		return NULL;
	i = strtoul(name + 9, NULL, 10);
	now.life = atoi(strstr(name, "life ") + 5);
	now.version = strtoll(version + 10, NULL, 10);
	if (i >= PRODUCTS_MAX)
		return NULL;
	was = &r->seen[i];
	if (now.life < was->life || (now.life == was->life && now.version < was->version))
		world_fail(r->world,
		    "P%02zu went back from life %d version %lld to life %d version %lld", i,
		    was->life, (long long)was->version, now.life, (long long)now.version);
	*was = now;
	*number = (int)i;
	return version + 10;
}

static void watch_product(struct watcher *r)
{
	size_t i = (size_t)rand_r(&r->random) % r->world->n;
	bool filled = atomic_load(&r->world->filled);
	char uri[64];
	int number, status;

	snprintf(uri, sizeof(uri), "/v1/store/inventory/P%02zu", i);
	status = get(r, uri);
	if (status == 200)
		look(r, buf_text(&r->response.body), &number);
	else if (filled && r->world->lives[i].anchor)
		world_fail(r->world, "P%02zu, which is never deleted: %d", i, status);
}

static void watch_list(struct watcher *r)
{
	const char *at, *total;
	int last = -1, number = 0;
	long n = 0;

	if (get(r, "/v1/store/inventory?limit=200") != 200)
		return;
	atomic_store(&r->world->filled, true);
	at = buf_text(&r->response.body);
	total = strstr(at, "\"total\":");
	while ((at = look(r, at, &number))) {
		if (number <= last || (last < 2 && number != last + 1))
			world_fail(r->world, "the list has P%02d behind P%02d", number, last);
		last = number;
		n++;
	}
	if (!total || strtol(total + 8, NULL, 10) != n)
		world_fail(r->world, "a list of %ld says otherwise: %.40s", n, total ? total : "");
	if (last < 2)
		world_fail(r->world, "the list ends at P%02d", last);
}

static void *watch(void *arg)
{
	struct watcher *r = arg;
	unsigned turn = 0;

	while (!atomic_load(&r->world->stopping)) {
		if (turn++ % 8 == 0)
			watch_list(r);
		else
			watch_product(r);
		if (turn % 64 == 0)
			api_refresh(r->world->api);
		world_pause(2);
	}
	api_response_free(&r->response);
	free(r);
	return NULL;
}

static bool open_api(struct world *w)
{
	static const char *const keys[] = { key };
	struct api_options options = { .store = { w->data_dir, MAP_SIZE },
		.run_dir = w->dir,
		.store_id = "s",
		.version = "test",
		.api_keys = keys,
		.n_api_keys = 1,
		.mount_from = "",
		.mount_to = "",
		.max_body_bytes = 1024 };

	if (metrics_pool_open(&w->metrics))
		return false;
	options.metrics = w->metrics;
	return api_open(&options, &w->api) == ST_OK;
}

bool watch_begin(struct world *w)
{
	if (!open_api(w))
		return false;
	for (unsigned i = 0; i < WATCHERS; i++) {
		struct watcher *r = calloc(1, sizeof(*r));

		if (!r)
			return false;
		r->world = w;
		r->random = w->seed + i;
		api_response_init(&r->response);
		if (pthread_create(&w->watchers[i], NULL, watch, r) != 0)
			return false;
	}
	return true;
}

int watch_read(struct world *w, const char *uri, struct buf *out)
{
	struct watcher r = { .world = w };
	int status;

	api_response_init(&r.response);
	status = get(&r, uri);
	buf_add(out, r.response.body.data, r.response.body.len);
	api_response_free(&r.response);
	return status;
}

void watch_end(struct world *w)
{
	atomic_store(&w->stopping, true);
	for (unsigned i = 0; i < WATCHERS; i++)
		if (w->watchers[i])
			pthread_join(w->watchers[i], NULL);
	api_close(w->api);
	metrics_pool_close(w->metrics);
}
