/*
 * api/openapi.c: GET /v1/store/openapi.json: the description of the API, which
 * is linked into the program as the very bytes of src/api/openapi.json.
 */
#include "api/call.h"

__asm__(".pushsection .rodata\n"
	".global openapi_begin, openapi_end\n"
	"openapi_begin:\n"
	".incbin \"src/api/openapi.json\"\n"
	"openapi_end:\n"
	".popsection\n");

extern const char openapi_begin[], openapi_end[];

void openapi_get(struct call *c)
{
	size_t len = (size_t)(openapi_end - openapi_begin);
	char etag[ETAG_SIZE];

	etag_make(false, openapi_begin, len, etag);
	buf_add(&c->response->body, openapi_begin, len);
	respond_tagged(c, etag);
}
