/* A store that kills its reader is found out. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

/* A daemon that opens the store and dies of this signal. */
static void die_with_it_open(const struct store_options *options, int signal)
{
	static const struct rlimit no_core = { 0, 0 };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		fixture_writer(options);
		raise(signal);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal);
}

static enum store_condition condition_of(const struct store_options *options)
{
	struct store_writer *w = fixture_writer(options);
	enum store_condition condition = store_writer_condition(w);

	store_writer_close(w);
	return condition;
}

TEST(store_crashes, three_condemn_a_store_and_a_kill_does_not)
{
	struct store_options options = fixture_store(10, 1);

	for (int i = 0; i < 4; i++)
		die_with_it_open(&options, SIGKILL);
	die_with_it_open(&options, SIGBUS);
	die_with_it_open(&options, SIGABRT);
	CU_ASSERT_EQUAL(condition_of(&options), STORE_READY);
	die_with_it_open(&options, SIGSEGV);
	CU_ASSERT_EQUAL(condition_of(&options), STORE_DAMAGED);
}

TEST(store_crashes, time_or_a_new_generation_forgets_them)
{
	struct store_options options = fixture_store(10, 1);
	struct store_writer *w;

	die_with_it_open(&options, SIGBUS);
	die_with_it_open(&options, SIGBUS);
	w = fixture_writer(&options);
	store_writer_settled(w);
	store_writer_close(w);
	die_with_it_open(&options, SIGBUS);
	die_with_it_open(&options, SIGBUS);
	w = fixture_writer(&options);
	CU_ASSERT_EQUAL(store_writer_condition(w), STORE_READY);
	CU_ASSERT_EQUAL(fixture_publish(w, 5, 2), ST_OK);
	store_writer_close(w);
	die_with_it_open(&options, SIGBUS);
	CU_ASSERT_EQUAL(condition_of(&options), STORE_READY);
}

TEST(store_crashes, a_file_that_was_cut_is_damaged)
{
	struct store_options options = fixture_store(20000, 1);
	const char *path = fixture_path(&options, "store-1/data.mdb");
	struct stat st;

	CU_ASSERT_EQUAL(condition_of(&options), STORE_READY);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(truncate(path, st.st_size / 2), 0);
	CU_ASSERT_EQUAL(condition_of(&options), STORE_DAMAGED);
}
