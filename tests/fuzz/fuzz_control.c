/*
 * The messages of the control socket: requests and answers of every type, all
 * readers on each input.
 *
 * Whatever is read can be written, is valid JSON then, and reads as the same; what
 * says that it went well said `ok`.
 */
#include <string.h>

#include "control/message.h"
#include "fuzz/fuzz.h"
#include "model/doc.h"

#define ID        "r-1"
#define NODES_MAX 200000

/* What was written once and, after it was read back, once more. */
static struct buf first, second;

static void begin(void)
{
	buf_free(&first);
	buf_free(&second);
	buf_init(&first, SIZE_MAX / 4);
	buf_init(&second, SIZE_MAX / 4);
}

static void holds_same(void)
{
	fuzz_holds_json(&first);
	HOLDS(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
}

static bool says_ok(const char *text, size_t len)
{
	bool ok = false;
	struct doc d;

	HOLDS(doc_parse(text, len, NODES_MAX, &d, NULL) == ST_OK);
	HOLDS(doc_bool(&d, doc_member(&d, doc_root(&d), "ok"), &ok) == ST_OK);
	doc_free(&d);
	return ok;
}

static void done(const char *text, size_t len)
{
	if (control_done_read(text, len, ID) == ST_OK)
		HOLDS(says_ok(text, len));
}

static void request(const char *text, size_t len)
{
	struct control_request r, again;

	if (control_request_read(text, len, &r) == ST_OK) {
		begin();
		HOLDS(r.id[0] && text_is_utf8(r.id, strlen(r.id)));
		control_request_write(&r, &first);
		HOLDS(control_request_read(first.data, first.len, &again) == ST_OK);
		control_request_write(&again, &second);
		control_request_free(&again);
		holds_same();
	}
	control_request_free(&r);
}

static void status(const char *text, size_t len)
{
	struct control_status s, again;

	if (control_status_read(text, len, ID, &s))
		return;
	HOLDS(says_ok(text, len));
	begin();
	control_status_write(ID, &s, &first);
	HOLDS(control_status_read(first.data, first.len, ID, &again) == ST_OK);
	control_status_write(ID, &again, &second);
	holds_same();
}

static void sync_end(const char *text, size_t len)
{
	struct control_sync s, again;

	if (control_sync_read(text, len, ID, &s))
		return;
	HOLDS(says_ok(text, len) == (s.failure == FAILURE_NONE));
	begin();
	control_sync_write(ID, &s, &first);
	HOLDS(control_sync_read(first.data, first.len, ID, &again) == ST_OK);
	control_sync_write(ID, &again, &second);
	holds_same();
}

static void taken(const char *text, size_t len)
{
	int64_t within, again;

	if (control_taken_read(text, len, ID, &within))
		return;
	HOLDS(says_ok(text, len) && within >= 0);
	begin();
	control_taken_write(ID, within, &first);
	HOLDS(control_taken_read(first.data, first.len, ID, &again) == ST_OK);
	HOLDS(within == again);
}

static void update(const char *text, size_t len)
{
	struct control_update u, again;

	if (control_update_read(text, len, ID, &u))
		return;
	HOLDS(says_ok(text, len) == (u.end == CONTROL_UPDATE_ANSWERED));
	begin();
	control_update_write(ID, &u, &first);
	HOLDS(control_update_read(first.data, first.len, ID, &again) == ST_OK);
	control_update_write(ID, &again, &second);
	update_results_free(&u.results);
	update_results_free(&again.results);
	holds_same();
}

/* ---- what is told meanwhile, and the end of it ---- */

struct told {
	struct control_progress progress;
	struct buf differences;
};

static void on_progress(void *arg, const struct control_progress *p)
{
	((struct told *)arg)->progress = *p;
}

static void on_difference(void *arg, const struct control_difference *d)
{
	HOLDS(text_is_utf8(d->id.data, d->id.len) && d->cached >= -1 && d->central >= -1);
	control_difference_add(&((struct told *)arg)->differences, d);
}

static enum st_err hear(
    const char *text, size_t len, struct told *t, struct control_report *r, bool *ended)
{
	const struct control_listener listener = { on_progress, on_difference, t };

	*t = (struct told){ 0 };
	buf_init(&t->differences, SIZE_MAX / 4);
	return control_report_read(text, len, ID, &listener, r, ended);
}

static void tell(struct told *t, const struct control_report *r, bool ended, struct buf *out)
{
	if (ended)
		control_report_write(ID, r, out);
	else
		control_progress_write(ID, &t->progress, &t->differences, out);
	buf_free(&t->differences);
}

static void report(const char *text, size_t len)
{
	struct control_report r;
	struct told t;
	bool ended;

	if (hear(text, len, &t, &r, &ended)) {
		buf_free(&t.differences);
		return;
	}
	begin();
	tell(&t, &r, ended, &first);
	HOLDS(hear(first.data, first.len, &t, &r, &ended) == ST_OK);
	tell(&t, &r, ended, &second);
	holds_same();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	request(text, size);
	status(text, size);
	sync_end(text, size);
	taken(text, size);
	update(text, size);
	report(text, size);
	done(text, size);
	return 0;
}
