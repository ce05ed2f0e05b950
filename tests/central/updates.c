/*
 * Writes: stock updates with their memory of idempotency keys, and admin calls.
 * What the deployed Central answers, quirks included: 409 whatever the reason
 * of a refusal, zeros left out of a single answer, a repeated key answered with
 * the first result under whatever product was asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"

#define KEY_MEMORY_MS 120000
#define KEY_BUCKETS   4096

struct result {
	bool applied, has_numbers, bad_version;
	int64_t quantity, version;
	char updated[40];
	const char *error_type;
	char error_message[200];
};

struct remembered {
	struct remembered *next;
	char *key;
	int64_t until_ms;
	struct result result;
};

struct keys {
	struct remembered *buckets[KEY_BUCKETS];
};

static struct remembered **bucket_of(struct keys *k, const char *key)
{
	unsigned hash = 5381;

	for (; *key; key++)
		hash = hash * 33 + (unsigned char)*key;
	return &k->buckets[hash % KEY_BUCKETS];
}

void updates_forget_keys(struct central *c)
{
	if (!c->keys)
		return;
	for (size_t i = 0; i < KEY_BUCKETS; i++) {
		while (c->keys->buckets[i]) {
			struct remembered *r = c->keys->buckets[i];

			c->keys->buckets[i] = r->next;
			free(r->key);
			free(r);
		}
	}
}

static const struct result *recall(struct keys *k, const char *key)
{
	int64_t now = clock_ms();

	for (struct remembered **at = bucket_of(k, key); *at;) {
		struct remembered *r = *at;

		if (r->until_ms < now) {
			*at = r->next;
			free(r->key);
			free(r);
		} else if (strcmp(r->key, key) == 0) {
			return &r->result;
		} else {
			at = &r->next;
		}
	}
	return NULL;
}

static void remember(struct keys *k, const char *key, const struct result *result)
{
	struct remembered **bucket = bucket_of(k, key), *r = must(calloc(1, sizeof(*r)));

	r->key = text_copy(key);
	r->until_ms = clock_ms() + KEY_MEMORY_MS;
	r->result = *result;
	r->next = *bucket;
	*bucket = r;
}

static const char *text_member(json_object *o, const char *name)
{
	json_object *value;

	return json_object_object_get_ex(o, name, &value) && value ? json_object_get_string(value)
	                                                           : "";
}

static int64_t int_member(json_object *o, const char *name)
{
	json_object *value;

	return json_object_object_get_ex(o, name, &value) ? json_object_get_int64(value) : 0;
}

static void numbers_of(const struct product *p, struct result *r)
{
	r->has_numbers = true;
	r->quantity = p->available;
	r->version = p->version;
	snprintf(r->updated, sizeof(r->updated), "%s", p->updated);
}

/* The version is checked before the delta. */
static struct result apply(struct central *c, json_object *update)
{
	const char *id = text_member(update, "productId");
	int64_t delta = int_member(update, "delta"), version = int_member(update, "version");
	struct product *p = catalogue_find(&c->catalogue, id);
	struct result r = { .applied = false };
	char now[32];

	if (!p) {
		r.error_type = "product_not_found";
		snprintf(r.error_message, sizeof(r.error_message), "product not found: %s", id);
	} else if (p->version != version) {
		r.error_type = "version_conflict";
		r.bad_version = version < 0;
		snprintf(r.error_message, sizeof(r.error_message),
		    "version conflict: expected %lld, got %lld", (long long)p->version,
		    (long long)version);
		numbers_of(p, &r);
	} else if (delta > 0) {
		r.error_type = "invalid_request";
		snprintf(r.error_message, sizeof(r.error_message),
		    "invalid delta: %lld - only negative quantities are allowed", (long long)delta);
	} else if (p->available + delta < 0) {
		r.error_type = "insufficient_inventory";
		snprintf(r.error_message, sizeof(r.error_message),
		    "insufficient inventory: current %lld, delta %lld", (long long)p->available,
		    (long long)delta);
	} else {
		clock_rfc3339(now);
		free(p->updated);
		p->updated = text_copy(now);
		p->available += delta;
		p->version++;
		r.applied = true;
		numbers_of(p, &r);
		journal_state(c, p, text_member(update, "idempotencyKey"));
		feed_append(&c->feed, "product_updated", p);
	}
	return r;
}

static struct result update_one(struct central *c, json_object *update)
{
	const char *key = text_member(update, "idempotencyKey");
	const struct result *before;
	struct result r = { .error_type = "invalid_request",
		.error_message = "Missing idempotency key" };

	if (!key[0])
		return r;
	before = recall(c->keys, key);
	if (before)
		return *before;
	r = apply(c, update);
	remember(c->keys, key, &r);
	return r;
}

static void add_error(const struct result *r, struct text *out)
{
	if (!r->error_type)
		return;
	text_addf(out, ",\"errorType\":\"%s\",\"errorMessage\":", r->error_type);
	text_add_json(out, r->error_message);
}

/* Zero and false members are left out. */
static unsigned single_answer(json_object *update, const struct result *r, struct text *out)
{
	text_adds(out, "{\"productId\":");
	text_add_json(out, text_member(update, "productId"));
	if (r->has_numbers && r->quantity != 0)
		text_addf(out, ",\"newQuantity\":%lld", (long long)r->quantity);
	if (r->has_numbers && r->version != 0)
		text_addf(out, ",\"newVersion\":%lld", (long long)r->version);
	if (r->applied)
		text_adds(out, ",\"applied\":true");
	if (r->has_numbers)
		text_addf(out, ",\"lastUpdated\":\"%s\"", r->updated);
	add_error(r, out);
	text_adds(out, "}");
	return r->applied ? 200 : r->bad_version ? 400 : 409;
}

static unsigned batch_answer(struct central *c, json_object *updates, struct text *out)
{
	size_t n = json_object_array_length(updates), good = 0;

	text_adds(out, "{\"results\":[");
	for (size_t i = 0; i < n; i++) {
		json_object *update = json_object_array_get_idx(updates, i);
		struct result r = update_one(c, update);

		good += r.applied;
		text_adds(out, i > 0 ? ",{\"productId\":" : "{\"productId\":");
		text_add_json(out, text_member(update, "productId"));
		text_addf(out,
		    ",\"newQuantity\":%lld,\"newVersion\":%lld,\"applied\":%s,\"lastUpdated\":\"%"
		    "s\"",
		    (long long)r.quantity, (long long)r.version, r.applied ? "true" : "false",
		    r.updated);
		add_error(&r, out);
		text_adds(out, "}");
	}
	text_addf(out, "],\"summary\":{\"total\":%zu,\"succeeded\":%zu,\"failed\":%zu}}", n, good,
	    n - good);
	return 200;
}

unsigned updates_answer(struct central *c, json_object *body, struct text *out)
{
	json_object *updates;
	struct result r;

	if (!c->keys)
		c->keys = must(calloc(1, sizeof(*c->keys)));
	if (json_object_object_get_ex(body, "updates", &updates) &&
	    json_object_is_type(updates, json_type_array))
		return batch_answer(c, updates, out);
	r = update_one(c, body);
	return single_answer(body, &r, out);
}

/* ---------------------------------------------------------------- admin calls */

static const char *create(
    struct central *c, json_object *o, const char **type, struct product **done)
{
	struct product *p;

	if (catalogue_find(&c->catalogue, text_member(o, "productId"))) {
		*type = "validation_error";
		return "Product already exists";
	}
	p = product_from_json(o);
	if (!p) {
		*type = "validation_error";
		return "productId is required";
	}
	p->version = 1; /* also where the product lived before */
	catalogue_insert(&c->catalogue, p);
	journal_state(c, p, NULL);
	feed_append(&c->feed, "product_created", p);
	*done = p;
	return NULL;
}

static void replace_text(char **member, json_object *o, const char *name)
{
	json_object *value;

	if (!json_object_object_get_ex(o, name, &value))
		return;
	free(*member);
	*member = text_copy(json_object_is_type(value, json_type_string)
				? json_object_get_string(value)
				: json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

static void touch(struct product *p)
{
	char now[32];

	clock_rfc3339(now);
	free(p->updated);
	p->updated = text_copy(now);
	p->version++;
}

static const char *set(struct central *c, json_object *o, const char **type, struct product **done)
{
	struct product *p = catalogue_find(&c->catalogue, text_member(o, "productId"));
	json_object *available;

	if (!p) {
		*type = "not_found";
		return "Product not found";
	}
	replace_text(&p->name, o, "name");
	replace_text(&p->price, o, "price");
	if (json_object_object_get_ex(o, "available", &available))
		p->available = json_object_get_int64(available);
	touch(p);
	journal_state(c, p, NULL);
	feed_append(&c->feed, "product_updated", p);
	*done = p;
	return NULL;
}

/* One result; a delete's product is gone afterwards, so it is written here too. */
static bool add_result(
    const char *id, const char *error, const char *type, const struct product *p, struct text *out)
{
	char now[32];

	clock_rfc3339(now);
	text_adds(out, "{\"productId\":");
	text_add_json(out, id);
	if (error) {
		text_addf(out, ",\"success\":false,\"errorType\":\"%s\",\"errorMessage\":\"%s\"}",
		    type, error);
		return false;
	}
	text_addf(out, ",\"success\":true,\"newVersion\":%lld,\"lastUpdated\":\"%s\"}",
	    (long long)p->version, now);
	return true;
}

static bool admin_delete(struct central *c, json_object *id_value, struct text *out)
{
	const char *id = json_object_get_string(id_value);
	struct product *p = catalogue_find(&c->catalogue, id ? id : "");
	int64_t version;

	if (!p)
		return add_result(id ? id : "", "Product not found", "not_found", NULL, out);
	/* The event carries the last version + 1 and the old data. */
	journal_gone(c, id);
	version = ++p->version;
	feed_append(&c->feed, "product_deleted", p);
	add_result(id, NULL, NULL, &(struct product){ .version = version }, out);
	catalogue_remove(&c->catalogue, id);
	return true;
}

static bool admin_one(struct central *c, const char *verb, json_object *item, struct text *out)
{
	const char *type = NULL, *error;
	struct product *p = NULL;

	if (strcmp(verb, "delete") == 0)
		return admin_delete(c, item, out);
	error = strcmp(verb, "create") == 0 ? create(c, item, &type, &p) : set(c, item, &type, &p);
	return add_result(text_member(item, "productId"), error, type, p, out);
}

static const struct {
	const char *verb, *list, *good, *bad;
} verbs[] = {
	{ "create", "products", "successfulCreations", "failedCreations" },
	{ "set", "products", "successfulUpdates", "failedUpdates" },
	{ "delete", "productIds", "successfulDeletions", "failedDeletions" },
};

unsigned admin_answer(struct central *c, const char *verb, json_object *body, struct text *out)
{
	size_t v = 0, n, good = 0;
	json_object *list;

	while (v < 2 && strcmp(verbs[v].verb, verb) != 0)
		v++;
	if (!json_object_object_get_ex(body, verbs[v].list, &list) ||
	    !json_object_is_type(list, json_type_array)) {
		text_adds(out, "{\"code\":\"bad_request\",\"message\":\"Invalid JSON\"}");
		return 400;
	}
	n = json_object_array_length(list);
	text_adds(out, "{\"results\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			text_adds(out, ",");
		good += admin_one(c, verbs[v].verb, json_object_array_get_idx(list, i), out);
	}
	text_addf(out, "],\"summary\":{\"totalRequests\":%zu,\"%s\":%zu,\"%s\":%zu}}", n,
	    verbs[v].good, good, verbs[v].bad, n - good);
	return 200;
}
