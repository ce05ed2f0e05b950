/*
 * api/api.h: request in, response out; knows nothing of FastCGI.
 *
 * The rules of the REST API live behind this: routing on the raw request URI,
 * keys, parameters, error envelope, handlers.  Manual: store-api(7).
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "metrics/metrics.h"
#include "store/read.h"

#define API_BODY_MS      10000
#define API_STOP_MS      9000
#define API_FORCE_WAIT_S 25 /* web servers give up at 40 to 60 */

/* What main/ chose from the settings; all of it outlives the api. */
struct api_options {
	struct store_options store;
	const char *run_dir;
	const char *store_id;
	bool store_id_set; /* else any storeId of a request is taken */
	const char *version;
	const char *const *api_keys;
	size_t n_api_keys;
	const char *const *cors_origins;   /* "*": any */
	size_t n_cors_origins;             /* 0: no CORS headers */
	const char *mount_from, *mount_to; /* "" where unset */
	int64_t max_staleness_seconds;     /* 0: never */
	int64_t max_body_bytes;
	int64_t body_ms;      /* API_BODY_MS: for a request's body to be there */
	int64_t stop_ms;      /* API_STOP_MS: for a write that is open when the process is to end */
	int64_t force_wait_s; /* API_FORCE_WAIT_S: the most that one may wait for a full sync */
	unsigned threads;     /* of one process: what may wait for the daemon is a share of them */
	int stop_fd;          /* readable when the process is to end; -1: never */
	/* NULL outside of a pool; then /metrics must not be asked for. */
	struct metrics_pool *metrics;
};

struct api;

/* One per worker process, after fork(); shared by its threads. */
enum st_err api_open(const struct api_options *options, struct api **out);
void api_close(struct api *a);

/*
 * The process is to end: whatever waits for the daemon ends in time.  To be
 * called before options.stop_fd becomes readable.
 */
void api_stop(struct api *a);

/*
 * Every few seconds, also while idle: lets go of a store that was replaced
 * meanwhile, and looks whether a daemon is there.
 */
void api_refresh(struct api *a);

/* The web server's words; spans are the caller's, .data NULL where absent. */
struct api_request {
	struct span method;  /* REQUEST_METHOD */
	struct span uri;     /* REQUEST_URI, raw */
	struct span prefix;  /* STORE_API_PREFIX; overrides the mount setting */
	struct span keys[2]; /* every HTTP_X_API_KEY that came, up to two */
	size_t n_keys;
	struct span request_id;    /* HTTP_X_REQUEST_ID */
	struct span remote_addr;   /* REMOTE_ADDR, for the log */
	struct span if_none_match; /* HTTP_IF_NONE_MATCH */
	struct span max_staleness; /* HTTP_X_STORE_MAX_STALENESS */
	struct span origin;        /* HTTP_ORIGIN */

	/*
	 * The body.  read_body puts up to `most` bytes at `to`; *n == 0: that was
	 * all.  ST_TIMEOUT: not there by the deadline; ST_CLOSED: cut off.
	 */
	struct span content_length; /* CONTENT_LENGTH as it came */
	enum st_err (*read_body)(void *arg, char *to, size_t most, struct mono deadline, size_t *n);
	void *body_arg;
};

/* Reused by a thread from request to request; its buffers keep their memory up to a limit. */
struct api_response {
	int status;
	struct buf headers; /* "Name: value\r\n" lines, Status: not among them */
	struct buf body;    /* also for HEAD, where the caller must not send it */
	enum metrics_route route;
	char request_id[65];
};

void api_response_init(struct api_response *r);
void api_response_free(struct api_response *r);

/* After it was sent: give a large body's memory back, so that an idle thread keeps little. */
void api_response_trim(struct api_response *r);

/* Never fails: a failure is a response too. */
void api_handle(struct api *a, const struct api_request *request, struct api_response *response);

/* The response of the pool itself, where no request could be read: 408, 500, 503 in the envelope. */
void api_problem(struct api_response *response, int status, const char *code, const char *message);

#endif
