#include "api/path.h"

#include <string.h>

#define URI_MAX 65536

/* Absolute-form (some servers keep it): what follows the authority counts. */
static struct span without_authority(struct span uri)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(schemes[i]);
		const char *slash, *query;

		if (uri.len < len || strncasecmp(uri.data, schemes[i], len) != 0)
			continue;
		slash = memchr(uri.data + len, '/', uri.len - len);
		query = memchr(uri.data + len, '?', uri.len - len);
		if (!slash || (query && query < slash))
			return (struct span){ "/", 1 };
		return (struct span){ slash, (size_t)(uri.data + uri.len - slash) };
	}
	return uri;
}

/* What holds no escape stays where it is. */
static enum st_err add_segment(struct path *p, struct span raw)
{
	struct span s = raw;

	if (memchr(raw.data, '%', raw.len)) {
		size_t from = p->storage.len;
		enum st_err err = text_percent_decode(raw.data, raw.len, false, &p->storage);

		if (err)
			return err;
		s = (struct span){ p->storage.data + from, p->storage.len - from };
	}
	if (text_has_control(s.data, s.len) || !text_is_utf8(s.data, s.len))
		return ST_INVALID;
	if (p->n < PATH_SEGMENTS_MAX)
		p->segments[p->n++] = s;
	else
		p->too_deep = true;
	return ST_OK;
}

static enum st_err add_segments(struct path *p, const char *at, const char *stop)
{
	/* Decoding never makes it longer: with this the segments stay in place. */
	if (memchr(at, '%', (size_t)(stop - at)) && !buf_room(&p->storage, (size_t)(stop - at)))
		return ST_NOMEM;
	while (at <= stop) {
		const char *slash = memchr(at, '/', (size_t)(stop - at));
		const char *end = slash ? slash : stop;
		enum st_err err = add_segment(p, (struct span){ at, (size_t)(end - at) });

		if (err)
			return err;
		at = end + 1;
	}
	return ST_OK;
}

enum st_err path_read(struct span uri, struct path *out)
{
	const char *query;
	size_t len;

	out->n = 0;
	out->too_deep = false;
	out->query = (struct span){ "", 0 };
	buf_init(&out->storage, URI_MAX);
	uri = without_authority(uri);
	if (uri.len == 0 || uri.len > URI_MAX || uri.data[0] != '/')
		return ST_INVALID;
	query = memchr(uri.data, '?', uri.len);
	len = query ? (size_t)(query - uri.data) : uri.len;
	if (query)
		out->query = (struct span){ query + 1, uri.len - len - 1 };
	return add_segments(out, uri.data + 1, uri.data + len);
}

void path_free(struct path *p)
{
	buf_free(&p->storage);
}

/* The next segment of a prefix such as "/api/v1", "api/v1/" or "/"; false at its end. */
static bool next_segment(struct span *prefix, struct span *segment)
{
	const char *slash;

	while (prefix->len > 0 && prefix->data[0] == '/') {
		prefix->data++;
		prefix->len--;
	}
	if (prefix->len == 0)
		return false;
	slash = memchr(prefix->data, '/', prefix->len);
	segment->data = prefix->data;
	segment->len = slash ? (size_t)(slash - prefix->data) : prefix->len;
	prefix->data += segment->len;
	prefix->len -= segment->len;
	return true;
}

static bool same(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

void path_mount(struct path *p, struct span from, struct span to)
{
	struct span segments[PATH_SEGMENTS_MAX], segment;
	size_t cut = 0, n = 0;

	while (next_segment(&from, &segment)) {
		if (cut >= p->n || !same(segment, p->segments[cut]))
			return;
		cut++;
	}
	if (cut == 0)
		return;
	while (next_segment(&to, &segment) && n < PATH_SEGMENTS_MAX)
		segments[n++] = segment;
	for (size_t i = cut; i < p->n; i++) {
		if (n == PATH_SEGMENTS_MAX) {
			p->too_deep = true;
			break;
		}
		segments[n++] = p->segments[i];
	}
	memcpy(p->segments, segments, n * sizeof(segments[0]));
	p->n = n;
}

void path_template_read(const char *text, struct path_template *out)
{
	struct span rest = { text, strlen(text) };

	out->n = 0;
	while (out->n < PATH_SEGMENTS_MAX && next_segment(&rest, &out->segments[out->n]))
		out->n++;
}

/* From the end: the first segments are much the same in all of them. */
bool path_matches(const struct path *p, const struct path_template *t)
{
	size_t i = t->n;

	if (p->n != t->n || p->too_deep)
		return false;
	while (i-- > 0) {
		bool is_any = t->segments[i].data[0] == '{';

		if (is_any ? p->segments[i].len == 0 : !same(t->segments[i], p->segments[i]))
			return false;
	}
	return true;
}
