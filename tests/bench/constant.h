/*
 * constant.h: a response that is always the same, read from two files, for the
 * programs that stand in for ours in a comparison.
 */
#ifndef BENCH_CONSTANT_H
#define BENCH_CONSTANT_H

#include "base/buf.h"

struct constant {
	struct buf headers; /* "Name: value\r\n" lines, without Status and Content-Length */
	struct buf body;
};

/* Ends the program with a line where a file can't be read. */
void constant_load(const char *headers, const char *body, struct constant *out);

#endif
