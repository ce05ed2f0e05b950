#include "api/key.h"

#include <stdlib.h>
#include <string.h>

enum st_err api_keys_open(const char *const *keys, size_t n, struct api_keys *out)
{
	struct span *list = calloc(n + 1, sizeof(*list));

	if (!list)
		return ST_NOMEM;
	for (size_t i = 0; i < n; i++)
		list[i] = (struct span){ keys[i], strlen(keys[i]) };
	*out = (struct api_keys){ list, n };
	return ST_OK;
}

void api_keys_close(struct api_keys *k)
{
	free(k->list);
	*k = (struct api_keys){ 0 };
}

bool api_keys_have(const struct api_keys *k, struct span given)
{
	bool found = false;

	for (size_t i = 0; i < k->n; i++)
		found |= text_equal_constant_time(
		    given.data, given.len, k->list[i].data, k->list[i].len);
	return found;
}
