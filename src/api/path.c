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

static enum st_err add_segment(struct path *p, const char *raw, size_t len)
{
	size_t from = p->storage.len;
	enum st_err err = text_percent_decode(raw, len, false, &p->storage);
	struct span s;

	if (err)
		return err;
	s = (struct span){ p->storage.data ? p->storage.data + from : "", p->storage.len - from };
	if (text_has_control(s.data, s.len) || !text_is_utf8(s.data, s.len))
		return ST_INVALID;
	if (p->n < PATH_SEGMENTS_MAX)
		p->segments[p->n++] = s;
	else
		p->too_deep = true;
	return ST_OK;
}

enum st_err path_read(struct span uri, struct path *out)
{
	const char *at, *stop, *query;

	memset(out, 0, sizeof(*out));
	buf_init(&out->storage, URI_MAX);
	uri = without_authority(uri);
	if (uri.len == 0 || uri.data[0] != '/')
		return ST_INVALID;
	query = memchr(uri.data, '?', uri.len);
	stop = query ? query : uri.data + uri.len;
	out->query = query ? (struct span){ query + 1, (size_t)(uri.data + uri.len - query - 1) }
	                   : (struct span){ "", 0 };
	/* Decoding never makes it longer: with this the segments stay in place. */
	if (!buf_room(&out->storage, uri.len))
		return out->storage.err == ST_TOO_BIG ? ST_INVALID : ST_NOMEM;
	for (at = uri.data + 1; at <= stop;) {
		const char *slash = memchr(at, '/', (size_t)(stop - at));
		const char *end = slash ? slash : stop;
		enum st_err err = add_segment(out, at, (size_t)(end - at));

		if (err)
			return err;
		at = end + 1;
	}
	return ST_OK;
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

bool path_matches(const struct path *p, const char *template)
{
	for (size_t i = 0; i < p->n; i++) {
		struct span part;

		if (*template != '/')
			return false;
		template += 1;
		part = (struct span){ template, strcspn(template, "/") };
		if (*template == '{' ? p->segments[i].len == 0 : !same(part, p->segments[i]))
			return false;
		template += part.len;
	}
	return *template == '\0' && !p->too_deep;
}
