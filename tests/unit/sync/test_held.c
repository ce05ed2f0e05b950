/* Writes that Central applied, and a store that was found damaged before it had them. */
#include <string.h>
#include <unistd.h>

#include "control/ends.h"
#include "sync/inside.h"
#include "sync/writes.h"
#include "unit.h"

static bool holds_write(const struct engine *e)
{
	const struct write *w = TAILQ_FIRST(&e->writes.all);

	return w && w->phase == WRITE_HELD;
}

/* To store it is what finds the damage. */
TEST(sync_held, until_the_store_is_built_anew_nobody_is_told)
{
	struct inside in;
	int fd;

	inside_begin_damaged(&in, 3, "P-000001");
	fd = inside_forward(&in);
	inside_turn_until(&in, inside_has_no_write);
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "\"version_conflict\""));
	CU_ASSERT_EQUAL(in.engine.record.full_syncs, 1);
	CU_ASSERT_EQUAL(in.engine.record.writes_forwarded, 1);
	CU_ASSERT_EQUAL(atomic_load(&in.posts), 1);
	close(fd);
	inside_end(&in);
}

/* It was known as damaged when the answer came; and Central's list fails. */
TEST(sync_held, not_for_ever)
{
	struct mono began = mono_now();
	struct inside in;
	int fd;

	inside_begin(&in, 3);
	atomic_store(&in.list_status, 500);
	fd = inside_forward(&in);
	(void)storage_outcome(&in.engine, ST_CORRUPT);
	inside_turn_until(&in, holds_write);
	CU_ASSERT_TRUE(mono_reached(writes_due(&in.engine, began), mono_add_ms(mono_now(), 3000)));
	TAILQ_FIRST(&in.engine.writes.all)->deadline = mono_now();
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(inside_has_no_write(&in.engine));
	CU_ASSERT_PTR_NOT_NULL(strstr(raw_receive(fd), "\"version_conflict\""));
	CU_ASSERT_EQUAL(in.engine.record.full_syncs, 0);
	close(fd);
	inside_end(&in);
}

TEST(sync_held, not_when_the_daemon_is_to_end)
{
	struct inside in;
	int fd;

	inside_begin(&in, 3);
	atomic_store(&in.list_status, 500);
	fd = inside_forward(&in);
	(void)storage_outcome(&in.engine, ST_CORRUPT);
	inside_turn_until(&in, holds_write);
	in.engine.stopping = true;
	writes_tick(&in.engine, mono_now());
	CU_ASSERT_TRUE(inside_has_no_write(&in.engine));
	close(fd);
	inside_end(&in);
}
