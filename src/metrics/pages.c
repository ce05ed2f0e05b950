/*
 * metrics/pages.c: making the shared pages, and adding to them.
 */
#include "metrics/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void add(metric *m, uint64_t n)
{
	atomic_fetch_add_explicit(m, n, memory_order_relaxed);
}

static void set(metric *m, uint64_t value)
{
	atomic_store_explicit(m, value, memory_order_relaxed);
}

enum st_err metrics_pool_open(struct metrics_pool **out)
{
	void *page = mmap(
	    NULL, sizeof(**out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return ST_NOMEM;
	*out = page;
	(*out)->opened = mono_now();
	return ST_OK;
}

void metrics_pool_close(struct metrics_pool *m)
{
	if (m)
		munmap(m, sizeof(*m));
}

static unsigned method_place(const char *method)
{
	unsigned i = 0;

	while (i < METRICS_METHODS - 1 && strcmp(metrics_methods[i], method) != 0)
		i++;
	return i;
}

static unsigned code_place(int code)
{
	unsigned i = 0;

	while (i < METRICS_CODES - 1 && metrics_codes[i] != code)
		i++;
	return i;
}

static unsigned bucket_place(int64_t microseconds)
{
	unsigned i = 0;

	while (i < METRICS_BUCKETS && microseconds > metrics_bucket_us[i])
		i++;
	return i;
}

void metrics_pool_request(struct metrics_pool *m, const struct metrics_request *r)
{
	add(&m->requests[r->route][method_place(r->method)][code_place(r->code)], 1);
	add(&m->buckets[r->route][bucket_place(r->microseconds)], 1);
	add(&m->microseconds[r->route], r->microseconds > 0 ? (uint64_t)r->microseconds : 0);
	add(&m->response_bytes, r->response_bytes);
}

void metrics_pool_workers(struct metrics_pool *m, unsigned running)
{
	set(&m->workers, running);
}

void metrics_pool_worker_restarted(struct metrics_pool *m)
{
	add(&m->worker_restarts, 1);
}

void metrics_pool_resident(struct metrics_pool *m, unsigned slot, uint64_t bytes)
{
	if (slot < METRICS_SLOTS)
		set(&m->resident[slot], bytes);
}

int64_t metrics_pool_uptime_ms(const struct metrics_pool *m)
{
	return mono_ms_between(m->opened, mono_now());
}

uint64_t metrics_pool_private_memory(const struct metrics_pool *m)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < METRICS_SLOTS; i++)
		bytes += atomic_load_explicit(&m->resident[i], memory_order_relaxed);
	return bytes;
}

/*
 * Written under another name and renamed: a reader never maps a page that is
 * too short, and one that has the old file open goes on with that.
 */
static enum st_err create_file(const char *path, int *out)
{
	char temporary[4200];
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return st_err_from_errno(errno);
	/* The group reads it, whatever the umask. */
	if (fchmod(fd, 0640) < 0 || ftruncate(fd, sizeof(struct metrics_daemon)) < 0 ||
	    rename(temporary, path) < 0) {
		enum st_err err = st_err_from_errno(errno);

		unlink(temporary);
		close(fd);
		return err;
	}
	*out = fd;
	return ST_OK;
}

enum st_err metrics_daemon_create(const char *run_dir, struct metrics_daemon **out)
{
	struct metrics_daemon *m;
	char path[4100];
	enum st_err err;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/" METRICS_FILE, run_dir);
	err = create_file(path, &fd);
	if (err)
		return err;
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (m == MAP_FAILED)
		return ST_NOMEM;
	m->magic = METRICS_MAGIC;
	*out = m;
	return ST_OK;
}

void metrics_daemon_close(struct metrics_daemon *m)
{
	if (!m)
		return;
	set(&m->resident, 0);
	munmap(m, sizeof(*m));
}

void metrics_daemon_events(struct metrics_daemon *m, enum metrics_event result, uint64_t n)
{
	add(&m->events[result], n);
}

void metrics_daemon_failure(struct metrics_daemon *m, enum failure_class c)
{
	add(&m->failures[c], 1);
}

void metrics_daemon_full_sync(struct metrics_daemon *m, enum full_sync_reason reason, bool ok)
{
	add(&m->full_syncs[reason][ok], 1);
}

void metrics_daemon_writes(struct metrics_daemon *m, enum metrics_write outcome, uint64_t n)
{
	add(&m->writes[outcome], n);
}

void metrics_daemon_resident(struct metrics_daemon *m, uint64_t bytes)
{
	set(&m->resident, bytes);
}

void metrics_daemon_read(const char *run_dir, struct metrics_daemon *out)
{
	char path[4100];
	struct stat st;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/" METRICS_FILE, run_dir);
	/* A FIFO in its place must not make us wait. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		/* One of another size is another version's, whatever it calls itself. */
		if (fstat(fd, &st) == 0 && st.st_size == sizeof(*out))
			n = pread(fd, out, sizeof(*out), 0);
		close(fd);
	}
	if (n != sizeof(*out) || out->magic != METRICS_MAGIC)
		memset(out, 0, sizeof(*out));
}

uint64_t metrics_daemon_private_memory(const char *run_dir)
{
	struct metrics_daemon daemon;

	metrics_daemon_read(run_dir, &daemon);
	return daemon.resident;
}
