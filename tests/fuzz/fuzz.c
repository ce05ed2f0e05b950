#include "fuzz/fuzz.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "model/doc.h"
#include "store/write.h"

#define NODES_MAX 1000000

void fuzz_does_not_hold(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

void fuzz_holds_json(const struct buf *text)
{
	struct doc d;

	HOLDS(text->err == ST_OK);
	HOLDS(doc_parse(text->data, text->len, NODES_MAX, &d, NULL) == ST_OK);
	doc_free(&d);
}

bool fuzz_same(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

struct span fuzz_span(const char *text)
{
	return (struct span){ text, strlen(text) };
}

void fuzz_holds_product(const struct product *p)
{
	struct product again;
	struct buf storage;
	const char *why;
	struct doc d;

	HOLDS(p->id.len >= 1 && p->id.len <= PRODUCT_ID_MAX);
	HOLDS(text_is_utf8(p->id.data, p->id.len));
	HOLDS(p->version >= 0 && p->version <= PRODUCT_VERSION_MAX);
	HOLDS(p->json.len <= PRODUCT_JSON_MAX);
	HOLDS(doc_parse(p->json.data, p->json.len, NODES_MAX, &d, NULL) == ST_OK);
	buf_init(&storage, SIZE_MAX / 4);
	HOLDS(buf_room(&storage, PRODUCT_ROOM(p->json.len)) != NULL);
	HOLDS(product_read(&d, doc_root(&d), &storage, &again, &why) == ST_OK);
	HOLDS(again.version == p->version);
	HOLDS(fuzz_same(again.id, p->id) && fuzz_same(again.json, p->json));
	buf_free(&storage);
	doc_free(&d);
}

int fuzz_file(const void *data, size_t len, const char **path)
{
	static char name[32];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	HOLDS(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	HOLDS(io_write_all(fd, data, len) == ST_OK);
	HOLDS(lseek(fd, 0, SEEK_SET) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (path)
		*path = name;
	return fd;
}

/* ---- directories ---- */

static char dir[128];
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st;
	(void)type;
	(void)place;
	return remove(path);
}

static void remove_dir(void)
{
	if (getpid() == owner)
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_dir(void)
{
	const char *parent = getenv("TMPDIR");

	HOLDS(owner == 0);
	snprintf(dir, sizeof(dir), "%s/fuzz.XXXXXX", parent && parent[0] ? parent : "/tmp");
	HOLDS(mkdtemp(dir) != NULL);
	owner = getpid();
	atexit(remove_dir);
	return dir;
}

/* ---- a store ---- */

static const char *const odd_ids[] = { "a/b c%2F", "updates", "日本", "..", "a,b" };

#define ODD (sizeof(odd_ids) / sizeof(odd_ids[0]))

struct product fuzz_product(unsigned i)
{
	static char ids[FUZZ_PRODUCTS][16], json[FUZZ_PRODUCTS][256];

	HOLDS(i < FUZZ_PRODUCTS);
	if (i < ODD)
		snprintf(ids[i], sizeof(ids[i]), "%s", odd_ids[i]);
	else
		snprintf(ids[i], sizeof(ids[i]), "PROD-%03u", i);
	snprintf(json[i], sizeof(json[i]),
	    "{\"productId\":\"%s\",\"name\":\"Product number %u with a name that fills some of the "
	    "page\",\"available\":%u,\"version\":%u,\"lastUpdated\":\"2024-01-15T10:30:00Z\","
	    "\"price\":%u.10}",
	    ids[i], i, i, i + 1, i);
	return (struct product){
		.id = fuzz_span(ids[i]), .version = i + 1, .json = fuzz_span(json[i])
	};
}

/* The writer watches for deaths by these, and leaves them to the system's default. */
static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

#define DEADLY (sizeof(deadly) / sizeof(deadly[0]))

static void fill(const struct store_options *o)
{
	struct sync_record record = { .event_offset = 1045, .state = SYNC_LIVE };
	struct store_writer *w;
	struct store_txn *t;
	struct buf why;

	record.confirmed_current = record.last_contact = record.last_success = stamp_now();
	buf_init(&why, 4096);
	HOLDS(store_writer_open(o, &w, &why) == ST_OK);
	HOLDS(store_build_begin(w) == ST_OK);
	HOLDS(store_txn_begin(w, STORE_COMING, &t) == ST_OK);
	for (unsigned i = 0; i < FUZZ_PRODUCTS; i++) {
		struct product p = fuzz_product(i);

		store_txn_put(t, &p);
	}
	store_txn_put_record(t, &record);
	HOLDS(store_txn_commit(t) == ST_OK);
	HOLDS(store_build_publish(w) == ST_OK);
	store_writer_close(w);
	buf_free(&why);
}

struct store_options fuzz_store(void)
{
	static char path[160];
	struct store_options o = { .data_dir = path, .map_size = (size_t)16 << 20 };
	struct sigaction fuzzers[DEADLY];

	snprintf(path, sizeof(path), "%s/data", fuzz_dir());
	for (size_t i = 0; i < DEADLY; i++)
		sigaction(deadly[i], NULL, &fuzzers[i]);
	fill(&o);
	for (size_t i = 0; i < DEADLY; i++)
		sigaction(deadly[i], &fuzzers[i], NULL);
	return o;
}
