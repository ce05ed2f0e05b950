/*
 * What GET answers: pages of the list, one product, the event feed.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "central/central.h"

#define LIST_LIMIT 50

static int64_t parameter(struct MHD_Connection *conn, const char *name, int64_t otherwise)
{
	const char *text = MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, name);
	char *end;
	long long n;

	if (!text)
		return otherwise;
	n = strtoll(text, &end, 10);
	return *text && !*end && n >= 0 ? n : otherwise;
}

void answer_coded(struct answer *a, unsigned status, const char *code, const char *message)
{
	a->status = status;
	text_addf(&a->body, "{\"code\":\"%s\",\"message\":", code);
	text_add_json(&a->body, message);
	text_adds(&a->body, "}");
}

static size_t slice(const struct catalogue *c, int64_t offset, int64_t limit, struct text *out)
{
	size_t n = 0;

	for (size_t i = (size_t)offset; i < c->n && (int64_t)n < limit; i++, n++) {
		text_adds(out, n > 0 ? "," : "");
		product_write(c->sorted[i], out);
	}
	return n;
}

/* A cursor is the last id that was shown: what comes and goes before it moves nothing. */
static int64_t behind(const struct catalogue *c, const char *cursor)
{
	size_t i = 0;

	while (cursor && i < c->n && strcmp(c->sorted[i]->id, cursor) <= 0)
		i++;
	return (int64_t)i;
}

static void add_items(
    const struct catalogue *list, int64_t offset, size_t n, const char *products, struct text *out)
{
	bool more = offset + (int64_t)n < (int64_t)list->n;

	text_addf(out, "{\"items\":[%s],\"nextCursor\":", products);
	text_add_json(out, more ? list->sorted[offset + (int64_t)n - 1]->id : "");
	text_adds(out, "}");
}

void answer_list(struct central *c, struct MHD_Connection *conn, int64_t most, struct answer *a)
{
	struct catalogue first = c->catalogue;
	const struct catalogue *list = &first;
	int64_t offset = parameter(conn, "offset", 0), limit = parameter(conn, "limit", LIST_LIMIT);
	int64_t total = (int64_t)list->n < most ? (int64_t)list->n : most;
	struct text products = { NULL, 0, 0 };
	size_t n;

	first.n = (size_t)total;
	if (c->faults.dialect == DIALECT_ITEMS)
		offset = behind(
		    list, MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, "cursor"));
	if (limit > c->options.page_limit)
		limit = c->options.page_limit;
	if (limit <= 0)
		limit = LIST_LIMIT;
	if (c->faults.dialect == DIALECT_ARRAY) {
		offset = 0;
		limit = INT64_MAX;
	}
	text_adds(&products, "");
	n = slice(list, offset, limit, &products);
	if (c->faults.dialect == DIALECT_ARRAY)
		text_addf(&a->body, "[%s]", products.data);
	else if (c->faults.dialect == DIALECT_ITEMS)
		add_items(list, offset, n, products.data, &a->body);
	else
		text_addf(&a->body,
		    "{\"pagination\":{\"has_more\":%s,\"limit\":%lld,\"offset\":%lld,"
		    "\"total_count\":%lld},\"products\":[%s]}",
		    offset + (int64_t)n < total ? "true" : "false", (long long)limit,
		    (long long)offset, (long long)total, products.data);
	text_free(&products);
}

void answer_product(struct central *c, const char *id, struct answer *a)
{
	const struct product *p = catalogue_find(&c->catalogue, id);
	char message[700];

	/* The router splits at every slash, escaped ones too. */
	if (strchr(id, '/')) {
		a->status = 404;
		a->type = "text/plain; charset=utf-8";
		text_adds(&a->body, "404 page not found\n");
	} else if (p) {
		product_write(p, &a->body);
	} else {
		snprintf(message, sizeof(message), "Product not found: %s", id);
		answer_coded(a, 404, "not_found", message);
	}
}

/* Wait for something to read, until the deadline or the end of the program. */
void answer_wait(struct central *c, int64_t deadline_ms, int64_t pending_ms)
{
	int64_t left = deadline_ms - clock_ms();
	struct timespec until;
	int64_t real;

	if (pending_ms >= 0 && pending_ms < left)
		left = pending_ms;
	real = clock_real(left > 0 ? left : 0) + 1;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += real / 1000;
	until.tv_nsec += real % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&c->changed, &c->lock, &until);
}

void answer_events(struct central *c, struct MHD_Connection *conn, struct answer *a)
{
	int64_t offset = parameter(conn, "offset", -1), limit = parameter(conn, "limit", 100);
	int64_t deadline = clock_ms() + parameter(conn, "wait", 0) * 1000, restarts;

	if (!MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, "offset")) {
		answer_coded(a, 400, "EVENTS_ERROR", "offset parameter is required");
		return;
	}
	if (limit <= 0 || limit > 1000)
		limit = 100;
	restarts = c->restarts;
	c->waiting++;
	for (;;) {
		int64_t pending = feed_publish(&c->feed);

		a->body.len = 0;
		if (feed_read(&c->feed, offset, limit, &a->body) || c->stopping ||
		    c->restarts != restarts || clock_ms() >= deadline || offset > c->feed.head)
			break;
		answer_wait(c, deadline, pending);
	}
	c->waiting--;
}
