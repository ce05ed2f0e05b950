/*
 * tool/request.c: requests to the api/ room, and what becomes of the answers.
 *
 * The api asks for a key, as it does of everybody.  Ours is made known to it
 * with its options and leaves this process nowhere: whoever runs us can read
 * the store anyway, or the store can't be opened.
 */
#include "tool/request.h"

#include <stdio.h>
#include <string.h>

#include "tool/show.h"

#define OWN_KEY      "storectl"
#define FORCE_WAIT_S (7 * 24 * 3600) /* a person can press Ctrl-C */
#define NODES_MAX    1000000
#define TEXT_LIMIT   ((size_t)256 * 1024 * 1024)

static const char *const own_keys[] = { OWN_KEY };

static struct api_options options_of(const struct config *c, int stop_fd)
{
	return (struct api_options){
		.store = { .data_dir = c->data_dir,
		    .map_size = (size_t)c->cache_map_size_mb << 20 },
		.run_dir = c->run_dir,
		.store_id = c->store_id,
		.store_id_set = c->store_id_set,
		.version = STORE_API_VERSION,
		.api_keys = own_keys,
		.n_api_keys = 1,
		.mount_from = "",
		.mount_to = "",
		.body_ms = API_BODY_MS,
		.stop_ms = API_STOP_MS,
		.force_wait_s = FORCE_WAIT_S,
		.threads = 1,
		.stop_fd = stop_fd,
	};
}

void requests_open(const struct tool *t, int stop_fd, struct requests *out)
{
	struct api_options options = options_of(t->config, stop_fd);

	*out = (struct requests){ .tool = t };
	out->err = api_open(&options, &out->api);
}

void requests_close(struct requests *r)
{
	if (r->api)
		api_close(r->api);
	r->api = NULL;
}

void request_run(
    const struct requests *r, const char *method, const char *uri, struct api_response *out)
{
	struct api_request request = { .method = { method, strlen(method) },
		.uri = { uri, strlen(uri) },
		.keys = { { OWN_KEY, sizeof(OWN_KEY) - 1 } },
		.n_keys = 1 };

	if (r->api)
		api_handle(r->api, &request, out);
	else
		api_problem(out, 500, "internal", st_err_text(r->err));
}

int64_t response_age(const struct api_response *r)
{
	static const char name[] = "\r\nAge: ";
	const char *at = strstr(buf_text(&r->headers), name);
	uint64_t seconds;

	if (!at)
		return -1;
	at += strlen(name);
	return text_to_uint(at, strcspn(at, "\r"), INT64_MAX, &seconds) ? -1 : (int64_t)seconds;
}

/* What a problem means to whoever waits for our exit code. */
static const struct {
	const char *code;
	int exit_code;
	const char *advice; /* "": none */
} problems[] = {
	{ "product_not_found", TOOL_NEGATIVE, "" },
	{ "sync_failed", TOOL_NEGATIVE, "" },
	{ "invalid_parameter", TOOL_USAGE, "" },
	{ "invalid_path", TOOL_USAGE, "" },
	{ "not_found", TOOL_USAGE, "" },
	{ "cache_not_ready", TOOL_UNAVAILABLE, "" },
	{ "storage_error", TOOL_UNAVAILABLE, "; storectl doctor may know why" },
	{ "sync_daemon_unavailable", TOOL_UNAVAILABLE, "; storectl doctor may know why" },
};

static int exit_code_of(const struct doc *d, const struct doc_node *code, const char **advice)
{
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (doc_is_text(d, code, problems[i].code)) {
			*advice = problems[i].advice;
			return problems[i].exit_code;
		}
	}
	return TOOL_UNAVAILABLE;
}

/* "--limit: allowed: …", "The full sync failed: …", in one line. */
static int problem_text(const struct doc *d, struct buf *out)
{
	const struct doc_node *error = doc_member(d, doc_root(d), "error");
	const struct doc_node *details = doc_member(d, error, "details");
	const struct doc_node *parameter = doc_member(d, details, "parameter");
	const struct doc_node *id = doc_member(d, details, "productId");
	const char *advice = "";
	int code = exit_code_of(d, doc_member(d, error, "code"), &advice);

	if (parameter) {
		buf_adds(out, "--");
		show_value(d, parameter, out);
		buf_adds(out, ": allowed: ");
		show_value(d, doc_member(d, details, "allowed"), out);
	} else {
		show_value(d, doc_member(d, error, "message"), out);
	}
	if (id) {
		buf_adds(out, ": ");
		show_value(d, id, out);
	}
	buf_adds(out, advice);
	return code;
}

int request_text(const struct api_response *r, answer_printer *print, void *arg, struct buf *out)
{
	struct answer a = { .response = r };
	int code;

	if (doc_parse(buf_text(&r->body), r->body.len, NODES_MAX, &a.doc, NULL)) {
		buf_adds(out, "the answer can't be read");
		return TOOL_SYSTEM;
	}
	code = r->status < 300 ? print(&a, arg, out) : problem_text(&a.doc, out);
	doc_free(&a.doc);
	return code;
}

int request_print(
    const struct tool *t, const struct api_response *r, answer_printer *print, void *arg)
{
	struct buf text;
	int code;

	buf_init(&text, TEXT_LIMIT);
	code = request_text(r, print, arg, &text);
	if (t->arguments->json)
		printf("%s\n", buf_text(&r->body));
	else if (r->status < 300)
		fputs(buf_text(&text), stdout);
	else
		tool_say("%s", buf_text(&text));
	buf_free(&text);
	return code;
}

int request_show(const struct requests *r, const char *uri, answer_printer *print, void *arg)
{
	struct api_response response;
	int code;

	api_response_init(&response);
	request_run(r, "GET", uri, &response);
	code = request_print(r->tool, &response, print, arg);
	api_response_free(&response);
	return code;
}

int request_show_one(const struct tool *t, const char *uri, answer_printer *print, void *arg)
{
	struct requests r;
	int code;

	requests_open(t, -1, &r);
	code = request_show(&r, uri, print, arg);
	requests_close(&r);
	return code;
}
