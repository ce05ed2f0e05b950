/*
 * A store's data file with flipped bytes: pieces of four, an offset (three bytes,
 * big endian) and what the byte there is XORed with.
 *
 * A child reads the whole store in every way that there is.  LMDB can't survive
 * such a file, so the child may die by a signal, or LMDB may keep it for ever.
 * What must hold is that a product that it gives out is the one that was put in,
 * byte for byte, and that whatever else it says is one of our errors.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "fuzz/fuzz.h"

#define BROKEN_PROMISE 77
#define STEPS_MAX      1000

static struct store_options options;
static struct buf good; /* the file as it was written */
static int file;

static void start(void)
{
	char path[PATH_MAX];

	options = fuzz_store();
	snprintf(path, sizeof(path), "%s/current/data.mdb", options.data_dir);
	buf_init(&good, SIZE_MAX / 4);
	HOLDS(io_read_file(path, &good) == ST_OK);
	file = open(path, O_WRONLY | O_CLOEXEC);
	HOLDS(file >= 0);
}

/* ---- the child ---- */

static void promise(bool holds)
{
	if (!holds)
		_exit(BROKEN_PROMISE);
}

/* Nothing but what was put in comes out; ids are unique. */
static void check_product(const struct product *p)
{
	for (unsigned i = 0; i < FUZZ_PRODUCTS; i++) {
		struct product was = fuzz_product(i);

		if (fuzz_same(was.id, p->id)) {
			promise(was.version == p->version && fuzz_same(was.json, p->json) &&
				!p->partial);
			return;
		}
	}
	promise(false);
}

static void check_error(enum st_err err)
{
	promise(err == ST_OK || err == ST_NOT_FOUND || err == ST_CORRUPT || err == ST_SYSTEM ||
		err == ST_NOMEM || err == ST_FULL || err == ST_UNAVAILABLE || err == ST_FORMAT);
}

static void walk(struct store_snapshot *s)
{
	struct product p;
	enum st_err err = ST_OK;

	for (unsigned i = 0; i < STEPS_MAX && err != ST_NOT_FOUND; i++) {
		err = store_snapshot_next(s, &p);
		check_error(err);
		if (!err)
			check_product(&p);
	}
}

static void read_snapshot(struct store_snapshot *s)
{
	struct sync_record record;
	struct store_stats stats;
	struct product p;
	enum st_err err = store_snapshot_record(s, &record);

	check_error(err);
	promise(err || (record.event_offset == 1045 && record.state == SYNC_LIVE));
	for (unsigned i = 0; i < FUZZ_PRODUCTS; i++) {
		struct product was = fuzz_product(i);

		err = store_snapshot_product(s, was.id.data, was.id.len, &p);
		check_error(err);
		promise(err || fuzz_same(p.id, was.id));
		if (!err)
			check_product(&p);
	}
	for (uint64_t offset = 0; offset < FUZZ_PRODUCTS; offset += 7) {
		check_error(store_snapshot_seek(s, offset));
		walk(s);
	}
	check_error(store_snapshot_seek_after(s, "PROD-020", 8));
	walk(s);
	check_error(store_snapshot_stats(s, &stats));
}

static void read_store(void)
{
	struct store_reader *r;
	struct store_snapshot s;
	enum st_err err;

	promise(store_reader_open(&options, &r) == ST_OK);
	err = store_snapshot_begin(r, &s);
	check_error(err);
	if (!err) {
		read_snapshot(&s);
		store_snapshot_end(&s);
	}
	store_reader_close(r);
}

static _Noreturn void child(void)
{
	static const int deaths[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	/* Where LMDB walks in a circle. */
	const struct rlimit one_second = { 1, 1 }, no_core = { 0, 0 };

	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		signal(deaths[i], SIG_DFL);
	setrlimit(RLIMIT_CPU, &one_second);
	setrlimit(RLIMIT_CORE, &no_core);
	/* What a sanitizer or assert(3) says of a death that is allowed. */
	HOLDS(freopen("/dev/null", "w", stderr) != NULL);
	read_store();
	_exit(0);
}

/* ---- the parent ---- */

static void spoil(const uint8_t *data, size_t size, bool back)
{
	for (size_t i = 0; i + 4 <= size; i += 4) {
		size_t at = (size_t)data[i] << 16 | (size_t)data[i + 1] << 8 | data[i + 2];
		char byte = good.data[at % good.len];

		if (!back)
			byte = (char)(byte ^ data[i + 3]);
		HOLDS(pwrite(file, &byte, 1, (off_t)(at % good.len)) == 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int status;
	pid_t pid;

	if (size < 4 || size > 400)
		return 0;
	if (!file)
		start();
	spoil(data, size, false);
	pid = fork();
	HOLDS(pid >= 0);
	if (pid == 0)
		child();
	HOLDS(waitpid(pid, &status, 0) == pid);
	spoil(data, size, true);
	HOLDS(!WIFEXITED(status) || WEXITSTATUS(status) != BROKEN_PROMISE);
	return 0;
}
