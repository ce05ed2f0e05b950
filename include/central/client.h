/*
 * central/client.h: what is asked of the Central Inventory API, and its answers.
 *
 *   GET /v1/inventory?offset=0&limit=200           a page of the product list
 *   GET /v1/inventory?cursor=…&limit=200           the next one, where Central gave a cursor
 *   GET /v1/inventory/{id}                         one product
 *   GET /v1/inventory/events?offset=N&limit=L&wait=S   the event feed, a long poll
 *   POST /v1/inventory/updates                     stock updates
 *
 * All with X-API-Key and an X-Request-Id, that of the client's request or one of
 * their own.  An answer is either the
 * documented JSON with status 200, or a failure with its class.
 */
#ifndef CENTRAL_CLIENT_H
#define CENTRAL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "central/http.h"
#include "model/event.h"
#include "model/page.h"
#include "model/update.h"

#define CENTRAL_PAGE_LIMIT 200

/* Beyond any head: Central answers at once, with no events and its head as nextOffset. */
#define CENTRAL_OFFSET_HEAD EVENT_OFFSET_MAX

struct central;

/* Copied. */
struct central_options {
	const char *url; /* http:// or https://, a path prefix allowed */
	const char *key;
	int64_t timeout_ms; /* one page; a long poll has its wait on top */
	struct http_options tls;
};

/* How an exchange failed; failure FAILURE_NONE: it didn't. */
struct central_outcome {
	enum failure_class failure;
	char message[RECORD_TEXT_SIZE];
	long status;            /* HTTP's; 410 of the feed: the offset is gone */
	int64_t retry_after_ms; /* what Central asked us to wait; 0: nothing */
	struct http_limit limit;
	bool new_connection; /* one was opened for this exchange */
	bool sent;           /* false: the request has never left us */
	bool gone;           /* of a product: Central says that there is none */
	bool unusable;       /* of a product: there is one that can't be kept */
	const char *request_id;
};

/*
 * The second argument is NULL after a failure; else it is the callee's to read
 * until it returns, and freed then.
 */
typedef void central_page_done(
    void *arg, const struct central_outcome *outcome, const struct page *page);
typedef void central_events_done(
    void *arg, const struct central_outcome *outcome, const struct event_batch *batch);

/*
 * NULL with failure FAILURE_NONE and `gone`: Central says in its own JSON that
 * there is no such product.  Any other 404 proves nothing and is a failure.
 */
typedef void central_product_done(
    void *arg, const struct central_outcome *outcome, const struct product *product);

/*
 * Whatever of Central's answers is the documented JSON (200, or a refusal with
 * its errorType) comes as results, without a failure.  The callee may take them
 * over, leaving zeros.
 */
typedef void central_updates_done(
    void *arg, const struct central_outcome *outcome, struct update_results *results);

struct central_call; /* one exchange; valid until its callback or central_cancel() */

enum st_err central_open(const struct central_options *options, struct central **out);
void central_close(struct central *c);

/* New settings, for calls from now on; ST_NOMEM leaves the old ones.  TLS files stay. */
enum st_err central_set_options(struct central *c, const struct central_options *options);

/* cursor: of the page before, NULL to go by offset. */
/*
 * The id that requests which begin from now on have at Central and in the log;
 * NULL, as at first: each one of its own.  Of updates it is central_post's.
 */
void central_name_requests(struct central *c, const char *id);

enum st_err central_get_page(struct central *c, int64_t offset, const char *cursor,
    central_page_done *done, void *arg, struct central_call **out);

enum st_err central_get_product(struct central *c, const char *id, size_t id_len,
    central_product_done *done, void *arg, struct central_call **out);

enum st_err central_get_events(struct central *c, int64_t offset, int64_t limit,
    int64_t wait_seconds, central_events_done *done, void *arg, struct central_call **out);

/*
 * One try to forward updates.  `asked` must stay until the callback; `body` is
 * what goes out for it (update_list_write_request()); request_id: the client's.
 */
struct central_post {
	const struct update_list *asked;
	struct span body;
	const char *request_id;
	int64_t timeout_ms;
};
enum st_err central_post_updates(struct central *c, const struct central_post *post,
    central_updates_done *done, void *arg, struct central_call **out);

void central_cancel(struct central *c, struct central_call *call); /* NULL is fine */

/* Send what was started now, rather than in the next central_wait(). */
void central_push(struct central *c);

/* http_wait() of the connection to Central. */
void central_wait(struct central *c, struct http_watch *watches, size_t n, int timeout_ms);

#endif
