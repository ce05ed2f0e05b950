/* A forwarded write from try to try, and the memory of its keys. */
#include <stdio.h>
#include <string.h>

#include "rules/forward.h"
#include "rules/keys.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define ANSWERED(refused)                                  \
	{                                                  \
		true, true, FAILURE_NONE, (refused), false \
	}
#define FAILED(sent, failure)                          \
	{                                              \
		(sent), false, (failure), false, false \
	}

TEST(rules_forward, what_one_try_means)
{
	static const struct {
		bool unknown, sent; /* before */
		struct forward_try t;
		int64_t left_ms;
		enum forward_verdict verdict;
		bool unknown_after;
	} rows[] = {
		/* answered */
		{ false, false, ANSWERED(false), 5000, FORWARD_ANSWERED, false },
		{ false, false, ANSWERED(true), 5000, FORWARD_ANSWERED, false },
		{ true, true, ANSWERED(false), 5000, FORWARD_ANSWERED, true },
		/* the echo of our own success, maybe */
		{ true, true, ANSWERED(true), 5000, FORWARD_TIMEOUT, true },
		{ true, false, ANSWERED(true), 5000, FORWARD_TIMEOUT, true },
		{ false, false, { true, true, FAILURE_NONE, true, true }, 5000, FORWARD_ERROR,
		    false },
		/* never sent: told at once, unless an earlier try was */
		{ false, false, FAILED(false, FAILURE_CONNECT), 5000, FORWARD_UNAVAILABLE, false },
		{ false, false, FAILED(false, FAILURE_TIMEOUT), 5000, FORWARD_UNAVAILABLE, false },
		{ true, true, FAILED(false, FAILURE_CONNECT), 5000, FORWARD_AGAIN, true },
		{ true, true, FAILED(false, FAILURE_CONNECT), 199, FORWARD_TIMEOUT, true },
		{ true, false, FAILED(false, FAILURE_CONNECT), 5000, FORWARD_TIMEOUT, true },
		/* sent, and cut or not answered */
		{ false, false, FAILED(true, FAILURE_CONNECT), 5000, FORWARD_AGAIN, true },
		{ false, false, FAILED(true, FAILURE_TIMEOUT), 200, FORWARD_AGAIN, true },
		{ false, false, FAILED(true, FAILURE_TIMEOUT), 199, FORWARD_TIMEOUT, true },
		{ false, false, FAILED(true, FAILURE_CONNECT), -5, FORWARD_TIMEOUT, true },
		/* refused as a whole */
		{ false, false, FAILED(true, FAILURE_RATE_LIMITED), 5000, FORWARD_RATE_LIMITED,
		    false },
		{ false, false, FAILED(true, FAILURE_AUTH), 5000, FORWARD_AUTH_FAILED, false },
		{ true, true, FAILED(true, FAILURE_RATE_LIMITED), 5000, FORWARD_TIMEOUT, true },
		{ true, true, FAILED(true, FAILURE_AUTH), 5000, FORWARD_TIMEOUT, true },
		/* what may have happened behind it nobody knows */
		{ false, false, FAILED(true, FAILURE_HTTP_5XX), 5000, FORWARD_ERROR, true },
		{ false, false, FAILED(true, FAILURE_BAD_ANSWER), 5000, FORWARD_ERROR, true },
		{ true, true, FAILED(true, FAILURE_HTTP_5XX), 5000, FORWARD_ERROR, true },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct forward f = { .unknown = rows[i].unknown, .sent = rows[i].sent };
		char what[40];

		snprintf(what, sizeof(what), "row %zu", i);
		CU_ASSERT_EQUAL(forward_tried(&f, &rows[i].t, rows[i].left_ms), rows[i].verdict);
		if (f.unknown != rows[i].unknown_after)
			unit_assert_text(what, "unknown as in the row", __FILE__, __LINE__);
		CU_ASSERT_EQUAL(f.tries, 1);
	}
}

TEST(rules_forward, the_first_try_leaves_time_for_a_second)
{
	struct forward f = { .tries = 0 };

	CU_ASSERT_EQUAL(forward_try_ms(&f, 8000), 5000);
	f.tries = 1;
	CU_ASSERT_EQUAL(forward_try_ms(&f, 3000), 3000);
}

TEST(rules_forward, pauses_grow_and_have_jitter)
{
	static const struct {
		unsigned tries;
		int64_t low, high;
	} rows[] = { { 1, 50, 100 }, { 2, 100, 200 }, { 4, 400, 800 }, { 9, 500, 1000 } };

	for (size_t i = 0; i < N(rows); i++) {
		struct forward f = { .tries = rows[i].tries };

		CU_ASSERT_EQUAL(forward_pause_ms(&f, 0), rows[i].low);
		CU_ASSERT_EQUAL(forward_pause_ms(&f, UINT32_MAX), rows[i].high - 1);
	}
}

static struct span text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static struct update update_of(const char *key, const char *id, int64_t delta, int64_t version)
{
	return (struct update){ text(id), text(key), delta, version };
}

TEST(rules_keys, are_remembered_for_two_minutes)
{
	struct update u = update_of("k1", "P", -1, 6);
	struct mono now = { 1000000 }, later = mono_add_ms(now, KEYS_MS - 1);
	struct keys *keys;
	struct key *key;

	CU_ASSERT_EQUAL_FATAL(keys_open(&keys), ST_OK);
	CU_ASSERT_PTR_NULL(keys_find(keys, u.key, now));
	CU_ASSERT_EQUAL(keys_take(keys, &u, &u, now), ST_OK);
	key = keys_find(keys, u.key, now);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	CU_ASSERT_EQUAL(keys_state(key), KEY_UNDER_WAY);
	CU_ASSERT_PTR_EQUAL(keys_owner(key), &u);
	/* However long it takes. */
	CU_ASSERT_PTR_NOT_NULL(keys_find(keys, u.key, mono_add_ms(now, 10 * KEYS_MS)));
	keys_end(keys, key, KEY_SETTLED, now);
	key = keys_find(keys, u.key, later);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	CU_ASSERT_EQUAL(keys_state(key), KEY_SETTLED);
	CU_ASSERT_PTR_NULL(keys_find(keys, u.key, mono_add_ms(now, KEYS_MS)));
	CU_ASSERT_EQUAL(keys_count(keys), 0);
	keys_close(keys);
}

TEST(rules_keys, know_the_update_they_were_used_for)
{
	struct update u = update_of("k1", "P", -1, 6);
	static const struct {
		const char *id;
		int64_t delta, version;
		bool same;
	} rows[] = {
		{ "P", -1, 6, true },
		{ "Q", -1, 6, false },
		{ "PP", -1, 6, false },
		{ "P", -2, 6, false },
		{ "P", -1, 7, false },
	};
	struct mono now = { 1 };
	struct keys *keys;

	CU_ASSERT_EQUAL_FATAL(keys_open(&keys), ST_OK);
	CU_ASSERT_EQUAL(keys_take(keys, &u, NULL, now), ST_OK);
	for (size_t i = 0; i < N(rows); i++) {
		struct update other = update_of("k1", rows[i].id, rows[i].delta, rows[i].version);

		CU_ASSERT_EQUAL(keys_is_same(keys_find(keys, u.key, now), &other), rows[i].same);
	}
	CU_ASSERT_PTR_NULL(keys_find(keys, text("k"), now));
	CU_ASSERT_PTR_NULL(keys_find(keys, text("k11"), now));
	keys_close(keys);
}

/* A try that was never carried out changes nothing of what was known before. */
TEST(rules_keys, given_back_they_are_what_they_were)
{
	struct update u = update_of("k1", "P", -1, 6);
	struct mono now = { 1 };
	struct keys *keys;

	CU_ASSERT_EQUAL_FATAL(keys_open(&keys), ST_OK);
	CU_ASSERT_EQUAL(keys_take(keys, &u, NULL, now), ST_OK);
	keys_give_back(keys, keys_find(keys, u.key, now), now);
	CU_ASSERT_PTR_NULL(keys_find(keys, u.key, now));
	for (enum key_state state = KEY_SETTLED; state <= KEY_UNKNOWN; state++) {
		CU_ASSERT_EQUAL(keys_take(keys, &u, NULL, now), ST_OK);
		keys_end(keys, keys_find(keys, u.key, now), state, now);
		CU_ASSERT_EQUAL(keys_take(keys, &u, NULL, now), ST_OK);
		CU_ASSERT_EQUAL(keys_state(keys_find(keys, u.key, now)), KEY_UNDER_WAY);
		keys_give_back(keys, keys_find(keys, u.key, now), now);
		CU_ASSERT_EQUAL(keys_state(keys_find(keys, u.key, now)), state);
	}
	keys_close(keys);
}

TEST(rules_keys, are_not_more_than_so_many)
{
	struct mono now = { 1 };
	struct keys *keys;
	char name[16];
	struct update u;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(keys_open(&keys), ST_OK);
	for (i = 0; i < KEYS_MAX; i++) {
		snprintf(name, sizeof(name), "k%zu", i);
		u = update_of(name, "P", -1, 6);
		if (keys_take(keys, &u, NULL, now))
			break;
	}
	CU_ASSERT_EQUAL(i, KEYS_MAX);
	u = update_of("one more", "P", -1, 6);
	CU_ASSERT_EQUAL(keys_take(keys, &u, NULL, now), ST_FULL);
	/* One that is known already is no more than there were. */
	u = update_of("k7", "P", -1, 6);
	keys_end(keys, keys_find(keys, u.key, now), KEY_SETTLED, now);
	CU_ASSERT_EQUAL(keys_take(keys, &u, NULL, now), ST_OK);
	keys_give_back(keys, keys_find(keys, u.key, now), now);
	/* With time there is room again. */
	u = update_of("one more", "P", -1, 6);
	CU_ASSERT_EQUAL(keys_take(keys, &u, NULL, mono_add_ms(now, KEYS_MS)), ST_OK);
	keys_close(keys);
}
