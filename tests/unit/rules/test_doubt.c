/* Situation → decision, a row per rule. */
#include <string.h>

#include "rules/doubt.h"
#include "rules/shrink.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define NONE     (-1)

static struct stamp moment(int64_t ms)
{
	return (struct stamp){
		.boot_id = "here", .boottime_ms = 1000000 + ms, .wall_ms = 5000000 + ms
	};
}

enum known { NOTHING, CREATED, GONE, UNCLEAR }; /* what is known already */

static struct doubt doubt_of(enum known known, int64_t tombstone)
{
	struct doubt d = { .since = moment(0), .tombstone = tombstone };

	switch (known) {
	case NOTHING: memset(&d, 0, sizeof(d)); break;
	case CREATED: break;
	case GONE:
	case UNCLEAR: d.by_lookup = 1; break;
	}
	return d;
}

TEST(rules_doubt, events)
{
	static const struct {
		int64_t cached; /* NONE: not there */
		enum known known;
		int64_t tombstone;
		enum event_kind kind;
		int64_t version;
		enum doubt_action action;
		bool by_lookup; /* afterwards */
	} rows[] = {
		/* no doubt: updates by version */
		{ 6, NOTHING, 0, EVENT_UPDATED, 7, DOUBT_PUT, false },
		{ 6, NOTHING, 0, EVENT_UPDATED, 40, DOUBT_PUT, false }, /* a jump is no error */
		{ 6, NOTHING, 0, EVENT_UPDATED, 6, DOUBT_STALE, false },
		{ 6, NOTHING, 0, EVENT_UPDATED, 5, DOUBT_STALE, false },
		{ NONE, NOTHING, 0, EVENT_UPDATED, 7, DOUBT_ASK, false },
		/* the first create, the first delete */
		{ NONE, NOTHING, 0, EVENT_CREATED, 1, DOUBT_PUT, false },
		{ 6, NOTHING, 0, EVENT_CREATED, 1, DOUBT_ASK, true },
		{ 6, NOTHING, 0, EVENT_DELETED, 7, DOUBT_DELETE, true },
		{ 6, NOTHING, 0, EVENT_DELETED, 9, DOUBT_ASK, true },
		{ 6, NOTHING, 0, EVENT_DELETED, 6, DOUBT_ASK, true },
		{ 6, NOTHING, 0, EVENT_DELETED, 2, DOUBT_ASK, true },
		{ NONE, NOTHING, 0, EVENT_DELETED, 7, DOUBT_ASK, true },
		/* in doubt since a create: still by version */
		{ 1, CREATED, 0, EVENT_UPDATED, 2, DOUBT_PUT, false },
		{ 2, CREATED, 0, EVENT_UPDATED, 2, DOUBT_STALE, false },
		{ 1, CREATED, 0, EVENT_DELETED, 2, DOUBT_ASK, true },
		{ 1, CREATED, 0, EVENT_CREATED, 1, DOUBT_ASK, true },
		/* in doubt since a delete: look-ups only */
		{ NONE, GONE, 7, EVENT_UPDATED, 6, DOUBT_STALE, true },
		{ NONE, GONE, 7, EVENT_UPDATED, 7, DOUBT_STALE, true },
		{ NONE, GONE, 7, EVENT_UPDATED, 8, DOUBT_ASK, true },
		{ NONE, GONE, 7, EVENT_CREATED, 1, DOUBT_ASK, true },
		{ NONE, GONE, 7, EVENT_DELETED, 7, DOUBT_ASK, true },
		{ 1, UNCLEAR, 0, EVENT_UPDATED, 2, DOUBT_ASK, true },
		{ 1, UNCLEAR, 0, EVENT_UPDATED, 1, DOUBT_ASK, true },
		{ 6, UNCLEAR, 0, EVENT_DELETED, 7, DOUBT_ASK, true },
		/* what can't be used */
		{ 6, NOTHING, 0, EVENT_UNUSABLE, -1, DOUBT_ASK, false },
		{ NONE, GONE, 7, EVENT_UNUSABLE, -1, DOUBT_ASK, true },
	};
	struct stamp now = moment(DOUBT_BRIEF_MS);

	for (size_t i = 0; i < N(rows); i++) {
		struct doubt_product p = { rows[i].cached != NONE, rows[i].cached, false };
		struct doubt d = doubt_of(rows[i].known, rows[i].tombstone);
		struct event e = { .kind = rows[i].kind, .version = rows[i].version };
		bool opens = rows[i].kind == EVENT_CREATED || rows[i].kind == EVENT_DELETED;

		CU_ASSERT_EQUAL(doubt_event(&p, &d, &e, DOUBT_TRUST_ALL, &now), rows[i].action);
		CU_ASSERT_EQUAL(d.owed, rows[i].action == DOUBT_ASK);
		CU_ASSERT_EQUAL(d.by_lookup, rows[i].by_lookup);
		CU_ASSERT_EQUAL(doubt_is_open(&d), opens || rows[i].known != NOTHING);
		/* Each create and delete begins the time anew. */
		if (opens)
			CU_ASSERT_EQUAL(doubt_left_ms(&d, &now), DOUBT_MS);
	}
}

TEST(rules_doubt, a_new_product_is_asked_for_at_each_update)
{
	struct doubt_product nothing = { false, NONE, false }, p = { true, 1, false };
	struct event create = { .kind = EVENT_CREATED, .version = 1 };
	struct event update = { .kind = EVENT_UPDATED, .version = 2 };
	struct stamp now = moment(0);
	struct doubt d = { 0 };

	CU_ASSERT_EQUAL(doubt_event(&nothing, &d, &create, DOUBT_TRUST_ALL, &now), DOUBT_PUT);
	now = moment(DOUBT_BRIEF_MS - 1);
	CU_ASSERT_EQUAL(doubt_event(&p, &d, &update, DOUBT_TRUST_ALL, &now), DOUBT_ASK);
	now = moment(DOUBT_BRIEF_MS);
	CU_ASSERT_EQUAL(doubt_event(&p, &d, &update, DOUBT_TRUST_ALL, &now), DOUBT_PUT);
}

TEST(rules_doubt, a_delete_is_not_believed_near_a_full_sync)
{
	struct doubt_product p = { true, 6, false };
	struct event e = { .kind = EVENT_DELETED, .version = 7 };
	struct stamp now = moment(0);
	struct doubt d = { 0 };

	CU_ASSERT_EQUAL(doubt_event(&p, &d, &e, DOUBT_TRUST_NO_DELETE, &now), DOUBT_ASK);
	CU_ASSERT_EQUAL(d.tombstone, 0);
	memset(&d, 0, sizeof(d));
	CU_ASSERT_EQUAL(doubt_event(&p, &d, &e, DOUBT_TRUST_ALL, &now), DOUBT_DELETE);
	CU_ASSERT_EQUAL(d.tombstone, 7);
	CU_ASSERT_FALSE(d.owed);
}

TEST(rules_doubt, a_partial_product_gives_way_to_any_full_one_of_its_version)
{
	struct doubt_product p = { true, 6, true };
	struct event e = { .kind = EVENT_UPDATED, .version = 6 };
	struct stamp now = moment(0);
	struct doubt d = { 0 };

	CU_ASSERT_EQUAL(doubt_event(&p, &d, &e, DOUBT_TRUST_ALL, &now), DOUBT_PUT);
	e.version = 5;
	CU_ASSERT_EQUAL(doubt_event(&p, &d, &e, DOUBT_TRUST_ALL, &now), DOUBT_STALE);
}

TEST(rules_doubt, ends_after_its_time_and_is_never_cut_short_by_a_clock)
{
	struct doubt d = { .since = moment(0) };
	struct stamp now = moment(DOUBT_MS - 1), other;

	CU_ASSERT_EQUAL(doubt_left_ms(&d, &now), 1);
	now = moment(DOUBT_MS);
	CU_ASSERT_EQUAL(doubt_left_ms(&d, &now), 0);
	/* Within one boot wall time doesn't count. */
	other = moment(1000);
	other.wall_ms += 86400000;
	CU_ASSERT_EQUAL(doubt_left_ms(&d, &other), DOUBT_MS - 1000);
	/* After a reboot, with the clock set back. */
	other = moment(1000);
	other.boot_id[0] = 'x';
	other.wall_ms -= 86400000;
	CU_ASSERT_EQUAL(doubt_left_ms(&d, &other), DOUBT_MS);
	memset(&d, 0, sizeof(d));
	CU_ASSERT_EQUAL(doubt_left_ms(&d, &now), 0);
}

TEST(rules_doubt, after_a_full_sync_nothing_young_is_believed)
{
	static const struct {
		int64_t cached;
		enum event_kind kind;
		int64_t version;
		enum doubt_action action;
	} rows[] = {
		{ 6, EVENT_UPDATED, 7, DOUBT_ASK },
		{ 6, EVENT_UPDATED, 6, DOUBT_STALE },
		{ DOUBT_YOUNG + 1, EVENT_UPDATED, DOUBT_YOUNG + 2, DOUBT_PUT },
		{ NONE, EVENT_CREATED, 1, DOUBT_ASK },
		{ 6, EVENT_DELETED, 7, DOUBT_ASK },
	};
	struct stamp now = moment(0);

	for (size_t i = 0; i < N(rows); i++) {
		struct doubt_product p = { rows[i].cached != NONE, rows[i].cached, false };
		struct event e = { .kind = rows[i].kind, .version = rows[i].version };
		struct doubt d = { 0 };

		CU_ASSERT_EQUAL(
		    doubt_event(&p, &d, &e, DOUBT_TRUST_NO_YOUNG, &now), rows[i].action);
	}
}

TEST(rules_doubt, look_ups_settle)
{
	static const struct {
		int64_t cached;
		enum known known;
		int64_t tombstone, found; /* NONE: gone */
		bool same;
		int64_t after_ms; /* since the doubt began */
		bool open, brief, by_lookup;
		int64_t then; /* the tombstone */
	} rows[] = {
		/* no doubt: one begins where the feed has told nothing of it */
		{ 6, NOTHING, 0, 6, true, 0, false, false, false, 0 },
		{ 6, NOTHING, 0, 8, false, 0, true, true, true, 0 },
		{ 6, NOTHING, 0, 2, false, 0, true, true, true, 0 },
		{ NONE, NOTHING, 0, 2, false, 0, true, true, true, 0 },
		{ 40, NOTHING, 0, 41, false, 0, false, false, false, 0 },
		{ 40, NOTHING, 0, 39, false, 0, true, true, true, 0 },
		{ 6, NOTHING, 0, NONE, false, 0, true, false, true, 6 },
		{ NONE, NOTHING, 0, NONE, true, 0, false, false, false, 0 },
		/* in doubt */
		{ NONE, GONE, 7, 1, false, 1000, true, false, true, 0 },
		{ NONE, GONE, 7, NONE, true, 1000, true, false, true, 7 },
		{ 9, UNCLEAR, 7, NONE, false, 1000, true, false, true, 9 },
		{ 3, CREATED, 0, 3, true, 1000, true, false, false, 0 },
		{ 3, CREATED, 0, 5, false, 1000, true, false, true, 0 },
		/* its time is over */
		{ 3, CREATED, 0, 3, true, DOUBT_MS, false, false, false, 0 },
		{ 3, UNCLEAR, 0, 5, false, DOUBT_MS, true, true, true, 0 },
		{ NONE, GONE, 7, NONE, true, DOUBT_MS, false, false, false, 0 },
		{ 9, UNCLEAR, 7, NONE, false, DOUBT_MS, true, false, true, 9 },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct doubt_product p = { rows[i].cached != NONE, rows[i].cached, false };
		struct doubt_product found = { rows[i].found != NONE, rows[i].found, false };
		struct doubt d = doubt_of(rows[i].known, rows[i].tombstone);
		struct stamp now = moment(rows[i].after_ms);

		d.owed = 1;
		doubt_settled(&p, &d, &found, rows[i].same, &now);
		CU_ASSERT_FALSE(d.owed);
		CU_ASSERT_EQUAL(doubt_is_open(&d), rows[i].open);
		CU_ASSERT_EQUAL(d.brief, rows[i].brief);
		CU_ASSERT_EQUAL(d.by_lookup, rows[i].by_lookup);
		CU_ASSERT_EQUAL(d.tombstone, rows[i].then);
	}
}

TEST(rules_doubt, write_answers)
{
	static const struct {
		int64_t cached;
		bool partial;
		enum known known;
		struct doubt_write write;
		enum doubt_write_action action;
	} rows[] = {
		{ 6, false, NOTHING, { true, 6, 7, false }, DOUBT_WRITE_MERGE },
		{ 6, false, NOTHING, { true, 5, 6, false }, DOUBT_WRITE_ASK },
		{ 6, false, NOTHING, { true, 6, 8, false }, DOUBT_WRITE_ASK },
		{ 7, false, NOTHING, { true, 6, 7, false },
		    DOUBT_WRITE_ASK }, /* the event came first */
		{ 6, false, NOTHING, { true, 6, 0, false }, DOUBT_WRITE_ASK },
		{ 6, false, NOTHING, { false, 5, 6, false },
		    DOUBT_WRITE_ASK }, /* a conflict is no product */
		{ 6, false, NOTHING, { false, 6, 7, false }, DOUBT_WRITE_ASK },
		{ NONE, false, NOTHING, { true, 6, 7, false }, DOUBT_WRITE_ASK },
		{ 6, true, NOTHING, { true, 6, 7, false }, DOUBT_WRITE_ASK },
		{ 6, false, CREATED, { true, 6, 7, false }, DOUBT_WRITE_ASK },
		/* Readers see just this already; but in doubt or partial it may be another's. */
		{ 7, false, NOTHING, { true, 6, 7, true }, DOUBT_WRITE_NONE },
		{ 7, false, NOTHING, { false, 6, 7, true }, DOUBT_WRITE_NONE },
		{ 7, true, NOTHING, { true, 6, 7, true }, DOUBT_WRITE_ASK },
		{ 7, false, CREATED, { true, 6, 7, true }, DOUBT_WRITE_ASK },
		{ 6, false, UNCLEAR, { true, 6, 7, false }, DOUBT_WRITE_ASK },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct doubt_product p = { rows[i].cached != NONE, rows[i].cached,
			rows[i].partial };
		struct doubt d = doubt_of(rows[i].known, 0);

		CU_ASSERT_EQUAL(doubt_write(&p, &d, &rows[i].write), rows[i].action);
	}
}

TEST(rules_shrink, is_believed_when_read_twice)
{
	static const struct {
		uint64_t before;
		unsigned percent;
		size_t n; /* readings */
		uint64_t found[3];
		bool believes[3];
	} rows[] = {
		{ 100, 50, 1, { 50 }, { true } },
		{ 100, 50, 2, { 49, 49 }, { false, true } },
		{ 100, 50, 2, { 0, 0 }, { false, true } },
		{ 100, 50, 3, { 0, 90, 0 }, { false, true, false } },  /* not in a row */
		{ 100, 50, 3, { 0, 40, 40 }, { false, false, true } }, /* not the same */
		{ 1000, 50, 2, { 400, 404 }, { false, true } },        /* it changes meanwhile */
		{ 5, 20, 3, { 3, 2, 2 }, { false, false, true } },     /* few: exactly */
		{ 100, 100, 1, { 0 }, { true } },
		{ 100, 0, 2, { 99, 99 }, { false, true } },
		{ 100, 0, 1, { 200 }, { true } },
		{ 0, 0, 1, { 0 }, { true } },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct shrink s = { 0 };

		for (size_t k = 0; k < rows[i].n; k++)
			CU_ASSERT_EQUAL(
			    shrink_believes(&s, rows[i].before, rows[i].found[k], rows[i].percent),
			    rows[i].believes[k]);
	}
}
