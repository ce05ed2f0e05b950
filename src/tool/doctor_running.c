/*
 * tool/doctor_running.c: what runs: daemon, pool, web server, and Central as
 * the daemon sees it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/client.h"
#include "tool/doctor.h"
#include "tool/probe.h"
#include "tool/show.h"
#include "tool/silence.h"

#define OWN_ID      "storectl-doctor"
#define ASK_MS      2000
#define PATIENCE_MS 5000 /* with the pool, and with a web server */
#define HEALTH      "/health"
#define SERVICE     "store-api"
#define VERSION_MAX 64

/* ---- the daemon ---- */

void check_daemon(struct doctor *d)
{
	struct control_status status;
	enum st_err err = control_ask_status(d->tool->config->run_dir, OWN_ID, ASK_MS, &status);
	const struct silence *silence = silence_of(err);

	if (!err && strcmp(status.version, STORE_API_VERSION) == 0) {
		doctor_find(d, GRADE_OK, NULL, "the daemon answers, version %s, state %s",
		    status.version, sync_state_text(status.state));
		return;
	}
	if (!err) {
		doctor_find(d, GRADE_WARN, "restart the daemon: systemctl restart store-syncd",
		    "the daemon runs version %s and this is " STORE_API_VERSION,
		    status.version[0] ? status.version : "(older)");
		return;
	}
	doctor_find(d, GRADE_FAIL, silence->advice, "%s (%s/%s)", silence->what,
	    d->tool->config->run_dir, CONTROL_SOCKET_NAME);
}

/* ---- Central ---- */

static const char *const central_advice[FAILURE_CLASS_COUNT] = {
	[FAILURE_CONNECT] = "look at CENTRAL_API_URL, names, routes, firewalls and certificates",
	[FAILURE_TIMEOUT] = "ask whoever runs Central; a slow line wants CENTRAL_TIMEOUT_SECONDS",
	[FAILURE_HTTP_5XX] = "ask whoever runs Central",
	[FAILURE_RATE_LIMITED] =
	    "wait; where several stores share one address, ask for a higher limit",
	[FAILURE_AUTH] =
	    "set CENTRAL_API_KEY in store-syncd.conf, then systemctl reload store-syncd",
	[FAILURE_BAD_ANSWER] =
	    "see that CENTRAL_API_URL leads to Central, and not to a proxy's page",
	[FAILURE_STORAGE] = "make room on the disk of DATA_DIR, or raise CACHE_MAP_SIZE_MB",
};

void check_central(struct doctor *d)
{
	struct control_status s;
	char at[TIME_TEXT_SIZE] = "never";

	if (control_ask_status(d->tool->config->run_dir, OWN_ID, ASK_MS, &s)) {
		doctor_find(d, GRADE_NOTE, NULL, "only the daemon talks to Central");
		return;
	}
	if (s.last_contact_at >= 0)
		text_time(s.last_contact_at, at);
	if (s.failure != FAILURE_NONE)
		doctor_find(d, s.failure == FAILURE_RATE_LIMITED ? GRADE_WARN : GRADE_FAIL,
		    central_advice[s.failure], "%s: %s (failures in a row: %u, last contact: %s)",
		    failure_class_text(s.failure), s.failure_message, s.consecutive_failures, at);
	else if (s.last_contact_at < 0)
		doctor_find(d, GRADE_NOTE, NULL, "no answer of Central yet since the start");
	else
		doctor_find(
		    d, GRADE_OK, NULL, "Central answers and takes our key; last contact %s", at);
}

/* ---- /health, whoever hands it over ---- */

struct health_answer {
	bool ours;
	char status[VERSION_MAX], version[VERSION_MAX];
};

static void copy_member(const struct doc *d, const char *name, char out[VERSION_MAX])
{
	struct buf text;

	buf_init(&text, VERSION_MAX - 1);
	show_value(d, doc_member(d, doc_root(d), name), &text);
	memcpy(out, buf_text(&text), text.len + 1);
	buf_free(&text);
}

static struct health_answer read_health(const struct probe_answer *a)
{
	struct health_answer h = { 0 };
	struct doc doc;

	if (doc_parse(buf_text(&a->body), a->body.len, 100, &doc, NULL))
		return h;
	h.ours = doc_is_text(&doc, doc_member(&doc, doc_root(&doc), "service"), SERVICE);
	copy_member(&doc, "status", h.status);
	copy_member(&doc, "version", h.version);
	doc_free(&doc);
	return h;
}

static const char *pool_advice(enum st_err err)
{
	switch (err) {
	case ST_UNAVAILABLE:
		return "start the pool: systemctl start store-api.socket, or as the web server "
		       "does";
	case ST_DENIED: return "be root, or of the socket's group, to look at it";
	case ST_TIMEOUT: return "restart the pool, and read its log";
	default: return "see that FCGI_LISTEN is the pool's, and read its log";
	}
}

void check_pool(struct doctor *d)
{
	const char *address = d->pool ? d->pool->fcgi_listen : NULL;
	struct probe_answer a = { 0 };
	struct health_answer h;
	enum st_err err;

	if (!address) {
		doctor_find(
		    d, GRADE_NOTE, NULL, "where the pool listens isn't known: see settings");
		return;
	}
	err = probe_fastcgi(address, HEALTH, PATIENCE_MS, &a);
	h = read_health(&a);
	buf_free(&a.body);
	if (err == ST_DENIED)
		doctor_find(
		    d, GRADE_NOTE, NULL, "this user may not talk to the pool at %s", address);
	else if (err)
		doctor_find(d, GRADE_FAIL, pool_advice(err), "the pool doesn't answer at %s: %s",
		    address, st_err_text(err));
	else if (!h.ours)
		doctor_find(
		    d, GRADE_FAIL, "see what else listens there", "%s is not our pool", address);
	else if (strcmp(h.version, STORE_API_VERSION) != 0)
		doctor_find(d, GRADE_WARN, "restart the pool: systemctl restart store-api",
		    "the pool runs version %s and this is " STORE_API_VERSION, h.version);
	else
		doctor_find(d, GRADE_OK, NULL, "the pool answers at %s, version %s, %s", address,
		    h.version, h.status);
}

/* ---- the web server ---- */

/* Where nobody said where it is, nothing there is no fault. */
static void find_no_web_server(struct doctor *d, bool asked, const char *url, enum st_err err)
{
	if (asked)
		doctor_find(d, GRADE_FAIL, "start the web server, or look at its address",
		    "no web server answers at %s: %s", url, st_err_text(err));
	else
		doctor_find(d, GRADE_NOTE, NULL,
		    "no web server at %s; tell where it is with --url http://HOST:PORT", url);
}

static void judge_web(struct doctor *d, const char *url, const struct probe_answer *a)
{
	if (read_health(a).ours)
		doctor_find(d, GRADE_OK, NULL, "%s%s answers %d", url, HEALTH, a->status);
	else if (a->status == 502 || a->status == 503 || a->status == 504)
		doctor_find(d, GRADE_FAIL,
		    "let its user use the pool's socket (FCGI_SOCKET_GROUP), and see that the pool "
		    "runs",
		    "the web server at %s answers %d: it doesn't reach the pool", url, a->status);
	else
		doctor_find(d, GRADE_FAIL, "enable one of the samples (conf/) in the web server",
		    "%s%s answers %d, not from the store: the web server doesn't hand it over", url,
		    HEALTH, a->status);
}

void check_web_server(struct doctor *d)
{
	const char *asked = tool_option(d->tool, "url");
	char by_default[64];
	const char *url = asked ? asked : by_default;
	struct probe_answer a = { 0 };
	enum st_err err;

	snprintf(by_default, sizeof(by_default), "http://127.0.0.1:%" PRId64,
	    d->pool ? d->pool->port : 80);
	err = probe_http(url, HEALTH, PATIENCE_MS, &a);
	if (err)
		find_no_web_server(d, asked != NULL, url, err);
	else
		judge_web(d, url, &a);
	buf_free(&a.body);
}
