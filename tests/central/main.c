/*
 * central: a simulated Central Inventory API for demo and tests.
 *
 * Speaks what the deployed one does, quirks included; keeps nothing on disk
 * unless --state says so.  Faults and disorder on demand: central.h, README.md.
 */
#include <getopt.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "central/central.h"

static const char usage[] =
    "usage: central [--port N] [--products N | --catalogue FILE] [--key KEY] [--admin-key KEY]\n"
    "               [--rate-limit N] [--log-size N] [--publish-delay MS] [--time-scale N]\n"
    "               [--state FILE] [--page-limit N] [--journal FILE] [--log-requests]\n";

static const struct option names[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "products", required_argument, NULL, 'n' },
	{ "catalogue", required_argument, NULL, 'c' },
	{ "key", required_argument, NULL, 'k' },
	{ "admin-key", required_argument, NULL, 'a' },
	{ "rate-limit", required_argument, NULL, 'r' },
	{ "log-size", required_argument, NULL, 'l' },
	{ "publish-delay", required_argument, NULL, 'd' },
	{ "time-scale", required_argument, NULL, 't' },
	{ "state", required_argument, NULL, 's' },
	{ "journal", required_argument, NULL, 'j' },
	{ "page-limit", required_argument, NULL, 'g' },
	{ "log-requests", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Static, so that what hangs on it is in reach, no leak, when the program ends. */
static struct central c = { .options = { .time_scale = 1,
				.page_limit = 200,
				.log_size = 10000,
				.key = "demo",
				.admin_key = "admin" },
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };

static int64_t number(const char *name, const char *text, int64_t min, int64_t max)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	if (!*text || *end || n < min || n > max) {
		fprintf(stderr, "central: --%s %s: allowed: %lld to %lld\n", name, text,
		    (long long)min, (long long)max);
		exit(2);
	}
	return n;
}

static void read_options(int argc, char **argv, struct options *o)
{
	int option, index = 0;

	while ((option = getopt_long(argc, argv, "h", names, &index)) != -1) {
		const char *name = names[index].name;

		switch (option) {
		case 'p': o->port = (unsigned)number(name, optarg, 0, 65535); break;
		case 'n': o->products = (size_t)number(name, optarg, 0, 10000000); break;
		case 'c': o->catalogue = optarg; break;
		case 'k': o->key = optarg; break;
		case 'a': o->admin_key = optarg; break;
		case 'r': o->rate_limit = number(name, optarg, 0, 1000000); break;
		case 'l': o->log_size = (size_t)number(name, optarg, 1, 100000000); break;
		case 'd': o->publish_delay_ms = number(name, optarg, 0, 3600000); break;
		case 't': o->time_scale = (unsigned)number(name, optarg, 1, 1000); break;
		case 's': o->state = optarg; break;
		case 'j': o->journal = optarg; break;
		case 'g': o->page_limit = number(name, optarg, 1, 200); break;
		case 'q': o->log_requests = true; break;
		case 'h': fputs(usage, stdout); exit(0);
		default: fputs(usage, stderr); exit(2);
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		exit(2);
	}
}

static void fill(void)
{
	const char *wrong;
	json_object *array;

	if (c.options.state && !state_load(&c))
		return;
	if (!c.options.catalogue) {
		catalogue_make_up(&c.catalogue, c.options.products);
		return;
	}
	array = json_object_from_file(c.options.catalogue);
	wrong = catalogue_load(&c.catalogue, array);
	if (wrong) {
		fprintf(stderr, "central: %s: %s\n", c.options.catalogue, wrong);
		exit(1);
	}
	json_object_put(array);
}

/* Nobody listens for a while; then again at the same port. */
static struct MHD_Daemon *go_down(struct MHD_Daemon *daemon, unsigned port)
{
	int listener = MHD_quiesce_daemon(daemon);
	int64_t down_ms;

	pthread_mutex_lock(&c.lock);
	down_ms = c.down_ms;
	pthread_mutex_unlock(&c.lock);
	close(listener);
	poll(NULL, 0, (int)clock_real(down_ms));
	MHD_stop_daemon(daemon);
	c.options.port = port;
	while (!(daemon = http_start(&c, &port)))
		poll(NULL, 0, 10);
	pthread_mutex_lock(&c.lock);
	c.down_ms = 0;
	pthread_mutex_unlock(&c.lock);
	return daemon;
}

int main(int argc, char **argv)
{
	struct MHD_Daemon *daemon;
	unsigned port;
	sigset_t ends;
	int signal;

	read_options(argc, argv, &c.options);
	clock_scale(c.options.time_scale);
	c.feed.limit = c.options.log_size;
	c.feed.publish_delay_ms = c.options.publish_delay_ms;
	fill();
	if (!journal_begin(&c)) {
		fprintf(stderr, "central: %s can't be made\n", c.options.journal);
		return 1;
	}
	/* Before any thread is there, so that all of them inherit it. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGNAL_DOWN);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	daemon = http_start(&c, &port);
	if (!daemon) {
		fprintf(stderr, "central: port %u on 127.0.0.1 can't be had\n", c.options.port);
		return 1;
	}
	printf("listening on 127.0.0.1:%u\n", port);
	fflush(stdout);
	while (sigwait(&ends, &signal) == 0 && signal == SIGNAL_DOWN)
		daemon = go_down(daemon, port);
	pthread_mutex_lock(&c.lock);
	c.stopping = true;
	state_save(&c);
	pthread_cond_broadcast(&c.changed);
	pthread_mutex_unlock(&c.lock);
	MHD_stop_daemon(daemon);
	return 0;
}
