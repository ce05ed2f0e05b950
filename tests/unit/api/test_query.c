#include <stdio.h>
#include <string.h>

#include "api/query.h"
#include "unit.h"

/* "offset limit", or the name of the one that can't be used. */
static void read_query(const char *query, size_t len, char out[64])
{
	struct query_number asked[] = {
		{ "offset", 0, QUERY_NUMBER_MAX, 0, "from 0", false },
		{ "limit", 1, QUERY_NUMBER_MAX, 50, "from 1", false },
	};
	const struct query_number *bad = query_read_numbers((struct span){ query, len }, asked, 2);

	if (bad)
		snprintf(out, 64, "%s", bad->name);
	else
		snprintf(out, 64, "%llu %llu", (unsigned long long)asked[0].value,
		    (unsigned long long)asked[1].value);
}

struct query_case {
	const char *query, *expected;
};

static void read_all(const struct query_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char got[64];

		read_query(cases[i].query, strlen(cases[i].query), got);
		if (strcmp(got, cases[i].expected) != 0)
			printf("\n%s\n", cases[i].query);
		ASSERT_TEXT(got, cases[i].expected);
	}
}

#define READ_ALL(cases) read_all((cases), sizeof(cases) / sizeof((cases)[0]))

TEST(api_query, reads_numbers)
{
	static const struct query_case cases[] = {
		{ "", "0 50" },
		{ "offset=7", "7 50" },
		{ "limit=3&offset=7", "7 3" },
		{ "offset=7&limit=3", "7 3" },
		{ "offset=0007", "7 50" },
		{ "limit=9007199254740992", "0 9007199254740992" },
		{ "offset=%37", "7 50" },
		{ "%6Fffset=7", "7 50" },
	};

	READ_ALL(cases);
}

TEST(api_query, ignores_what_it_does_not_know)
{
	static const struct query_case cases[] = {
		{ "&", "0 50" },
		{ "&&&limit=3&&", "0 3" },
		{ "x", "0 50" },
		{ "=", "0 50" },
		{ "=5", "0 50" },
		{ "x=1&x=2&limit=3", "0 3" },
		{ "Limit=x", "0 50" },
		{ "limits=x", "0 50" },
		{ "limi=x", "0 50" },
		{ "limit%00=x", "0 50" },
		{ "+limit=x", "0 50" },
		{ "%zz=1&limit=3", "0 3" },
		{ "x=%zz&limit=3", "0 3" },
		{ "\xff=\xff&limit=3", "0 3" },
		{ "limit%3D3", "0 50" },
		{ "?limit=3", "0 50" },
		{ "limit;=3", "0 50" },
	};

	READ_ALL(cases);
}

TEST(api_query, names_the_one_that_can_not_be_used)
{
	static const struct query_case cases[] = {
		{ "limit", "limit" },
		{ "limit=", "limit" },
		{ "limit=0", "limit" },
		{ "limit=-1", "limit" },
		{ "limit=+1", "limit" },
		{ "limit=%2B1", "limit" },
		{ "limit=1+", "limit" },
		{ "limit=1%20", "limit" },
		{ "limit=1.0", "limit" },
		{ "limit=1e1", "limit" },
		{ "limit=0x1", "limit" },
		{ "limit=x", "limit" },
		{ "limit=1=1", "limit" },
		{ "limit=%zz", "limit" },
		{ "limit=1%", "limit" },
		{ "limit=%00", "limit" },
		{ "limit=1%00", "limit" },
		{ "limit=\xd9\xa1", "limit" }, /* a digit, but none of ours */
		{ "limit=9007199254740993", "limit" },
		{ "limit=18446744073709551617", "limit" },
		{ "limit=99999999999999999999999999999999", "limit" },
		{ "limit=1&limit=1", "limit" },
		{ "limit=1&%6Cimit=1", "limit" },
		{ "limit=1&x=1&limit=", "limit" },
		{ "offset=-1", "offset" },
		{ "offset=", "offset" },
		{ "offset=1&offset=2", "offset" },
		{ "limit=x&offset=x", "offset" },
	};

	READ_ALL(cases);
}

TEST(api_query, has_no_patience_with_long_numbers)
{
	static char query[60000] = "limit=";
	char got[64];

	memset(query + 6, '0', sizeof(query) - 6);
	query[sizeof(query) - 1] = '1';
	read_query(query, sizeof(query), got);
	ASSERT_TEXT(got, "limit");
	/* Names too: one that is long is none of ours. */
	memset(query, 'a', sizeof(query) - 2);
	query[sizeof(query) - 2] = '=';
	read_query(query, sizeof(query), got);
	ASSERT_TEXT(got, "0 50");
}
