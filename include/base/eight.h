/*
 * base/eight.h: text looked through eight bytes at a time, as one number.
 *
 * A byte is asked for by what makes it zero: eight_zeros(bytes ^ EIGHT('x')) is
 * not 0 where an x is among them.
 */
#ifndef BASE_EIGHT_H
#define BASE_EIGHT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Each of its eight bytes is this one. */
#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The first byte is the lowest one, on any machine. */
static inline uint64_t eight_load(const void *at)
{
	uint64_t bytes;

	memcpy(&bytes, at, sizeof(bytes));
	return le64toh(bytes);
}

/* The highest bit of each byte that is 0; above the lowest of those there may be more bits. */
static inline uint64_t eight_zeros(uint64_t bytes)
{
	return (bytes - EIGHT(1)) & ~bytes & EIGHT(0x80);
}

/* Likewise, of each that is below 0x20. */
static inline uint64_t eight_controls(uint64_t bytes)
{
	return eight_zeros(bytes & EIGHT(0xe0));
}

/* The place, 0 to 7, of the lowest bit that is set, of such a number that isn't 0. */
static inline unsigned eight_first(uint64_t bits)
{
	return (unsigned)__builtin_ctzll(bits) / 8;
}

#endif
