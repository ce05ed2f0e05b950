/*
 * sync/restore.h: a backup in the place of the store.
 *
 * The file is read twice: once to look at all of it, then into a coming
 * generation, which takes the place of the running one under its readers.  The
 * store stands then where the backup stood in the event feed; nothing is known
 * of whether that is still Central's log, or of how old it is.
 */
#ifndef SYNC_RESTORE_H
#define SYNC_RESTORE_H

#include "base/buf.h"
#include "store/backup.h"
#include "store/write.h"

struct restore;

enum restore_phase { RESTORE_CHECKING, RESTORE_CHECKED, RESTORE_BUILDING, RESTORE_READY };

/*
 * fd: the file's, which stays the caller's and open.  ST_INVALID where it is no
 * backup, or one of another store than store_id, with one clear line in *why,
 * as for all failures below; ST_NOMEM.
 */
enum st_err restore_open(int fd, const char *store_id, struct restore **out, struct buf *why);
void restore_close(struct restore *r); /* NULL is fine */

enum restore_phase restore_phase(const struct restore *r);
const struct backup_header *restore_header(const struct restore *r);
uint64_t restore_products(const struct restore *r); /* so far, in this phase */

/*
 * Go on for some 10 ms.  Checking touches nothing; the step after RESTORE_CHECKED
 * begins a coming generation, which is abandoned where anything fails.  ST_INVALID: the file; else
 * the store (ST_FULL …).
 */
enum st_err restore_step(struct restore *r, struct store_writer *w, struct buf *why);

/*
 * Once it is RESTORE_READY: publish.  record: of the running generation (all
 * zero: none), becomes that of the new one.  Where it fails, all is as before.
 */
enum st_err restore_publish(struct restore *r, struct store_writer *w, struct sync_record *record,
    int64_t took_ms, struct buf *why);

/* All of it at once, for a store that no daemon holds. */
enum st_err restore_file(struct store_writer *w, const char *store_id, int fd,
    struct backup_header *out, struct buf *why);

#endif
