/*
 * api/openapi.c: GET /v1/store/openapi.json: the description of the API, which
 * is linked into the program as the very bytes of src/api/openapi.json.
 */
#include "api/call.h"
#include "base/hash.h"

__asm__(".pushsection .rodata\n"
	".global openapi_text, openapi_size\n"
	"openapi_text:\n"
	".incbin \"src/api/openapi.json\"\n"
	"1:\n"
	".balign 8\n"
	"openapi_size:\n"
	".quad 1b - openapi_text\n"
	".popsection\n");

extern const char openapi_text[];
extern const uint64_t openapi_size;

void openapi_get(struct call *c)
{
	char etag[ETAG_SIZE];

	etag_make(false, hash_bytes(openapi_text, openapi_size, 0), etag);
	buf_add(&c->response->body, openapi_text, openapi_size);
	respond_tagged(c, etag);
}
