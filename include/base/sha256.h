/*
 * base/sha256.h: SHA-256 of bytes that come piece by piece; the one place that
 * knows libcrypto.  For backups, whose sum anybody can check with sha256sum(1).
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

#include "base/err.h"

#define SHA256_TEXT_SIZE 65 /* lower-case hex and NUL */

struct sha256;

/* ST_NOMEM; the caller ends it with sha256_free(). */
enum st_err sha256_new(struct sha256 **out);
void sha256_free(struct sha256 *s); /* NULL is fine */

void sha256_add(struct sha256 *s, const void *data, size_t len);

/* The sum of all that was added; nothing can be added any more.  ST_SYSTEM where the library fails. */
enum st_err sha256_text(struct sha256 *s, char out[SHA256_TEXT_SIZE]);

#endif
