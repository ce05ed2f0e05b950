#include "api/etag.h"

#include <string.h>

void etag_make(bool weak, uint64_t hash, char out[ETAG_SIZE])
{
	if (weak) {
		*out++ = 'W';
		*out++ = '/';
	}
	*out++ = '"';
	text_hex(hash, 16, out);
	out[16] = '"';
	out[17] = '\0';
}

static void skip(struct span *s, const char *bytes)
{
	while (s->len > 0 && strchr(bytes, s->data[0]) && s->data[0] != '\0') {
		s->data++;
		s->len--;
	}
}

/* Cut the next tag off the front, quotes and all, but without its `W/`. */
static bool next_tag(struct span *list, struct span *tag)
{
	const char *end;

	/* Empty elements of a list are allowed. */
	skip(list, " \t,");
	if (list->len >= 2 && memcmp(list->data, "W/", 2) == 0) {
		list->data += 2;
		list->len -= 2;
	}
	if (list->len < 2 || list->data[0] != '"')
		return false;
	end = memchr(list->data + 1, '"', list->len - 1);
	if (!end)
		return false;
	*tag = (struct span){ list->data, (size_t)(end - list->data) + 1 };
	list->data += tag->len;
	list->len -= tag->len;
	skip(list, " \t");
	return list->len == 0 || list->data[0] == ',';
}

bool etag_matches(struct span if_none_match, const char *etag)
{
	const char *opaque = strchr(etag, '"');
	struct span list = if_none_match, tag;

	skip(&list, " \t");
	if (list.len > 0 && list.data[0] == '*') {
		list.data++;
		list.len--;
		skip(&list, " \t");
		return list.len == 0;
	}
	while (next_tag(&list, &tag))
		if (span_is(tag, opaque))
			return true;
	return false;
}
