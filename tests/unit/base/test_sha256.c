#include <string.h>

#include "base/sha256.h"
#include "unit.h"

/* FIPS 180-4's own examples; sha256sum(1) says the same. */
TEST(sha256, sums_that_everybody_knows)
{
	static const struct {
		const char *text, *sum;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[SHA256_TEXT_SIZE] = "";
		struct sha256 *s;

		CU_ASSERT_EQUAL_FATAL(sha256_new(&s), ST_OK);
		for (const char *at = cases[i].text; *at; at++)
			sha256_add(s, at, 1);
		CU_ASSERT_EQUAL(sha256_text(s, text), ST_OK);
		ASSERT_TEXT(text, cases[i].sum);
		sha256_free(s);
	}
	sha256_free(NULL);
}
