/*
 * unit.h: a unit test registers itself, so that no list of tests is kept.
 *
 *   TEST(buf, grows_up_to_its_limit)
 *   {
 *           CU_ASSERT_EQUAL(...);
 *   }
 *
 * The first word is the suite (file and room), the second the behaviour.
 */
#ifndef UNIT_H
#define UNIT_H

#include <CUnit/CUnit.h>
#include <stddef.h>

void unit_register(const char *suite, const char *name, void (*run)(void));

#define TEST(suite, name)                                                        \
	static void suite##_##name(void);                                        \
	__attribute__((constructor)) static void register_##suite##_##name(void) \
	{                                                                        \
		unit_register(#suite, #name, suite##_##name);                    \
	}                                                                        \
	static void suite##_##name(void)

/* Strings as they are, with a message that shows both on failure. */
#define ASSERT_TEXT(actual, expected) unit_assert_text((actual), (expected), __FILE__, __LINE__)
void unit_assert_text(const char *actual, const char *expected, const char *file, int line);

/* A new empty directory, removed with all below it when the program ends. */
const char *unit_temp_dir(void);

#endif
