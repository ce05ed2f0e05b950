/*
 * tool/doctor_store.c: the store itself, its disk, and the clock that its age
 * is told by.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "base/clock.h"
#include "health/health.h"
#include "tool/doctor.h"
#include "tool/look.h"

#define FREE_LEAST   ((uint64_t)64 << 20)
#define CLOCK_MARGIN 5000 /* ms: a clock that is being kept may go back a little */

static const struct {
	enum st_err err;
	const char *what, *advice;
} troubles[] = {
	{ ST_UNAVAILABLE, "the store was never filled", "see that daemon and Central are well" },
	{ ST_DENIED, "this user may not read the store",
	    "be root, or a member of the group store-api; the disk must be writable for locks" },
	{ ST_CORRUPT, "the store is damaged",
	    "restart the daemon, which builds it anew from Central" },
	{ ST_FORMAT, "the store is of another version's format",
	    "restart the daemon, if it is of this version: it builds the store anew from Central" },
	{ ST_FULL, "the store's table of readers is full",
	    "restart the pool; see who else reads it" },
	{ ST_OK, "the store can't be read",
	    "see that CACHE_MAP_SIZE_MB is the same for all programs, then read the daemon's log" },
};

static void find_trouble(struct doctor *d, enum st_err err)
{
	size_t i = 0;

	while (troubles[i].err != err && troubles[i].err != ST_OK)
		i++;
	doctor_find(d, GRADE_FAIL, troubles[i].advice, "%s (%s: %s)", troubles[i].what,
	    d->tool->config->data_dir, st_err_text(err));
}

static void check_map(struct doctor *d, const struct store_stats *s)
{
	uint64_t percent = s->map_bytes > 0 ? s->used_bytes * 100 / s->map_bytes : 0;
	char used[DURATION_TEXT_SIZE], most[DURATION_TEXT_SIZE];

	text_megabytes(s->used_bytes, used);
	text_megabytes(s->map_bytes, most);
	if (percent >= 80)
		doctor_find(d, percent >= 95 ? GRADE_FAIL : GRADE_WARN,
		    "raise CACHE_MAP_SIZE_MB, then restart daemon and pool",
		    "%s of at most %s are in use, %" PRIu64 " %%", used, most, percent);
	if (s->readers_max > 0 && s->readers * 10 >= s->readers_max * 9)
		doctor_find(d, GRADE_WARN, "restart the pool; see who else reads it",
		    "%u of %u places for readers are taken", s->readers, s->readers_max);
}

void check_store(struct doctor *d)
{
	int64_t most = d->tool->config->max_staleness_seconds;
	char age[DURATION_TEXT_SIZE] = "unknown";
	struct look l;
	enum st_err err = look_into_store(d->tool->config, &l);
	int64_t age_ms;

	if (err) {
		find_trouble(d, err);
		return;
	}
	age_ms = stamp_age_ms(&l.record.confirmed_current, &l.now);
	if (age_ms >= 0)
		text_duration(age_ms, age);
	check_map(d, &l.stats);
	if (health_too_stale(&l.record, &l.now, most))
		doctor_find(d, GRADE_FAIL, "see daemon and Central below",
		    "the store's age is %s, above MAX_STALENESS_SECONDS: reads are refused", age);
	else
		doctor_find(d, GRADE_OK, NULL, "%" PRIu64 " products, age %s", l.products, age);
	if (l.record.products_rejected > 0)
		doctor_find(d, GRADE_WARN,
		    "have them put right at Central; the daemon's log names them",
		    "%" PRIu64 " products of Central can't be used and are left out",
		    l.record.products_rejected);
}

/* A full sync builds the store anew beside the one that serves. */
void check_disk(struct doctor *d)
{
	const char *dir = d->tool->config->data_dir;
	struct look l;
	struct statvfs disk;
	uint64_t room;
	char free_text[DURATION_TEXT_SIZE], needed[DURATION_TEXT_SIZE];

	if (statvfs(dir, &disk) < 0) {
		doctor_find(d, GRADE_NOTE, NULL, "%s: %s", dir, strerror(errno));
		return;
	}
	(void)look_into_store(d->tool->config, &l);
	room = (uint64_t)disk.f_bavail * disk.f_frsize;
	text_megabytes(room, free_text);
	text_megabytes(l.stats.file_bytes + FREE_LEAST, needed);
	if (room < l.stats.file_bytes + FREE_LEAST)
		doctor_find(d, room < FREE_LEAST ? GRADE_FAIL : GRADE_WARN,
		    "make room on that disk, or move DATA_DIR",
		    "%s are free at %s, and a full sync needs up to %s", free_text, dir, needed);
	else
		doctor_find(d, GRADE_OK, NULL, "%s are free at %s", free_text, dir);
}

/* The kernel knows whether something keeps its clock; asking changes nothing. */
static bool is_kept(void)
{
	struct timex t = { 0 };

	return adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);
}

void check_clock(struct doctor *d)
{
	struct look l;
	int64_t ahead_ms;

	(void)look_into_store(d->tool->config, &l);
	ahead_ms = l.record.last_contact.wall_ms - l.now.wall_ms;
	if (stamp_is_set(&l.record.last_contact) && ahead_ms > CLOCK_MARGIN)
		doctor_find(d, GRADE_FAIL,
		    "set it right, and have it kept (systemd-timesyncd, chrony)",
		    "the clock is %" PRId64 " s behind the store's last contact with Central",
		    ahead_ms / 1000);
	else if (!is_kept())
		doctor_find(d, GRADE_NOTE, NULL,
		    "nothing on this machine keeps the clock right (as far as the kernel knows)");
	else
		doctor_find(d, GRADE_OK, NULL, "the clock is kept right");
}
