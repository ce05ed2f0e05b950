/*
 * unit [--list] [NAME…]: the unit tests, all or those of a room, of a suite, or
 * SUITE/TEST.  Closes with CUnit's summary; exits 1 after a failure or when
 * nothing ran.
 */
#include <CUnit/Basic.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#define TESTS_MAX     4096
#define TEMP_DIRS_MAX 1024

static struct test {
	const char *suite, *name;
	void (*run)(void);
} tests[TESTS_MAX];
static size_t n_tests;

static char temp_root[64];
static unsigned n_temp;
static pid_t owner;

void unit_register(const char *suite, const char *name, void (*run)(void))
{
	if (n_tests == TESTS_MAX) {
		fputs("unit: more tests than TESTS_MAX\n", stderr);
		exit(2);
	}
	tests[n_tests].suite = suite;
	tests[n_tests].name = name;
	tests[n_tests++].run = run;
}

void unit_assert_text(const char *actual, const char *expected, const char *file, int line)
{
	bool same = actual && expected && strcmp(actual, expected) == 0;

	if (!same)
		printf("\n%s:%d:\n  expected: %s\n  actual:   %s\n", file, line,
		    expected ? expected : "(null)", actual ? actual : "(null)");
	CU_assertImplementation(same, (unsigned)line, "texts are equal", file, "", CU_FALSE);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Children of a test that exit() must leave their parent's directories alone. */
static void remove_temp(void)
{
	if (temp_root[0] && getpid() == owner)
		nftw(temp_root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *unit_temp_dir(void)
{
	/* Tests keep the pointers: so each has a place of its own. */
	static char paths[TEMP_DIRS_MAX][96];
	char *path = paths[n_temp];

	if (!temp_root[0]) {
		snprintf(temp_root, sizeof(temp_root), "/tmp/unit.XXXXXX");
		if (!mkdtemp(temp_root)) {
			perror(temp_root);
			exit(2);
		}
		owner = getpid();
		atexit(remove_temp);
		/* Tests of permissions have children that run as another user. */
		chmod(temp_root, 0755);
	}
	snprintf(path, sizeof(paths[0]), "%s/%u.XXXXXX", temp_root, n_temp);
	if (++n_temp == TEMP_DIRS_MAX || !mkdtemp(path) || chmod(path, 0755) != 0) {
		perror(path);
		exit(2);
	}
	return path;
}

/* By a room, by a suite (room_suite), or by SUITE/NAME. */
static bool is_named(const char *name, const struct test *t)
{
	char whole[256];
	size_t len = strlen(name);

	snprintf(whole, sizeof(whole), "%s/%s", t->suite, t->name);
	return strcmp(whole, name) == 0 ||
	       (len <= strlen(t->suite) && strncmp(whole, name, len) == 0 &&
		   (whole[len] == '_' || whole[len] == '/'));
}

static bool is_wanted(size_t i, char **names, int n)
{
	for (int k = 0; k < n; k++)
		if (is_named(names[k], &tests[i]))
			return true;
	return n == 0;
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	int order = strcmp(x[0], y[0]);

	return order ? order : strcmp(x[1], y[1]);
}

static void add_wanted(char **names, int n)
{
	CU_pSuite suite = NULL;
	const char *open = "";

	for (size_t i = 0; i < n_tests; i++) {
		if (!is_wanted(i, names, n))
			continue;
		if (strcmp(open, tests[i].suite) != 0) {
			open = tests[i].suite;
			suite = CU_add_suite(open, NULL, NULL);
		}
		CU_add_test(suite, tests[i].name, tests[i].run);
	}
}

int main(int argc, char **argv)
{
	bool failed;

	qsort(tests, n_tests, sizeof(tests[0]), by_name);
	if (argc > 1 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < n_tests; i++)
			printf("%s/%s\n", tests[i].suite, tests[i].name);
		return 0;
	}
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	add_wanted(argv + 1, argc - 1);
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() > 0 || CU_get_number_of_tests_run() == 0;
	CU_cleanup_registry();
	return failed;
}
