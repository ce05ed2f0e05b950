/*
 * sync/known.h: what is known about single products, in memory; shared by
 * known.c, which keeps the table, and lookups.c, which asks Central.
 */
#ifndef SYNC_KNOWN_H
#define SYNC_KNOWN_H

#include "sync/state.h"

enum place { PLACE_NONE, PLACE_OWED, PLACE_LATER, PLACE_UNDER_WAY };

struct known {
	struct span id; /* of the bytes at the end */
	struct doubt doubt;
	enum place place;
	struct known_list *ages; /* the list by_age that it is in, or NULL */
	bool compared;           /* asked for by comparing */
	bool urgent;             /* a client waits for it */
	uint64_t changed;        /* moments: the product changed, */
	uint64_t wanted;         /* a look-up became owed, */
	uint64_t asked;          /* the one under way was sent */
	struct mono next;        /* LATER: when */
	unsigned failures;
	bool by_list;      /* look for it in the list, */
	bool missed;       /* where it wasn't a moment ago, */
	int64_t low, high; /* between these offsets */
	struct engine *engine;
	struct central_call *call;
	TAILQ_ENTRY(known) all, age, queue;
	char bytes[];
};

void known_move(struct known *k, enum place place);
/* A look-up of it is owed. */
void known_want(struct known *k);
/* The answer was too old: once more, after a moment; at once where a client waits. */
void known_ask_again(struct known *k);
/* Doubts whose time is over: owe a last look-up, or forget. */
void known_end_doubts(struct engine *e);

#endif
