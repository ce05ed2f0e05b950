/*
 * base/random.h: random bits for jitter and for telling things apart; not for secrets.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* 32 bits from the kernel; from the clock where it has none yet (early at boot). */
uint32_t random_bits(void);

#endif
