/*
 * tool/check_order.h: what `store-syncd --check` was asked to do.
 */
#ifndef TOOL_CHECK_ORDER_H
#define TOOL_CHECK_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "health/check.h"

struct check_order {
	struct config_arguments arguments;
	struct range warning, critical; /* without text: by default */
	int64_t timeout_s;
	unsigned verbose; /* how often it was said */
};

/*
 * True to go on; the caller frees with check_order_free().  False when all is
 * said: help, version, or what is wrong; the exit code is CHECK_UNKNOWN.
 */
bool check_order_read(int argc, char **argv, struct check_order *out);
void check_order_free(struct check_order *o);

/* A whole line on stdout. */
void check_say_unknown(const char *why);

#endif
