/*
 * client paced WEB PRODUCTS PER_SECOND CONNECTIONS   an open-loop client: paced.h
 * client visible CENTRAL WEB ID ROUNDS       a change at Central until a GET shows it
 * client offsets SOCKET ROUNDS PRODUCTS      pages of 50: the first, and at random offsets, in turn
 * client walk WEB PRODUCTS LIMIT CONNECTIONS all of them by after=, each connection its part
 * client fetch URL TIMES CONNECTIONS         the same answer so often
 * client answers SOCKET                      returns as soon as the pool answers with products
 *
 * What can't be measured with one process per request.  Prints lines `METRIC VALUE`.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "bench/paced.h"
#include "bench/samples.h"
#include "pool/fcgi_client.h"

#define KEY             "demo"
#define ROUNDS_MAX      100000
#define CONNECTIONS_MAX 64
#define BODY_MAX        (16 * 1024 * 1024)
#define FIRST_PAGE      "/v1/store/inventory?offset=0&limit=50"
#define NEXT_AFTER_SIZE 600

static size_t take(char *data, size_t size, size_t n, void *to)
{
	buf_add(to, data, size * n);
	return size * n;
}

static CURL *connection(struct buf *body, struct curl_slist *headers)
{
	CURL *c = curl_easy_init();

	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
	return c;
}

/* The status of one request, 0 if there was none. */
static long ask(CURL *c, struct buf *body, const char *url)
{
	long status = 0;

	buf_reset(body);
	curl_easy_setopt(c, CURLOPT_URL, url);
	if (curl_easy_perform(c) == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/*
 * From before the change is sent until a GET shows it: a little more than from
 * Central's answer to the long poll.
 */
static int visible(char **argv)
{
	const char *central = argv[0], *web = argv[1], *id = argv[2];
	long rounds = strtol(argv[3], NULL, 10), failed = 0;
	struct curl_slist *admin = curl_slist_append(NULL, "X-API-Key: admin"),
			  *headers = curl_slist_append(NULL, "X-API-Key: " KEY);
	struct buf changed, body;
	CURL *order, *get;
	char url[256], text[256], wanted[64];

	buf_init(&changed, BODY_MAX);
	buf_init(&body, BODY_MAX);
	order = connection(&changed, admin);
	get = connection(&body, headers);
	curl_easy_setopt(order, CURLOPT_CUSTOMREQUEST, "PUT");
	curl_easy_setopt(order, CURLOPT_TCP_NODELAY, 1L);
	for (long i = 0; i < rounds; i++) {
		struct mono start;
		double waited;
		bool seen;

		snprintf(text, sizeof(text),
		    "{\"products\":[{\"productId\":\"%s\",\"available\":%ld}]}", id, 1000000 + i);
		snprintf(wanted, sizeof(wanted), "\"available\":%ld,", 1000000 + i);
		snprintf(url, sizeof(url), "%s/v1/admin/products/set", central);
		usleep(20000); /* the next long poll is open again */
		curl_easy_setopt(order, CURLOPT_POSTFIELDS, text);
		start = mono_now();
		if (ask(order, &changed, url) != 200) {
			failed++;
			continue;
		}
		snprintf(url, sizeof(url), "%s/v1/store/inventory/%s", web, id);
		do {
			ask(get, &body, url);
			waited = ms_since(start);
			seen = strstr(buf_text(&body), wanted) != NULL;
		} while (!seen && waited < 5000);
		if (seen)
			samples_add(waited);
		else
			failed++;
	}
	samples_print("");
	printf("failed %ld\n", failed);
	curl_easy_cleanup(order);
	curl_easy_cleanup(get);
	curl_slist_free_all(admin);
	curl_slist_free_all(headers);
	buf_free(&changed);
	buf_free(&body);
	return 0;
}

/* Milliseconds of one request on a connection of its own at the pool's socket; below 0: failed. */
static double ask_pool(const char *socket, const char *uri)
{
	struct fcgi_ask request = { .method = "GET", .uri = uri, .key = KEY };
	struct fcgi_reply reply;
	struct mono start = mono_now();
	int fd = fcgi_connect(socket);
	double ms = -1;

	if (fd >= 0 && fcgi_exchange(fd, &request, &reply)) {
		if (reply.status == 0 || reply.status == 200)
			ms = ms_since(start);
		fcgi_reply_free(&reply);
	}
	if (fd >= 0)
		close(fd);
	return ms;
}

/* In turn, so that both meet the same moments. */
static int offsets(char **argv)
{
	static double first[ROUNDS_MAX];
	long rounds = strtol(argv[1], NULL, 10), products = strtol(argv[2], NULL, 10), failed = 0;
	char uri[128];
	double ms;

	rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
	for (long i = 0; i < rounds; i++) {
		first[i] = ask_pool(argv[0], FIRST_PAGE);
		snprintf(uri, sizeof(uri), "/v1/store/inventory?offset=%ld&limit=50",
		    random() % (products - 50));
		ms = ask_pool(argv[0], uri);
		failed += (first[i] < 0) + (ms < 0);
		if (ms >= 0)
			samples_add(ms);
	}
	samples_print("random_");
	for (long i = 0; i < rounds; i++)
		if (first[i] >= 0)
			samples_add(first[i]);
	samples_print("first_");
	printf("failed %ld\n", failed);
	return 0;
}

/* nextAfter as it stands near the answer's end, quotes cut off; false at the end of all. */
static bool next_after(const struct buf *body, char *out, size_t size)
{
	static const char name[] = "\"nextAfter\":\"";
	size_t from = body->len > 2 * NEXT_AFTER_SIZE ? body->len - 2 * NEXT_AFTER_SIZE : 0;
	const char *at = strstr(buf_text(body) + from, name), *end;

	if (!at)
		return false;
	at += sizeof(name) - 1;
	end = strchr(at, '"');
	if (!end || (size_t)(end - at) >= size)
		return false;
	memcpy(out, at, (size_t)(end - at));
	out[end - at] = '\0';
	return true;
}

/* One connection of walk or fetch, in a thread of its own. */
struct asker {
	pthread_t thread;
	const char *address, *limit;
	char after[NEXT_AFTER_SIZE], until[64]; /* where its part of the walk begins and ends */
	long times;
	CURL *connection;
	struct buf body;
	long pages, failed;
};

static void *walk_part(void *arg)
{
	struct asker *a = arg;
	char url[1024];

	do {
		snprintf(url, sizeof(url), "%s/v1/store/inventory?after=%s&limit=%s", a->address,
		    a->after, a->limit);
		a->failed += ask(a->connection, &a->body, url) != 200;
		a->pages++;
	} while (!a->failed && next_after(&a->body, a->after, sizeof(a->after)) &&
		 (!a->until[0] || strcmp(a->after, a->until) < 0));
	return NULL;
}

static void *fetch_part(void *arg)
{
	struct asker *a = arg;

	for (; a->pages < a->times; a->pages++)
		a->failed += ask(a->connection, &a->body, a->address) != 200;
	return NULL;
}

/* Prints pages a second of all together, and of PRODUCTS, unless 0, the same. */
static int ask_abreast(struct asker *askers, int n, void *(*part)(void *), long products)
{
	struct curl_slist *headers = curl_slist_append(NULL, "X-API-Key: " KEY);
	struct mono start = mono_now();
	long pages = 0, failed = 0;
	double seconds;

	for (int i = 0; i < n; i++) {
		buf_init(&askers[i].body, BODY_MAX);
		askers[i].connection = connection(&askers[i].body, headers);
		if (pthread_create(&askers[i].thread, NULL, part, &askers[i]) != 0)
			return 1;
	}
	for (int i = 0; i < n; i++) {
		pthread_join(askers[i].thread, NULL);
		pages += askers[i].pages;
		failed += askers[i].failed;
		curl_easy_cleanup(askers[i].connection);
		buf_free(&askers[i].body);
	}
	seconds = ms_since(start) / 1000;
	curl_slist_free_all(headers);
	printf("pages_per_s %.0f\n", (double)pages / seconds);
	if (products > 0)
		printf("products_per_s %.0f\n", (double)products / seconds);
	printf("failed %ld\n", failed);
	return 0;
}

static struct asker askers[CONNECTIONS_MAX];

static int connections_of(const char *text)
{
	int n = atoi(text);

	return n < 1 ? 1 : n < CONNECTIONS_MAX ? n : CONNECTIONS_MAX;
}

static int walk(char **argv)
{
	long products = strtol(argv[1], NULL, 10);
	int n = connections_of(argv[3]), digits = (int)strlen(argv[1]);

	for (int i = 0; i < n; i++) {
		struct asker *a = &askers[i];

		a->address = argv[0];
		a->limit = argv[2];
		if (i > 0)
			snprintf(
			    a->after, sizeof(a->after), "PROD-%0*ld", digits, products * i / n);
		if (i + 1 < n)
			snprintf(a->until, sizeof(a->until), "PROD-%0*ld", digits,
			    products * (i + 1) / n);
	}
	return ask_abreast(askers, n, walk_part, products);
}

static int fetch(char **argv)
{
	int n = connections_of(argv[2]);

	for (int i = 0; i < n; i++) {
		askers[i].address = argv[0];
		askers[i].times = strtol(argv[1], NULL, 10) / n;
	}
	return ask_abreast(askers, n, fetch_part, 0);
}

static int answers(char **argv)
{
	struct mono start = mono_now();

	while (ask_pool(argv[0], FIRST_PAGE) < 0) {
		if (ms_since(start) > 10000)
			return 1;
		usleep(500);
	}
	return 0;
}

static const struct {
	const char *name;
	int arguments;
	int (*run)(char **argv);
} modes[] = {
	{ "paced", 4, paced },
	{ "visible", 4, visible },
	{ "offsets", 3, offsets },
	{ "walk", 4, walk },
	{ "fetch", 3, fetch },
	{ "answers", 1, answers },
};

int main(int argc, char **argv)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc == 2 + modes[i].arguments && strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(argv + 2);
	fputs("usage: client MODE …, see its source\n", stderr);
	return 2;
}
