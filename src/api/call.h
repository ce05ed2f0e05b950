/*
 * api/call.h: one request on its way through src/api/.
 */
#ifndef API_CALL_H
#define API_CALL_H

#include <stdatomic.h>

#include "api/api.h"
#include "api/bulkhead.h"
#include "api/etag.h"
#include "api/key.h"
#include "api/path.h"
#include "api/trouble.h"
#include "base/json_writer.h"

#define ROUTES_N           10
#define INSTANCE_ID_DIGITS 8

struct api {
	struct api_options options; /* what it points to is main's */
	struct store_reader *store;
	struct api_keys keys;
	struct path_template templates[ROUTES_N]; /* of api.c's routes */
	char instance[INSTANCE_ID_DIGITS + 1];    /* in front of request ids made here */
	_Atomic uint64_t requests;
	struct bulkhead bulkhead;
	_Atomic int64_t stopped_at_us; /* of the clock for deadlines; 0: goes on */
	atomic_bool has_writer;        /* a daemon holds the store, when last looked */
	struct troubles troubles;
};

struct call {
	struct api *api;
	const struct api_request *request;
	struct api_response *response;
	struct path path;
	const char *route;      /* its template, for the log */
	struct span product_id; /* of an update, once it is known; for its problems */
};

/* Error codes are constants of problem.c's table: status and text follow from them. */
enum problem {
	PROBLEM_UNAUTHORIZED,
	PROBLEM_INVALID_PATH,
	PROBLEM_NOT_FOUND,
	PROBLEM_PRODUCT_NOT_FOUND,
	PROBLEM_METHOD_NOT_ALLOWED,
	PROBLEM_INVALID_PARAMETER,
	PROBLEM_CACHE_TOO_STALE,
	PROBLEM_CACHE_NOT_READY,
	PROBLEM_STORAGE_ERROR,
	PROBLEM_INTERNAL,
	PROBLEM_INVALID_REQUEST,
	PROBLEM_STORE_MISMATCH,
	PROBLEM_KEY_REUSED,
	PROBLEM_PAYLOAD_TOO_LARGE,
	PROBLEM_REQUEST_TIMEOUT,
	PROBLEM_CENTRAL_UNAVAILABLE,
	PROBLEM_CENTRAL_TIMEOUT,
	PROBLEM_CENTRAL_RATE_LIMITED,
	PROBLEM_CENTRAL_AUTH_FAILED,
	PROBLEM_CENTRAL_ERROR,
	PROBLEM_DAEMON_UNAVAILABLE,
	PROBLEM_SYNC_REFUSED, /* sync_failed, by its cause */
	PROBLEM_SYNC_TIMEOUT,
	PROBLEM_SYNC_FAILED,
	PROBLEM_OVERLOADED,
	PROBLEM_COUNT
};

/*
 * The error envelope as the whole response.  details: a JSON object, or NULL
 * for {}.  On the write endpoints it has the code, the message and the
 * product's id once more at top level, which is where their front ends look.
 */
void problem_respond(struct call *c, enum problem problem, const struct buf *details);

/* The same with words of the moment; "": the usual ones. */
void problem_respond_saying(
    struct call *c, enum problem problem, const char *message, const struct buf *details);

/* The same with details of one or two texts; name2 NULL: one. */
void problem_respond_with(struct call *c, enum problem problem, const char *name1,
    struct span text1, const char *name2, const char *text2);

/* What a store that can't be read means to a client, and to the log. */
void problem_of_store(struct call *c, enum st_err err);

/* The same of a daemon that doesn't answer. */
void problem_of_daemon(struct call *c, enum st_err err);

/* Retry-After; nothing where seconds is negative. */
void response_retry_after(struct api_response *r, int64_t seconds);

/* "Name: value\r\n" added to the response. */
void response_header(struct api_response *r, const char *name, const char *value);
void response_header_int(struct api_response *r, const char *name, int64_t value);

/*
 * cors.c: what browsers of other origins may do.  Nothing at all unless origins
 * are configured.  Headers are for every response, preflight for OPTIONS.
 */
void cors_headers(struct call *c);
void cors_preflight(struct call *c, const char *methods);

/* 200 with the body as it stands and this tag, or 304 where the client has just that. */
void respond_tagged(struct call *c, const char *etag);

/* True while a daemon holds the store; that it went may be seen two seconds late. */
bool call_has_writer(const struct call *c);

/* The record's state, "stopped" where no daemon is there. */
const char *call_sync_state(const struct call *c, const struct sync_record *record);

/* Age (where it is known), X-Store-Event-Offset, X-Store-Sync-State. */
void freshness_headers(
    struct call *c, const struct sync_record *record, const struct stamp *now, const char *state);

/* A snapshot for a read of products, with the freshness headers set; false: a problem was sent. */
bool call_open_snapshot(struct call *c, struct store_snapshot *s, struct sync_record *record);

/* Handlers: each makes the whole response. */
void inventory_list(struct call *c);
void inventory_product(struct call *c);
void status_get(struct call *c);
void stats_get(struct call *c);
void openapi_get(struct call *c);
void health_get(struct call *c);
void metrics_get(struct call *c);
void updates_post(struct call *c);
void batch_updates_post(struct call *c);
void force_post(struct call *c);

/* The first seven members of the sync status, as a whole object; *daemon: it answers. */
enum st_err status_write_seven(struct call *c, struct json_writer *w, bool *daemon);

/* How long a write may still wait for its end from the moment at which the process is to end. */
int64_t call_stop_ms(const struct call *c);

#endif
