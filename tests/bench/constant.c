#include "bench/constant.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX (16 * 1024 * 1024)

static void load(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "r");
	char block[4096];
	size_t n;

	buf_init(out, FILE_MAX);
	if (!f) {
		perror(path);
		exit(1);
	}
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(out, block, n);
	fclose(f);
}

void constant_load(const char *headers, const char *body, struct constant *out)
{
	load(headers, &out->headers);
	load(body, &out->body);
}
