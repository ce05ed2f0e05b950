/*
 * rules/breaker.h: the circuit breaker between this store and Central.
 *
 *            threshold failures in a row
 *   CLOSED ─────────────────────────────▶ OPEN (fallback mode)
 *      ▲                                    │
 *      └────────────────────────────────────┘
 *                  one success
 *
 * The number of failures is kept in the sync record, so a restart goes on in
 * the same state.  What says nothing of Central's health doesn't count: being
 * told to slow down (429), or our own store's trouble.
 */
#ifndef RULES_BREAKER_H
#define RULES_BREAKER_H

#include <stdbool.h>

#include "model/record.h"

/* The failures in a row after one more, of this class. */
unsigned breaker_count(unsigned failures, enum failure_class c);

/*
 * The same after a forwarded write.  Only that Central can't be reached counts:
 * one product that it chokes on is no reason to ask it nothing more.
 */
unsigned breaker_count_write(unsigned failures, enum failure_class c);

bool breaker_is_open(unsigned failures, unsigned threshold);

/* The state that a record shows after an exchange that failed. */
enum sync_state breaker_state(unsigned failures, unsigned threshold);

#endif
