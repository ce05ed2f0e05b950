/*
 * sync/verify.h: one verify, as verify.c leads it, verify_tell.c tells of it, and
 * the engine holds it.
 */
#ifndef SYNC_VERIFY_H
#define SYNC_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "control/server.h"
#include "rules/walk.h"

struct central_call;
struct difference;
struct engine;

enum verify_phase {
	VERIFY_IDLE,
	VERIFY_WAIT,   /* for the end of a full sync */
	VERIFY_FIRST,  /* notes what differs, */
	VERIFY_PAUSE,  /* gives it time to come by the feed, */
	VERIFY_SECOND, /* and tells what still does */
	VERIFY_REPAIR, /* a full sync runs */
};

/* What differed at the first look: hashes of its id, and of what the cache had (0: nothing). */
struct suspect {
	uint64_t id, cached;
};

struct verify_place {
	struct walk walk;
	char *cursor;
};

struct verify {
	enum verify_phase phase;
	struct control_peer *peer; /* who waits */
	char id[CONTROL_ID_MAX + 1];
	bool repair;
	struct central_call *call;
	struct verify_place at, mark, end; /* now; where the second look begins, and ends */
	struct mono marked,
	    looked;         /* when that page was read, and the last one of the first look */
	int64_t looked_top; /* of the events received then */
	struct suspect *suspects;
	size_t n_suspects;
	bool overflow; /* more than are kept */
	struct mono next, next_news;
	unsigned failures;
	uint64_t products; /* as far as it ever was */
	uint64_t differed, listed, unlisted;
	struct buf differences; /* not told yet, */
	uint64_t n_differences; /* so many */
};

/* verify.c */
void verify_take(struct engine *e, struct control_peer *peer, const struct control_request *r);
void verify_tick(struct engine *e, struct mono now);
struct mono verify_due(const struct engine *e, struct mono now);
/* True while it reads Central's list, or is about to. */
bool verify_reads(const struct engine *e);
/* A full sync that somebody may have waited for has ended, or failed. */
void verify_synced(struct engine *e, enum failure_class failure, const char *message);
/* What it compares is no more, or nobody waits for it: tell why. */
void verify_end(struct engine *e, const char *code, const char *message);

/* verify_tell.c: what whoever waits is told. */
void verify_list(struct engine *e, const struct difference *d);
void verify_news(struct engine *e, struct mono now);
void verify_report(struct engine *e, const struct control_report *report);

#endif
