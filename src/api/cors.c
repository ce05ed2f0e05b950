/*
 * api/cors.c: cross-origin requests of browsers (the Fetch standard).
 *
 * The origin that is sent back is the setting's text, never the request's.
 * `Vary: Origin` is there whether or not the origin is one of ours, since what
 * is answered depends on it.
 */
#include <string.h>

#include "api/call.h"

#define EXPOSED_HEADERS \
	"ETag, Age, Retry-After, X-Request-Id, X-Store-Event-Offset, X-Store-Sync-State"
#define REQUEST_HEADERS \
	"X-API-Key, Content-Type, If-None-Match, X-Request-Id, X-Store-Max-Staleness"
#define PREFLIGHT_SECONDS "600"

/* "*", the configured origin that the request names, or NULL. */
static const char *allowed_origin(const struct call *c)
{
	const struct api_options *o = &c->api->options;
	struct span origin = c->request->origin;

	for (size_t i = 0; i < o->n_cors_origins; i++) {
		const char *one = o->cors_origins[i];

		if (strcmp(one, "*") == 0 ||
		    (strlen(one) == origin.len && memcmp(one, origin.data, origin.len) == 0))
			return one;
	}
	return NULL;
}

void cors_headers(struct call *c)
{
	const char *origin = allowed_origin(c);

	if (c->api->options.n_cors_origins == 0)
		return;
	response_header(c->response, "Vary", "Origin");
	if (!origin)
		return;
	response_header(c->response, "Access-Control-Allow-Origin", origin);
	response_header(c->response, "Access-Control-Expose-Headers", EXPOSED_HEADERS);
}

void cors_preflight(struct call *c, const char *methods)
{
	if (!c->request->origin.data || !allowed_origin(c))
		return;
	response_header(c->response, "Access-Control-Allow-Methods", methods);
	response_header(c->response, "Access-Control-Allow-Headers", REQUEST_HEADERS);
	response_header(c->response, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
}
