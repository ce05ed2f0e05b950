#include <string.h>

#include "tool/silence.h"
#include "unit.h"

TEST(tool_silence, every_way_not_to_answer_has_words)
{
	static const struct {
		enum st_err err;
		const char *word;
	} cases[] = { { ST_UNAVAILABLE, "isn't running" }, { ST_DENIED, "may not" },
		{ ST_TIMEOUT, "doesn't answer" }, { ST_BUSY, "takes no connection" },
		{ ST_CLOSED, "has ended" }, { ST_INVALID, "no answer that can be used" },
		{ ST_SYSTEM, "no answer that can be used" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct silence *s = silence_of(cases[i].err);

		CU_ASSERT_PTR_NOT_NULL(strstr(s->what, cases[i].word));
		CU_ASSERT_TRUE(s->advice[0] != '\0');
	}
}
