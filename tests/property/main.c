/*
 * property --build DIR [--seed N] [--histories N] [--abreast N] [--steps N]
 *          [--scale N] [--minutes N] [--mutant NAME] [--keep]
 */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "property/property.h"

#define HISTORY_SECONDS 90 /* real: the hard limit of one */

static const struct option names[] = {
	{ "build", required_argument, NULL, 'b' },
	{ "seed", required_argument, NULL, 's' },
	{ "histories", required_argument, NULL, 'n' },
	{ "abreast", required_argument, NULL, 'a' },
	{ "steps", required_argument, NULL, 't' },
	{ "scale", required_argument, NULL, 'x' },
	{ "minutes", required_argument, NULL, 'm' },
	{ "mutant", required_argument, NULL, 'u' },
	{ "keep", no_argument, NULL, 'k' },
	{ NULL, 0, NULL, 0 },
};

struct plan {
	struct settings settings;
	unsigned seed, histories, abreast, minutes;
	unsigned passed, failed;
};

static unsigned number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || n > UINT_MAX) {
		fprintf(stderr, "property: %s is no number\n", text);
		exit(2);
	}
	return (unsigned)n;
}

static void read_options(int argc, char **argv, struct plan *p)
{
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 'b': p->settings.build = optarg; break;
		case 's': p->seed = number(optarg); break;
		case 'n': p->histories = number(optarg); break;
		case 'a': p->abreast = number(optarg); break;
		case 't': p->settings.steps = number(optarg); break;
		case 'x': p->settings.scale = number(optarg); break;
		case 'm': p->minutes = number(optarg); break;
		case 'u': p->settings.mutant = optarg; break;
		case 'k': p->settings.keep = true; break;
		default: exit(2);
		}
	}
	if (!p->settings.build || p->abreast == 0 || p->settings.scale == 0) {
		fputs("usage: see the top of tests/property/main.c\n", stderr);
		exit(2);
	}
}

/* In a child of its own. */
static int run_history(const struct settings *settings, unsigned seed)
{
	static struct world world;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(HISTORY_SECONDS);
	log_open("property", LOG_LEVEL_ERROR + 1, LOG_FORMAT_LOGFMT);
	if (world_begin(&world, settings, seed))
		history_run(&world);
	else
		world_fail(&world, "it can't begin");
	world_end(&world);
	if (!world.wrong[0])
		return 0;
	printf("FAILED seed=%u reason=%s%s%s\n", seed, world.wrong,
	    settings->keep ? " kept in " : "", settings->keep ? world.dir : "");
	fflush(stdout);
	return 1;
}

static void await_one(struct plan *p)
{
	int status;
	pid_t pid = wait(&status);

	if (pid < 0)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		p->passed++;
		return;
	}
	p->failed++;
	if (WIFSIGNALED(status))
		printf("FAILED: a history ended by signal %d\n", WTERMSIG(status));
}

int main(int argc, char **argv)
{
	struct plan p = {
		.settings = { .scale = 100, .steps = 120 }, .seed = 1, .histories = 20, .abreast = 8
	};
	struct mono end;
	unsigned running = 0;

	read_options(argc, argv, &p);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	end = mono_add_ms(mono_now(), (int64_t)p.minutes * 60000);
	/* One failure is all that is asked of a mutant. */
	for (unsigned i = 0; !(p.settings.mutant && p.failed > 0) &&
			     (p.minutes ? !mono_reached(end, mono_now()) : i < p.histories);
	     i++) {
		if (running == p.abreast) {
			await_one(&p);
			running--;
		}
		fflush(stdout);
		if (fork() == 0)
			_exit(run_history(&p.settings, p.seed + i));
		running++;
	}
	for (; running > 0; running--)
		await_one(&p);
	printf("%u passed, %u failed\n", p.passed, p.failed);
	return p.failed > 0;
}
