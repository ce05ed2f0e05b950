/*
 * The event feed, as the deployed Central keeps it.
 *
 * An offset is handed out when the change is made; the event becomes readable
 * later, after a random delay of up to publish_delay_ms.  Readable events stand
 * in the order in which they were published.  A query finds the first of them
 * whose offset is the asked one or above, and answers what stands from there
 * on: so an answer can hold events below the offset asked for, and its
 * nextOffset is that of the last one in it, plus 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"

struct pending {
	struct pending *next;
	struct event event;
	int64_t due_ms;
};

static void make_readable(struct feed *f, struct event e)
{
	if (f->n == f->limit) {
		free(f->list[0].json);
		memmove(f->list, f->list + 1, (f->n - 1) * sizeof(*f->list));
		f->n--;
	}
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 256;
		f->list = must(realloc(f->list, f->cap * sizeof(*f->list)));
	}
	f->list[f->n++] = e;
}

static char *event_json(int64_t offset, const char *type, const struct product *p)
{
	struct text t = { NULL, 0, 0 };
	char now[32];

	clock_rfc3339(now);
	text_addf(&t, "{\"offset\":%lld,\"timestamp\":\"%s\",\"eventType\":\"%s\",\"productId\":",
	    (long long)offset, now, type);
	text_add_json(&t, p->id);
	text_adds(&t, ",\"data\":");
	product_write(p, &t);
	text_addf(&t, ",\"version\":%lld}", (long long)p->version);
	return t.data;
}

void feed_append(struct feed *f, const char *type, const struct product *p)
{
	struct event e = { .offset = f->head++ };
	struct pending *later;

	if (f->lose_next > 0) {
		f->lose_next--;
		return;
	}
	if (f->lose_percent > 0 && rand_r(&f->random) % 100 < f->lose_percent)
		return;
	if (f->strange_percent > 0 && rand_r(&f->random) % 100 < f->strange_percent)
		type = "product_pondered";
	e.json = event_json(e.offset, type, p);
	if (f->publish_delay_ms == 0) {
		make_readable(f, e);
		return;
	}
	later = must(calloc(1, sizeof(*later)));
	later->event = e;
	later->due_ms = clock_ms() + rand_r(&f->random) % (f->publish_delay_ms + 1);
	later->next = f->pending;
	f->pending = later;
}

static int64_t int_or(json_object *o, const char *name, int64_t otherwise)
{
	json_object *value;

	return json_object_object_get_ex(o, name, &value) ? json_object_get_int64(value)
	                                                  : otherwise;
}

const char *feed_order(struct feed *f, json_object *body)
{
	f->publish_delay_ms = int_or(body, "publishDelayMs", f->publish_delay_ms);
	f->lose_percent = int_or(body, "losePercent", f->lose_percent);
	f->strange_percent = int_or(body, "strangePercent", f->strange_percent);
	f->random = (unsigned)int_or(body, "seed", f->random);
	return NULL;
}

static void drop_pending(struct feed *f)
{
	while (f->pending) {
		struct pending *next = f->pending->next;

		free(f->pending->event.json);
		free(f->pending);
		f->pending = next;
	}
}

static void publish_all(struct feed *f)
{
	for (struct pending *p = f->pending; p; p = p->next)
		p->due_ms = 0;
	feed_publish(f);
}

static void lose_last(struct feed *f, int64_t n)
{
	drop_pending(f);
	for (; n > 0 && f->n > 0; n--)
		free(f->list[--f->n].json);
	f->head = 0;
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].offset >= f->head)
			f->head = f->list[i].offset + 1;
}

const char *feed_restart(struct feed *f, const char *how, int64_t lose)
{
	if (strcmp(how, "keep") == 0)
		publish_all(f);
	else if (strcmp(how, "lose") == 0)
		lose_last(f, lose);
	else if (strcmp(how, "reset") == 0)
		feed_reset(f);
	else
		return "feed is neither keep, lose nor reset";
	return NULL;
}

int64_t feed_publish(struct feed *f)
{
	int64_t now = clock_ms();

	for (;;) {
		struct pending **first = &f->pending, *due;

		for (struct pending **at = &f->pending; *at; at = &(*at)->next)
			if ((*at)->due_ms <= (*first)->due_ms)
				first = at;
		due = *first;
		if (!due)
			return -1;
		if (due->due_ms > now)
			return due->due_ms - now;
		make_readable(f, due->event);
		*first = due->next;
		free(due);
	}
}

void feed_reset(struct feed *f)
{
	while (f->n > 0)
		free(f->list[--f->n].json);
	drop_pending(f);
	f->head = 0;
}

bool feed_read(const struct feed *f, int64_t offset, int64_t limit, struct text *out)
{
	size_t from = 0, n;

	while (from < f->n && f->list[from].offset < offset)
		from++;
	n = f->n - from;
	if ((int64_t)n > limit)
		n = (size_t)limit;
	if (n == 0) {
		text_addf(out,
		    "{\"events\":null,\"nextOffset\":%lld,\"hasMore\":false,\"count\":0}",
		    (long long)f->head);
		return false;
	}
	text_adds(out, "{\"events\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			text_adds(out, ",");
		text_adds(out, f->list[from + i].json);
	}
	text_addf(out, "],\"nextOffset\":%lld,\"hasMore\":%s,\"count\":%zu}",
	    (long long)f->list[from + n - 1].offset + 1, from + n < f->n ? "true" : "false", n);
	return true;
}
