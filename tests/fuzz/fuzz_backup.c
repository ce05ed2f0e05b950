/*
 * A backup file: the first byte says whether the bytes behind it are the file
 * as it is, or all but its last line, which is then put behind them with the
 * right sum; else no fuzzer would come past that.
 *
 * What is refused says in which line and why; what is read to its end has as
 * many products as it says, in rising order, and with any one byte changed it is
 * not read to its end.
 */
#include <string.h>

#include "base/sha256.h"
#include "fuzz/fuzz.h"
#include "store/backup.h"

/* The id of the product before, to see that they rise. */
struct last {
	char id[PRODUCT_ID_MAX];
	size_t len;
};

static void check_product(const struct product *p, struct last *last)
{
	size_t shorter = p->id.len < last->len ? p->id.len : last->len;
	int order = memcmp(p->id.data, last->id, shorter);

	fuzz_holds_product(p);
	HOLDS(order > 0 || (order == 0 && p->id.len > last->len));
	memcpy(last->id, p->id.data, p->id.len);
	last->len = p->id.len;
}

/* Reads it to its end; true if all of it is good. */
static bool read_all(const struct buf *bytes)
{
	struct last last = { .len = 0 };
	struct backup *b = NULL;
	struct product p;
	struct buf why;
	enum st_err err;
	uint64_t n = 0;

	buf_init(&why, 4096);
	err = backup_open(fuzz_file(bytes->data, bytes->len, NULL), &b, &why);
	while (!err && (err = backup_next(b, &p, &why)) == ST_OK) {
		check_product(&p, &last);
		n++;
	}
	HOLDS(err == ST_NOT_FOUND || (err == ST_INVALID && why.len > 0));
	HOLDS(err != ST_NOT_FOUND || n == backup_header(b)->products);
	backup_close(b);
	buf_free(&why);
	return err == ST_NOT_FOUND;
}

static void add_sum(struct buf *bytes)
{
	char sum[SHA256_TEXT_SIZE];
	struct sha256 *s;

	HOLDS(sha256_new(&s) == ST_OK);
	sha256_add(s, buf_text(bytes), bytes->len);
	HOLDS(sha256_text(s, sum) == ST_OK);
	sha256_free(s);
	buf_addf(bytes, "{\"sha256\":\"%s\"}\n", sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes;

	if (size == 0)
		return 0;
	buf_init(&bytes, SIZE_MAX / 4);
	buf_add(&bytes, data + 1, size - 1);
	if (data[0] == 'S')
		add_sum(&bytes);
	if (read_all(&bytes)) {
		bytes.data[(size * 31 + data[size - 1]) % bytes.len] ^= 0x15;
		HOLDS(!read_all(&bytes));
	}
	buf_free(&bytes);
	return 0;
}
