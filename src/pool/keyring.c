#include "pool/keyring.h"

#include <stdlib.h>
#include <string.h>

static bool is_among(const char *key, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

bool keyring_add(struct keyring *k, const char *const *keys, size_t n)
{
	char **grown = reallocarray(k->keys, k->n + n + 1, sizeof(*grown));

	if (!grown)
		return false;
	k->keys = grown;
	for (size_t i = 0; i < n; i++) {
		if (is_among(keys[i], (const char *const *)k->keys, k->n))
			continue;
		k->keys[k->n] = strdup(keys[i]);
		if (!k->keys[k->n])
			return false;
		k->n++;
	}
	return true;
}

bool keyring_is_within(const struct keyring *k, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < k->n; i++)
		if (!is_among(k->keys[i], keys, n))
			return false;
	return true;
}

void keyring_clear(struct keyring *k)
{
	for (size_t i = 0; i < k->n; i++) {
		explicit_bzero(k->keys[i], strlen(k->keys[i]));
		free(k->keys[i]);
	}
	free(k->keys);
	*k = (struct keyring){ 0 };
}
