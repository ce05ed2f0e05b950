/*
 * rules/forward.h: a forwarded write, from try to try.  Pure decisions.
 *
 * What isn't known is not called failed.  A try that was sent and not answered
 * may have been carried out, so it is sent again with the same key and the same
 * bytes while time is left; Central answers a key that it remembers with the
 * first result.  But Central forgets its keys when it restarts: a refusal on a
 * try after an unknown one can be the echo of our own success, so it proves
 * nothing either.
 *
 *   try                          nothing unknown before    after an unknown try
 *   answered, all applied        answered                  answered
 *   answered, a refusal          answered                  unknown
 *   never sent                   unavailable               again, then unknown
 *                                                          (at once where no try was sent)
 *   sent; cut or no answer       again, then unknown       again, then unknown
 *   429; 401, 403                not applied               unknown
 *   5xx, not the documented      error, unknown            error, unknown
 *   an error of Central's own    error, unknown            error, unknown
 */
#ifndef RULES_FORWARD_H
#define RULES_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/record.h"

#define FORWARD_WORTH_MS 200 /* with less time left no try is begun */

struct forward {
	bool unknown;   /* a try, maybe of an earlier request, may have been carried out */
	bool sent;      /* one of this request was sent */
	unsigned tries; /* so far */
};

/* How one try ended. */
struct forward_try {
	bool sent;                  /* its request may have reached Central */
	bool answered;              /* with the documented JSON; else: */
	enum failure_class failure; /* never FAILURE_NONE then */
	bool refused;               /* answered: at least one item was not applied */
	bool own_error; /* answered, one item: with an errorType that says nothing of it */
};

enum forward_verdict {
	FORWARD_ANSWERED,
	FORWARD_AGAIN,
	FORWARD_RATE_LIMITED, /* not applied */
	FORWARD_AUTH_FAILED,  /* not applied */
	FORWARD_UNAVAILABLE,  /* not sent */
	FORWARD_TIMEOUT,      /* unknown */
	FORWARD_ERROR,        /* unknown */
};

/* left_ms: of the budget of all tries. */
enum forward_verdict forward_tried(struct forward *f, const struct forward_try *t, int64_t left_ms);

/*
 * How long the next try may take.  The first leaves time for a second one: a
 * connection that leads nowhere shows by nothing else.
 */
int64_t forward_try_ms(const struct forward *f, int64_t left_ms);

/* The pause before it.  random: 32 random bits. */
int64_t forward_pause_ms(const struct forward *f, uint32_t random);

#endif
