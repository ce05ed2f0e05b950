/*
 * A history: random steps, then quiet, then the store must be what Central is.
 * The steps follow from the seed alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "model/page.h"
#include "property/property.h"

#define DOUBT_MS  150000
#define EQUAL_MS  1200000 /* scaled: from quiet to equal */
#define CHANGE_MS 300000  /* scaled: from a last change to equal; a 429 may leave few look-ups */

/* ---- changes ---- */

static void admin(struct world *w, const char *method, const char *what, const struct buf *body)
{
	char path[64];
	long status;

	snprintf(path, sizeof(path), "/v1/admin/products/%s", what);
	status = central_request(w, method, path, buf_text(body));
	if (status < 200 || status > 299)
		world_fail(w, "admin %s: %ld %.200s", what, status, buf_text(&w->answer));
}

static void set_available(struct world *w, size_t i, size_t n)
{
	struct buf body;
	bool any = false;

	buf_init(&body, 100000);
	buf_adds(&body, "{\"products\":[");
	for (; n > 0; n--, i = (i + 1) % w->n) {
		/* The first one's stock is the till's affair. */
		if (i == 0 || !w->lives[i].there)
			continue;
		buf_addf(&body, "%s{\"productId\":\"P%02zu\",\"available\":%d}", any ? "," : "", i,
		    (int)world_roll(w, 1000));
		any = true;
	}
	buf_adds(&body, "]}");
	if (any)
		admin(w, "PUT", "set", &body);
	buf_free(&body);
}

static void update_one(struct world *w)
{
	set_available(w, (size_t)world_roll(w, (int64_t)w->n), 1);
}

static void update_some(struct world *w)
{
	set_available(w, (size_t)world_roll(w, (int64_t)w->n), 2 + (size_t)world_roll(w, 8));
}

static void burst(struct world *w)
{
	for (int64_t n = 5 + world_roll(w, 25); n > 0; n--)
		update_one(w);
}

static void create(struct world *w, size_t i)
{
	struct buf body;

	w->lives[i].there = true;
	w->lives[i].life++;
	buf_init(&body, 1000);
	buf_addf(&body,
	    "{\"products\":[{\"productId\":\"P%02zu\",\"name\":\"P%02zu life "
	    "%d\",\"available\":%d,\"price\":%d.5}]}",
	    i, i, w->lives[i].life, (int)world_roll(w, 100), (int)world_roll(w, 100));
	admin(w, "POST", "create", &body);
	buf_free(&body);
}

static void delete (struct world *w, size_t i)
{
	struct buf body;

	w->lives[i].there = false;
	buf_init(&body, 1000);
	buf_addf(&body, "{\"productIds\":[\"P%02zu\"]}", i);
	admin(w, "DELETE", "delete", &body);
	buf_free(&body);
}

/* A product that is there goes, one that isn't comes; often several times in a row. */
static void end_or_begin_life(struct world *w)
{
	size_t i = (size_t)world_roll(w, (int64_t)w->n);

	for (int64_t n = 1 + world_roll(w, 4); n > 0 && !w->lives[i].anchor; n--) {
		if (w->lives[i].there)
			delete (w, i);
		else
			create(w, i);
		if (world_roll(w, 2) && w->lives[i].there)
			set_available(w, i, 1);
	}
}

/* ---- trouble ---- */

static void order(struct world *w, const char *path, const char *json)
{
	long status = central_request(w, "POST", path, json);

	if (status != 200)
		world_fail(w, "order %s %s: %ld %.100s", path, json, status, buf_text(&w->answer));
}

static void disorder(struct world *w)
{
	static const int delays[] = { 0, 100, 1000, 3000 };
	char json[200];
	int delay = delays[world_roll(w, 4)];
	int lost = world_roll(w, 4) == 0 ? 5 : 0, strange = world_roll(w, 4) == 0 ? 10 : 0;

	snprintf(json, sizeof(json),
	    "{\"publishDelayMs\":%d,\"losePercent\":%d,\"strangePercent\":%d,\"seed\":%u}", delay,
	    w->calm ? 0 : lost, strange, w->random);
	order(w, "/test/feed", json);
}

static long head_of(struct world *w)
{
	const char *head;

	central_request(w, "GET", "/test/stats", NULL);
	head = strstr(buf_text(&w->answer), "\"head\":");
	return head ? strtol(head + 7, NULL, 10) : 0;
}

/* A log that began anew outgrows the old one before anybody asks. */
static void outgrow(struct world *w, long head)
{
	while (head_of(w) < head + 3 && !world_is_wrong(w))
		set_available(w, 0, w->n);
}

/* It may be away for a moment, and refuse connections. */
static void wait_for_central(struct world *w)
{
	struct mono end = mono_add_ms(mono_now(), 10000);

	while (central_request(w, "GET", "/test/stats", NULL) != 200 ||
	       !strstr(buf_text(&w->answer), "\"downMs\":0}")) {
		if (mono_reached(end, mono_now())) {
			world_fail(w, "Central does not come back");
			return;
		}
		world_pause(2);
	}
}

static void restart_central(struct world *w)
{
	static const char *const kinds[] = { "keep", "reset", "keep", "lose" };
	const char *kind = kinds[world_roll(w, w->compares ? 4 : 3)];
	bool outgrows = strcmp(kind, "reset") == 0 && world_roll(w, 3) > 0;
	long head = head_of(w);
	char json[100];

	if (outgrows)
		kill(w->daemon, SIGSTOP);
	snprintf(json, sizeof(json), "{\"feed\":\"%s\",\"lose\":%d,\"downMs\":%d}", kind,
	    (int)world_roll(w, 6), outgrows ? 0 : (int)world_roll(w, 20000) - 5000);
	order(w, "/test/restart", json);
	wait_for_central(w);
	if (outgrows)
		outgrow(w, head);
	kill(w->daemon, SIGCONT);
}

static void faults(struct world *w)
{
	static const char *const paths[] = { "events", "list", "product", "updates", "*" };
	static const char *const kinds[] = { "status", "hang", "reset", "cut", "garbage", "html",
		"delay", "lost", "forget", "close", "status", "noise", "drip", "empty", "shrink" };
	static const int statuses[] = { 500, 503, 429, 401, 404, 410 };
	const char *kind = kinds[world_roll(w, 15)];
	bool whole = strcmp(kind, "empty") != 0 && strcmp(kind, "shrink") != 0;
	char json[400];

	snprintf(json, sizeof(json),
	    "{\"seed\":%u,\"faults\":[{\"path\":\"%s\",\"kind\":\"%s\",\"count\":%d,"
	    "\"percent\":%d,\"status\":%d,\"delayMs\":%d,\"retryAfter\":%d,\"keep\":2}]}",
	    w->random, whole ? paths[world_roll(w, 5)] : "list", kind,
	    whole ? (int)world_roll(w, 30) : 1, whole ? 10 + (int)world_roll(w, 91) : 100,
	    statuses[world_roll(w, 6)], (int)world_roll(w, 8000), (int)world_roll(w, 10) - 5);
	/*
	 * A store that was never filled can't know better than what Central
	 * says, nor one that hears the same twice.
	 */
	if (!whole && (w->was_short || !atomic_load(&w->filled)))
		return;
	w->was_short |= !whole;
	order(w, "/test/faults", json);
}

/* Sales of which nobody knows whether they were made: what a till has to live with. */
static void faults_of_sales(struct world *w)
{
	static const char *const kinds[] = { "lost", "forget", "reset", "status", "garbage" };
	char json[200];

	snprintf(json, sizeof(json),
	    "{\"seed\":%u,\"faults\":[{\"path\":\"updates\",\"kind\":\"%s\",\"count\":%d}]}",
	    w->random, kinds[world_roll(w, 5)], 1 + (int)world_roll(w, 8));
	order(w, "/test/faults", json);
}

/* Answers that are old when they are here; there are no failures. */
static void slow_answers(struct world *w)
{
	char json[300];

	snprintf(json, sizeof(json),
	    "{\"seed\":%u,\"faults\":[{\"path\":\"%s\",\"kind\":\"drip\",\"count\":%d,"
	    "\"percent\":%d,\"delayMs\":%d}]}",
	    w->random, world_roll(w, 4) ? "product" : "list", 5 + (int)world_roll(w, 60),
	    30 + (int)world_roll(w, 71), 300 + (int)world_roll(w, 2700));
	order(w, "/test/faults", json);
}

static void no_faults(struct world *w)
{
	order(w, "/test/faults", "{\"faults\":[]}");
}

static void kill_daemon(struct world *w)
{
	daemon_end(w, SIGKILL, 5000);
	world_pause(world_roll(w, 40));
	if (!daemon_start(w))
		world_fail(w, "no process for the daemon");
}

static void end_daemon(struct world *w)
{
	int status = daemon_end(w, SIGTERM, 5000);

	if (status != 0)
		world_fail(w, "SIGTERM: the daemon ended with %x", (unsigned)status);
	if (!daemon_start(w))
		world_fail(w, "no process for the daemon");
}

static void stop_daemon(struct world *w)
{
	kill(w->daemon, SIGSTOP);
	world_pause(world_roll(w, 60));
	kill(w->daemon, SIGCONT);
}

static void full_sync_now(struct world *w)
{
	/* Before it has set up its signals it would die of this one. */
	if (atomic_load(&w->filled))
		kill(w->daemon, SIGUSR1);
}

static void quiet_moment(struct world *w)
{
	world_pause(world_roll(w, 30));
}

/* ---- steps ---- */

static const struct {
	void (*step)(struct world *w);
	int weight;
	bool calm; /* also in calm histories */
} steps[] = {
	{ update_one, 40, true },
	{ update_some, 10, true },
	{ burst, 3, true },
	{ end_or_begin_life, 25, true },
	{ disorder, 5, true },
	{ restart_central, 2, false },
	{ faults, 8, false },
	{ faults_of_sales, 4, false },
	{ slow_answers, 5, true },
	{ no_faults, 10, true },
	{ kill_daemon, 2, true },
	{ end_daemon, 1, true },
	{ stop_daemon, 1, true },
	{ full_sync_now, 2, false },
	{ quiet_moment, 20, true },
};

static void step(struct world *w)
{
	int total = 0;
	int64_t at;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		total += steps[i].weight;
	at = world_roll(w, total);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		at -= steps[i].weight;
		if (at < 0) {
			if (steps[i].calm || !w->calm)
				steps[i].step(w);
			break;
		}
	}
	world_pause(world_roll(w, 5));
}

/* ---- the end ---- */

static void add_products(const struct page *page, struct buf *out)
{
	for (size_t i = 0; i < page->n; i++) {
		buf_add(out, page->products[i].json.data, page->products[i].json.len);
		buf_addc(out, '\n');
	}
}

/* The products of Central's list, a line each; false: no such answer. */
static bool read_central(struct world *w, struct buf *out)
{
	char path[PRODUCT_ID_MAX + 80], cursor[PRODUCT_ID_MAX + 1] = "";

	for (int64_t offset = 0;;) {
		struct page page = { 0 };
		const char *why;
		bool more;

		snprintf(path, sizeof(path), "/v1/inventory?offset=%lld&limit=200%s%s",
		    (long long)offset, cursor[0] ? "&cursor=" : "", cursor);
		if (central_request(w, "GET", path, NULL) != 200 ||
		    page_read(w->answer.data, w->answer.len, &page, &why) != ST_OK)
			return false;
		add_products(&page, out);
		offset += (int64_t)page.n;
		more = page.has_more;
		snprintf(cursor, sizeof(cursor), "%s", page.cursor ? page.cursor : "");
		page_free(&page);
		if (!more)
			return true;
	}
}

/* The list as our clients get it: the same shape. */
static bool read_store(struct world *w, struct buf *out)
{
	struct page page = { 0 };
	const char *why;
	struct buf text;
	bool read;

	buf_init(&text, (size_t)1 << 20);
	read = watch_read(w, "/v1/store/inventory?limit=200", &text) == 200 &&
	       page_read(text.data, text.len, &page, &why) == ST_OK;
	if (read)
		add_products(&page, out);
	page_free(&page);
	buf_free(&text);
	return read;
}

/* The first line that differs; "" if none does. */
static void differ(const char *ours, const char *theirs, char *out, size_t size)
{
	out[0] = '\0';
	while (*ours || *theirs) {
		size_t a = strcspn(ours, "\n"), b = strcspn(theirs, "\n");

		if (a != b || memcmp(ours, theirs, a) != 0) {
			snprintf(
			    out, size, "%.*s is %.*s at Central", (int)a, ours, (int)b, theirs);
			return;
		}
		ours += a + (ours[a] == '\n');
		theirs += b + (theirs[b] == '\n');
	}
}

static void compare(struct world *w, char *out, size_t size)
{
	struct buf ours, theirs;

	buf_init(&ours, (size_t)1 << 20);
	buf_init(&theirs, (size_t)1 << 20);
	if (!read_central(w, &theirs))
		snprintf(out, size, "Central's list can't be read");
	else if (!read_store(w, &ours))
		snprintf(out, size, "the store can't be read");
	else
		differ(buf_text(&ours), buf_text(&theirs), out, size);
	buf_free(&ours);
	buf_free(&theirs);
}

static void must_become_equal(struct world *w, int64_t scaled_ms, const char *when)
{
	struct mono deadline = mono_add_ms(mono_now(), world_real(w, scaled_ms));
	char difference[300] = "";

	for (;;) {
		daemon_must_live(w);
		compare(w, difference, sizeof(difference));
		if (!difference[0] || world_is_wrong(w) || mono_reached(deadline, mono_now()))
			break;
		world_pause(10);
	}
	if (difference[0])
		world_fail(w, "%s: %s", when, difference);
}

/* Disorder alone is no reason for more than the first full sync. */
static void must_have_healed_by_itself(struct world *w)
{
	struct buf status;
	const char *count, *last;

	buf_init(&status, 100000);
	watch_read(w, "/v1/store/sync/status", &status);
	count = strstr(buf_text(&status), "\"fullSyncs\":");
	last = strstr(buf_text(&status), "\"lastFullSync\":");
	if (!count || strtol(count + 12, NULL, 10) != 1)
		world_fail(
		    w, "a full sync for disorder alone: %.200s", last ? last : buf_text(&status));
	buf_free(&status);
}

/* It is over when it is over: nothing outside tells of it. */
static void wait_for_doubts(struct world *w)
{
	struct mono end = mono_add_ms(mono_now(), world_real(w, DOUBT_MS + 20000));

	while (!world_is_wrong(w) && !mono_reached(end, mono_now()))
		world_pause(20);
}

/* The list as older Centrals send it: by cursor, or all at once. */
static void choose_dialect(struct world *w)
{
	if (w->seed % 12 == 1)
		order(w, "/test/faults", "{\"dialect\":\"items\",\"faults\":[]}");
	else if (w->seed % 12 == 7)
		order(w, "/test/faults", "{\"dialect\":\"array\",\"faults\":[]}");
}

void history_run(struct world *w)
{
	int status;

	choose_dialect(w);

	for (unsigned i = 0; i < w->settings->steps && !world_is_wrong(w); i++)
		step(w);
	till_end(w);
	no_faults(w);
	order(w, "/test/feed", "{\"publishDelayMs\":0,\"losePercent\":0,\"strangePercent\":0}");
	must_become_equal(w, EQUAL_MS, "after the faults");
	till_check(w);
	wait_for_doubts(w);
	must_become_equal(w, EQUAL_MS, "after the last doubt");
	set_available(w, 0, w->n);
	must_become_equal(w, CHANGE_MS, "after one more change of each");
	if (w->calm)
		must_have_healed_by_itself(w);
	status = daemon_end(w, SIGTERM, 5000);
	if (status != 0)
		world_fail(w, "SIGTERM at the end: the daemon ended with %x", (unsigned)status);
}
