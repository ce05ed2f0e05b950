/*
 * api/path.h: the raw REQUEST_URI as path segments and query.
 *
 * REQUEST_URI is the one thing that every web server passes on unchanged.  The
 * path is split at `/` first and each segment is percent-decoded once, so that
 * `%2F` belongs to an id.  `.` and `..` are ordinary segments.
 */
#ifndef API_PATH_H
#define API_PATH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

#define PATH_SEGMENTS_MAX 16

struct path {
	struct span segments[PATH_SEGMENTS_MAX]; /* decoded; may be empty */
	size_t n;
	bool too_deep;      /* more segments than any route has: no such path */
	struct span query;  /* raw, behind the first `?`; empty where there is none */
	struct buf storage; /* of the decoded ones that had escapes */
};

/*
 * ST_INVALID for a bad escape, a byte 00-1F or 7F, or what is no UTF-8;
 * ST_NOMEM.  The caller frees with path_free() in either case; `uri` must stay.
 */
enum st_err path_read(struct span uri, struct path *out);
void path_free(struct path *p);

/*
 * Cut the prefix `from` ("/api") off the front and put `to` ("/v1/store", or
 * "") in its place, segment by segment.  A path that doesn't begin with `from`
 * stays as it is; so does every path where `from` is empty.  A slash more or
 * less at the ends of the two changes nothing.  The strings must stay.
 */
void path_mount(struct path *p, struct span from, struct span to);

/* "/a/b/{x}", where {x} is for any segment that isn't empty.  Its text must stay. */
struct path_template {
	struct span segments[PATH_SEGMENTS_MAX];
	size_t n;
};
void path_template_read(const char *text, struct path_template *out);

bool path_matches(const struct path *p, const struct path_template *t);

#endif
