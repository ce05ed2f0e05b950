/*
 * Backups: written from a snapshot, read back, and refused where anything of
 * them is not as it was written.
 */
#include "store/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sha256.h"
#include "fixture.h"

#define HEADER(products)                                                            \
	"{\"format\":1,\"storeId\":\"store-u\",\"offset\":7,\"products\":" products \
	",\"time\":\"2026-01-01T00:00:00Z\"}\n"
#define A        "{\"productId\":\"A\",\"version\":1}\n"
#define B        "{\"productId\":\"B\",\"version\":2}\n"
#define SUM_LINE "{\"sha256\":\"%s\"}\n"

/* A file without a name. */
static int file_of(const char *bytes, size_t len)
{
	int fd = memfd_create("backup", MFD_CLOEXEC);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(io_write_all(fd, bytes, len), ST_OK);
	return fd;
}

/* These lines and the sum that fits them. */
static void add_sum(struct buf *file)
{
	char text[SHA256_TEXT_SIZE] = "";
	struct sha256 *s;

	CU_ASSERT_EQUAL_FATAL(sha256_new(&s), ST_OK);
	sha256_add(s, file->data, file->len);
	CU_ASSERT_EQUAL(sha256_text(s, text), ST_OK);
	sha256_free(s);
	buf_addf(file, SUM_LINE, text);
}

/* Read to the end: ST_OK: all of it is good. */
static enum st_err read_all(int fd, uint64_t *products, struct buf *why)
{
	struct backup *b;
	struct product p;
	enum st_err err = backup_open(fd, &b, why);

	*products = 0;
	if (err)
		return err;
	while ((err = backup_next(b, &p, why)) == ST_OK)
		++*products;
	backup_close(b);
	return err == ST_NOT_FOUND ? ST_OK : err;
}

static void expect(const char *bytes, size_t len, const char *why_expected)
{
	int fd = file_of(bytes, len);
	struct buf why;
	uint64_t n;

	buf_init(&why, 1000);
	CU_ASSERT_EQUAL(read_all(fd, &n, &why), *why_expected ? ST_INVALID : ST_OK);
	ASSERT_TEXT(buf_text(&why), why_expected);
	buf_free(&why);
	close(fd);
}

/* What was told of how far it is. */
struct heard {
	unsigned times;
	uint64_t products;
};

static void hear(void *arg, uint64_t products, uint64_t all)
{
	struct heard *h = arg;

	CU_ASSERT_TRUE(products > h->products && products <= all);
	CU_ASSERT_EQUAL(all, 10000);
	h->products = products;
	h->times++;
}

TEST(backup, what_is_written_can_be_read)
{
	struct store_options options = fixture_store(10000, 5);
	struct store_writer *w = fixture_writer(&options);
	struct store_snapshot s;
	struct backup_header h;
	struct backup *b;
	struct product p;
	struct buf why;
	struct heard heard = { 0 };
	struct backup_listener listener = { hear, &heard };
	int fd = file_of("", 0);
	uint64_t n = 0;

	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(backup_write(&s, "store-u", fd, &listener, &h), ST_OK);
	store_snapshot_end(&s);
	CU_ASSERT_EQUAL(h.offset, 5);
	CU_ASSERT_EQUAL(h.products, 10000);
	CU_ASSERT_TRUE(heard.times > 0);
	buf_init(&why, 1000);
	CU_ASSERT_EQUAL_FATAL(backup_open(fd, &b, &why), ST_OK);
	ASSERT_TEXT(backup_header(b)->store_id, "store-u");
	CU_ASSERT_EQUAL(backup_header(b)->offset, 5);
	ASSERT_TEXT(backup_header(b)->time, h.time);
	while (backup_next(b, &p, &why) == ST_OK) {
		struct product is = fixture_product(n++, 5);

		CU_ASSERT_TRUE(p.id.len == is.id.len && p.json.len == is.json.len &&
			       memcmp(p.id.data, is.id.data, p.id.len) == 0 &&
			       memcmp(p.json.data, is.json.data, p.json.len) == 0);
		CU_ASSERT_EQUAL(p.version, 5);
	}
	CU_ASSERT_EQUAL(n, 10000);
	ASSERT_TEXT(buf_text(&why), "");
	backup_close(b);
	close(fd);
	store_writer_close(w);
}

/* Within a value Central's space stays, also line ends; a backup has one line for each product. */
TEST(backup, a_line_end_in_a_value_breaks_no_line)
{
	static const char json[] = "{\"productId\":\"A\",\"version\":1,\"x\":[1,\n2]}";
	struct store_options options = fixture_store(0, 1);
	struct store_writer *w = fixture_writer(&options);
	struct product p = { .id = { "A", 1 }, .version = 1, .json = { json, sizeof(json) - 1 } };
	struct store_snapshot s;
	struct backup_header h;
	struct store_txn *t;
	struct buf why;
	int fd = file_of("", 0);
	uint64_t n;

	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	store_txn_put(t, &p);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(backup_write(&s, "store-u", fd, NULL, &h), ST_OK);
	store_snapshot_end(&s);
	buf_init(&why, 1000);
	CU_ASSERT_EQUAL(read_all(fd, &n, &why), ST_OK);
	CU_ASSERT_EQUAL(n, 1);
	close(fd);
	store_writer_close(w);
}

static void put_partial(struct store_writer *w, uint64_t number)
{
	struct product p = fixture_product(number, 6);
	struct store_txn *t;

	p.partial = true;
	CU_ASSERT_EQUAL_FATAL(store_txn_begin(w, STORE_RUNNING, &t), ST_OK);
	store_txn_put(t, &p);
	CU_ASSERT_EQUAL(store_txn_commit(t), ST_OK);
}

/* Or the first whole product of that version would be taken for one that is known. */
TEST(backup, partial_products_are_partial_again)
{
	struct store_options options = fixture_store(10, 5);
	struct store_writer *w = fixture_writer(&options);
	struct store_snapshot s;
	struct backup_header h;
	struct backup *b;
	struct product p;
	struct buf why;
	int fd = file_of("", 0);
	unsigned partial = 0;

	put_partial(w, 0);
	put_partial(w, 7);
	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(backup_write(&s, "store-u", fd, NULL, &h), ST_OK);
	store_snapshot_end(&s);
	buf_init(&why, 1000);
	CU_ASSERT_EQUAL_FATAL(backup_open(fd, &b, &why), ST_OK);
	for (unsigned i = 0; backup_next(b, &p, &why) == ST_OK; i++)
		partial |= (unsigned)p.partial << i;
	CU_ASSERT_EQUAL(partial, 1U << 0 | 1U << 7);
	ASSERT_TEXT(buf_text(&why), "");
	backup_close(b);
	close(fd);
	store_writer_close(w);
}

TEST(backup, a_full_disk_is_told)
{
	struct store_options options = fixture_store(10, 5);
	struct store_writer *w = fixture_writer(&options);
	struct store_snapshot s;
	struct backup_header h;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(w, &s), ST_OK);
	CU_ASSERT_EQUAL(backup_write(&s, "store-u", fd, NULL, &h), ST_FULL);
	store_snapshot_end(&s);
	store_writer_close(w);
	close(fd);
}

TEST(backup, each_wrong_line_is_named)
{
	static const struct {
		const char *lines, *why;
	} cases[] = {
		{ HEADER("2") A B, "" },
		{ HEADER("0"), "" },
		{ "hello\n", "line 1: this is no backup of Store API" },
		{ "{\"products\":[]}\n", "line 1: this is no backup of Store API" },
		{ "{\"format\":2,\"more\":1}\n",
		    "a backup of format 2; this program knows format 1 only" },
		{ "{\"format\":1,\"storeId\":5}\n", "line 1: storeId is missing or no such text" },
		{ "{\"format\":1,\"storeId\":\"s\",\"offset\":-1}\n",
		    "line 1: offset is missing or no offset of the event feed" },
		{ "{\"format\":1,\"storeId\":\"s\",\"offset\":1,\"products\":\"2\"}\n",
		    "line 1: products is missing or no number" },
		{ "{\"format\":1,\"storeId\":\"s\",\"offset\":1,\"products\":2}\n",
		    "line 1: time is missing or no such text" },
		{ "{\"format\":1,\"storeId\":\"s\",\"offset\":1,\"products\":2,\"time\":\"\","
		  "\"partial\":\"A\"}\n",
		    "line 1: partial is no list of ids" },
		{ "{\"format\":1,\"storeId\":\"s\",\"offset\":1,\"products\":2,\"time\":\"\","
		  "\"partial\":[\"B\",\"A\"]}\n" A B,
		    "line 4: a product is missing that the first line calls partial" },
		{ HEADER("2") A A, "line 3: its productId does not follow the one before it" },
		{ HEADER("2") B A, "line 3: its productId does not follow the one before it" },
		{ HEADER("2") A "{\"productId\":\"B\"}\n",
		    "line 3: a product's version is missing or no integer from 0 to 2^53" },
		{ HEADER("2") A "{\"productId\":\"B\",\"version\":01}\n",
		    "line 3: this is no JSON" },
		{ HEADER("2") A "\n", "line 3: this is no JSON" },
		{ HEADER("3") A B, "2 products, where the first line says 3" },
		{ HEADER("1") A B, "more products than the 1 that the first line says" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf file;

		buf_init(&file, 10000);
		buf_adds(&file, cases[i].lines);
		add_sum(&file);
		expect(file.data, file.len, cases[i].why);
		buf_free(&file);
	}
	expect("", 0, "line 1: the file is empty");
}

TEST(backup, nothing_may_stand_behind_the_sum)
{
	struct buf file;

	buf_init(&file, 10000);
	buf_adds(&file, HEADER("2") A B);
	add_sum(&file);
	buf_addc(&file, '\n');
	expect(file.data, file.len, "line 5: there is more behind the sum");
	file.len--;
	add_sum(&file);
	expect(file.data, file.len, "line 5: there is more behind the sum");
	buf_free(&file);
}

/* Wherever it is cut, and whichever bit of it is flipped. */
TEST(backup, cut_or_changed_anywhere_it_is_refused)
{
	struct buf file, why;
	uint64_t n;
	int fd;

	buf_init(&file, 10000);
	buf_init(&why, 1000);
	buf_adds(&file, HEADER("2") A B);
	add_sum(&file);
	for (size_t len = 0; len < file.len; len++) {
		fd = file_of(file.data, len);
		CU_ASSERT_EQUAL(read_all(fd, &n, &why), ST_INVALID);
		close(fd);
	}
	for (size_t bit = 0; bit < file.len * 8; bit++) {
		file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
		fd = file_of(file.data, file.len);
		if (read_all(fd, &n, &why) != ST_INVALID)
			CU_FAIL("a flipped bit");
		close(fd);
		file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
		buf_reset(&why);
	}
	buf_free(&file);
	buf_free(&why);
}

TEST(backup, a_line_longer_than_any_product_is_refused)
{
	size_t len = 8 << 20;
	struct buf file;

	buf_init(&file, 2 * len);
	buf_adds(&file, HEADER("1"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(buf_room(&file, len));
	memset(file.data + file.len, ' ', len);
	buf_commit(&file, len);
	expect(file.data, file.len, "line 2: it is longer than any product");
	buf_free(&file);
}

TEST(backup, only_a_regular_file_is_one)
{
	struct backup *b;
	struct buf why;
	int ends[2];

	buf_init(&why, 1000);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_EQUAL(backup_open(ends[0], &b, &why), ST_INVALID);
	ASSERT_TEXT(buf_text(&why), "this is no regular file");
	buf_free(&why);
	close(ends[0]);
	close(ends[1]);
}

TEST(backup, one_that_cannot_be_read_says_so)
{
	int fd = file_of(HEADER("0"), strlen(HEADER("0"))), blind;
	char path[40];
	struct backup *b;
	struct buf why;

	buf_init(&why, 1000);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	blind = open(path, O_WRONLY | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(blind >= 0);
	CU_ASSERT_EQUAL(backup_open(blind, &b, &why), ST_SYSTEM);
	ASSERT_TEXT(buf_text(&why), "the file can't be read: Bad file descriptor");
	buf_free(&why);
	close(blind);
	close(fd);
}
