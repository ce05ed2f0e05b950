#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/path.h"
#include "unit.h"

#define SPAN(text) ((struct span){ (text), sizeof(text) - 1 })

/* "a|b?query" */
static void shown(const struct path *p, char out[512])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < p->n; i++)
		len += (size_t)snprintf(out + len, 512 - len, "%s%.*s", i ? "|" : "",
		    (int)p->segments[i].len, p->segments[i].data);
	snprintf(out + len, 512 - len, "%s?%.*s", p->too_deep ? "|..." : "", (int)p->query.len,
	    p->query.data);
}

/* From memory of just that size, so that a checker sees what reads past its end. */
static enum st_err read_exact(const char *uri, size_t len, struct path *out, char **copy)
{
	*copy = malloc(len ? len : 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*copy);
	memcpy(*copy, uri, len);
	return path_read((struct span){ *copy, len }, out);
}

struct path_case {
	struct span uri;
	const char *expected; /* NULL: ST_INVALID */
};

static void read_case(const struct path_case *c)
{
	char got[512], *copy;
	struct path p;
	enum st_err err = read_exact(c->uri.data, c->uri.len, &p, &copy);

	if (c->expected && err == ST_OK) {
		shown(&p, got);
		ASSERT_TEXT(got, c->expected);
	}
	if ((err == ST_OK) != (c->expected != NULL))
		printf("\n%s\n", c->uri.data);
	CU_ASSERT_EQUAL(err, c->expected ? ST_OK : ST_INVALID);
	path_free(&p);
	free(copy);
}

TEST(api_path, splits_first_and_decodes_once)
{
	static const struct path_case cases[] = {
		{ SPAN("/"), "?" },
		{ SPAN("/a"), "a?" },
		{ SPAN("/a/b"), "a|b?" },
		{ SPAN("/a/"), "a|?" },
		{ SPAN("//a"), "|a?" },
		{ SPAN("/a?b=c"), "a?b=c" },
		{ SPAN("/a?"), "a?" },
		{ SPAN("/a?b?c/d"), "a?b?c/d" },
		{ SPAN("/?a"), "?a" },
		{ SPAN("/a%2Fb/c"), "a/b|c?" },
		{ SPAN("/a%2fb"), "a/b?" },
		{ SPAN("/a%252Fb"), "a%2Fb?" },
		{ SPAN("/a%3Fb?c"), "a?b?c" },
		{ SPAN("/a+b"), "a+b?" },
		{ SPAN("/a%20b"), "a b?" },
		{ SPAN("/./../a"), ".|..|a?" },
		{ SPAN("/%2e%2E/a"), "..|a?" },
		{ SPAN("/%E6%97%A5"), "\xe6\x97\xa5?" },
		{ SPAN("/\xe6\x97\xa5"), "\xe6\x97\xa5?" },
		{ SPAN("/a;b=c,d"), "a;b=c,d?" },
		/* The query is none of ours here, whatever is in it. */
		{ SPAN("/a?%zz\xff\x01"), "a?%zz\xff\x01" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		read_case(&cases[i]);
}

TEST(api_path, strips_scheme_and_authority)
{
	static const struct path_case cases[] = {
		{ SPAN("http://h/a/b?c"), "a|b?c" },
		{ SPAN("https://h:8443/a"), "a?" },
		{ SPAN("HTTP://H/a"), "a?" },
		{ SPAN("http://h"), "?" },
		{ SPAN("http://"), "?" },
		{ SPAN("http://h?x=/v1/store"), "?" },
		{ SPAN("http://h//a"), "|a?" },
		{ SPAN("/http://h/a"), "http:||h|a?" },
		{ SPAN("ftp://h/a"), NULL },
		{ SPAN("http:/a"), NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		read_case(&cases[i]);
}

TEST(api_path, refuses_what_is_no_path)
{
	static const struct path_case cases[] = {
		{ SPAN(""), NULL },
		{ SPAN("*"), NULL },
		{ SPAN("a/b"), NULL },
		{ SPAN("?a"), NULL },
		{ SPAN("/%"), NULL },
		{ SPAN("/%2"), NULL },
		{ SPAN("/%2/a"), NULL },
		{ SPAN("/%zz"), NULL },
		{ SPAN("/%-1"), NULL },
		{ SPAN("/% 1"), NULL },
		{ SPAN("/a%"), NULL },
		{ SPAN("/%00"), NULL },
		{ SPAN("/a%0Ab"), NULL },
		{ SPAN("/%1f"), NULL },
		{ SPAN("/%7F"), NULL },
		{ SPAN("/a\nb"), NULL },
		{ SPAN("/a\0b"), NULL },
		{ SPAN("/\x7f"), NULL },
		{ SPAN("/%ff"), NULL },
		{ SPAN("/\xff"), NULL },
		{ SPAN("/%C0%80"), NULL },
		{ SPAN("/%ED%A0%80"), NULL },
		{ SPAN("/%F4%90%80%80"), NULL },
		/* A character over two segments is none. */
		{ SPAN("/%E6%97/%A5"), NULL },
		/* A bad segment anywhere spoils the whole. */
		{ SPAN("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/%zz"), NULL },
	};
	struct path p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		read_case(&cases[i]);
	/* No REQUEST_URI at all. */
	CU_ASSERT_EQUAL(path_read((struct span){ NULL, 0 }, &p), ST_INVALID);
	path_free(&p);
}

TEST(api_path, has_limits)
{
	static char uri[70000];
	struct path p;
	char got[512];

	memset(uri, 'a', sizeof(uri));
	uri[0] = '/';
	CU_ASSERT_EQUAL(path_read((struct span){ uri, 65536 }, &p), ST_OK);
	CU_ASSERT_EQUAL(p.segments[0].len, 65535);
	path_free(&p);
	CU_ASSERT_EQUAL(path_read((struct span){ uri, 65537 }, &p), ST_INVALID);
	path_free(&p);
	memset(uri, '/', sizeof(uri));
	CU_ASSERT_EQUAL(path_read((struct span){ uri, 60000 }, &p), ST_OK);
	CU_ASSERT_EQUAL(p.n, PATH_SEGMENTS_MAX);
	CU_ASSERT_TRUE(p.too_deep);
	shown(&p, got);
	ASSERT_TEXT(got, "|||||||||||||||"
			 "|...?");
	path_free(&p);
}

TEST(api_path, mounts_segment_by_segment)
{
	static const struct {
		const char *uri, *from, *to, *expected;
	} cases[] = {
		{ "/api/v1/store", "/api", "", "v1|store?" },
		{ "/api/inventory/x", "/api", "/v1/store", "v1|store|inventory|x?" },
		{ "/a/b/health", "/a/b", "", "health?" },
		{ "/api", "/api", "", "?" },
		{ "/api", "/api", "/v1", "v1?" },
		{ "/api/", "/api", "", "?" },
		/* After decoding, and whole segments only. */
		{ "/%61pi/x?q", "/api", "", "x?q" },
		{ "/apifoo/x", "/api", "", "apifoo|x?" },
		{ "/ap/x", "/api", "", "ap|x?" },
		{ "/API/x", "/api", "", "API|x?" },
		{ "/api%2Fx", "/api", "", "api/x?" },
		{ "//api/x", "/api", "", "|api|x?" },
		/* Not there: as it is. */
		{ "/health", "/api", "/v1/store", "health?" },
		{ "/a", "/a/b", "", "a?" },
		{ "/a/c", "/a/b", "", "a|c?" },
		{ "/x", "", "/v1", "x?" },
		{ "/x", "/", "/v1", "x?" },
		/* Once, not as often as it fits. */
		{ "/api/api/x", "/api", "", "api|x?" },
		{ "/api/x", "/api", "/api", "api|x?" },
		/* As web servers' settings have it. */
		{ "/api/x", "/api/", "", "x?" },
		{ "/api/x", "api", "v1/", "v1|x?" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct path p;
		char got[512];

		CU_ASSERT_EQUAL_FATAL(
		    path_read((struct span){ cases[i].uri, strlen(cases[i].uri) }, &p), ST_OK);
		path_mount(&p, (struct span){ cases[i].from, strlen(cases[i].from) },
		    (struct span){ cases[i].to, strlen(cases[i].to) });
		shown(&p, got);
		ASSERT_TEXT(got, cases[i].expected);
		path_free(&p);
	}
}

TEST(api_path, mounts_no_deeper_than_it_can)
{
	static const char many[] = "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19";
	struct path p;
	char got[512];

	CU_ASSERT_EQUAL_FATAL(path_read(SPAN("/api/a/b/c"), &p), ST_OK);
	path_mount(&p, SPAN("/api"), SPAN(many));
	shown(&p, got);
	ASSERT_TEXT(got, "1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|...?");
	path_free(&p);
	CU_ASSERT_EQUAL_FATAL(path_read(SPAN("/a"), &p), ST_OK);
	path_mount(&p, SPAN(many), SPAN("/b"));
	shown(&p, got);
	ASSERT_TEXT(got, "a?");
	path_free(&p);
}

TEST(api_path, matches_templates)
{
	static const struct {
		const char *uri, *template;
		bool matches;
	} cases[] = {
		{ "/a/b", "/a/b", true },
		{ "/a/b?c", "/a/b", true },
		{ "/a/%62", "/a/b", true },
		{ "/a", "/a/b", false },
		{ "/a/b/c", "/a/b", false },
		{ "/a/b/", "/a/b", false },
		{ "/a%2Fb/c", "/a/b/c", false },
		{ "/a%2Fb", "/a/b", false },
		{ "/a//b", "/a/b", false },
		{ "/A/b", "/a/b", false },
		{ "/a/x", "/a/{id}", true },
		{ "/a/x%2Fy", "/a/{id}", true },
		{ "/a/x/y", "/a/{id}", false },
		{ "/a/", "/a/{id}", false },
		{ "/a", "/a/{id}", false },
		{ "/a/{id}", "/a/{id}", true },
		{ "/a/..", "/a/{id}", true },
		{ "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g", "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g", true },
		{ "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h", "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct path_template t;
		struct path p;

		path_template_read(cases[i].template, &t);
		CU_ASSERT_EQUAL_FATAL(
		    path_read((struct span){ cases[i].uri, strlen(cases[i].uri) }, &p), ST_OK);
		if (path_matches(&p, &t) != cases[i].matches)
			printf("\n%s %s\n", cases[i].uri, cases[i].template);
		CU_ASSERT_EQUAL(path_matches(&p, &t), cases[i].matches);
		path_free(&p);
	}
}
