/*
 * replay.c: a main() for fuzz targets without a fuzzer: each file (or, of a
 * directory, each file in it) once; without arguments standard input.  So a
 * corpus, or the input of a crash, runs with any compiler and under valgrind.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "fuzz/fuzz.h"

#define INPUT_MAX ((size_t)64 << 20)

static unsigned replayed;

static void replay_file(const char *path)
{
	struct buf bytes;

	buf_init(&bytes, INPUT_MAX);
	if (io_read_file(path, &bytes)) {
		fprintf(stderr, "%s: can't be read\n", path);
		exit(2);
	}
	/* On the heap and no longer than it is: a byte read too far shows. */
	uint8_t *copy = malloc(bytes.len ? bytes.len : 1);

	HOLDS(copy != NULL);
	memcpy(copy, buf_text(&bytes), bytes.len);
	LLVMFuzzerTestOneInput(copy, bytes.len);
	free(copy);
	buf_free(&bytes);
	replayed++;
}

static void replay(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir) {
		replay_file(path);
		return;
	}
	while ((e = readdir(dir))) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.')
			replay_file(file);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_file("/dev/stdin");
	printf("%u replayed\n", replayed);
	return 0;
}
