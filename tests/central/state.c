/* Products and feed in one JSON file, written whole and renamed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"

static void load_event(struct feed *f, json_object *o)
{
	json_object *offset;

	if (!json_object_object_get_ex(o, "offset", &offset))
		return;
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 256;
		f->list = must(realloc(f->list, f->cap * sizeof(*f->list)));
	}
	f->list[f->n++] = (struct event){ json_object_get_int64(offset),
		text_copy(json_object_to_json_string_ext(
		    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)) };
}

const char *state_load(struct central *c)
{
	json_object *root = json_object_from_file(c->options.state), *value;
	const char *wrong = NULL;

	if (!root)
		return "not there yet";
	catalogue_load(&c->catalogue, json_object_object_get(root, "products"));
	if (json_object_object_get_ex(root, "head", &value))
		c->feed.head = json_object_get_int64(value);
	else
		wrong = "no state of this program";
	if (json_object_object_get_ex(root, "events", &value))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			load_event(&c->feed, json_object_array_get_idx(value, i));
	json_object_put(root);
	return wrong;
}

void state_save(struct central *c)
{
	struct text t = { NULL, 0, 0 };
	char path[4096];
	FILE *f;

	if (!c->options.state)
		return;
	text_addf(&t, "{\"head\":%lld,\"products\":[\n", (long long)c->feed.head);
	for (size_t i = 0; i < c->catalogue.n; i++) {
		text_adds(&t, i > 0 ? ",\n" : "");
		product_write(c->catalogue.sorted[i], &t);
	}
	text_adds(&t, "],\"events\":[\n");
	for (size_t i = 0; i < c->feed.n; i++) {
		text_adds(&t, i > 0 ? ",\n" : "");
		text_adds(&t, c->feed.list[i].json);
	}
	text_adds(&t, "]}\n");
	snprintf(path, sizeof(path), "%s.new", c->options.state);
	f = fopen(path, "we");
	if (!f || fwrite(t.data, 1, t.len, f) != t.len || fclose(f) != 0 ||
	    rename(path, c->options.state) != 0)
		fprintf(stderr, "central: %s can't be written\n", c->options.state);
	text_free(&t);
}
