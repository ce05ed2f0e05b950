#include <string.h>

#include "model/update.h"

/* The documented ones; any other is an error of Central's own. */
static const struct {
	const char *error_type;
	enum update_verdict verdict;
} verdicts[] = {
	{ "version_conflict", UPDATE_CONFLICT },
	{ "product_not_found", UPDATE_NO_PRODUCT },
	{ "insufficient_inventory", UPDATE_REFUSED },
	{ "invalid_request", UPDATE_REFUSED },
	{ "invalid_delta", UPDATE_REFUSED },
	{ "missing_product_id", UPDATE_REFUSED },
	{ "invalid_idempotency_key", UPDATE_REFUSED },
};

enum update_verdict update_verdict_of(const struct update_result *r)
{
	if (r->applied)
		return UPDATE_APPLIED;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (strlen(verdicts[i].error_type) == r->error_type.len &&
		    memcmp(verdicts[i].error_type, r->error_type.data, r->error_type.len) == 0)
			return verdicts[i].verdict;
	return UPDATE_OWN_ERROR;
}
