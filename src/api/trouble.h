/*
 * api/trouble.h: what one process of the pool tells its log of requests that
 * went wrong, so that a flood of them doesn't flood the log.
 *
 * A store that can't be read and a daemon that doesn't answer are told when it
 * begins, at growing intervals with their number, and when it is over.  A wrong
 * key is a line of its own, since fail2ban counts these by address: fifty in a
 * second, which is enough for it, then only their number.
 */
#ifndef API_TROUBLE_H
#define API_TROUBLE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

enum trouble { TROUBLE_STORE, TROUBLE_DAEMON, TROUBLE_COUNT };

struct troubles {
	pthread_mutex_t lock; /* guards `of`; threads of a process share it */
	struct {
		struct log_repeat repeat;
		struct mono last;
	} of[TROUBLE_COUNT];
	struct log_limit strangers;
};

void troubles_init(struct troubles *t);

/* One more request that failed by it. */
void trouble_met(struct troubles *t, enum trouble which, enum st_err err, const char *request_id,
    struct mono now);

/* True if it was met, and not for a while: then it is to be found out whether it is over. */
bool trouble_may_be_over(struct troubles *t, enum trouble which, struct mono now);
void trouble_is_over(struct troubles *t, enum trouble which, struct mono now);

/* A request with a wrong key, or without one. */
void trouble_stranger(
    struct troubles *t, struct span remote_addr, const char *request_id, struct mono now);

/* Now and then: how many strangers had no line of their own. */
void trouble_count_strangers(struct troubles *t, struct mono now);

#endif
