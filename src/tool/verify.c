/*
 * tool/verify.c: what differs between cache and Central, as the daemon finds it.
 *
 * As text a line for each product, at once; with --json one object at the end:
 *
 *   {"products":150,"differed":1,"unlisted":0,"repaired":false,
 *    "differences":[{"productId":"PROD-001","kind":"changed","cached":5,"central":6}]}
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/json_writer.h"
#include "tool/order.h"
#include "tool/show.h"

#define OWN_ID   "storectl-verify"
#define LIST_MAX (64 * 1024 * 1024) /* bytes; what the daemon lists at most is less */

struct verify {
	struct order order;
	bool json;
	struct buf differences; /* with --json: the elements of the list */
};

static void hear_progress(void *arg, const struct control_progress *p)
{
	struct verify *v = arg;

	order_progress(&v->order, p);
}

static void add_versions(const struct control_difference *d, struct buf *line)
{
	if (d->cached >= 0)
		buf_addf(line, " version %" PRId64 " here", d->cached);
	if (d->cached >= 0 && d->central >= 0)
		buf_addc(line, ',');
	if (d->central >= 0)
		buf_addf(line, " version %" PRId64 " at Central", d->central);
}

static void print_difference(struct verify *v, const struct control_difference *d)
{
	struct buf line;

	buf_init(&line, 65536);
	buf_addf(&line, "%-8s ", control_difference_kind(d));
	show_text(d->id.data, d->id.len, &line);
	buf_addc(&line, ':');
	add_versions(d, &line);
	order_pause(&v->order);
	printf("%s\n", buf_text(&line));
	fflush(stdout);
	buf_free(&line);
}

static void hear_difference(void *arg, const struct control_difference *d)
{
	struct verify *v = arg;

	if (v->json)
		control_difference_add(&v->differences, d);
	else
		print_difference(v, d);
}

static void print_json(const struct verify *v, const struct control_report *r)
{
	struct buf text;
	struct json_writer w;

	buf_init(&text, LIST_MAX + 4096);
	jw_init(&w, &text);
	jw_begin_object(&w);
	jw_name(&w, "products");
	jw_uint(&w, r->products);
	jw_name(&w, "differed");
	jw_uint(&w, r->differed);
	jw_name(&w, "unlisted");
	jw_uint(&w, r->unlisted);
	jw_name(&w, "repaired");
	jw_bool(&w, r->repaired);
	jw_name(&w, "differences");
	jw_begin_array(&w);
	buf_add(&text, v->differences.data, v->differences.len);
	jw_end_array(&w);
	jw_end_object(&w);
	printf("%s\n", buf_text(&text));
	buf_free(&text);
}

static void print_end(const struct control_report *r)
{
	if (r->unlisted > 0)
		printf("and %" PRIu64 " more\n", r->unlisted);
	if (r->differed == 0)
		printf("%" PRIu64 " products: all as Central has them\n", r->products);
	else
		printf("%" PRIu64 " of %" PRIu64 " products differ%s\n", r->differed, r->products,
		    r->repaired ? "ed; repaired by a full sync"
				: "; storectl verify --repair puts them right");
}

int verify_command(const struct tool *t)
{
	struct verify v = { .order = { .quiet = t->arguments->json }, .json = t->arguments->json };
	struct control_listener listener = { hear_progress, hear_difference, &v };
	struct control_report report;
	enum st_err err;
	int code;

	buf_init(&v.differences, LIST_MAX);
	err = control_verify(
	    t->config->run_dir, OWN_ID, tool_option(t, "repair") != NULL, &listener, &report);
	order_pause(&v.order);
	if (err || !report.done) {
		code = order_failed(t, err, &report);
	} else {
		if (v.json)
			print_json(&v, &report);
		else
			print_end(&report);
		code = report.differed > 0 ? TOOL_NEGATIVE : TOOL_OK;
	}
	buf_free(&v.differences);
	return code;
}
