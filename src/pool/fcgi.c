/*
 * pool/fcgi.c: the loop's descriptor goes into a struct of libfcgi as a
 * connection that is open already; FCGX_Accept_r() then reads the request from
 * it.  `detached` makes libfcgi close a connection at once: by default it would
 * shut it down and read from the peer for as long as that sends something every
 * two seconds.  Where the peer may still be sending the connection is handed back
 * to linger (pool/linger.h).  The response goes out past libfcgi (pool/reply.h),
 * which only reads.
 *
 * libfcgi's reads block.  Before each that may, SO_RCVTIMEO is set to what is
 * left of the time for the whole body; polling wouldn't do, since the next
 * record may stand in a buffer of libfcgi's that we can't see.  It ends a read in
 * time where nothing comes; where other things come, pool/reading.h does.
 */
#include "pool/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/reply.h"

#define HEAD_MAX 65536

/* For a body that nobody wanted, while it comes fast: all of it, and the next piece. */
#define DRAIN_MS       500
#define DRAIN_PAUSE_MS 50

struct fcgi {
	struct api *api;
	struct reading *reading;
	FCGX_Request request;
	bool has_timeout; /* the descriptor, an SO_RCVTIMEO */
	struct api_response response;
	struct buf head; /* its status line and headers, as they are sent */
};

enum st_err fcgi_init(void)
{
	return FCGX_Init() == 0 ? ST_OK : ST_SYSTEM;
}

enum st_err fcgi_open(struct api *api, struct reading *reading, struct fcgi **out)
{
	struct fcgi *f = calloc(1, sizeof(*f));

	if (!f)
		return ST_NOMEM;
	f->api = api;
	f->reading = reading;
	/* No listening socket: libfcgi must never accept by itself. */
	if (FCGX_InitRequest(&f->request, -1, 0) != 0) {
		free(f);
		return ST_SYSTEM;
	}
	f->request.ipcFd = -1;
	api_response_init(&f->response);
	buf_init(&f->head, HEAD_MAX);
	*out = f;
	return ST_OK;
}

void fcgi_close(struct fcgi *f)
{
	if (!f)
		return;
	api_response_free(&f->response);
	buf_free(&f->head);
	free(f);
}

/* Parameters of which one counts, and where they go. */
#define PARAMETER(name, member)                                              \
	{                                                                    \
		name, sizeof(name) - 1, offsetof(struct api_request, member) \
	}
static const struct {
	const char *name;
	size_t len, at;
} parameters[] = {
	PARAMETER("REQUEST_METHOD", method),
	PARAMETER("REQUEST_URI", uri),
	PARAMETER("STORE_API_PREFIX", prefix),
	PARAMETER("CONTENT_LENGTH", content_length),
	PARAMETER("REMOTE_ADDR", remote_addr),
	PARAMETER("HTTP_X_REQUEST_ID", request_id),
	PARAMETER("HTTP_IF_NONE_MATCH", if_none_match),
	PARAMETER("HTTP_X_STORE_MAX_STALENESS", max_staleness),
	PARAMETER("HTTP_ORIGIN", origin),
};

/* A key may come in several; we need to know of two. */
static const char api_key[] = "HTTP_X_API_KEY";

/* Where the value of the parameter with that name goes; NULL: nobody wants it. */
static struct span *place_of(const char *name, size_t len, struct api_request *r)
{
	if (len == sizeof(api_key) - 1 && memcmp(name, api_key, len) == 0)
		return r->n_keys < sizeof(r->keys) / sizeof(r->keys[0]) ? &r->keys[r->n_keys++]
		                                                        : NULL;
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (len == parameters[i].len && memcmp(name, parameters[i].name, len) == 0)
			return (struct span *)(void *)((char *)r + parameters[i].at);
	return NULL;
}

static void read_param(const char *param, struct api_request *r)
{
	const char *equals = strchr(param, '=');
	struct span *place = equals ? place_of(param, (size_t)(equals - param), r) : NULL;

	if (place)
		*place = (struct span){ equals + 1, strlen(equals + 1) };
}

static void read_params(char *const *params, struct api_request *r)
{
	memset(r, 0, sizeof(*r));
	for (; *params; params++)
		read_param(*params, r);
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

static enum st_err send_response(struct fcgi *f, bool is_head, bool with_end)
{
	static const struct buf nothing;
	const struct api_response *r = &f->response;
	bool has_body = r->status != 204 && r->status != 304;

	buf_reset(&f->head);
	buf_adds(&f->head, "Status: ");
	buf_add_int(&f->head, r->status);
	buf_addc(&f->head, ' ');
	buf_adds(&f->head, reason(r->status));
	buf_adds(&f->head, "\r\n");
	buf_add(&f->head, buf_text(&r->headers), r->headers.len);
	if (has_body) {
		buf_adds(&f->head, "Content-Length: ");
		buf_add_uint(&f->head, r->body.len);
		buf_adds(&f->head, "\r\n");
	}
	buf_adds(&f->head, "\r\n");
	if (f->head.err)
		return f->head.err;
	return reply_send(f->request.ipcFd, f->request.requestId, &f->head,
	    has_body && !is_head ? &r->body : &nothing, with_end);
}

static void set_receive_timeout(int fd, int64_t ms)
{
	int64_t real = clock_real_ms(ms);
	struct timeval timeout = { .tv_sec = real / 1000, .tv_usec = real % 1000 * 1000 };

	if (real < 1)
		timeout.tv_usec = 1000; /* 0 would mean for ever */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

/* The head of the next request has a deadline of another kind. */
static void clear_receive_timeout(int fd)
{
	struct timeval never = { 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never));
}

/* An error of libfcgi's stream; 0: it is all read. */
static enum st_err end_of_body(int error)
{
	if (error == 0)
		return ST_OK;
	return error == EAGAIN || error == EINTR ? ST_TIMEOUT : ST_CLOSED;
}

/* api_request.read_body: what libfcgi holds of a record, or what the next read brings. */
static enum st_err read_body(void *arg, char *to, size_t most, struct mono deadline, size_t *n)
{
	struct fcgi *f = arg;
	FCGX_Stream *in = f->request.in;
	ptrdiff_t there;
	int c;

	*n = 0;
	if (in->rdNext == in->stop && !in->isClosed) {
		int64_t left = mono_ms_between(mono_now(), deadline);

		if (left <= 0)
			return ST_TIMEOUT;
		set_receive_timeout(f->request.ipcFd, left);
		f->has_timeout = true;
		reading_begin(f->reading, deadline);
	}
	c = FCGX_GetChar(in);
	reading_end(f->reading);
	if (c == EOF)
		return end_of_body(FCGX_GetError(in));
	*to = (char)c;
	*n = 1;
	there = in->stop - in->rdNext;
	if (there > (ptrdiff_t)most - 1)
		there = (ptrdiff_t)most - 1;
	if (there > 0)
		*n += (size_t)FCGX_GetStr(to + 1, (int)there, in);
	return ST_OK;
}

/*
 * Read on through a body that nobody wanted, for so long, while it comes fast, so
 * that the connection can be used again.  True: all of it is read.  0 ms: one look.
 */
static bool drain(struct fcgi *f, int64_t ms)
{
	struct mono now = mono_now(), deadline = mono_add_ms(now, ms);
	char block[4096];
	enum st_err err;
	size_t n = 1;

	do {
		err = read_body(f, block, sizeof(block), mono_add_ms(now, DRAIN_PAUSE_MS), &n);
		now = mono_now();
	} while (!err && n > 0 && !mono_reached(deadline, now));
	return !err && n == 0;
}

/* False: nothing of a body is to come but its end, which as a rule is there already. */
static bool may_send_more(const struct fcgi *f, const struct api_request *request)
{
	struct span length = request->content_length;

	return !f->request.in->isClosed && length.len > 0 && !span_is(length, "0");
}

/*
 * The end of the request may be sent when the body's end was read.  Where that is
 * there both go out at once; a response waits for no body that nobody reads.
 */
static enum fcgi_end respond(struct fcgi *f, const struct api_request *request, bool keep)
{
	FCGX_Request *r = &f->request;
	int fd = r->ipcFd;
	bool drained = !may_send_more(f, request) && drain(f, 0);
	bool ended = send_response(f, span_is(request->method, "HEAD"), drained) == ST_OK;

	if (ended && !drained) {
		drained = drain(f, DRAIN_MS);
		ended = reply_end(fd, r->requestId) == ST_OK;
	}
	keep = keep && r->keepConnection && drained && ended;
	/* Its memory; of the connection it must know nothing. */
	FCGX_Free(r, 0);
	if (keep && f->has_timeout)
		clear_receive_timeout(fd);
	if (!keep && ended && !drained)
		return FCGI_LINGERS;
	if (!keep)
		close(fd);
	return keep ? FCGI_KEPT : FCGI_CLOSED;
}

/* The head; false: no request came. */
static bool accept_request(struct fcgi *f)
{
	int got;

	reading_begin(f->reading, mono_add_ms(mono_now(), FCGI_HEAD_MS));
	got = FCGX_Accept_r(&f->request);
	reading_end(f->reading);
	return got >= 0;
}

enum fcgi_end fcgi_serve(struct fcgi *f, int fd, bool keep)
{
	FCGX_Request *r = &f->request;
	struct api_request request;
	enum fcgi_end end;

	r->ipcFd = fd;
	r->keepConnection = 1; /* else libfcgi would begin by closing it */
	FCGX_Detach(r);
	if (!accept_request(f)) {
		/* And libfcgi has closed it. */
		r->ipcFd = -1;
		return FCGI_CLOSED;
	}
	FCGX_Detach(r);
	read_params(r->envp, &request);
	request.read_body = read_body;
	request.body_arg = f;
	f->has_timeout = false;
	api_handle(f->api, &request, &f->response);
	end = respond(f, &request, keep);
	r->ipcFd = -1;
	api_response_trim(&f->response);
	return end;
}
