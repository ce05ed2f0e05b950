/*
 * tool/probe.h: one GET, to a pool by FastCGI or to a web server by HTTP.
 */
#ifndef TOOL_PROBE_H
#define TOOL_PROBE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct probe_answer {
	int status;      /* HTTP's */
	struct buf body; /* the caller frees it, after a failure too */
};

/*
 * patience_ms is for all of it, but for looking a name up: who sends a byte now
 * and then isn't waited for any longer.
 *
 * address: as in FCGI_LISTEN.  ST_UNAVAILABLE: nobody listens; ST_DENIED;
 * ST_TIMEOUT; ST_CLOSED: it hung up; ST_INVALID: no such answer.
 */
enum st_err probe_fastcgi(
    const char *address, const char *uri, int64_t patience_ms, struct probe_answer *out);

/* url: http://HOST[:PORT][/PREFIX]; path is put behind it. */
enum st_err probe_http(
    const char *url, const char *path, int64_t patience_ms, struct probe_answer *out);

#endif
