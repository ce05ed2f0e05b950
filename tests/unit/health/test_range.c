#include "health/range.h"

#include <string.h>

#include "unit.h"

/* Alerts at these values, one letter each: a below 0, b 0, c 5, d 10, e 15, f 20, g above. */
static const double values[] = { -1, 0, 5, 10, 15, 20, 20.5 };

static const char *alerts_of(const char *text)
{
	static char got[sizeof(values) / sizeof(values[0]) + 1];
	struct range r;
	size_t n = 0;

	if (range_read(text, &r) != ST_OK)
		return "no range";
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (range_alerts(&r, values[i]))
			got[n++] = (char)('a' + i);
	got[n] = '\0';
	return got;
}

/* The guidelines' own table, and what follows from its words. */
TEST(range, alerts_where_the_guidelines_say)
{
	static const struct {
		const char *text, *alerts;
	} cases[] = {
		{ "10", "aefg" },
		{ "10:", "abc" },
		{ "~:10", "efg" },
		{ "10:20", "abcg" },
		{ "@10:20", "def" },
		{ "0", "acdefg" },
		{ "@0", "b" },
		{ "0:", "a" },
		{ ":10", "aefg" },
		{ ":", "a" },
		{ "~:", "" },
		{ "@~:", "abcdefg" },
		{ "@~:10", "abcd" },
		{ "@10:", "defg" },
		{ "10:10", "abcefg" },
		{ "-1:5", "defg" },
		{ "-5:-1", "bcdefg" },
		{ "4.9:5.1", "abdefg" },
		{ "20.5", "a" },
		{ "20.49", "ag" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ASSERT_TEXT(alerts_of(cases[i].text), cases[i].alerts);
}

TEST(range, keeps_its_text)
{
	struct range r;

	CU_ASSERT_EQUAL(range_read("@~:007.50", &r), ST_OK);
	ASSERT_TEXT(r.text, "@~:007.50");
	CU_ASSERT_TRUE(r.inside);
	CU_ASSERT_EQUAL(r.end, 7.5);
}

TEST(range, refuses_what_is_none)
{
	static const char *const texts[] = { "", "@", "~", "@~", "x", "5x", "5 ", " 5", "5m", "+5",
		"--5", "-", "1.", ".5", "1.2.3", "1e3", "0x10", "inf", "nan", "1,5", "20:10", "5:1",
		"0:-1", "-1", "10:20:30", "10:~", "~10", "~~:10", "@@5", "1:@5", "10::20", "5|6",
		"5;6", "5\n", "x:5", "5x:6" };
	struct range r = { .text = "untouched" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT_EQUAL_FATAL(range_read(texts[i], &r), ST_INVALID);
	ASSERT_TEXT(r.text, "untouched");
}

TEST(range, has_a_limit)
{
	char text[RANGE_TEXT_SIZE + 1];
	struct range r;

	memset(text, '1', sizeof(text));
	text[RANGE_TEXT_SIZE] = '\0';
	CU_ASSERT_EQUAL(range_read(text, &r), ST_TOO_BIG);
	text[RANGE_TEXT_SIZE - 1] = '\0';
	CU_ASSERT_EQUAL(range_read(text, &r), ST_OK);
}
