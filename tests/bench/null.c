/*
 * null SOCKET PROCESSES THREADS HEADERS BODY: the real pool with a handler that
 * answers every request with the same bytes.  It stands in for the api/ room, so
 * what ours takes more than this is what the API costs.  Until SIGTERM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "bench/constant.h"
#include "pool/pool.h"

#define RESPONSE_MAX (16 * 1024 * 1024)

struct api {
	struct constant constant;
};

static struct api only;

enum st_err api_open(const struct api_options *options, struct api **out)
{
	(void)options;
	*out = &only;
	return ST_OK;
}

void api_close(struct api *a)
{
	(void)a;
}

void api_stop(struct api *a)
{
	(void)a;
}

void api_refresh(struct api *a)
{
	(void)a;
}

void api_response_init(struct api_response *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->headers, RESPONSE_MAX);
	buf_init(&r->body, RESPONSE_MAX);
}

void api_response_free(struct api_response *r)
{
	buf_free(&r->headers);
	buf_free(&r->body);
}

void api_response_trim(struct api_response *r)
{
	(void)r;
}

void api_handle(struct api *a, const struct api_request *request, struct api_response *r)
{
	(void)request;
	buf_reset(&r->headers);
	buf_reset(&r->body);
	r->status = 200;
	buf_add(&r->headers, a->constant.headers.data, a->constant.headers.len);
	buf_add(&r->body, a->constant.body.data, a->constant.body.len);
}

void api_problem(struct api_response *r, int status, const char *code, const char *message)
{
	(void)code;
	(void)message;
	buf_reset(&r->headers);
	buf_reset(&r->body);
	r->status = status;
}

static bool keep_as_it_is(void *arg, struct api_options *api)
{
	(void)arg;
	(void)api;
	return false;
}

int main(int argc, char **argv)
{
	struct pool_options options = { .socket_mode = 0666, .socket_group = "" };
	char listen[256];
	struct buf why;

	if (argc != 6) {
		fputs("usage: null SOCKET PROCESSES THREADS HEADERS BODY\n", stderr);
		return 2;
	}
	if (io_open_standard())
		return 1;
	log_open("null", LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
	constant_load(argv[4], argv[5], &only.constant);
	snprintf(listen, sizeof(listen), "unix:%s", argv[1]);
	options.listen = listen;
	options.processes = (unsigned)strtoul(argv[2], NULL, 10);
	options.threads = (unsigned)strtoul(argv[3], NULL, 10);
	options.api.threads = options.threads;
	buf_init(&why, 4096);
	if (pool_run(&options, keep_as_it_is, NULL, &why)) {
		fprintf(stderr, "null: %s\n", buf_text(&why));
		return 1;
	}
	return 0;
}
