/*
 * samples.h: waits, and what is said of them.  What the programs of this folder
 * print are lines `METRIC VALUE`, which bench.sh takes as they are.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include "base/clock.h"

double ms_since(struct mono start);

/* One wait in milliseconds; beyond a million of them they are dropped. */
void samples_add(double ms);

/* How many there are, their median, p99 and worst; the names begin with PREFIX.  They start anew. */
void samples_print(const char *prefix);

#endif
