#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "property/property.h"

int64_t world_roll(struct world *w, int64_t below)
{
	return rand_r(&w->random) % below;
}

int64_t world_real(const struct world *w, int64_t scaled_ms)
{
	return scaled_ms / w->settings->scale;
}

void world_pause(int64_t real_ms)
{
	poll(NULL, 0, (int)real_ms);
}

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&w->lock);
	if (!w->wrong[0]) {
		va_start(args, fmt);
		vsnprintf(w->wrong, sizeof(w->wrong), fmt, args);
		va_end(args);
	}
	pthread_mutex_unlock(&w->lock);
}

bool world_is_wrong(struct world *w)
{
	bool wrong;

	pthread_mutex_lock(&w->lock);
	wrong = w->wrong[0] != '\0';
	pthread_mutex_unlock(&w->lock);
	return wrong;
}

/* ---- processes ---- */

static void redirect(const struct world *w, const char *name, int fd)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	if (!freopen(path, "a", fd == STDERR_FILENO ? stderr : stdout))
		_exit(126);
}

static void set(const char *name, const char *value)
{
	setenv(name, value, 1);
}

bool daemon_start(struct world *w)
{
	char program[4096], scale[16];

	sigset_t early;

	/* What is sent before the daemon listens waits for it. */
	sigemptyset(&early);
	sigaddset(&early, SIGTERM);
	sigaddset(&early, SIGUSR1);
	sigprocmask(SIG_BLOCK, &early, NULL);
	atomic_fetch_add(&w->daemon_starts, 1);
	w->daemon = fork();
	if (w->daemon != 0)
		return w->daemon > 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	redirect(w, "daemon.log", STDERR_FILENO);
	snprintf(scale, sizeof(scale), "%u", w->settings->scale);
	set("STORE_API_TIME_SCALE", scale);
	if (w->settings->mutant)
		set("STORE_API_MUTANT", w->settings->mutant);
	set("DATA_DIR", w->data_dir);
	set("RUN_DIR", w->dir);
	set("CENTRAL_API_URL", w->url);
	set("CENTRAL_API_KEY", "demo");
	set("CENTRAL_TIMEOUT_SECONDS", "5");
	set("CACHE_MAP_SIZE_MB", "64");
	set("SYNC_INTERVAL_SECONDS", "0");
	set("SYNC_INTERVAL_MINUTES", "1");
	set("VERIFY_INTERVAL_MINUTES", w->compares ? "1" : "0");
	set("FULL_SYNC_MAX_DROP_PERCENT", "20");
	/* A machine so busy that answers are late is no disorder. */
	if (w->calm)
		set("MAX_CONSECUTIVE_FAILURES", "100");
	set("LOG_LEVEL", "debug");
	snprintf(program, sizeof(program), "%s/store-syncd", w->settings->build);
	execl(program, program, (char *)NULL);
	_exit(127);
}

int daemon_end(struct world *w, int signal, int real_ms)
{
	int status;

	daemon_must_live(w);
	if (w->daemon == 0)
		return -1;

	kill(w->daemon, SIGCONT);
	kill(w->daemon, signal);
	for (int waited = 0; waited <= real_ms; waited += 2) {
		if (waitpid(w->daemon, &status, WNOHANG) == w->daemon) {
			w->daemon = 0;
			return status;
		}
		world_pause(2);
	}
	return -1;
}

void daemon_must_live(struct world *w)
{
	int status;

	if (waitpid(w->daemon, &status, WNOHANG) != w->daemon)
		return;
	w->daemon = 0;
	world_fail(w, "the daemon died: status %x", (unsigned)status);
}

static void write_catalogue(const struct world *w, const char *path)
{
	FILE *f = fopen(path, "we");
	const char *comma = "";

	if (!f)
		return;
	fputs("[", f);
	for (size_t i = 0; i < w->n; i++) {
		if (!w->lives[i].there)
			continue;
		fprintf(f,
		    "%s\n{\"productId\":\"P%02zu\",\"name\":\"P%02zu life 1\",\"available\":%d,"
		    "\"version\":1,\"lastUpdated\":\"2026-01-01T00:00:00Z\",\"price\":1.5}",
		    comma, i, i, i == 0 ? TILL_STOCK : 10);
		comma = ",";
	}
	fputs("\n]\n", f);
	fclose(f);
}

static bool read_port(struct world *w, int fd)
{
	char line[100] = "";
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(line) - 1 && !strchr(line, '\n') &&
	       (n = read(fd, line + len, sizeof(line) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "listening on ", 13) != 0)
		return false;
	snprintf(w->url, sizeof(w->url), "http://%.40s", line + 13);
	return true;
}

static bool central_start(struct world *w)
{
	char catalogue[96], program[4096], scale[16], log_size[16], page_limit[16];
	int out[2];

	snprintf(catalogue, sizeof(catalogue), "%s/catalogue.json", w->dir);
	write_catalogue(w, catalogue);
	snprintf(program, sizeof(program), "%s/tests/central", w->settings->build);
	snprintf(scale, sizeof(scale), "%u", w->settings->scale);
	snprintf(log_size, sizeof(log_size), "%d", w->calm || world_roll(w, 4) ? 10000 : 60);
	snprintf(page_limit, sizeof(page_limit), "%d",
	    world_roll(w, 2) ? 200 : 3 + (int)world_roll(w, 10));
	if (pipe(out) != 0)
		return false;
	w->central = fork();
	if (w->central == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		redirect(w, "central.log", STDERR_FILENO);
		execl(program, program, "--catalogue", catalogue, "--time-scale", scale,
		    "--log-size", log_size, "--page-limit", page_limit, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	return w->central > 0 && read_port(w, out[0]);
}

/* ---- Central ---- */

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	buf_add(arg, data, size * n);
	return size * n;
}

long central_request(struct world *w, const char *method, const char *path, const char *body)
{
	struct curl_slist *headers = NULL;
	char url[512];
	long status = 0;

	snprintf(url, sizeof(url), "%s%s", w->url, path);
	buf_reset(&w->answer);
	headers = curl_slist_append(headers, "X-API-Key: admin");
	if (strncmp(path, "/v1/admin", 9) != 0) {
		curl_slist_free_all(headers);
		headers = curl_slist_append(NULL, "X-API-Key: demo");
	}
	curl_easy_reset(w->curl);
	curl_easy_setopt(w->curl, CURLOPT_URL, url);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(w->curl, CURLOPT_CUSTOMREQUEST, method);
	if (body)
		curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(w->curl, CURLOPT_TIMEOUT_MS, 20000L);
	curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, &w->answer);
	if (curl_easy_perform(w->curl) == CURLE_OK)
		curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	return status;
}

/* ---- begin and end ---- */

bool world_begin(struct world *w, const struct settings *settings, unsigned seed)
{
	const char *tmp = getenv("TMPDIR");

	memset(w, 0, sizeof(*w));
	w->settings = settings;
	w->seed = w->random = seed;
	w->calm = seed % 5 == 4;
	w->compares = seed % 2 == 0;
	pthread_mutex_init(&w->lock, NULL);
	buf_init(&w->answer, (size_t)16 << 20);
	snprintf(w->dir, sizeof(w->dir), "%.40s/prop.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(w->dir))
		return false;
	snprintf(w->data_dir, sizeof(w->data_dir), "%s/data", w->dir);
	w->n = 5 + (size_t)world_roll(w, PRODUCTS_MAX - 5);
	for (size_t i = 0; i < w->n; i++) {
		w->lives[i].anchor = i < 3;
		w->lives[i].there = w->lives[i].anchor || world_roll(w, 3) > 0;
		w->lives[i].life = w->lives[i].there;
	}
	w->curl = curl_easy_init();
	return w->curl && central_start(w) && daemon_start(w) && watch_begin(w) && till_begin(w);
}

static void remove_dir(const struct world *w)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", w->dir);
}

void world_end(struct world *w)
{
	int status;

	till_end(w);
	watch_end(w);
	if (w->daemon > 0)
		daemon_end(w, SIGKILL, 5000);
	if (w->central > 0) {
		kill(w->central, SIGKILL);
		waitpid(w->central, &status, 0);
	}
	if (w->curl)
		curl_easy_cleanup(w->curl);
	buf_free(&w->answer);
	if (!w->wrong[0] || !w->settings->keep)
		remove_dir(w);
}
