/*
 * shop.h: a store to ask, without a web server in front of it.
 *
 * Products PROD-001 up to the number asked for, and three odd ones behind them:
 * "a/b c%2F", "updates" and "日本".
 */
#ifndef API_SHOP_H
#define API_SHOP_H

#include "api/api.h"
#include "control/message.h"
#include "store/fixture.h"

#define SHOP_KEY      "key-1"
#define SHOP_KEY2     "a longer key of 27 bytes..."
#define SHOP_KEY_NONE "with,comma" /* configured, but no key as far as requests go */
#define SHOP_ODD      3            /* products besides the numbered ones */

struct shop {
	struct api_options options;
	struct api *api;
	struct api_response response;
	char text[128]; /* of shop_header() */
	struct shop_daemon *daemon;
};

/* Options as main/ makes them, in new directories; there is no store yet. */
void shop_prepare(struct shop *s);

/* What is committed with the products; confirmed current so long ago. */
struct sync_record shop_record(int64_t age_ms);

/* Fill the store with n numbered products and the odd ones. */
void shop_fill(struct shop *s, unsigned n, const struct sync_record *record);

/* Open the api, with options as they are now. */
void shop_open(struct shop *s);
void shop_close(struct shop *s);

/* All three, for n products. */
void shop_new(struct shop *s, unsigned n);

/*
 * Ask; NULL key: none.  What holds for every response is asserted here:
 * whole headers, none twice, a request id, valid JSON, errors in the envelope.
 */
void shop_ask(struct shop *s, const char *method, const char *uri, const char *key);
void shop_ask_request(struct shop *s, const struct api_request *request);
void shop_get(struct shop *s, const char *uri);

const char *shop_body(const struct shop *s);

/* A header's value, "" where it is missing; valid until the next call. */
const char *shop_header(struct shop *s, const char *name);

/* "404 product_not_found", or "200 -" where the body is no error. */
const char *shop_outcome(const struct shop *s);

struct span span_of(const char *text);

/* What is read as the request's body, in pieces; a deadline is for whoever has a clock. */
struct shop_body {
	const char *text;
	size_t len, at;
	size_t piece;    /* so much at once; 0: as much as is asked for */
	enum st_err end; /* instead of the end, ST_OK: it ends */
};

/* POST with a body and its length, as ask does else. */
void shop_post(struct shop *s, const char *uri, const char *body);
void shop_post_body(struct shop *s, const char *uri, const char *length, struct shop_body *body);

/* A daemon, as far as the control socket goes, which answers with this status. */
void shop_daemon_begin(struct shop *s, const struct control_status *status);
void shop_daemon_end(struct shop *s);

/*
 * What it says to updates and to whoever waits for a sync: the text behind
 * `"ok":` of the answer.  NULL: it hangs up.
 */
struct shop_script {
	bool holds; /* says nothing, and keeps the connection */
	bool takes; /* an update: says `taken` first */
	const char *answer;
};
void shop_daemon_says(struct shop *s, const struct shop_script *script);

/* How many requests it has had since, those for its status aside. */
unsigned shop_daemon_calls(struct shop *s);

/* Answer the last one that it holds. */
void shop_daemon_releases(struct shop *s, const char *answer);

/* The items of the last update that came, as they are written in a message; "" for none. */
const char *shop_daemon_heard(struct shop *s);

#endif
