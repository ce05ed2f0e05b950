/*
 * tool/backup.c: one state of the store as a file, while everything runs.
 *
 * The store is read, nobody is asked.  The file is written under another name
 * in its directory, made durable, and renamed: so a backup that is there is
 * whole, and an older one stays until the new one is.  Only regular files: the
 * snapshot is held for as long as writing takes, and the store can't use pages
 * again meanwhile; a pipe could keep it for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "store/backup.h"
#include "tool/command.h"
#include "tool/progress.h"

#define MODE 0640

struct target {
	char path[PATH_MAX]; /* links followed */
	char directory[PATH_MAX];
	int64_t bytes;
};

/* Removed where we are ended by a signal. */
static char temporary[PATH_MAX];

static void remove_and_end(int number)
{
	unlink(temporary);
	signal(number, SIG_DFL);
	raise(number);
}

static void watch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct sigaction action = { .sa_handler = remove_and_end }, before;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		/* Under nohup SIGHUP goes on meaning nothing. */
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
}

static int cannot(const char *path, int errnum)
{
	tool_say("backup: %s: %s", path,
	    errnum == ENOSPC ? "no space left on the disk" : strerror(errnum));
	return TOOL_NEGATIVE;
}

/* Where it goes; TOOL_OK if it may. */
static int find_target(const char *file, struct target *out)
{
	char copy[PATH_MAX];
	struct stat st;

	if (strlen(file) >= PATH_MAX - sizeof(".XXXXXX"))
		return cannot(file, ENAMETOOLONG);
	snprintf(out->path, sizeof(out->path), "%s", file);
	if (stat(file, &st) == 0) {
		if (!S_ISREG(st.st_mode)) {
			tool_say("backup: %s: there is something else than a regular file", file);
			return TOOL_USAGE;
		}
		if (!realpath(file, out->path))
			return cannot(file, errno);
	} else if (errno != ENOENT) {
		return cannot(file, errno);
	}
	snprintf(copy, sizeof(copy), "%s", out->path);
	snprintf(out->directory, sizeof(out->directory), "%s", dirname(copy));
	return TOOL_OK;
}

static int open_temporary(const struct target *target, int *fd)
{
	mode_t mask = umask(0);

	umask(mask);
	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", target->path) >= PATH_MAX)
		return cannot(target->path, ENAMETOOLONG);
	*fd = mkostemp(temporary, O_CLOEXEC);
	if (*fd < 0) {
		temporary[0] = '\0';
		return cannot(target->path, errno);
	}
	watch_signals();
	if (fchmod(*fd, MODE & ~mask) < 0)
		return cannot(target->path, errno);
	return TOOL_OK;
}

/* ---- the content ---- */

static int store_failed(const struct target *target, enum st_err err)
{
	switch (err) {
	case ST_FULL: return cannot(target->path, ENOSPC);
	case ST_UNAVAILABLE: tool_say("backup: the store was never filled"); break;
	case ST_DENIED:
		tool_say("backup: the store is not for us; be in the group store-api");
		break;
	default: tool_say("backup: the store can't be read: %s", st_err_text(err)); break;
	}
	return TOOL_UNAVAILABLE;
}

static void hear_written(void *arg, uint64_t products, uint64_t all)
{
	progress_show(arg, products, (int64_t)all, mono_now());
}

static int write_content(
    const struct tool *t, const struct target *target, int fd, struct backup_header *header)
{
	struct store_options options = { .data_dir = t->config->data_dir,
		.map_size = (size_t)t->config->cache_map_size_mb << 20 };
	struct progress progress;
	struct backup_listener listener = { hear_written, &progress };
	struct store_reader *reader;
	struct store_snapshot snapshot = { 0 };
	enum st_err err = store_reader_open(&options, &reader);

	if (err)
		return store_failed(target, err);
	progress_begin(&progress, "backup", t->arguments->json);
	err = store_snapshot_begin(reader, &snapshot);
	if (!err)
		err = backup_write(&snapshot, t->config->store_id, fd, &listener, header);
	store_snapshot_end(&snapshot);
	progress_end(&progress);
	store_reader_close(reader);
	return err ? store_failed(target, err) : TOOL_OK;
}

/* In its place, durably. */
static int put_in_place(struct target *target, int fd)
{
	struct stat st;
	int directory = open(target->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = TOOL_OK;

	if (directory < 0 || fsync(fd) < 0 || fstat(fd, &st) < 0 ||
	    rename(temporary, target->path) < 0 || fsync(directory) < 0)
		code = cannot(target->path, errno);
	else
		target->bytes = st.st_size;
	if (directory >= 0)
		close(directory);
	return code;
}

static void print_end(
    const struct tool *t, const struct target *target, const struct backup_header *h)
{
	char size[DURATION_TEXT_SIZE];
	struct json_writer w;
	struct buf text;

	if (!t->arguments->json) {
		text_megabytes((uint64_t)target->bytes, size);
		printf("%" PRIu64 " products at offset %" PRId64 " written to %s (%s)\n",
		    h->products, h->offset, target->path, size);
		return;
	}
	buf_init(&text, 65536);
	jw_init(&w, &text);
	jw_begin_object(&w);
	jw_name(&w, "file");
	jw_text(&w, target->path);
	jw_name(&w, "storeId");
	jw_text(&w, h->store_id);
	jw_name(&w, "offset");
	jw_int(&w, h->offset);
	jw_name(&w, "products");
	jw_uint(&w, h->products);
	jw_name(&w, "time");
	jw_text(&w, h->time);
	jw_name(&w, "bytes");
	jw_int(&w, target->bytes);
	jw_end_object(&w);
	printf("%s\n", buf_text(&text));
	buf_free(&text);
}

int backup_command(const struct tool *t)
{
	struct target target;
	struct backup_header header;
	int fd = -1, code = find_target(tool_operand(t, 0), &target);

	if (!code)
		code = open_temporary(&target, &fd);
	if (!code)
		code = write_content(t, &target, fd, &header);
	if (!code)
		code = put_in_place(&target, fd);
	if (fd >= 0)
		close(fd);
	if (code && temporary[0])
		unlink(temporary);
	if (!code)
		print_end(t, &target, &header);
	return code;
}
