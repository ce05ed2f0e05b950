/*
 * tool/restore.c: a backup in the place of the store.  The file is opened here,
 * by whoever may read it, and handed to the daemon as it is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/order.h"

#define OWN_ID "storectl-restore"

static void hear_progress(void *arg, const struct control_progress *p)
{
	order_progress(arg, p);
}

static void hear_no_difference(void *arg, const struct control_difference *d)
{
	(void)arg;
	(void)d;
}

/* Not waiting for a writer, where it is a FIFO. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		tool_say("%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		tool_say("%s: this is no regular file", path);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static void print_end(const struct tool *t, const char *path, const struct control_report *r)
{
	if (t->arguments->json)
		printf(
		    "{\"products\":%" PRIu64 ",\"offset\":%" PRId64 "}\n", r->products, r->offset);
	else
		printf("%" PRIu64 " products at offset %" PRId64 " restored from %s\n", r->products,
		    r->offset, path);
}

int restore_command(const struct tool *t)
{
	const char *path = tool_operand(t, 0);
	struct order order = { .quiet = t->arguments->json };
	struct control_listener listener = { hear_progress, hear_no_difference, &order };
	struct control_report report;
	enum st_err err;
	int fd = open_file(path), code = TOOL_OK;

	if (fd < 0)
		return TOOL_NEGATIVE;
	err = control_restore(t->config->run_dir, OWN_ID, fd, &listener, &report);
	close(fd);
	order_pause(&order);
	if (err || !report.done)
		code = order_failed(t, err, &report);
	else
		print_end(t, path, &report);
	if (err == ST_UNAVAILABLE)
		tool_say("to restore without it, as its user: store-syncd --restore %s", path);
	return code;
}
