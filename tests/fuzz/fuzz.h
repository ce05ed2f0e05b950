/*
 * fuzz.h: what the fuzz targets share.
 *
 * A target is one file, fuzz_NAME.c, with one LLVMFuzzerTestOneInput(): it
 * feeds the bytes to what they would reach from outside, and asserts what must
 * hold for any bytes.  README.md has the table of them.  libFuzzer, AFL++ or
 * replay.c brings the main().
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"
#include "model/product.h"
#include "store/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* It must hold; else the process ends by abort(), and the fuzzer keeps the input. */
#define HOLDS(condition) \
	((condition) ? (void)0 : fuzz_does_not_hold(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_does_not_hold(const char *what, const char *file, int line);

/* One JSON value by our own scanner, and valid UTF-8. */
void fuzz_holds_json(const struct buf *text);

/* What is true of every product that was read, so also: read once more it is the same. */
void fuzz_holds_product(const struct product *p);

bool fuzz_same(struct span a, struct span b);

/* "" for a constant. */
struct span fuzz_span(const char *text);

/* A file with these bytes, the same one each time, at its beginning; *path: a name for it. */
int fuzz_file(const void *data, size_t len, const char **path);

/* A new directory, below TMPDIR, removed when the process ends by itself. */
const char *fuzz_dir(void);

/* FUZZ_PRODUCTS products of a small store, some of them odd. */
#define FUZZ_PRODUCTS 40
struct product fuzz_product(unsigned i);

/* A store in a new directory with these. */
struct store_options fuzz_store(void);

#endif
