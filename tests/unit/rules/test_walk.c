/* Pages of a list that slides while it is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/walk.h"
#include "unit.h"

#define LIMIT 5

/* A page of the list of these letters ("ABCDEF"), as Central would make it; '?' can't be used. */
static void make_page(const char *list, int64_t offset, struct page *out, struct product *products)
{
	int64_t total = (int64_t)strlen(list), n = 0;

	*out = (struct page){ .dialect = PAGE_PAGES,
		.products = products,
		.offset = offset,
		.limit = LIMIT,
		.total = total,
		.event_offset = -1 };
	for (; n < LIMIT && offset + n < total; n++) {
		if (list[offset + n] == '?')
			out->rejected++;
		else
			products[out->n++] = (struct product){ .id = { list + offset + n, 1 } };
	}
	out->has_more = offset + n < total;
}

/* Walk to the end; lists[i] is the list when page i is asked for (the last stays).  What was used. */
static unsigned walk_all(const char *const *lists, char *used)
{
	struct product products[LIMIT];
	unsigned asked = 0;
	struct page page;
	struct walk w;
	size_t first;

	walk_begin(&w);
	*used = '\0';
	while (!w.done && asked < 50) {
		make_page(*lists, w.offset, &page, products);
		if (lists[1])
			lists++;
		asked++;
		if (walk_page(&w, &page, &first) != WALK_USE)
			continue;
		for (; first < page.n; first++)
			strncat(used, page.products[first].id.data, 1);
	}
	return asked;
}

TEST(rules_walk, uses_each_product_once_though_pages_slide)
{
	static const struct {
		const char *lists[6], *used;
		unsigned asked;
	} rows[] = {
		{ { "ABCDEFGHIJKL" }, "ABCDEFGHIJKL", 3 },
		{ { "ABC" }, "ABC", 1 },
		{ { "" }, "", 1 },
		{ { "ABCDE" }, "ABCDE", 1 },
		{ { "ABCDEF" }, "ABCDEF", 2 },
		/* something before the border goes: E is not seen again, so one step back */
		{ { "ABCDEFGHIJ", "BCDEFGHIJ" }, "ABCDEFGHIJ", 4 },
		{ { "ABCDEFGHIJ", "DEFGHIJ" }, "ABCDEFGHIJ", 5 },
		/* something comes: more is seen twice */
		{ { "BCDEFGHIJ", "ABCDEFGHIJ" }, "BCDEFGHIJ", 3 },
		/* the end goes while it is read */
		{ { "ABCDEFGHIJ", "ABCD" }, "ABCDE", 3 },
		{ { "ABCDEFGHIJ", "" }, "ABCDE", 5 },
		/* products that can't be used have no id to overlap with */
		{ { "ABCD??????KLM" }, "ABCDKLM", 3 },
		{ { "?????????????" }, "", 3 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char used[40];
		unsigned asked = walk_all(rows[i].lists, used);

		CU_ASSERT_STRING_EQUAL(used, rows[i].used);
		CU_ASSERT_EQUAL(asked, rows[i].asked);
	}
}

/* Products that are there all the time are never missed. */
TEST(rules_walk, random_slides)
{
	unsigned random = 3;

	for (int round = 0; round < 20000; round++) {
		char lists[8][40], used[80];
		const char *pointers[9] = { NULL };
		bool stays[26];

		for (int c = 0; c < 26; c++)
			stays[c] = rand_r(&random) % 2;
		for (int i = 0; i < 8; i++) {
			int n = 0;

			for (int c = 0; c < 26; c++)
				if (stays[c] || rand_r(&random) % 3 == 0)
					lists[i][n++] = (char)('A' + c);
			lists[i][n] = '\0';
			pointers[i] = lists[i];
		}
		CU_ASSERT_TRUE_FATAL(walk_all(pointers, used) < 50);
		for (int c = 0; c < 26; c++) {
			char *at = strchr(used, 'A' + c);

			CU_ASSERT_TRUE_FATAL(!stays[c] || at);
			CU_ASSERT_TRUE_FATAL(!at || !strchr(at + 1, 'A' + c));
		}
	}
}

TEST(rules_walk, covers_what_its_pages_say_something_of)
{
	struct product products[LIMIT];
	struct page page;
	struct walk w;
	size_t first;

	walk_begin(&w);
	CU_ASSERT_FALSE(walk_covers(&w, "A", 1));
	make_page("BDFHJLN", 0, &page, products);
	CU_ASSERT_EQUAL(walk_page(&w, &page, &first), WALK_USE);
	CU_ASSERT_TRUE(
	    walk_covers(&w, "A", 1) && walk_covers(&w, "C", 1) && walk_covers(&w, "J", 1));
	CU_ASSERT_FALSE(walk_covers(&w, "JA", 2) || walk_covers(&w, "K", 1));
	make_page("BDFHJLN", w.offset, &page, products);
	CU_ASSERT_EQUAL(walk_page(&w, &page, &first), WALK_USE);
	CU_ASSERT_EQUAL(first, 1);
	CU_ASSERT_TRUE(w.done && walk_covers(&w, "Z", 1));
	CU_ASSERT_EQUAL(w.products, 7);
	CU_ASSERT_EQUAL(w.total, 7);
}

TEST(rules_walk, refuses_what_was_not_asked_for)
{
	struct product products[LIMIT];
	struct page page;
	struct walk w;
	size_t first;

	walk_begin(&w);
	make_page("ABCDEFGH", 3, &page, products);
	CU_ASSERT_EQUAL(walk_page(&w, &page, &first), WALK_BAD);
	make_page("ABCDEFGH", 0, &page, products);
	page.n = 0;
	CU_ASSERT_EQUAL(walk_page(&w, &page, &first), WALK_BAD);
	/* Without offsets there is no order: all is covered at the end only. */
	make_page("ABCDEFGH", 0, &page, products);
	page.dialect = PAGE_CURSOR;
	CU_ASSERT_EQUAL(walk_page(&w, &page, &first), WALK_USE);
	CU_ASSERT_FALSE(walk_covers(&w, "A", 1));
	page.has_more = false;
	CU_ASSERT_EQUAL(walk_page(&w, &page, &first), WALK_USE);
	CU_ASSERT_TRUE(walk_covers(&w, "A", 1));
	page.has_more = true;
	page.n = 0;
	CU_ASSERT_EQUAL(walk_page(&w, &page, &first), WALK_BAD);
}
