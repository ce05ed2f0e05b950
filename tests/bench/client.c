/*
 * client paced WEB PRODUCTS PER_SECOND      until SIGTERM: GETs of one product each
 * client visible CENTRAL WEB ID ROUNDS      a change at Central until a GET shows it
 * client fcgi SOCKET ROUNDS URI…            each URI at the pool's own socket
 * client offsets SOCKET ROUNDS PRODUCTS     pages of 50: the first, and at random offsets, in turn
 * client walk WEB LIMIT                     all products by after=: how many, in how many seconds
 *
 * What can't be measured with one process per request.  One line each.
 */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "pool/fcgi_client.h"

#define KEY         "demo"
#define SAMPLES_MAX 1000000

static volatile sig_atomic_t ended;
static double samples[SAMPLES_MAX]; /* milliseconds */
static size_t count;

static void end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

static double ms_since(struct mono start)
{
	return (double)(mono_now().us - start.us) / 1000;
}

static void sample(double ms)
{
	if (count < SAMPLES_MAX)
		samples[count++] = ms;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* "N: median, p99, worst" of the samples, which start anew. */
static void print_samples(const char *what, long failed)
{
	if (count == 0) {
		printf("%s: nothing measured\n", what);
		return;
	}
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("%s: %zu, median %.2f ms, p99 %.2f ms, worst %.2f ms, %ld failed\n", what, count,
	    samples[count / 2], samples[count * 99 / 100], samples[count - 1], failed);
	fflush(stdout);
	count = 0;
}

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

/* Each request has a time at which it is due, and its wait counts from then. */
static int paced(char **argv)
{
	const char *web = argv[0], *products = argv[1];
	long per_second = strtol(argv[2], NULL, 10), failed = 0,
	     number = strtol(products, NULL, 10);
	struct curl_slist *headers = curl_slist_append(NULL, "X-API-Key: " KEY);
	struct buf body;
	CURL *c;
	char url[256];
	struct mono due = mono_now();

	buf_init(&body, 1024 * 1024);
	c = connection(&body, headers);
	for (long i = 1; !ended; i = (i + 7919) % number) {
		int64_t wait = due.us - mono_now().us;

		if (wait > 0)
			usleep((useconds_t)wait);
		snprintf(url, sizeof(url), "%s/v1/store/inventory/PROD-%0*ld", web,
		    (int)strlen(products), i + 1);
		if (ask(c, &body, url) != 200)
			failed++;
		sample(ms_since(due));
		due.us += 1000000 / per_second;
	}
	print_samples("paced GETs", failed);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	buf_free(&body);
	return 0;
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

	buf_init(&changed, 1024 * 1024);
	buf_init(&body, 1024 * 1024);
	order = connection(&changed, admin);
	get = connection(&body, headers);
	curl_easy_setopt(order, CURLOPT_CUSTOMREQUEST, "PUT");
	curl_easy_setopt(order, CURLOPT_TCP_NODELAY, 1L);
	for (long i = 0; i < rounds && !ended; i++) {
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
			sample(waited);
		else
			failed++;
	}
	print_samples("from a change at Central to a GET", failed);
	curl_easy_cleanup(order);
	curl_easy_cleanup(get);
	curl_slist_free_all(admin);
	curl_slist_free_all(headers);
	buf_free(&changed);
	buf_free(&body);
	return 0;
}

/* One request on a connection of its own, at the pool's socket. */
static long ask_pool(const char *socket, const char *uri)
{
	struct fcgi_ask request = { .method = "GET", .uri = uri, .key = KEY };
	struct fcgi_reply reply;
	struct mono start = mono_now();
	int fd = fcgi_connect(socket);
	bool answered = fd >= 0 && fcgi_exchange(fd, &request, &reply), ok = false;

	if (answered) {
		sample(ms_since(start));
		ok = reply.status == 0 || reply.status == 200;
		fcgi_reply_free(&reply);
	}
	if (fd >= 0)
		close(fd);
	return ok ? 0 : 1;
}

static int fcgi(char **argv)
{
	long rounds = strtol(argv[1], NULL, 10);

	for (char **uri = argv + 2; *uri; uri++) {
		long failed = 0;
		char what[256];

		for (long i = 0; i < rounds && !ended; i++)
			failed += ask_pool(argv[0], *uri);
		snprintf(what, sizeof(what), "at the socket, %s", *uri);
		print_samples(what, failed);
	}
	return 0;
}

/* In turn, so that both meet the same moments. */
static int offsets(char **argv)
{
	static double first[SAMPLES_MAX];
	long rounds = strtol(argv[1], NULL, 10), products = strtol(argv[2], NULL, 10), failed = 0;
	size_t n = 0;
	char uri[128];

	for (long i = 0; i < rounds && !ended; i++) {
		size_t before = count;

		failed += ask_pool(argv[0], "/v1/store/inventory?offset=0&limit=50");
		if (count > before)
			first[n++] = samples[--count];
		snprintf(uri, sizeof(uri), "/v1/store/inventory?offset=%ld&limit=50",
		    random() % (products - 50));
		failed += ask_pool(argv[0], uri);
	}
	print_samples("pages of 50 at random offsets", failed);
	memcpy(samples, first, n * sizeof(first[0]));
	count = n;
	print_samples("first pages of 50", 0);
	return 0;
}

/* nextAfter as it stands in the answer, quotes cut off; false at the end. */
static bool next_after(const char *body, char *out, size_t size)
{
	static const char name[] = "\"nextAfter\":\"";
	const char *at = strstr(body, name), *end;

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

static int walk(char **argv)
{
	struct curl_slist *headers = curl_slist_append(NULL, "X-API-Key: " KEY);
	char url[1024], after[600] = "";
	struct mono start = mono_now();
	long pages = 0, failed = 0;
	struct buf body;
	CURL *c;

	buf_init(&body, 16 * 1024 * 1024);
	c = connection(&body, headers);
	do {
		snprintf(url, sizeof(url), "%s/v1/store/inventory?after=%s&limit=%s", argv[0],
		    after, argv[1]);
		failed += ask(c, &body, url) != 200;
		pages++;
	} while (!ended && !failed && next_after(buf_text(&body), after, sizeof(after)));
	printf("walk: %ld pages in %.3f s, %ld failed\n", pages, ms_since(start) / 1000, failed);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	buf_free(&body);
	return failed > 0;
}

static const struct {
	const char *name;
	int arguments; /* at least */
	int (*run)(char **argv);
} modes[] = {
	{ "paced", 3, paced },
	{ "visible", 4, visible },
	{ "fcgi", 3, fcgi },
	{ "offsets", 3, offsets },
	{ "walk", 2, walk },
};

int main(int argc, char **argv)
{
	struct sigaction on_end = { .sa_handler = end };

	sigaction(SIGTERM, &on_end, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc >= 2 + modes[i].arguments && strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(argv + 2);
	fputs("usage: client MODE …, see its source\n", stderr);
	return 2;
}
