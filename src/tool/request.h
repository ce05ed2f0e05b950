/*
 * tool/request.h: a REST request answered by the api/ room in this process.
 */
#ifndef TOOL_REQUEST_H
#define TOOL_REQUEST_H

#include "api/api.h"
#include "model/doc.h"
#include "tool/command.h"

/* For one request after the other, without opening the store for each. */
struct requests {
	const struct tool *tool;
	struct api *api; /* NULL: it couldn't be opened; each request is answered with that */
	enum st_err err;
};

/* stop_fd as in struct api_options. */
void requests_open(const struct tool *t, int stop_fd, struct requests *out);
void requests_close(struct requests *r);

/* No FastCGI, no HTTP, no key.  Never fails: a failure is an answer too. */
void request_run(
    const struct requests *r, const char *method, const char *uri, struct api_response *out);

/* An answer that was read; valid within the function that is given it. */
struct answer {
	struct doc doc;
	const struct api_response *response;
};

/* What a good answer says to a person, appended to out; the exit code. */
typedef int answer_printer(const struct answer *a, void *arg, struct buf *out);

/*
 * Print the answer: with --json its body, else what `print` makes of it, on
 * stdout; where it is a problem, its words on stderr.  The exit code.
 */
int request_print(
    const struct tool *t, const struct api_response *r, answer_printer *print, void *arg);

/* GET and request_print(); the second for one that stands alone. */
int request_show(const struct requests *r, const char *uri, answer_printer *print, void *arg);
int request_show_one(const struct tool *t, const char *uri, answer_printer *print, void *arg);

/*
 * The text of an answer without printing it: of 200 as `print` makes it, of a
 * problem its words in one line.  The exit code.
 */
int request_text(const struct api_response *r, answer_printer *print, void *arg, struct buf *out);

/* Seconds of the Age header; -1: unknown. */
int64_t response_age(const struct api_response *r);

#endif
