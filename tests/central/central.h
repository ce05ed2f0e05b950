/*
 * central.h: the simulated Central Inventory API, its parts.
 *
 * One thread per connection (libmicrohttpd), one mutex around everything below,
 * one condition that is signalled when an event becomes readable.
 */
#ifndef CENTRAL_H
#define CENTRAL_H

#include <json.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---------------------------------------------------------------- text.c */

struct text {
	char *data;
	size_t len, cap;
};
void text_add(struct text *t, const char *s, size_t len);
void text_adds(struct text *t, const char *s);
void text_addf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with the escapes that Go's encoder writes. */
void text_add_json(struct text *t, const char *s);
void text_free(struct text *t);
/* strdup() that doesn't return without memory. */
char *text_copy(const char *s);
void *must(void *memory); /* ends the program where it is NULL */

/* ---------------------------------------------------------------- clock.c */

void clock_scale(unsigned scale);
int64_t clock_ms(void);                /* Unix time in scaled milliseconds */
int64_t clock_real(int64_t scaled_ms); /* as long in real milliseconds */
void clock_rfc3339(char out[32]);      /* now, whole seconds, Z */
void clock_http_date(char out[40]);    /* now, as the Date header has it */

/* ---------------------------------------------------------------- catalogue.c */

struct product {
	char *id, *name, *updated;
	char *price; /* its digits */
	char *extra; /* ,"x":… members that we don't know */
	int64_t available, version;
};

struct catalogue {
	struct product **sorted; /* by bytes of id */
	size_t n, cap;
};

struct product *catalogue_find(const struct catalogue *c, const char *id);
/* Takes over a product that is not there yet. */
void catalogue_insert(struct catalogue *c, struct product *p);
void catalogue_remove(struct catalogue *c, const char *id);
void catalogue_make_up(struct catalogue *c, size_t n);
/* A JSON array of products; NULL or what is wrong. */
const char *catalogue_load(struct catalogue *c, json_object *array);
struct product *product_from_json(json_object *o);
void product_free(struct product *p);
void product_write(const struct product *p, struct text *out);

/* ---------------------------------------------------------------- feed.c */

struct event {
	int64_t offset;
	char *json;
};

struct feed {
	struct event *list; /* readable ones, in the order in which they were published */
	size_t n, cap, limit;
	int64_t head; /* the next offset to hand out */
	int64_t publish_delay_ms;
	struct pending *pending; /* handed out, not readable yet */
	int64_t lose_next;       /* so many offsets are handed out and never published, */
	int64_t lose_percent;    /* and of all others this share; */
	int64_t strange_percent; /* so many events are of a type that nobody knows */
	unsigned random;
};

/* type: product_updated, product_created, product_deleted. */
void feed_append(struct feed *f, const char *type, const struct product *p);
/* Make readable what is due; milliseconds until the next is, -1: nothing is pending. */
int64_t feed_publish(struct feed *f);
/*
 * POST /test/feed {"publishDelayMs":N,"losePercent":N,"strangePercent":N,"seed":N},
 * any of them.
 *
 * POST /test/restart {"feed":"keep","lose":N,"downMs":N}: what a restart of
 * Central looks like from outside.  All other connections are cut, remembered
 * keys forgotten; for downMs nobody listens, and connections are refused.
 * The feed: keep: what was pending is published; lose: what was pending and the
 * last N events are lost, and their offsets are handed out again; reset: it
 * begins anew at 0.
 */
const char *feed_order(struct feed *f, json_object *body);
const char *feed_restart(struct feed *f, const char *how, int64_t lose);
void feed_reset(struct feed *f);
/* The answer for offset and limit; false: it would be empty (out then holds that answer). */
bool feed_read(const struct feed *f, int64_t offset, int64_t limit, struct text *out);

/* ---------------------------------------------------------------- updates.c */

struct keys; /* idempotency keys of the last two minutes */

/* Status and body of POST /v1/inventory/updates. */
struct central;
unsigned updates_answer(struct central *c, json_object *body, struct text *out);
void updates_forget_keys(struct central *c);
unsigned admin_answer(struct central *c, const char *verb, json_object *body, struct text *out);

/* ---------------------------------------------------------------- faults.c */

/*
 * POST /test/faults  {"faults":[{"path":…,"kind":…,…}],"dialect":"pages"}
 *
 *   path      events, list, product, updates, or * (all of them)
 *   count     how many requests it hits; -1 (the default): all
 *   percent   the share of them, at random (100)
 *   kind      status   answer "status" (500) with "body", "retryAfter" as Retry-After
 *             hang     no answer until the client goes, at most "delayMs" (60,000)
 *             reset    the connection is reset without an answer
 *             cut      the true answer's length is promised, half of it is sent
 *             garbage  200 with JSON that breaks off
 *             noise    200 with random bytes
 *             html     200 with a page of HTML
 *             delay    the true answer after "delayMs"
 *             drip     the true answer, little by little during "delayMs"
 *             empty    list: an empty catalogue
 *             shrink   list: only the first "keep" products
 *             lost     the request is carried out, then the connection is reset
 *             forget   as lost, and all remembered keys are forgotten: it has crashed
 *             close    the true answer, and the connection is closed
 *   dialect   of the list from now on: pages, items (cursor), array
 *   seed      of what is at random
 *
 * The list of faults replaces the one before; [] ends all.
 */
enum fault_kind {
	FAULT_NONE,
	FAULT_STATUS,
	FAULT_HANG,
	FAULT_RESET,
	FAULT_CUT,
	FAULT_GARBAGE,
	FAULT_HTML,
	FAULT_DELAY,
	FAULT_EMPTY,
	FAULT_SHRINK,
	FAULT_LOST,
	FAULT_FORGET,
	FAULT_CLOSE,
	FAULT_NOISE,
	FAULT_DRIP
};
enum dialect { DIALECT_PAGES, DIALECT_ITEMS, DIALECT_ARRAY };

struct fault {
	char path[16];
	enum fault_kind kind;
	int64_t count, percent, delay_ms, retry_after, keep;
	unsigned status;
	char *body;
};

struct faults {
	struct fault *list;
	size_t n;
	enum dialect dialect;
	unsigned random;
};

/* NULL or what is wrong with the order. */
const char *faults_order(struct faults *f, json_object *body);
/* The fault that hits a request of this kind, counted down; kind FAULT_NONE: none. */
struct fault faults_hit(struct faults *f, const char *path);

/* ---------------------------------------------------------------- all together */

enum counter {
	COUNT_LIST,
	COUNT_PRODUCT,
	COUNT_EVENTS,
	COUNT_UPDATES,
	COUNT_ADMIN,
	COUNT_OTHER,
	COUNT_LIMITED,
	COUNT_HANDED_OUT,
	COUNTERS
};

struct options {
	unsigned port, time_scale;
	int64_t page_limit;
	size_t products, log_size;
	int64_t publish_delay_ms, rate_limit;
	const char *catalogue, *key, *admin_key, *state, *journal;
	bool log_requests; /* on stderr: method, path, X-Request-Id */
};

struct window { /* of the rate limit, by client address */
	char address[64];
	int64_t ends_at, used;
};

struct central {
	struct options options;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct catalogue catalogue;
	struct feed feed;
	FILE *journal; /* NULL: none is kept */
	struct keys *keys;
	struct faults faults;
	struct window windows[64];
	int64_t counters[COUNTERS];
	int64_t waiting; /* polls that wait */
	int64_t restarts;
	int64_t down_ms; /* the listener is to be away for so long */
	bool stopping;
};

/* What is to be sent. */
struct answer {
	unsigned status;
	struct text body;
	const char *type;
	int64_t retry_after; /* -1: none */
	bool with_window;    /* the rate limit's headers go along */
	struct window window;
	bool close; /* the connection ends with it */
};

/* reads.c */
struct MHD_Connection;
void answer_coded(struct answer *a, unsigned status, const char *code, const char *message);
/* most: products that there are at all */
void answer_list(struct central *c, struct MHD_Connection *conn, int64_t most, struct answer *a);
void answer_product(struct central *c, const char *id, struct answer *a);
void answer_events(struct central *c, struct MHD_Connection *conn, struct answer *a);
/*
 * Sleep, without the lock, until something changed, until deadline_ms, or for
 * pending_ms (-1: no matter); the callers look again at what they wait for.
 */
void answer_wait(struct central *c, int64_t deadline_ms, int64_t pending_ms);

/* state.c: products and feed over restarts. */
const char *state_load(struct central *c);
void state_save(struct central *c);

/*
 * journal.c: --journal FILE, each state of each product, those at the start first:
 * {"productId":…,"key":…,"product":{…}}; key: of the update that led there, or
 * null; product: null where it was deleted.
 */
bool journal_begin(struct central *c); /* false: the file can't be made */
void journal_state(struct central *c, const struct product *p, const char *key);
void journal_gone(struct central *c, const char *id);

/* Sent to ourselves when down_ms was set: the main thread sees to it. */
#define SIGNAL_DOWN SIGUSR2

/* http.c: serves until central.stopping; the port, 0 if it can't be had. */
struct MHD_Daemon;
struct MHD_Daemon *http_start(struct central *c, unsigned *port);

#endif
