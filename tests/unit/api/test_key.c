/*
 * That time tells nothing of a key is shown under valgrind (`make check` runs
 * these tests so): with the bytes of all keys marked as undefined, every branch
 * and every address that depends on one of them is an error.
 */
#include "api/key.h"

#include <string.h>
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND                    0
#define VALGRIND_MAKE_MEM_UNDEFINED(data, len) ((void)0)
#define VALGRIND_MAKE_MEM_DEFINED(data, len)   ((void)0)
#define VALGRIND_GET_VBITS(data, bits, len)    ((void)0)
#endif

#include "unit.h"

#define LENGTH 24

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

TEST(api_key, is_one_of_the_list)
{
	static const char *const list[] = { "one", "another" };
	struct api_keys k;

	CU_ASSERT_EQUAL_FATAL(api_keys_open(list, 2, &k), ST_OK);
	CU_ASSERT_TRUE(api_keys_have(&k, span_of("one")));
	CU_ASSERT_TRUE(api_keys_have(&k, span_of("another")));
	CU_ASSERT_FALSE(api_keys_have(&k, span_of("on")));
	CU_ASSERT_FALSE(api_keys_have(&k, span_of("ones")));
	CU_ASSERT_FALSE(api_keys_have(&k, span_of("")));
	api_keys_close(&k);
	CU_ASSERT_EQUAL_FATAL(api_keys_open(NULL, 0, &k), ST_OK);
	CU_ASSERT_FALSE(api_keys_have(&k, span_of("one")));
	api_keys_close(&k);
}

TEST(api_key, time_tells_nothing_of_what_it_holds)
{
	static const struct {
		const char *given;
		bool found, as_long; /* as one of the keys is */
	} cases[] = {
		{ "first-key-of-24-bytes-01", true, true },
		{ "second-key-of-24-bytes-2", true, true },
		{ "another-one", true, true },
		{ "Xirst-key-of-24-bytes-01", false, true },
		{ "first-key-of-24-bytes-0X", false, true },
		{ "second-key-of-24-bytes-X", false, true },
		{ "Xnother-one", false, true },
		{ "first-key-of-24-bytes-0", false, false },
		{ "first-key-of-24-bytes-012", false, false },
		{ "", false, false },
	};
	char keys[3][LENGTH + 1] = { "first-key-of-24-bytes-01", "second-key-of-24-bytes-2",
		"another-one" };
	const char *const list[] = { keys[0], keys[1], keys[2] };
	struct api_keys k;

	CU_ASSERT_EQUAL_FATAL(api_keys_open(list, 3, &k), ST_OK);
	VALGRIND_MAKE_MEM_UNDEFINED(keys, sizeof(keys));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = api_keys_have(&k, span_of(cases[i].given));
		unsigned char secret = 0;

		/* The answer does depend on them, so that a branch on them would be seen. */
		VALGRIND_GET_VBITS(&found, &secret, 1);
		if (RUNNING_ON_VALGRIND && cases[i].as_long)
			CU_ASSERT_NOT_EQUAL(secret, 0);
		VALGRIND_MAKE_MEM_DEFINED(&found, sizeof(found));
		CU_ASSERT_EQUAL(found, cases[i].found);
	}
	VALGRIND_MAKE_MEM_DEFINED(keys, sizeof(keys));
	api_keys_close(&k);
}
