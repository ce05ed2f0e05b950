/*
 * model/doubt.h: what is known about one product beside its cached state.
 *
 * Versions begin at 1 again when a product is deleted and created anew, and
 * events arrive in any order; so for a while after a create or delete, versions
 * alone don't tell which of two states is the later one.  For that while the
 * product is in doubt (rules/doubt.h).  Kept in the store, committed together
 * with what it speaks of; stored as this struct's bytes: fixed width, no
 * pointers, no padding.
 */
#ifndef MODEL_DOUBT_H
#define MODEL_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/record.h"

struct doubt {
	struct stamp since; /* the last create or delete; not set: no doubt, only owed */
	int64_t tombstone;  /* the version that ended the product's last life, 0: it lives */
	uint32_t by_lookup; /* 1: until the doubt ends only look-ups change the product */
	uint32_t brief;     /* 1: no create or delete was seen, it ends soon */
	uint32_t owed;      /* 1: Central is to be asked for this product */
	uint32_t reserved;  /* 0 */
};

#endif
