/*
 * base/clock.h: every timer, deadline, age and backoff of the programs.
 *
 * Two clocks.  `struct mono` is CLOCK_BOOTTIME in a type of its own, so that
 * it is never mixed up with wall time: it never jumps, goes on while the
 * machine sleeps, and starts anew at boot.  Wall time (Unix) is for people.
 *
 * A build with TEST_HOOKS=1 reads STORE_API_TIME_SCALE (1-200) from the
 * environment and lets both clocks run that many times as fast, from the
 * start of the program; waits become as much shorter.  Installed programs
 * know nothing of it.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct mono {
	int64_t us; /* microseconds since boot */
};

#define MONO_NEVER ((struct mono){ INT64_MAX })

struct mono mono_now(void);
struct mono mono_add_ms(struct mono t, int64_t ms);        /* MONO_NEVER stays */
int64_t mono_ms_between(struct mono from, struct mono to); /* to - from */
bool mono_reached(struct mono deadline, struct mono now);  /* now >= deadline */
struct mono mono_earlier(struct mono a, struct mono b);
struct mono mono_later(struct mono a, struct mono b);

/*
 * How long poll(2) and its kin may wait for the deadline, in real
 * milliseconds, rounded up; 0 if it has passed, -1 for MONO_NEVER.
 */
int mono_poll_timeout(struct mono deadline, struct mono now);

/* Milliseconds of our clock in real milliseconds, for libraries with timers of their own. */
int64_t clock_real_ms(int64_t ms);

int64_t wall_now_ms(void); /* Unix time in milliseconds */

#define BOOT_ID_SIZE 37

/* The kernel's boot id, a string of 36 characters; "" where it can't be read. */
const char *clock_boot_id(void);

#endif
