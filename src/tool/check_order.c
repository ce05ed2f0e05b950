/*
 * The arguments of the check, as the Monitoring Plugins Development Guidelines
 * want them: long forms for all, mistakes and help on stdout.
 */
#include "tool/check_order.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TIMEOUT_SECONDS     10
#define TIMEOUT_SECONDS_MAX 3600
#define TEXT_MAX            (512 * 1024) /* an argument has 128 KiB at most */

static const char usage[] =
    "Usage: store-syncd --check [-w RANGE] [-c RANGE] [-t SECONDS] [-v]...\n"
    "       [--config FILE]...\n"
    "       store-syncd --check --check-config | --help | --version\n";

static const char help[] =
    "\n"
    "Is the store fit, and the daemon at work?  Looks at the store itself and asks\n"
    "the daemon.  Needs membership of the group store-api, nothing more.\n"
    "\n"
    "  -w, --warning RANGE   age of the cache in seconds that is a WARNING outside of\n"
    "                        this range; default: 3 times SYNC_INTERVAL_SECONDS +\n"
    "                        EVENT_WAIT_TIMEOUT_SECONDS, at least 60\n"
    "  -c, --critical RANGE  the same for CRITICAL; default: 10 times, at least 200\n"
    "  -t, --timeout SECONDS 1 to 3600; default: 10.  Without an answer: CRITICAL\n"
    "  -v, --verbose         reasons; twice: settings too; three times: all facts\n"
    "      --config FILE     settings to read instead of the installed ones\n"
    "      --check-config    check and print the settings in effect, then exit\n"
    "  -h, --help            this\n"
    "  -V, --version         the version\n"
    "\n"
    "RANGE is [@]start:end: 10 is 0 to 10, 10: is 10 and above, ~:10 is up to 10, and\n"
    "with @ what is inside alerts.\n"
    "\n"
    "Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.  Manual: store-syncd(8).\n";

void check_say_unknown(const char *why)
{
	struct buf line;

	buf_init(&line, 2 * TEXT_MAX);
	check_give_up(CHECK_UNKNOWN, why, &line);
	fputs(buf_text(&line), stdout);
	buf_free(&line);
}

/* What is wrong with them, and a reminder. */
static bool wrong(const char *argument, const char *what)
{
	struct buf why;

	buf_init(&why, TEXT_MAX);
	buf_addf(&why, "%s: %s", argument, what);
	check_say_unknown(buf_text(&why));
	fputs(usage, stdout);
	buf_free(&why);
	return false;
}

static bool wrong_option(char **argv, const char *what)
{
	char option[3] = { '-', (char)optopt, '\0' };

	return wrong(optopt > ' ' && optopt < 0x7f ? option : argv[optind - 1], what);
}

static bool read_range(const char *option, const char *text, struct range *out)
{
	struct buf what;

	if (range_read(text, out) == ST_OK)
		return true;
	buf_init(&what, TEXT_MAX);
	buf_addf(&what, "'%s' is no range: [@]start:end, start not above end", text);
	(void)wrong(option, buf_text(&what));
	buf_free(&what);
	return false;
}

static bool read_timeout(const char *text, int64_t *out)
{
	uint64_t seconds = 0;

	if (text_to_uint(text, strlen(text), TIMEOUT_SECONDS_MAX, &seconds) || seconds == 0)
		return wrong("-t", "takes 1 to 3600 whole seconds");
	*out = (int64_t)seconds;
	return true;
}

/* As check_order_read(); it owns nothing yet. */
static bool read_options(int argc, char **argv, struct check_order *o)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'C' },
		{ "warning", required_argument, NULL, 'w' },
		{ "critical", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "config", required_argument, NULL, 'F' },
		{ "check-config", no_argument, NULL, 'K' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct config_arguments *a = &o->arguments;
	bool good = true;
	int option;

	opterr = 0;
	while (good && (option = getopt_long(argc, argv, ":w:c:t:vhV", options, NULL)) != -1) {
		switch (option) {
		case 'C': break;
		case 'w': good = read_range("-w", optarg, &o->warning); break;
		case 'c': good = read_range("-c", optarg, &o->critical); break;
		case 't': good = read_timeout(optarg, &o->timeout_s); break;
		case 'v': o->verbose++; break;
		case 'F': a->files[a->n_files++] = optarg; break;
		case 'K': a->check_only = true; break;
		case 'h':
			printf("store-syncd %s\n%s%s", STORE_API_VERSION, usage, help);
			return false;
		case 'V': printf("store-syncd %s\n", STORE_API_VERSION); return false;
		case ':': return wrong_option(argv, "a value is missing");
		default: return wrong_option(argv, "no such option");
		}
	}
	return good && (optind == argc || wrong(argv[optind], "one argument too many"));
}

bool check_order_read(int argc, char **argv, struct check_order *out)
{
	struct check_order o = { .timeout_s = TIMEOUT_SECONDS };

	/* Each argument may be a file, and two are installed. */
	o.arguments.files = calloc((size_t)argc + 2, sizeof(char *));
	if (o.arguments.files == NULL) {
		check_say_unknown(st_err_text(ST_NOMEM));
		return false;
	}
	if (!read_options(argc, argv, &o)) {
		check_order_free(&o);
		return false;
	}
	config_add_installed(&o.arguments, CONFIG_TOOL, true);
	*out = o;
	return true;
}

void check_order_free(struct check_order *o)
{
	config_arguments_free(&o->arguments);
}
