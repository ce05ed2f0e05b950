/*
 * Verify and restore in the engine with the real store, against a Central of a
 * few lines, over the control socket as the tool would ask.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/sha256.h"
#include "central/client.h"
#include "control/client.h"
#include "control/ends.h"
#include "control/passing.h"
#include "store/fixture.h"
#include "sync/daemon.h"
#include "sync/inside.h"
#include "sync/restore.h"
#include "unit.h"

#define PRODUCTS 500

/* What the scripted Central holds; changed by the test under the lock. */
static struct {
	pthread_mutex_t lock;
	long versions[PRODUCTS + 10]; /* of P00000 …; 0: it isn't there */
	long events, event_product;   /* the feed: so many, the last one about this product */
	int status;                   /* of every answer */
	long lists;
} central = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct daemon run;

static void add_product(struct buf *body, long i)
{
	buf_addf(body, "{\"productId\":\"P%05ld\",\"version\":%ld}", i, central.versions[i]);
}

static void add_list(const char *head, struct buf *body)
{
	long offset = script_parameter(head, "offset"), limit = script_parameter(head, "limit");
	long total = 0, n = 0;

	buf_adds(body, "{\"products\":[");
	for (long i = 0; i < PRODUCTS + 10; i++) {
		if (central.versions[i] == 0)
			continue;
		if (total >= offset && n < limit) {
			buf_adds(body, n++ > 0 ? "," : "");
			add_product(body, i);
		}
		total++;
	}
	buf_addf(body,
	    "],\"pagination\":{\"offset\":%ld,\"limit\":%ld,\"total_count\":%ld,"
	    "\"has_more\":%s}}",
	    offset, limit, total, offset + n < total ? "true" : "false");
	central.lists++;
}

/* All events but the last are about P00000. */
static void add_events(const char *head, struct buf *body)
{
	long offset = script_parameter(head, "offset"), n = 0;

	buf_adds(body, "{\"events\":[");
	for (long o = offset; o < central.events && n < 100; o++) {
		long product = o == central.events - 1 ? central.event_product : 0;

		buf_addf(body,
		    "%s{\"offset\":%ld,\"timestamp\":\"2026-01-01T00:00:00Z\",\"eventType\":"
		    "\"product_updated\",\"productId\":\"P%05ld\",\"version\":%ld,\"data\":",
		    n++ > 0 ? "," : "", o, product, central.versions[product]);
		add_product(body, product);
		buf_addc(body, '}');
	}
	buf_addf(body, "],\"nextOffset\":%ld,\"hasMore\":false,\"count\":%ld}", central.events, n);
}

static void answer(void *arg, const char *head, struct buf *out)
{
	struct buf body;
	int status;

	(void)arg;
	buf_init(&body, 8 * 1024 * 1024);
	pthread_mutex_lock(&central.lock);
	status = central.status;
	if (strstr(head, "/v1/inventory/events?"))
		add_events(head, &body);
	else if (strstr(head, "/v1/inventory/P"))
		add_product(&body, strtol(strstr(head, "/v1/inventory/P") + 15, NULL, 10));
	else
		add_list(head, &body);
	pthread_mutex_unlock(&central.lock);
	script_json(out, status, "", status == 200 ? buf_text(&body) : "{}");
	buf_free(&body);
}

static void set_version(long product, long version)
{
	pthread_mutex_lock(&central.lock);
	central.versions[product] = version;
	pthread_mutex_unlock(&central.lock);
}

static void set_status(int status)
{
	pthread_mutex_lock(&central.lock);
	central.status = status;
	pthread_mutex_unlock(&central.lock);
}

static bool record_is(bool (*is)(const struct sync_record *r))
{
	struct mono deadline = mono_add_ms(mono_now(), 15000);
	struct sync_record r;
	struct store_snapshot s;
	bool yes = false;

	while (!yes && !mono_reached(deadline, mono_now())) {
		poll(NULL, 0, 2);
		if (store_snapshot_begin(run.reader, &s))
			continue;
		yes = store_snapshot_record(&s, &r) == ST_OK && is(&r);
		store_snapshot_end(&s);
	}
	return yes;
}

static bool is_filled(const struct sync_record *r)
{
	return r->full_syncs == 1 && r->state == SYNC_LIVE;
}

static void begin(void)
{
	for (long i = 0; i < PRODUCTS + 10; i++)
		central.versions[i] = i < PRODUCTS ? 1 : 0;
	central.events = 5;
	central.event_product = 0;
	central.status = 200;
	daemon_begin(&run, answer, NULL);
	CU_ASSERT_TRUE(record_is(is_filled));
}

/* ---- whoever asks ---- */

static struct buf heard;

static void hear_progress(void *arg, const struct control_progress *p)
{
	(void)arg;
	(void)p;
}

static void hear_difference(void *arg, const struct control_difference *d)
{
	(void)arg;
	buf_addf(&heard, "%.*s %s %d %d;", (int)d->id.len, d->id.data, control_difference_kind(d),
	    (int)d->cached, (int)d->central);
}

static const struct control_listener listener = { hear_progress, hear_difference, NULL };

static struct control_report verify(bool repair)
{
	struct control_report r = { .done = false };

	buf_free(&heard);
	buf_init(&heard, 65536);
	CU_ASSERT_EQUAL(control_verify(run.dir, "v", repair, &listener, &r), ST_OK);
	return r;
}

static struct control_report restore(int fd)
{
	struct control_report r = { .done = false };

	CU_ASSERT_EQUAL(control_restore(run.dir, "r", fd, &listener, &r), ST_OK);
	return r;
}

static int64_t cached_version(const char *id)
{
	struct store_snapshot s;
	struct product p = { .version = -1 };

	if (store_snapshot_begin(run.reader, &s))
		return -2;
	if (store_snapshot_product(&s, id, strlen(id), &p))
		p.version = -1;
	store_snapshot_end(&s);
	return p.version;
}

static bool was_compared(const struct sync_record *r)
{
	return r->compared_differed == 4 && r->compared_mended == 0 && r->full_syncs == 1;
}

static bool was_mended(const struct sync_record *r)
{
	return r->compared_mended == 4 && r->full_syncs == 2 &&
	       r->full_sync_reason == FULL_SYNC_FORCED;
}

TEST(sync_verify, names_what_differs_and_changes_nothing_but_by_repair)
{
	struct control_report r;

	begin();
	r = verify(true);
	CU_ASSERT_TRUE(r.done && r.products == PRODUCTS && r.differed == 0 && !r.repaired);
	/* Without a word in the feed. */
	set_version(0, 7);
	set_version(399, 9);
	set_version(450, 0);
	set_version(PRODUCTS + 3, 1);
	r = verify(false);
	CU_ASSERT_TRUE(r.done && r.differed == 4 && r.unlisted == 0 && !r.repaired);
	ASSERT_TEXT(buf_text(&heard),
	    "P00000 changed 1 7;P00399 changed 1 9;P00503 missing -1 1;P00450 extra 1 -1;");
	CU_ASSERT_TRUE(record_is(was_compared));
	CU_ASSERT_EQUAL(cached_version("P00399"), 1);
	r = verify(true);
	CU_ASSERT_TRUE(r.done && r.differed == 4 && r.repaired);
	CU_ASSERT_TRUE(record_is(was_mended));
	CU_ASSERT_EQUAL(cached_version("P00399"), 9);
	CU_ASSERT_EQUAL(cached_version("P00450"), -1);
	buf_free(&heard);
	daemon_end(&run);
}

static void *tell_late(void *arg)
{
	(void)arg;
	poll(NULL, 0, 1000);
	pthread_mutex_lock(&central.lock);
	central.event_product = 123;
	central.events++;
	pthread_mutex_unlock(&central.lock);
	return NULL;
}

TEST(sync_verify, what_comes_by_the_feed_a_little_later_is_no_difference)
{
	struct control_report r;
	pthread_t teller;

	run.verify_pause_ms = ENGINE_VERIFY_PAUSE_MS;
	begin();
	run.verify_pause_ms = 0;
	set_version(123, 2);
	set_version(250, 3); /* of this one nothing is told */
	CU_ASSERT_EQUAL_FATAL(pthread_create(&teller, NULL, tell_late, NULL), 0);
	r = verify(false);
	CU_ASSERT_TRUE(r.done && r.differed == 1);
	ASSERT_TEXT(buf_text(&heard), "P00250 changed 1 3;");
	pthread_join(teller, NULL);
	CU_ASSERT_EQUAL(cached_version("P00123"), 2);
	buf_free(&heard);
	daemon_end(&run);
}

static bool is_retrying(const struct sync_record *r)
{
	return r->state == SYNC_RETRYING;
}

TEST(sync_verify, is_refused_while_central_is_away)
{
	struct control_report r;

	begin();
	set_status(503);
	CU_ASSERT_TRUE(record_is(is_retrying));
	r = verify(false);
	CU_ASSERT_FALSE(r.done);
	ASSERT_TEXT(r.code, "central_unavailable");
	buf_free(&heard);
	daemon_end(&run);
}

/* ---- restore ---- */

/* A backup of n products with this version, at this offset. */
static int backup_of(const char *store_id, long n, long version, long offset)
{
	char sum[SHA256_TEXT_SIZE] = "";
	struct sha256 *s;
	struct buf file;
	int fd = memfd_create("backup", MFD_CLOEXEC);

	buf_init(&file, 8 * 1024 * 1024);
	buf_addf(&file,
	    "{\"format\":1,\"storeId\":\"%s\",\"offset\":%ld,\"products\":%ld,\"time\":\"\"}\n",
	    store_id, offset, n);
	for (long i = 0; i < n; i++)
		buf_addf(&file, "{\"productId\":\"P%05ld\",\"version\":%ld}\n", i, version);
	CU_ASSERT_EQUAL_FATAL(sha256_new(&s), ST_OK);
	sha256_add(s, file.data, file.len);
	CU_ASSERT_EQUAL(sha256_text(s, sum), ST_OK);
	sha256_free(s);
	buf_addf(&file, "{\"sha256\":\"%s\"}\n", sum);
	CU_ASSERT_EQUAL(io_write_all(fd, file.data, file.len), ST_OK);
	buf_free(&file);
	return fd;
}

static bool was_restored(const struct sync_record *r)
{
	return r->full_sync_reason == FULL_SYNC_STORE_REBUILT && r->full_sync_products == 300 &&
	       r->full_sync_added == 0 && r->full_sync_changed == 300 &&
	       r->full_sync_removed == PRODUCTS - 300 && r->event_offset == 2 &&
	       !stamp_is_set(&r->confirmed_current);
}

static bool is_current(const struct sync_record *r)
{
	return r->event_offset == 5 && stamp_is_set(&r->confirmed_current);
}

TEST(sync_restore, puts_a_backup_in_the_place_of_the_store_and_goes_on_from_there)
{
	struct control_report r;
	int fd = backup_of("store-u", 300, 40, 2);

	begin();
	set_version(0, 50);
	set_status(503);
	CU_ASSERT_TRUE(record_is(is_retrying));
	r = restore(fd);
	CU_ASSERT_TRUE(r.done && r.products == 300 && r.offset == 2);
	CU_ASSERT_TRUE(record_is(was_restored));
	CU_ASSERT_EQUAL(cached_version("P00299"), 40);
	CU_ASSERT_EQUAL(cached_version("P00300"), -1);
	set_status(200);
	CU_ASSERT_TRUE(record_is(is_current));
	CU_ASSERT_EQUAL(cached_version("P00000"), 50);
	close(fd);
	daemon_end(&run);
}

/* The first one was never filled, and Central is away: it serves from now on. */
TEST(sync_restore, fills_a_store_that_never_was)
{
	struct control_report r;
	int fd = backup_of("store-u", 10, 3, 0);

	central.status = 503;
	daemon_begin(&run, answer, NULL);
	do { /* until it listens */
		r = (struct control_report){ .done = false };
		poll(NULL, 0, 2);
	} while (control_restore(run.dir, "r", fd, &listener, &r) == ST_UNAVAILABLE);
	CU_ASSERT_TRUE(r.done);
	CU_ASSERT_EQUAL(cached_version("P00009"), 3);
	/* The descriptor was only lent. */
	CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_CUR) > 0, 1);
	close(fd);
	daemon_end(&run);
}

TEST(sync_restore, changes_nothing_where_the_backup_is_no_good)
{
	struct control_report r;
	int fd, pipe_ends[2];

	begin();
	fd = backup_of("store-v", 10, 3, 0);
	r = restore(fd);
	ASSERT_TEXT(r.code, "bad_backup");
	ASSERT_TEXT(r.message, "a backup of the store store-v, and this one is store-u (STORE_ID)");
	close(fd);
	fd = backup_of("store-u", 10, 3, 0);
	CU_ASSERT_EQUAL(pwrite(fd, "9", 1, 200), 1);
	r = restore(fd);
	ASSERT_TEXT(r.code, "bad_backup");
	close(fd);
	CU_ASSERT_EQUAL_FATAL(pipe(pipe_ends), 0);
	r = restore(pipe_ends[0]);
	ASSERT_TEXT(r.message, "this is no regular file");
	r = restore(-1);
	ASSERT_TEXT(r.code, "bad_message");
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	CU_ASSERT_TRUE(record_is(is_filled));
	CU_ASSERT_EQUAL(cached_version("P00499"), 1);
	daemon_end(&run);
}

/* Between the two readings somebody puts another store's backup into the file. */
TEST(sync_restore, builds_nothing_from_a_file_that_is_no_longer_the_one_it_checked)
{
	struct store_options options = fixture_store(3, 1);
	struct store_writer *w = fixture_writer(&options);
	int fd = backup_of("store-u", 10, 3, 0), other = backup_of("store-v", 10, 4, 0);
	off_t length = lseek(other, 0, SEEK_END);
	struct restore *r;
	struct buf why;

	buf_init(&why, 1000);
	CU_ASSERT_EQUAL_FATAL(restore_open(fd, "store-u", &r, &why), ST_OK);
	while (restore_phase(r) == RESTORE_CHECKING)
		CU_ASSERT_EQUAL_FATAL(restore_step(r, w, &why), ST_OK);
	CU_ASSERT_EQUAL(ftruncate(fd, 0), 0);
	CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_SET), 0);
	CU_ASSERT_EQUAL(sendfile(fd, other, &(off_t){ 0 }, (size_t)length), length);
	CU_ASSERT_EQUAL(restore_step(r, w, &why), ST_INVALID);
	ASSERT_TEXT(buf_text(&why), "the file was changed while it was read");
	buf_free(&why);
	restore_close(r);
	store_writer_close(w);
	close(fd);
	close(other);
}

static bool builds(const struct engine *e)
{
	return restore_builds(e);
}

static bool is_over(const struct engine *e)
{
	return !e->restore.peer;
}

/* A full sync whose pages come from a file: one that fails is counted like any other. */
TEST(sync_restore, counts_one_that_fails_while_it_builds)
{
	char message[] = "\0\0\0\41{\"v\":1,\"id\":\"r\",\"type\":\"restore\"}";
	int file = backup_of("store-u", 100000, 3, 0), fd;
	struct inside in;

	inside_begin(&in, 3);
	snprintf(in.engine.store_id, sizeof(in.engine.store_id), "store-u");
	fd = raw_connect(in.run_dir);
	CU_ASSERT_TRUE(passing_send(fd, message, sizeof(message) - 1, file) > 0);
	inside_turn_until(&in, builds);
	inside_disk_full(true);
	inside_turn_until(&in, is_over);
	inside_disk_full(false);
	CU_ASSERT_EQUAL(in.engine.record.full_sync_failures, 1);
	inside_end(&in);
	close(fd);
	close(file);
}
