/* Writes that were answered, and wait for a look-up of their product. */
#include <unistd.h>

#include "control/ends.h"
#include "sync/inside.h"
#include "sync/writes.h"
#include "unit.h"

static bool is_answered(const struct engine *e)
{
	const struct write *w = TAILQ_FIRST(&e->writes.all);

	return w && w->phase == WRITE_ANSWERED;
}

static bool asks_nothing(const struct engine *e)
{
	return e->lookups.under_way == 0;
}

/* Central has answered that its version is another by now, and the engine has heard it. */
static int begin_answered(struct inside *in)
{
	int fd;

	inside_begin(in, 3);
	fd = raw_connect(in->run_dir);
	raw_message(fd, INSIDE_UPDATE);
	inside_hear_until(in, inside_has_write);
	writes_tick(&in->engine, mono_now());
	inside_hear_until(in, is_answered);
	return fd;
}

static void end(struct inside *in, int fd)
{
	close(fd);
	inside_end(in);
}

static void ask(struct inside *in)
{
	lookups_tick(&in->engine, mono_now());
	CU_ASSERT_EQUAL(in->engine.lookups.under_way, 1);
}

/* What was asked for after the write shows it, or what came after it. */
TEST(sync_waits, for_one_look_up_whatever_else_is_wanted)
{
	struct inside in;
	int fd = begin_answered(&in);

	writes_tick(&in.engine, mono_now());
	ask(&in);
	inside_owe(&in, 1);
	inside_hear_until(&in, asks_nothing);
	CU_ASSERT_TRUE(inside_is_owed(&in, 1));
	CU_ASSERT_FALSE(known_is_urgent(inside_known(&in, 1)));
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_FALSE(writes_are_open(&in.engine));
	end(&in, fd);
}

TEST(sync_waits, for_none_that_was_asked_before)
{
	struct inside in;
	int fd = begin_answered(&in);

	inside_owe(&in, 1);
	ask(&in);
	writes_tick(&in.engine, mono_now());
	inside_hear_until(&in, asks_nothing);
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(writes_are_open(&in.engine));
	CU_ASSERT_TRUE(known_is_urgent(inside_known(&in, 1)));
	end(&in, fd);
}

/* Version 6 was of a product that is gone; what a late answer shows has a life of its own. */
TEST(sync_waits, in_vain_and_leaves_another_life_alone)
{
	struct inside in;
	int fd = begin_answered(&in);

	atomic_store(&in.product_version, 2);
	inside_owe(&in, 1);
	ask(&in);
	writes_tick(&in.engine, mono_now());
	inside_hear_until(&in, asks_nothing);
	TAILQ_FIRST(&in.engine.writes.all)->deadline = mono_now();
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_FALSE(writes_are_open(&in.engine));
	CU_ASSERT_EQUAL(inside_version(&in, 1), 2);
	CU_ASSERT_TRUE(inside_is_owed(&in, 1));
	end(&in, fd);
}

TEST(sync_waits, in_vain_and_shows_the_numbers)
{
	struct inside in;
	int fd = begin_answered(&in);

	writes_tick(&in.engine, mono_now());
	TAILQ_FIRST(&in.engine.writes.all)->deadline = mono_now();
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_EQUAL(inside_version(&in, 1), INSIDE_VERSION + 1);
	CU_ASSERT_TRUE(inside_is_owed(&in, 1));
	end(&in, fd);
}
