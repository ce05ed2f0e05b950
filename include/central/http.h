/*
 * central/http.h: HTTP requests that never block; the one place that knows curl.
 *
 * All requests of the daemon run side by side in one thread.  The daemon's
 * loop sleeps in http_wait(), which also watches the loop's own descriptors,
 * so that a long poll never delays a signal or a control message.
 *
 * TLS is always verified, redirects are not followed (our key would go along),
 * no proxy is used, an answer's body has a limit that is counted after
 * decompression.
 */
#ifndef CENTRAL_HTTP_H
#define CENTRAL_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "model/record.h"

struct http;
struct http_request;

struct http_options {
	const char *ca_file, *client_cert, *client_key; /* paths of PEM files; "" where unset */
};

/* What an answer says of Central's limit on requests. */
struct http_limit {
	int64_t limit;     /* requests in a window; -1: nothing was said */
	int64_t remaining; /* of these; can be below 0 */
	int64_t reset_ms;  /* until the window ends */
};

struct http_answer {
	enum failure_class failure; /* of the exchange itself; FAILURE_NONE: there is an answer */
	char message[RECORD_TEXT_SIZE]; /* for people, when it failed */
	long status;                    /* HTTP's, 0 without an answer */
	struct span body;               /* valid during the callback */
	int64_t retry_after_ms;         /* what a 429 or 503 asks us to wait; 0: nothing said */
	struct http_limit limit;
	bool new_connection; /* one was opened for this exchange */
	bool sent;           /* a connection was there and the request went out, in part at least */
};

typedef void http_done(void *arg, const struct http_answer *answer);

struct http_call {
	const char *url;
	const struct span *body;    /* NULL: a GET; else a POST of it, copied */
	const char *const *headers; /* "Name: value", n_headers of them; copied */
	size_t n_headers;
	int64_t timeout_ms; /* of the whole exchange, by base/clock */
	size_t body_max;    /* bytes */
	http_done *done;    /* called once, from http_wait(), unless cancelled */
	void *arg;
};

enum st_err http_open(const struct http_options *options, struct http **out);

/* Cancels what is under way. */
void http_close(struct http *h);

/*
 * Start it.  *out is valid until its callback has been called or it is cancelled.
 * A GET whose kept connection turns out to be dead is sent again by itself; a
 * POST is sent once and never again, since only the caller knows what that means.
 */
enum st_err http_start(struct http *h, const struct http_call *call, struct http_request **out);

/* Send what was started, as far as it goes at once, rather than in the next http_wait(). */
void http_push(struct http *h);

/* NULL is fine. */
void http_cancel(struct http *h, struct http_request *r);

struct http_watch {
	int fd;     /* to read from */
	bool ready; /* set by http_wait() */
};

/*
 * Wait for at most timeout_ms real milliseconds (-1: no limit) for progress of
 * a request or one of the descriptors, then carry requests on and call back.
 */
void http_wait(struct http *h, struct http_watch *watches, size_t n, int timeout_ms);

#endif
