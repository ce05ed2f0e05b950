#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/central.h"

static const struct {
	const char *name;
	enum fault_kind kind;
} kinds[] = {
	{ "status", FAULT_STATUS },
	{ "hang", FAULT_HANG },
	{ "reset", FAULT_RESET },
	{ "cut", FAULT_CUT },
	{ "garbage", FAULT_GARBAGE },
	{ "html", FAULT_HTML },
	{ "delay", FAULT_DELAY },
	{ "empty", FAULT_EMPTY },
	{ "shrink", FAULT_SHRINK },
	{ "lost", FAULT_LOST },
	{ "forget", FAULT_FORGET },
	{ "close", FAULT_CLOSE },
	{ "noise", FAULT_NOISE },
	{ "drip", FAULT_DRIP },
};

static const char *const dialects[] = { "pages", "items", "array" };

static int64_t int_or(json_object *o, const char *name, int64_t otherwise)
{
	json_object *value;

	return json_object_object_get_ex(o, name, &value) ? json_object_get_int64(value)
	                                                  : otherwise;
}

static const char *text_or(json_object *o, const char *name, const char *otherwise)
{
	json_object *value;

	return json_object_object_get_ex(o, name, &value) ? json_object_get_string(value)
	                                                  : otherwise;
}

static void clear(struct faults *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->list[i].body);
	free(f->list);
	f->list = NULL;
	f->n = 0;
}

static bool read_fault(json_object *o, struct fault *out)
{
	const char *kind = text_or(o, "kind", "");

	*out = (struct fault){ .count = int_or(o, "count", -1),
		.percent = int_or(o, "percent", 100),
		.keep = int_or(o, "keep", 0),
		.delay_ms = int_or(o, "delayMs", 60000),
		.retry_after = int_or(o, "retryAfter", -1),
		.status = (unsigned)int_or(o, "status", 500) };
	snprintf(out->path, sizeof(out->path), "%s", text_or(o, "path", "*"));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			out->kind = kinds[i].kind;
	out->body = text_copy(
	    text_or(o, "body", "{\"code\":\"internal_error\",\"message\":\"a fault\"}"));
	return out->kind != FAULT_NONE;
}

const char *faults_order(struct faults *f, json_object *body)
{
	const char *dialect = text_or(body, "dialect", dialects[f->dialect]);
	json_object *list;

	f->random = (unsigned)int_or(body, "seed", f->random);
	for (int i = 0; i < 3; i++)
		if (strcmp(dialects[i], dialect) == 0)
			f->dialect = (enum dialect)i;
	if (!json_object_object_get_ex(body, "faults", &list))
		return NULL;
	if (!json_object_is_type(list, json_type_array))
		return "faults is no array";
	clear(f);
	f->list = must(calloc(json_object_array_length(list) + 1, sizeof(*f->list)));
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!read_fault(json_object_array_get_idx(list, i), &f->list[f->n++]))
			return "a fault's kind is unknown";
	return NULL;
}

struct fault faults_hit(struct faults *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++) {
		struct fault *fault = &f->list[i];

		if (fault->count == 0 ||
		    (strcmp(fault->path, path) != 0 && strcmp(fault->path, "*") != 0))
			continue;
		if (rand_r(&f->random) % 100 >= fault->percent)
			continue;
		if (fault->count > 0)
			fault->count--;
		return *fault;
	}
	return (struct fault){ .kind = FAULT_NONE };
}
