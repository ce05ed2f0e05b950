/*
 * property.h: random histories of the whole daemon, against the simulated
 * Central, with readers watching.  README.md says what must hold.
 */
#ifndef PROPERTY_H
#define PROPERTY_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "metrics/metrics.h"

#define PRODUCTS_MAX 60
#define WATCHERS     2
#define MAP_SIZE     ((size_t)64 << 20)

struct settings {
	const char *build;  /* where the programs are */
	const char *mutant; /* for the daemon, or NULL */
	unsigned scale;     /* of time */
	unsigned steps;
	bool keep; /* the directories of histories that failed */
};

struct product_life {
	bool there, anchor; /* an anchor is never deleted */
	int life;           /* of the one that is there, or was last */
};

struct world {
	const struct settings *settings;
	unsigned seed, random;
	bool calm; /* nothing but changes and disorder: that must heal without a full sync */
	bool
	    compares; /* VERIFY_INTERVAL_MINUTES; without it nothing that only it can find is done */
	char dir[64], data_dir[80], url[64];
	pid_t central, daemon;
	atomic_uint daemon_starts;
	CURL *curl;
	struct buf answer; /* of the last request to Central */

	bool was_short; /* Central's list, once */
	size_t n;
	struct product_life lives[PRODUCTS_MAX];

	pthread_t watchers[WATCHERS];
	pthread_t till;
	atomic_bool closing;      /* the till is to end */
	int64_t sold, maybe_sold; /* of P00; the till's until it has ended */
	struct metrics_pool *metrics;
	struct api *api; /* one for all: a process opens an LMDB environment once */
	atomic_bool stopping, filled;
	pthread_mutex_t lock; /* guards the next */
	char wrong[400];      /* the first thing that was wrong, "" so far */
};

/* world.c: processes, time, talking to Central. */
bool world_begin(struct world *w, const struct settings *settings, unsigned seed);
void world_end(struct world *w);
void world_fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool world_is_wrong(struct world *w);
bool daemon_start(struct world *w);
/* It fails the history that it doesn't. */
void daemon_must_live(struct world *w);
/* Its exit status as waitpid() has it; -1: it didn't end within the time. */
int daemon_end(struct world *w, int signal, int real_ms);
/* Real milliseconds of so many scaled ones. */
int64_t world_real(const struct world *w, int64_t scaled_ms);
void world_pause(int64_t real_ms);
int64_t world_roll(struct world *w, int64_t below);
/* Status; the body is in w->answer.  0: no answer. */
long central_request(struct world *w, const char *method, const char *path, const char *body);

/* watch.c: readers, as clients would read. */
bool watch_begin(struct world *w);
void watch_end(struct world *w);
/* What a client gets, appended; its status. */
int watch_read(struct world *w, const char *uri, struct buf *out);

/* till.c: a till that sells. */
#define TILL_STOCK 100000 /* of P00, at the beginning */
bool till_begin(struct world *w);
void till_end(struct world *w);
/* Its books against Central's stock. */
void till_check(struct world *w);

/* history.c: the steps, and what must hold at the end. */
void history_run(struct world *w);

#endif
