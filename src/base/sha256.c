#include "base/sha256.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct sha256 {
	EVP_MD_CTX *context;
	bool failed;
};

enum st_err sha256_new(struct sha256 **out)
{
	struct sha256 *s = calloc(1, sizeof(*s));

	if (s)
		s->context = EVP_MD_CTX_new();
	if (!s || !s->context || !EVP_DigestInit_ex(s->context, EVP_sha256(), NULL)) {
		sha256_free(s);
		return ST_NOMEM;
	}
	*out = s;
	return ST_OK;
}

void sha256_free(struct sha256 *s)
{
	if (s)
		EVP_MD_CTX_free(s->context);
	free(s);
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
	s->failed |= !EVP_DigestUpdate(s->context, data, len);
}

enum st_err sha256_text(struct sha256 *s, char out[SHA256_TEXT_SIZE])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	s->failed |= !EVP_DigestFinal_ex(s->context, sum, &len);
	if (s->failed || len != (SHA256_TEXT_SIZE - 1) / 2)
		return ST_SYSTEM;
	for (unsigned i = 0; i < len; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", sum[i]);
	return ST_OK;
}
