/*
 * inside.h: the engine in the test's own process, turned by hand: a test sees its
 * inside, and lets the disk be full at the very moment that it wants to.
 *
 * The store has the fixture's products, all of version INSIDE_VERSION; Central
 * has the same, an empty feed where a test wants no other, and the faults below.
 * It keeps no connection.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdatomic.h>

#include "central/script.h"
#include "store/fixture.h"
#include "sync/known.h"

#define INSIDE_VERSION 5 /* and the offset in the feed */

struct inside {
	struct engine engine;
	struct engine_options options;
	struct script *script;
	const char *run_dir;

	/* What Central answers, from its own thread. */
	atomic_long first, products; /* of the list: the lowest, and all up to this one */
	atomic_int list_status;      /* of its pages, */
	atomic_long astray;          /* which begin so far behind the place that was asked for; */
	atomic_int product_status;   /* of a single product, */
	atomic_int product_version;  /* which is of this version */
	atomic_int feed_status;      /* of events */
	atomic_long head, poll_end;  /* nextOffset: far beyond the feed, and at its end */
	atomic_int log; /* unless 0 the feed has updates of product 0 up to its end, of this log */
	atomic_long oldest; /* none of them below this offset */
	atomic_long posts;  /* so many came; each is a conflict with version + 1 */
};

void inside_begin(struct inside *in, long products);
/* The same; the record of this product is damaged. */
void inside_begin_damaged(struct inside *in, long products, const char *id);
void inside_end(struct inside *in);

/* Until the condition holds, which it must within 10 s: what is due is done, */
typedef bool inside_condition(const struct engine *e);
void inside_turn_until(struct inside *in, inside_condition *condition);

/* or nothing is, and Central's answers and requests of the control socket are heard. */
void inside_hear_until(struct inside *in, inside_condition *condition);

/* One write of product 1, as a message of the control socket. */
#define INSIDE_UPDATE                                                                          \
	"{\"v\":1,\"id\":\"r\",\"type\":\"update\",\"batch\":false,\"items\":[{\"productId\":" \
	"\"P-000001\",\"delta\":-2,\"version\":5,\"idempotencyKey\":\"k\"}]}"

bool inside_has_write(const struct engine *e);
bool inside_has_no_write(const struct engine *e);
bool inside_owes_nothing(const struct engine *e); /* no look-up */

/* A write that was taken and not sent yet; the answers are read from the descriptor. */
int inside_forward(struct inside *in);

/* No file can grow or be written any more; or it can again. */
void inside_disk_full(bool full);

/* A look-up of the product of this number is owed, in the store too. */
void inside_owe(struct inside *in, long product);
struct known *inside_known(struct inside *in, long product);

/* The version that readers see of this product, which is there. */
int64_t inside_version(struct inside *in, long product);

/* True if the store has it that a look-up of this product is owed. */
bool inside_is_owed(struct inside *in, long product);

#endif
