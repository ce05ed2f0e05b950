/* The products, sorted by the bytes of their ids, so that a page is a slice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"

/* The place of an id, or where it would be. */
static size_t place_of(const struct catalogue *c, const char *id, bool *there)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(c->sorted[middle]->id, id);

		if (order == 0) {
			*there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*there = false;
	return low;
}

struct product *catalogue_find(const struct catalogue *c, const char *id)
{
	bool there;
	size_t place = place_of(c, id, &there);

	return there ? c->sorted[place] : NULL;
}

void catalogue_insert(struct catalogue *c, struct product *p)
{
	bool there;
	size_t place = place_of(c, p->id, &there);

	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 1024;
		c->sorted = must(realloc(c->sorted, c->cap * sizeof(struct product *)));
	}
	memmove(
	    c->sorted + place + 1, c->sorted + place, (c->n - place) * sizeof(struct product *));
	c->sorted[place] = p;
	c->n++;
}

void product_free(struct product *p)
{
	free(p->id);
	free(p->name);
	free(p->updated);
	free(p->price);
	free(p->extra);
	free(p);
}

void catalogue_remove(struct catalogue *c, const char *id)
{
	bool there;
	size_t place = place_of(c, id, &there);

	if (!there)
		return;
	product_free(c->sorted[place]);
	c->n--;
	memmove(
	    c->sorted + place, c->sorted + place + 1, (c->n - place) * sizeof(struct product *));
}

void catalogue_make_up(struct catalogue *c, size_t n)
{
	char text[64];
	int width = snprintf(text, sizeof(text), "%zu", n);

	for (size_t i = 1; i <= n; i++) {
		struct product *p = must(calloc(1, sizeof(*p)));

		snprintf(text, sizeof(text), "PROD-%0*zu", width > 3 ? width : 3, i);
		p->id = text_copy(text);
		snprintf(text, sizeof(text), "Product number %zu", i);
		p->name = text_copy(text);
		p->updated = text_copy("2026-01-15T10:30:00Z");
		snprintf(text, sizeof(text), "%zu.%02zu", 1 + i % 500, i * 7 % 100);
		p->price = text_copy(text);
		p->extra = text_copy("");
		p->available = (int64_t)(i * 31 % 200);
		p->version = 1;
		catalogue_insert(c, p);
	}
}

static const char *const known[] = { "productId", "name", "available", "version", "lastUpdated",
	"price" };

static char *unknown_members(json_object *o)
{
	struct text t = { NULL, 0, 0 };

	text_adds(&t, "");
	json_object_object_foreach(o, name, value)
	{
		bool is_known = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			is_known = is_known || strcmp(known[i], name) == 0;
		if (is_known)
			continue;
		text_adds(&t, ",");
		text_add_json(&t, name);
		text_addf(&t, ":%s",
		    json_object_to_json_string_ext(
			value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	return t.data;
}

struct product *product_from_json(json_object *o)
{
	json_object *id, *name, *available, *version, *updated, *price;
	struct product *p;
	char now[32];

	if (!json_object_object_get_ex(o, "productId", &id) ||
	    !json_object_is_type(id, json_type_string) || json_object_get_string_len(id) == 0)
		return NULL;
	clock_rfc3339(now);
	p = must(calloc(1, sizeof(*p)));
	p->id = text_copy(json_object_get_string(id));
	p->name = text_copy(
	    json_object_object_get_ex(o, "name", &name) ? json_object_get_string(name) : "");
	p->available = json_object_object_get_ex(o, "available", &available)
	                   ? json_object_get_int64(available)
	                   : 0;
	p->version =
	    json_object_object_get_ex(o, "version", &version) ? json_object_get_int64(version) : 1;
	p->updated = text_copy(json_object_object_get_ex(o, "lastUpdated", &updated)
				   ? json_object_get_string(updated)
				   : now);
	p->price = text_copy(json_object_object_get_ex(o, "price", &price)
				 ? json_object_to_json_string_ext(price, JSON_C_TO_STRING_PLAIN)
				 : "0");
	p->extra = unknown_members(o);
	return p;
}

const char *catalogue_load(struct catalogue *c, json_object *array)
{
	if (!array || !json_object_is_type(array, json_type_array))
		return "no JSON array of products";
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct product *p = product_from_json(json_object_array_get_idx(array, i));

		if (!p)
			return "a product has no productId";
		if (catalogue_find(c, p->id)) {
			product_free(p);
			return "a productId stands twice";
		}
		catalogue_insert(c, p);
	}
	return NULL;
}

void product_write(const struct product *p, struct text *out)
{
	text_adds(out, "{\"productId\":");
	text_add_json(out, p->id);
	text_adds(out, ",\"name\":");
	text_add_json(out, p->name);
	text_addf(out,
	    ",\"available\":%lld,\"version\":%lld,\"lastUpdated\":", (long long)p->available,
	    (long long)p->version);
	text_add_json(out, p->updated);
	text_addf(out, ",\"price\":%s%s}", p->price, p->extra);
}
