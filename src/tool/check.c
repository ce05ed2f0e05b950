/*
 * tool/check.c: gathers the facts, has health/ judge them, prints the line.
 *
 * The daemon is asked first, since that may take all the time there is; then
 * the store is opened, with locks like any reader, and let go at once: no
 * snapshot is held while anything is waited for.  Neither is believed alone.
 *
 * Whatever happens there is a line.  A process that was stopped while it held
 * a lock of the store would make us wait for ever, and a damaged store may kill
 * its reader by a signal (LMDB maps the file): both end in a handler that
 * writes a line made beforehand.  A dead reader's place is freed by the daemon.
 */
#include "tool/check.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "control/client.h"
#include "tool/check_order.h"
#include "tool/look.h"

/* Of the time there is: what the daemon gets at most, and what is kept for the last line. */
#define ASK_PERCENT 80
#define LINE_MS     50

/* While a daemon is restarted, nobody listens for a moment: that is to wake nobody. */
#define RESTART_MS 500
#define PAUSE_MS   20

/* ---- a line in any case ---- */

static const char *volatile doing = "reading the settings";

static void say(const char *text)
{
	/* Nobody is left to be told of a failure. */
	(void)!write(STDOUT_FILENO, text, strlen(text));
}

static void give_up(int signal)
{
	say("STORE-SYNC CRITICAL - ");
	say(signal == SIGALRM ? "timed out while " : "died of a signal while ");
	say(doing);
	say("\n");
	_exit(CHECK_CRITICAL);
}

static void watch(int64_t timeout_s)
{
	static const int signals[] = { SIGALRM, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_handler = give_up, .sa_flags = (int)SA_RESETHAND };
	struct itimerval timer = { .it_value = { .tv_sec = timeout_s - 1,
				       .tv_usec = (1000 - LINE_MS) * 1000 } };
	sigset_t none;

	/* Whoever started us may have blocked them. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void watch_end(void)
{
	struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
}

/* ---- facts ---- */

struct facts {
	struct check_facts said; /* what is judged */
	struct control_status live;
	struct look look;
};

/* Asked once more, where it may be that it is just restarted. */
static enum st_err ask_until(const char *run_dir, struct mono deadline, struct control_status *out)
{
	struct mono patience = mono_earlier(deadline, mono_add_ms(mono_now(), RESTART_MS));

	for (;;) {
		struct mono now = mono_now();
		enum st_err err = control_ask_status(
		    run_dir, "check", mono_ms_between(now, deadline), out);

		if ((err != ST_UNAVAILABLE && err != ST_CLOSED) || mono_reached(patience, now))
			return err;
		poll(NULL, 0, PAUSE_MS);
	}
}

static void ask_daemon(const char *run_dir, int64_t timeout_s, struct facts *f)
{
	const struct control_status *live = &f->live;
	struct mono start = mono_now();

	doing = "asking the daemon";
	f->said.asked = ask_until(
	    run_dir, mono_add_ms(start, timeout_s * 1000 * ASK_PERCENT / 100), &f->live);
	f->said.waited_ms = mono_ms_between(start, mono_now());
	if (f->said.asked != ST_OK)
		return;
	f->said.daemon = (struct check_daemon){ .state = live->state,
		.failures = live->consecutive_failures,
		.failure = live->failure,
		.message = live->failure_message,
		.full_sync = live->full_sync_running ? live->full_sync_reason : FULL_SYNC_NONE,
		.products_seen = live->products_seen,
		.products_total = live->products_total };
}

static void read_store(const struct config *c, struct facts *f)
{
	struct look *l = &f->look;

	doing = "reading the store";
	f->said.store = look_into_store(c, l);
	if (f->said.store == ST_UNAVAILABLE && access(c->data_dir, F_OK) < 0 && errno == ENOENT)
		f->said.store = ST_NOT_FOUND;
	f->said.has_writer = l->has_writer;
	f->said.now = l->now;
	f->said.products = l->products;
	if (!f->said.store)
		f->said.record = &l->record;
}

/* ---- more lines ---- */

/* -vv: what the check went by. */
static void print_settings(
    const struct check_order *o, const struct config *c, const struct check_limits *l)
{
	struct buf text;

	buf_init(&text, 1024 * 1024);
	buf_adds(&text, "files:");
	for (size_t i = 0; i < o->arguments.n_files; i++) {
		buf_addc(&text, ' ');
		check_add_text(o->arguments.files[i], &text);
	}
	buf_adds(&text, o->arguments.n_files > 0 ? "\nDATA_DIR=" : " none\nDATA_DIR=");
	check_add_text(c->data_dir, &text);
	buf_adds(&text, " RUN_DIR=");
	check_add_text(c->run_dir, &text);
	buf_addf(&text, " CACHE_MAP_SIZE_MB=%" PRId64 " MAX_STALENESS_SECONDS=%" PRId64 "\n",
	    c->cache_map_size_mb, c->max_staleness_seconds);
	buf_addf(&text, "limits: -w %s -c %s -t %" PRId64, l->warning.text, l->critical.text,
	    o->timeout_s);
	puts(buf_text(&text));
	buf_free(&text);
}

static void print_time(const char *what, int64_t unix_seconds)
{
	char text[TIME_TEXT_SIZE] = "never";

	if (unix_seconds > 0)
		text_time(unix_seconds, text);
	printf(" %s %s", what, text);
}

/* -vvv: all that was seen. */
static void print_facts(const struct facts *f)
{
	const struct sync_record *r = f->said.record;

	printf("daemon: %s in %" PRId64 "ms,", st_err_text(f->said.asked), f->said.waited_ms);
	printf(" %s holds the store,", f->said.has_writer ? "a writer" : "no writer");
	if (f->said.asked == ST_OK) {
		print_time("last contact", f->live.last_contact_at);
		print_time("next poll", f->live.next_poll_at);
	}
	printf("\nstore: %s", st_err_text(f->said.store));
	if (r == NULL) {
		putchar('\n');
		return;
	}
	printf(", %" PRIu64 " of %" PRIu64 " bytes, %" PRIu32 " of %" PRIu32 " readers\n",
	    f->look.stats.used_bytes, f->look.stats.map_bytes, f->look.stats.readers,
	    f->look.stats.readers_max);
	printf("record: %s, %" PRIu32 " failures,", sync_state_text((enum sync_state)r->state),
	    r->consecutive_failures);
	print_time("last contact", r->last_contact.wall_ms / 1000);
	print_time("current", r->confirmed_current.wall_ms / 1000);
	print_time("full sync", r->full_sync_at);
	printf(" (%s)\n", full_sync_reason_text((enum full_sync_reason)r->full_sync_reason));
}

/* ---- the check ---- */

bool check_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--check") == 0)
			return true;
	return false;
}

/* The first of these lines, and how many more there are. */
static void say_mistakes(const char *mistakes)
{
	int first = (int)strcspn(mistakes, "\n"), more = -1;
	struct buf why;

	for (const char *at = mistakes; (at = strchr(at, '\n')) != NULL; at++)
		more++;
	buf_init(&why, 65536);
	buf_addf(&why, "%.*s", first, mistakes);
	if (more > 0)
		buf_addf(&why, " (and %d more: --check-config lists them)", more);
	check_say_unknown(buf_text(&why));
	buf_free(&why);
}

/* NULL after a line that says what is wrong. */
static struct config *load_settings(const struct config_arguments *a)
{
	struct config_sources from = { CONFIG_TOOL, a->files, a->n_files, environ };
	struct config *c = NULL;
	struct buf mistakes, warnings;
	enum st_err err;

	buf_init(&mistakes, 1024 * 1024);
	buf_init(&warnings, 1024 * 1024);
	err = config_load(&from, &c, &mistakes, &warnings);
	if (err)
		say_mistakes(mistakes.len > 0 ? buf_text(&mistakes) : st_err_text(err));
	buf_free(&mistakes);
	buf_free(&warnings);
	return c;
}

static struct check_limits limits_of(const struct check_order *o, const struct config *c)
{
	struct check_limits l = { .max_staleness_seconds = c->max_staleness_seconds,
		.failures_max = c->max_consecutive_failures };

	check_default_limits(c->sync_interval_seconds + c->event_wait_timeout_seconds, &l);
	if (o->warning.text[0] != '\0')
		l.warning = o->warning;
	if (o->critical.text[0] != '\0')
		l.critical = o->critical;
	return l;
}

static enum check_state run(const struct check_order *o, const struct config *c)
{
	struct check_limits limits = limits_of(o, c);
	struct facts facts = { 0 };
	enum check_state state;
	struct buf line;

	ask_daemon(c->run_dir, o->timeout_s, &facts);
	read_store(c, &facts);
	watch_end();
	buf_init(&line, 65536);
	state = check_judge(&facts.said, &limits, o->verbose > 0, &line);
	fputs(buf_text(&line), stdout);
	buf_free(&line);
	if (o->verbose > 1)
		print_settings(o, c, &limits);
	if (o->verbose > 2)
		print_facts(&facts);
	return state;
}

int check_main(int argc, char **argv)
{
	struct check_order order;
	struct config *c;
	int code = CHECK_UNKNOWN;

	/* All that there is to say stands in the line; cron would mail more. */
	log_open("store-syncd", LOG_LEVEL_NONE, LOG_FORMAT_LOGFMT);
	if (!check_order_read(argc, argv, &order))
		return CHECK_UNKNOWN;
	if (order.arguments.check_only) {
		c = config_start(&order.arguments, CONFIG_TOOL, &code);
	} else {
		watch(order.timeout_s);
		c = load_settings(&order.arguments);
		if (c != NULL)
			code = (int)run(&order, c);
	}
	config_free(c);
	check_order_free(&order);
	return code;
}
