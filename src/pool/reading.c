#include "pool/reading.h"

#include <errno.h>
#include <signal.h>

static void do_nothing(int signal)
{
	(void)signal;
}

enum st_err reading_init(void)
{
	/* No SA_RESTART: a read that it interrupts is over. */
	struct sigaction action = { .sa_handler = do_nothing };

	return sigaction(SIGUSR2, &action, NULL) == 0 ? ST_OK : st_err_from_errno(errno);
}

void reading_open(struct reading *r)
{
	pthread_mutex_init(&r->lock, NULL);
	r->deadline = MONO_NEVER;
}

void reading_begin(struct reading *r, struct mono deadline)
{
	pthread_mutex_lock(&r->lock);
	r->thread = pthread_self();
	r->deadline = deadline;
	pthread_mutex_unlock(&r->lock);
}

void reading_end(struct reading *r)
{
	pthread_mutex_lock(&r->lock);
	r->deadline = MONO_NEVER;
	pthread_mutex_unlock(&r->lock);
}

void reading_expire(struct reading *r, struct mono now)
{
	pthread_mutex_lock(&r->lock);
	if (mono_reached(r->deadline, now))
		pthread_kill(r->thread, SIGUSR2);
	pthread_mutex_unlock(&r->lock);
}
