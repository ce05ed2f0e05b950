/* What an event does to the store, where it takes the right moment to come there. */
#include "sync/inside.h"
#include "unit.h"

static void apply(struct inside *in, enum event_kind kind, int64_t version)
{
	struct product p = fixture_product(1, version);
	struct event event = { .offset = INSIDE_VERSION,
		.kind = kind,
		.product_id = p.id,
		.version = version,
		.product = p };
	struct sync_record next = in->engine.record;
	struct change c;

	CU_ASSERT_EQUAL_FATAL(change_begin(&in->engine, &c), ST_OK);
	change_event(&c, &event);
	CU_ASSERT_EQUAL(change_commit(&c, &next), ST_OK);
}

/* The version that readers see; -1: none. */
static int64_t version_shown(struct inside *in)
{
	struct span id = fixture_product(1, INSIDE_VERSION).id;
	struct store_snapshot s;
	struct product p = { .version = -1 };

	CU_ASSERT_EQUAL_FATAL(store_writer_snapshot(in->engine.store, &s), ST_OK);
	(void)store_snapshot_product(&s, id.data, id.len, &p);
	store_snapshot_end(&s);
	return p.version;
}

TEST(sync_apply, believes_the_delete_that_follows_what_is_cached)
{
	struct inside in;

	inside_begin(&in, 3);
	apply(&in, EVENT_DELETED, INSIDE_VERSION + 1);
	CU_ASSERT_EQUAL(version_shown(&in), -1);
	CU_ASSERT_FALSE(inside_is_owed(&in, 1));
	/* A late event of that life doesn't bring it back. */
	apply(&in, EVENT_UPDATED, INSIDE_VERSION + 1);
	CU_ASSERT_EQUAL(version_shown(&in), -1);
	inside_end(&in);
}

/* The list that was just read may be newer than the event. */
TEST(sync_apply, believes_no_delete_soon_after_a_full_sync)
{
	struct inside in;

	inside_begin(&in, 3);
	in.engine.trust_deletes_from = mono_add_ms(mono_now(), DOUBT_MS);
	apply(&in, EVENT_DELETED, INSIDE_VERSION + 1);
	CU_ASSERT_EQUAL(version_shown(&in), INSIDE_VERSION);
	CU_ASSERT_TRUE(inside_is_owed(&in, 1));
	inside_end(&in);
}

static bool waits_for_a_page(const struct engine *e)
{
	return e->full_sync.phase == FULL_SYNC_PAGES;
}

/* Nothing runs yet, and the page of the product is yet to come: it will hold what is told. */
static void begin_ahead(struct inside *in)
{
	inside_begin(in, 3);
	in->engine.damaged = true;
	follow_reload(&in->engine);
	atomic_store(&in->list_status, 429);
	full_sync_want(&in->engine, FULL_SYNC_STORE_REBUILT, mono_now());
	inside_turn_until(in, waits_for_a_page);
}

TEST(sync_apply, leaves_an_update_ahead_of_its_page_to_that)
{
	struct inside in;

	begin_ahead(&in);
	apply(&in, EVENT_UPDATED, INSIDE_VERSION + 1);
	CU_ASSERT_PTR_NULL(inside_known(&in, 1));
	inside_end(&in);
}

/* But versions may begin anew with it, so from then on only look-ups tell. */
TEST(sync_apply, remembers_a_birth_ahead_of_its_page)
{
	struct inside in;
	struct known *k;

	begin_ahead(&in);
	apply(&in, EVENT_CREATED, 1);
	k = inside_known(&in, 1);
	CU_ASSERT_TRUE(k && doubt_is_open(&k->doubt));
	CU_ASSERT_TRUE(k && k->doubt.by_lookup == 1);
	inside_end(&in);
}

static bool has_a_page(const struct engine *e)
{
	return e->full_sync.walk.pages > 0;
}

static bool has_published(const struct engine *e)
{
	return e->full_sync.phase == FULL_SYNC_IDLE;
}

/* Its page is read: nothing else would bring the event there. */
TEST(sync_apply, puts_an_update_into_the_generation_that_is_built_too)
{
	struct inside in;

	inside_begin(&in, 1000);
	full_sync_want(&in.engine, FULL_SYNC_FORCED, mono_now());
	inside_turn_until(&in, has_a_page);
	apply(&in, EVENT_UPDATED, INSIDE_VERSION + 1);
	inside_turn_until(&in, has_published);
	CU_ASSERT_EQUAL(in.engine.record.full_syncs, 1);
	CU_ASSERT_EQUAL(version_shown(&in), INSIDE_VERSION + 1);
	inside_end(&in);
}
