/*
 * tool/stats.c: how large things are.
 */
#include <inttypes.h>

#include "tool/request.h"
#include "tool/show.h"

static int print_stats(const struct answer *a, void *arg, struct buf *out)
{
	const struct doc *d = &a->doc;
	const struct doc_node *root = doc_root(d);
	char limit[DURATION_TEXT_SIZE];
	int64_t map;

	(void)arg;
	show_line("products", d, doc_member(d, root, "totalProducts"), out);
	show_label("pages in use", out);
	show_value(d, doc_member(d, root, "cacheSize"), out);
	if (doc_int(d, doc_member(d, root, "mapSizeBytes"), 0, INT64_MAX, &map) == ST_OK) {
		text_megabytes((uint64_t)map, limit);
		buf_addf(out, " of at most %s", limit);
	}
	buf_addc(out, '\n');
	show_line("file", d, doc_member(d, doc_member(d, root, "memoryUsage"), "allocated"), out);
	show_line("readers", d, doc_member(d, root, "readers"), out);
	show_line("offset", d, doc_member(d, root, "lastEventOffset"), out);
	show_line("last sync", d, doc_member(d, root, "lastSyncTime"), out);
	show_line("first filled", d, doc_member(d, root, "initializedAt"), out);
	return TOOL_OK;
}

int stats_command(const struct tool *t)
{
	return request_show_one(t, "/v1/store/cache/stats", print_stats, NULL);
}
