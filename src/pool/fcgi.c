/*
 * pool/fcgi.c: the loop's descriptor goes into a struct of libfcgi as a
 * connection that is open already; FCGX_Accept_r() then reads the request from
 * it.  `detached` makes libfcgi close a connection at once: by default it would
 * shut it down and wait up to two seconds for the peer.  That is needed only
 * where the peer may still be sending (see finish()).
 */
#include "pool/fcgi.h"

#include <fcgiapp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_MAX (64 * 1024) /* of a request's body that nobody reads */

struct fcgi {
	struct api *api;
	FCGX_Request request;
	struct api_response response;
};

enum st_err fcgi_init(void)
{
	return FCGX_Init() == 0 ? ST_OK : ST_SYSTEM;
}

enum st_err fcgi_open(struct api *api, struct fcgi **out)
{
	struct fcgi *f = calloc(1, sizeof(*f));

	if (!f)
		return ST_NOMEM;
	f->api = api;
	/* No listening socket: libfcgi must never accept by itself. */
	if (FCGX_InitRequest(&f->request, -1, 0) != 0) {
		free(f);
		return ST_SYSTEM;
	}
	f->request.ipcFd = -1;
	api_response_init(&f->response);
	*out = f;
	return ST_OK;
}

void fcgi_close(struct fcgi *f)
{
	if (!f)
		return;
	api_response_free(&f->response);
	free(f);
}

/* Parameters of which one counts, and where they go. */
static const struct {
	const char *name;
	size_t at;
} parameters[] = {
	{ "REQUEST_METHOD", offsetof(struct api_request, method) },
	{ "REQUEST_URI", offsetof(struct api_request, uri) },
	{ "STORE_API_PREFIX", offsetof(struct api_request, prefix) },
	{ "REMOTE_ADDR", offsetof(struct api_request, remote_addr) },
	{ "HTTP_X_REQUEST_ID", offsetof(struct api_request, request_id) },
	{ "HTTP_IF_NONE_MATCH", offsetof(struct api_request, if_none_match) },
	{ "HTTP_X_STORE_MAX_STALENESS", offsetof(struct api_request, max_staleness) },
	{ "HTTP_ORIGIN", offsetof(struct api_request, origin) },
};

static bool is_named(const char *param, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(param, name, len) == 0;
}

static void read_param(const char *param, struct api_request *r)
{
	size_t len = strcspn(param, "=");
	struct span value = { param + len + 1, 0 };

	if (param[len] == '\0')
		return;
	value.len = strlen(value.data);
	/* A key may come in several; we need to know of two. */
	if (is_named(param, len, "HTTP_X_API_KEY") && r->n_keys < 2)
		r->keys[r->n_keys++] = value;
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (is_named(param, len, parameters[i].name))
			*(struct span *)(void *)((char *)r + parameters[i].at) = value;
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

static void put(FCGX_Stream *out, const char *data, size_t len)
{
	/* What can't be sent shows at the stream's end: the peer is gone then. */
	if (len > 0)
		(void)FCGX_PutStr(data, (int)len, out);
}

static void send_response(FCGX_Stream *out, const struct api_response *r, bool head)
{
	bool has_body = r->status != 204 && r->status != 304;
	char line[96];
	int len = snprintf(line, sizeof(line), "Status: %d %s\r\n", r->status, reason(r->status));

	put(out, line, (size_t)len);
	put(out, buf_text(&r->headers), r->headers.len);
	len = has_body ? snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", r->body.len)
	               : snprintf(line, sizeof(line), "\r\n");
	put(out, line, (size_t)len);
	if (has_body && !head)
		put(out, buf_text(&r->body), r->body.len);
}

/* Read a body that nobody wanted, so that the connection can be used again. */
static bool drain(FCGX_Stream *in)
{
	char block[4096];
	int left = DRAIN_MAX;

	while (left > 0) {
		int n = FCGX_GetStr(block, sizeof(block), in);

		if (n < (int)sizeof(block))
			return FCGX_GetError(in) == 0;
		left -= n;
	}
	return false;
}

/*
 * End the request.  With unread input left a plain close would reset the
 * connection and could take our response away; then libfcgi's slow way is right.
 */
static bool finish(FCGX_Request *r, bool keep)
{
	bool drained;

	(void)FCGX_FFlush(r->out);
	drained = drain(r->in);
	if (!keep || !drained)
		r->keepConnection = 0;
	if (!drained)
		FCGX_Attach(r);
	FCGX_Finish_r(r);
	return r->ipcFd >= 0;
}

bool fcgi_serve(struct fcgi *f, int fd, bool keep)
{
	FCGX_Request *r = &f->request;
	struct api_request request;
	bool kept;

	r->ipcFd = fd;
	r->keepConnection = 1; /* else libfcgi would begin by closing it */
	FCGX_Detach(r);
	if (FCGX_Accept_r(r) < 0) {
		/* No request came; libfcgi has closed it. */
		r->ipcFd = -1;
		return false;
	}
	FCGX_Detach(r);
	read_params(r->envp, &request);
	api_handle(f->api, &request, &f->response);
	send_response(r->out, &f->response,
	    request.method.len == 4 && memcmp(request.method.data, "HEAD", 4) == 0);
	kept = finish(r, keep);
	r->ipcFd = -1;
	api_response_trim(&f->response);
	return kept;
}
