/*
 * store/backup.h: one state of the cache as a file, and such a file read back.
 *
 *   {"format":1,"storeId":"store-s1","offset":1045,"products":150,"time":"2024-01-15T10:30:00Z"}
 *   {"productId":"PROD-001",…}            the products in byte order of their ids, a line each
 *   {"sha256":"…"}                        over all bytes before this line, lower-case hex
 *
 * The offset is the next event of Central's feed that the products don't hold.
 * Where some products are partial (model/product.h) the first line has their ids
 * too, in the same order: "partial":["PROD-007",…], as many as half a megabyte
 * holds; products beyond that are restored as whole ones.
 * Every line ends with a newline, the last one too.  For the tool, which
 * writes, and the daemon, which reads.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "base/buf.h"
#include "base/text.h"
#include "store/read.h"

#define BACKUP_FORMAT       1
#define BACKUP_STORE_ID_MAX 64

struct backup_header {
	char store_id[BACKUP_STORE_ID_MAX + 1];
	int64_t offset;
	uint64_t products;
	char time[TIME_TEXT_SIZE]; /* when it was written */
};

/* Now and then while a backup is written: so many products of all of them are. */
struct backup_listener {
	void (*written)(void *arg, uint64_t products, uint64_t all);
	void *arg;
};

/*
 * Write what the snapshot shows to a blocking descriptor; the snapshot is held
 * for as long as that takes.  listener: NULL for none.  ST_FULL where the disk is, ST_CORRUPT where the
 * store is damaged, ST_UNAVAILABLE where it was never filled, ST_SYSTEM,
 * ST_NOMEM.
 */
enum st_err backup_write(struct store_snapshot *s, const char *store_id, int fd,
    const struct backup_listener *listener, struct backup_header *out);

struct backup;

/*
 * Read a backup from its beginning; fd stays the caller's and must stay open.
 * Memory does not depend on its length.  ST_INVALID: *why has a line that says
 * where and what: no regular file, no header, another format.  ST_SYSTEM: it can't
 * be read, with such a line too.  ST_NOMEM.
 */
enum st_err backup_open(int fd, struct backup **out, struct buf *why);
void backup_close(struct backup *b); /* NULL is fine */

const struct backup_header *backup_header(const struct backup *b);

/*
 * The next product; its spans are valid until the next call.  ST_NOT_FOUND at
 * the end: then all that was written is there, unchanged.  ST_INVALID with
 * *why as above: no product, ids that don't rise, too few or too many lines,
 * a wrong sum, bytes behind it.  ST_SYSTEM and ST_NOMEM as above.
 */
enum st_err backup_next(struct backup *b, struct product *out, struct buf *why);

#endif
