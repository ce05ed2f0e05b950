/* Our place in the feed: what was received, holes, whose log it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/hole.h"
#include "rules/position.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* ---- offsets ---- */

static void add_all(struct offsets *o, const int64_t *offsets) /* -1 ends them */
{
	for (; *offsets >= 0; offsets++)
		CU_ASSERT_EQUAL(offsets_add(o, *offsets), ST_OK);
}

TEST(rules_offsets, moves_along_the_unbroken_run)
{
	static const struct {
		int64_t next, add[8], then, top;
		size_t ranges;
		int64_t above;
	} rows[] = {
		{ 7, { -1 }, 7, 7, 0, 0 },
		{ 7, { 7, 8, 9, -1 }, 10, 10, 0, 0 },
		{ 7, { 9, 8, 7, -1 }, 10, 10, 0, 0 },
		{ 7, { 5, 6, -1 }, 7, 7, 0, 0 }, /* below: known */
		{ 7, { 8, -1 }, 7, 9, 1, 1 },
		{ 7, { 8, 10, 12, -1 }, 7, 13, 3, 3 },
		{ 7, { 8, 10, 9, -1 }, 7, 11, 1, 3 },
		{ 7, { 8, 10, 12, 11, 9, -1 }, 7, 13, 1, 5 },
		{ 7, { 8, 10, 12, 7, -1 }, 9, 13, 2, 2 },
		{ 7, { 8, 8, 8, -1 }, 7, 9, 1, 1 }, /* again */
		{ 0, { 100, 99, 101, 0, -1 }, 1, 102, 1, 3 },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct offsets o = { 0 };

		offsets_begin(&o, rows[i].next);
		add_all(&o, rows[i].add);
		CU_ASSERT_EQUAL(o.next, rows[i].then);
		CU_ASSERT_EQUAL(offsets_top(&o), rows[i].top);
		CU_ASSERT_EQUAL(o.n, rows[i].ranges);
		CU_ASSERT_EQUAL(o.above, rows[i].above);
		offsets_free(&o);
	}
}

TEST(rules_offsets, skips_what_a_list_holds_already)
{
	static const struct {
		int64_t to, then;
		size_t ranges;
	} rows[] = { { 3, 7, 3 }, { 7, 7, 3 }, { 8, 8, 3 }, { 9, 11, 2 }, { 10, 11, 2 },
		{ 12, 12, 2 }, { 15, 15, 2 }, { 16, 18, 1 }, { 30, 30, 0 } };
	static const int64_t add[] = { 9, 10, 16, 17, 20, -1 };

	for (size_t i = 0; i < N(rows); i++) {
		struct offsets o = { 0 };
		int64_t above = 0;

		offsets_begin(&o, 7);
		add_all(&o, add);
		offsets_skip_to(&o, rows[i].to);
		CU_ASSERT_EQUAL(o.next, rows[i].then);
		CU_ASSERT_EQUAL(o.n, rows[i].ranges);
		for (size_t k = 0; k < o.n; k++)
			above += o.ranges[k].to - o.ranges[k].from;
		CU_ASSERT_EQUAL(o.above, above);
		offsets_free(&o);
	}
}

TEST(rules_offsets, does_not_remember_without_end)
{
	struct offsets o = { 0 };

	offsets_begin(&o, 0);
	for (int64_t i = 0; i < OFFSETS_ABOVE_MAX; i++)
		if (offsets_add(&o, 1 + i) != ST_OK)
			CU_FAIL("too early");
	CU_ASSERT_EQUAL(offsets_add(&o, OFFSETS_ABOVE_MAX + 5), ST_TOO_BIG);
	CU_ASSERT_FALSE(offsets_has(&o, OFFSETS_ABOVE_MAX + 5));
	CU_ASSERT_EQUAL(offsets_add(&o, 0), ST_OK);
	CU_ASSERT_EQUAL(o.next, OFFSETS_ABOVE_MAX + 1);
	offsets_free(&o);
}

/* Against the plainest thing that can be right: a flag for each offset. */
TEST(rules_offsets, random_orders)
{
	unsigned random = 7;

	for (int round = 0; round < 2000; round++) {
		bool has[64] = { false };
		struct offsets o = { 0 };
		int64_t next = 0;

		offsets_begin(&o, 0);
		for (int i = 0; i < 80; i++) {
			int64_t offset = rand_r(&random) % 64;

			CU_ASSERT_EQUAL_FATAL(offsets_has(&o, offset), has[offset]);
			if (rand_r(&random) % 40 == 0) {
				offsets_skip_to(&o, offset);
				memset(has, 1, (size_t)offset);
			} else {
				offsets_add(&o, offset);
				has[offset] = true;
			}
			while (next < 64 && has[next])
				next++;
			CU_ASSERT_EQUAL_FATAL(o.next, next);
		}
		offsets_free(&o);
	}
}

/* ---- marks ---- */

static struct event event_at(int64_t offset, int64_t version)
{
	return (struct event){ .offset = offset,
		.kind = EVENT_UPDATED,
		.version = version,
		.product_id = { "P", 1 },
		.timestamp = { "2026-01-01T00:00:00Z", 20 } };
}

TEST(rules_log_marks, tell_whose_log_it_is)
{
	static const struct {
		struct {
			int64_t offset, version;
		} log[6]; /* version 0: end */
		enum log_verdict verdict;
	} rows[] = {
		{ { { 100, 1 }, { 101, 2 }, { 102, 3 } }, LOG_SAME },
		{ { { 102, 3 }, { 103, 1 } }, LOG_SAME }, /* the older ones have rotated away */
		{ { { 100, 1 }, { 101, 9 }, { 102, 3 } }, LOG_REPLACED },
		{ { { 100, 1 }, { 101, 2 }, { 102, 7 } }, LOG_REPLACED }, /* handed out again */
		{ { { 100, 9 } }, LOG_REPLACED },
		{ { { 100, 1 } }, LOG_SAME }, /* its tail is lost, and not handed out again yet */
		{ { { 103, 5 }, { 104, 6 } }, LOG_ROTATED },
		{ { { 0, 0 } }, LOG_ROTATED },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct log_marks m = { .n = 0 };
		struct event events[6];
		struct event_batch b = { .events = events };

		for (int64_t v = 1; v <= 3; v++) {
			struct event e = event_at(99 + v, v);

			log_marks_add(&m, &e);
		}
		for (; rows[i].log[b.n].version; b.n++)
			events[b.n] = event_at(rows[i].log[b.n].offset, rows[i].log[b.n].version);
		CU_ASSERT_EQUAL(log_marks_oldest(&m), 100);
		CU_ASSERT_EQUAL(log_marks_compare(&m, &b), rows[i].verdict);
	}
}

TEST(rules_log_marks, every_part_of_the_identity_counts)
{
	struct log_marks m = { .n = 0 };
	struct event e = event_at(5, 5), other[] = { e, e, e };
	struct event_batch b = { .n = 1 };

	other[0].product_id.data = "Q";
	other[1].version = 6;
	other[2].timestamp.data = "2026-01-01T00:00:01Z";
	log_marks_add(&m, &e);
	for (size_t i = 0; i < N(other); i++) {
		b.events = &other[i];
		CU_ASSERT_EQUAL(log_marks_compare(&m, &b), LOG_REPLACED);
	}
	b.events = &e;
	CU_ASSERT_EQUAL(log_marks_compare(&m, &b), LOG_SAME);
}

TEST(rules_log_marks, keeps_two_dozen_in_any_order)
{
	struct log_marks m = { .n = 0 };

	CU_ASSERT_EQUAL(log_marks_oldest(&m), -1);
	for (int64_t i = 0; i < 100; i++) {
		struct event e = event_at((i * 37) % 100, 1);

		log_marks_add(&m, &e);
		log_marks_add(&m, &e);
	}
	CU_ASSERT_EQUAL(m.n, LOG_MARKS_MAX);
	CU_ASSERT_EQUAL(log_marks_oldest(&m), 100 - LOG_MARKS_MAX);
	for (size_t i = 1; i < m.n; i++)
		CU_ASSERT_EQUAL(m.marks[i].offset, m.marks[i - 1].offset + 1);
}

/* ---- position ---- */

TEST(rules_position, comes_back_as_it_was_stored)
{
	static const int64_t add[] = { 9, 10, 20, -1 };
	struct position p = { 0 }, q = { 0 };
	struct event e = event_at(3, 4);
	struct buf bytes;

	position_begin(&p, 7);
	add_all(&p.offsets, add);
	log_marks_add(&p.marks, &e);
	buf_init(&bytes, 100000);
	position_write(&p, &bytes);
	CU_ASSERT_EQUAL_FATAL(position_read(bytes.data, bytes.len, &q), ST_OK);
	CU_ASSERT_EQUAL(q.offsets.next, 7);
	CU_ASSERT_EQUAL(q.offsets.n, 2);
	CU_ASSERT_EQUAL(q.offsets.above, 3);
	CU_ASSERT_TRUE(offsets_has(&q.offsets, 10) && !offsets_has(&q.offsets, 11));
	CU_ASSERT_EQUAL(q.marks.n, 1);
	CU_ASSERT_EQUAL(q.marks.marks[0].identity, p.marks.marks[0].identity);
	for (size_t len = 0; len < bytes.len; len++)
		CU_ASSERT_EQUAL(position_read(bytes.data, len, &q), ST_CORRUPT);
	/* Ranges that touch or stand in disorder. */
	memset(bytes.data + bytes.len - 8, 0, 8);
	CU_ASSERT_EQUAL(position_read(bytes.data, bytes.len, &q), ST_CORRUPT);
	CU_ASSERT_EQUAL(q.offsets.next, 7);
	buf_free(&bytes);
	position_free(&p);
	position_free(&q);
}

/* ---- holes ---- */

static struct mono at(int64_t ms)
{
	return mono_add_ms((struct mono){ 1000000 }, ms);
}

TEST(rules_hole, is_seen_below_what_was_received_or_below_the_head)
{
	struct offsets o = { 0 };
	struct hole h = { 0 };

	offsets_begin(&o, 7);
	hole_look(&h, &o, 7, at(0));
	CU_ASSERT_FALSE(h.there);
	CU_ASSERT_EQUAL(hole_due(&h).us, MONO_NEVER.us);
	hole_look(&h, &o, 8, at(0));
	CU_ASSERT_TRUE(h.there && h.at == 7);
	offsets_add(&o, 7);
	hole_look(&h, &o, 8, at(1));
	CU_ASSERT_FALSE(h.there);
	offsets_add(&o, 10);
	hole_look(&h, &o, 8, at(2));
	CU_ASSERT_TRUE(h.there && h.at == 8);
	CU_ASSERT_EQUAL(hole_due(&h).us, at(2 + HOLE_PAUSE_MS).us);
	/* The next hole is another one, with an age of its own. */
	offsets_add(&o, 8);
	hole_look(&h, &o, 8, at(4000));
	CU_ASSERT_TRUE(h.there && h.at == 9 && h.since.us == at(4000).us);
	offsets_free(&o);
}

TEST(rules_hole, only_a_round_that_began_late_and_came_to_the_end_proves_a_gap)
{
	static const struct {
		int64_t begun_ms;
		struct {
			size_t n;
			int64_t highest;
		} answers[4]; /* of one round; highest 0: end */
		enum hole_verdict verdict;
	} rows[] = {
		{ 300, { { 3, 20 } }, HOLE_OPEN },
		{ HOLE_PATIENCE_MS - 1, { { 3, 20 } }, HOLE_OPEN },
		{ HOLE_PATIENCE_MS, { { 3, 20 } }, HOLE_GAP },
		{ HOLE_PATIENCE_MS, { { HOLE_LIMIT, 1100 } }, HOLE_OPEN },
		{ HOLE_PATIENCE_MS, { { HOLE_LIMIT, 1100 }, { 10, 1200 } }, HOLE_GAP },
		{ HOLE_PATIENCE_MS, { { HOLE_LIMIT, 1100 }, { HOLE_LIMIT, 2000 }, { 10, 2100 } },
		    HOLE_GAP },
		{ HOLE_PATIENCE_MS - 1, { { HOLE_LIMIT, 1100 }, { 10, 1200 } }, HOLE_OPEN },
		{ HOLE_PATIENCE_MS, { { HOLE_LIMIT, 7 } }, HOLE_OPEN }, /* leads nowhere */
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct offsets o = { 0 };
		struct hole h = { 0 };
		enum hole_verdict v = HOLE_OPEN;
		int64_t from = 7;

		offsets_begin(&o, 7);
		offsets_add(&o, 9);
		hole_look(&h, &o, 0, at(0));
		for (size_t k = 0; rows[i].answers[k].highest; k++) {
			/* The later answers of a round come much later: only its begin counts. */
			struct mono now = at(rows[i].begun_ms + (int64_t)k * 9000);

			CU_ASSERT_EQUAL(hole_ask(&h, now), from);
			from = rows[i].answers[k].highest;
			v = hole_answered(&h, &o, rows[i].answers[k].n, from, now);
		}
		CU_ASSERT_EQUAL(v, rows[i].verdict);
		offsets_free(&o);
	}
}

TEST(rules_hole, pauses_grow_and_a_failure_begins_the_round_anew)
{
	static const int64_t pauses[] = { 200, 400, 800, 1600, 2000, 2000 };
	struct offsets o = { 0 };
	struct hole h = { 0 };
	struct mono now = at(0);

	offsets_begin(&o, 7);
	offsets_add(&o, 9);
	hole_look(&h, &o, 0, now);
	for (size_t i = 0; i < N(pauses) && i < 5; i++) {
		hole_ask(&h, at(0));
		CU_ASSERT_EQUAL(hole_answered(&h, &o, 1, 9, now), HOLE_OPEN);
		CU_ASSERT_EQUAL(mono_ms_between(now, hole_due(&h)), pauses[i]);
	}
	hole_ask(&h, at(HOLE_PATIENCE_MS));
	hole_failed(&h, at(9000));
	CU_ASSERT_EQUAL(hole_due(&h).us, at(9000).us);
	CU_ASSERT_EQUAL(hole_ask(&h, at(9000)), 7);
	offsets_add(&o, 7);
	offsets_add(&o, 8);
	CU_ASSERT_EQUAL(hole_answered(&h, &o, 3, 9, at(9000)), HOLE_FILLED);
	offsets_free(&o);
}
