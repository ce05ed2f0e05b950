/*
 * sync/writes.h: one forwarded write; shared by writes.c, which leads it from
 * the control socket to Central and back, and the files that each have a part of
 * that way.
 */
#ifndef SYNC_WRITES_H
#define SYNC_WRITES_H

#include "sync/state.h"

enum write_phase {
	WRITE_TAKEN,    /* not looked at yet */
	WRITE_BEHIND,   /* another one has one of its keys under way */
	WRITE_READY,    /* to be sent when its time has come */
	WRITE_SENT,     /* a try is under way */
	WRITE_ANSWERED, /* to be stored in the next turn */
	WRITE_LOOKING,  /* products are being looked up */
	WRITE_HELD,     /* to be ANSWERED again when a damaged store is built anew */
	WRITE_STORED,   /* whoever asked can be told */
	WRITE_TOLD,     /* another one's answer was its own: to be released */
};

struct write {
	TAILQ_ENTRY(write) entry;
	struct engine *engine;
	struct control_peer *peer;
	char id[CONTROL_ID_MAX + 1]; /* of the client's request */
	struct update_list updates;
	struct buf body; /* what each try sends */
	enum write_phase phase;
	struct forward forward;
	struct mono began, deadline;
	struct mono next; /* READY: not before this */
	struct central_call *call;
	bool has_keys;        /* they are under way for it */
	struct write *behind; /* BEHIND: that one; */
	bool shares;          /* its answer is this one's too */
	bool counted;         /* in the record */
	struct control_update end;
	bool waits[UPDATE_BATCH_MAX];     /* LOOKING: for the product of this item, */
	int64_t cached[UPDATE_BATCH_MAX]; /* of which the store had this version then; -1: none */
	uint64_t asks_from; /* the moment then: what is asked for later shows what was written */
};

/*
 * write_merge.c.  All that is WRITE_ANSWERED, in one commit; `waits` is set where the product
 * must be looked up.  After a failure, which was reported, nothing was stored.
 */
enum st_err write_merge_all(struct engine *e);

/* The product of that id, which w waits for, couldn't be looked up. */
void write_merge_partly(struct engine *e, struct write *w, const struct span *id);

/*
 * write_wait.c.  The products that `waits` says are looked up, for a second at
 * least; with none of them it is as after the last one:
 */
void write_look_up(struct write *w);
/* Nothing is left to do but to tell; or the store that is built anew is yet to have it. */
void write_stored(struct write *w);
/* No look-up came back in time: store what the answer tells, and end it. */
void write_give_up_waiting(struct write *w);

/* write_try.c: send it; `tries` and what comes of it are its affair. */
void write_send(struct write *w, struct mono now);

/*
 * write_end.c.  Each of these frees w, and no other; those that waited for its
 * keys are left for the next turn.
 */
void write_end(struct write *w); /* as w->end says */
void write_end_with(struct write *w, enum control_update_end how, enum control_outcome outcome,
    int64_t retry_after_s, const char *message);
void write_end_unknown(struct write *w, const char *message);
void write_release(struct write *w); /* without a word */

/* For Retry-After: whole seconds, at least one. */
int64_t write_seconds_until(struct mono then, struct mono now);
/* To the next time that Central is tried by whatever it may be. */
int64_t write_next_probe_s(const struct engine *e);

#endif
