#include <stdio.h>
#include <string.h>

#include "tool/progress.h"
#include "unit.h"

static const struct mono start = { 1000000 };

static const char *text_of(const struct progress *p, int64_t after_ms, size_t columns)
{
	static char copy[256];
	struct buf out;

	buf_init(&out, 4096);
	progress_text(p, mono_add_ms(start, after_ms), columns, &out);
	snprintf(copy, sizeof(copy), "%s", buf_text(&out));
	buf_free(&out);
	return copy;
}

TEST(tool_progress, tells_share_rate_and_remaining_time)
{
	struct progress p;

	progress_begin(&p, "full sync", true);
	progress_show(&p, 0, -1, start);
	ASSERT_TEXT(text_of(&p, 1000, 120), "full sync: 0 products");
	progress_show(&p, 400, 1000, mono_add_ms(start, 5000));
	ASSERT_TEXT(text_of(&p, 5000, 0), "full sync: 400 of 1000 products, 40 %, 80/s, 8s left");
	ASSERT_TEXT(text_of(&p, 5000, 120),
	    "full sync: [#########...............] 400 of 1000 products, 40 %, 80/s, 8s left");
	progress_show(&p, 1000, 1000, mono_add_ms(start, 10000));
	ASSERT_TEXT(text_of(&p, 10000, 120),
	    "full sync: [########################] 1000 of 1000 products, 100 %, 100/s");
}

TEST(tool_progress, a_list_that_grows_is_never_above_all_of_it)
{
	struct progress p;

	progress_begin(&p, "full sync", true);
	progress_show(&p, 0, 10, start);
	progress_show(&p, 12, 10, mono_add_ms(start, 6000));
	ASSERT_TEXT(text_of(&p, 6000, 0), "full sync: 12 of 10 products, 100 %, 2.0/s");
}

TEST(tool_progress, joined_in_the_middle_or_begun_anew_it_counts_from_there)
{
	struct progress p;

	progress_begin(&p, "full sync", true);
	progress_show(&p, 500, 1000, start);
	progress_show(&p, 600, 1000, mono_add_ms(start, 10000));
	ASSERT_TEXT(text_of(&p, 10000, 0), "full sync: 600 of 1000 products, 60 %, 10/s, 41s left");
	progress_show(&p, 0, 1000, mono_add_ms(start, 20000));
	progress_show(&p, 100, 1000, mono_add_ms(start, 21000));
	ASSERT_TEXT(
	    text_of(&p, 21000, 0), "full sync: 100 of 1000 products, 10 %, 100/s, 10s left");
}

TEST(tool_progress, of_what_never_ends_no_time_is_told)
{
	struct progress p;

	progress_begin(&p, "full sync", true);
	progress_show(&p, 0, 1000000000, start);
	progress_show(&p, 1, 1000000000, mono_add_ms(start, 1000));
	ASSERT_TEXT(text_of(&p, 1000, 0), "full sync: 1 of 1000000000 products, 0 %, 1.0/s");
}

TEST(tool_progress, it_stays_within_one_line_of_the_terminal)
{
	static const char whole[] =
	    "full sync: [#########...............] 400 of 1000 products, 40 %, 80/s, 8s left";
	static const char plain[] = "full sync: 400 of 1000 products, 40 %, 80/s, 8s left";
	struct progress p;

	progress_begin(&p, "full sync", true);
	progress_show(&p, 0, -1, start);
	progress_show(&p, 400, 1000, mono_add_ms(start, 5000));
	ASSERT_TEXT(text_of(&p, 5000, sizeof(whole)), whole);
	ASSERT_TEXT(text_of(&p, 5000, sizeof(whole) - 1), plain);
	ASSERT_TEXT(text_of(&p, 5000, sizeof(plain)), plain);
	CU_ASSERT_EQUAL(strlen(text_of(&p, 5000, 30)), 29);
	CU_ASSERT_EQUAL(strlen(text_of(&p, 5000, 1)), 0);
}
