/*
 * config/values.c: the ways to read a value.  Each refuses what the table's
 * `allowed` doesn't name; none falls back to a default.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/settings.h"

#define SOCKET_PATH_MAX 107
#define API_KEY_MAX     256

static void *member(const struct setting *s, struct config *c)
{
	return (char *)c + s->offset;
}

static void list_free(struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list){ NULL, 0 };
}

void setting_clear(const struct setting *s, struct config *c)
{
	if (s->set == set_keys || s->set == set_origins) {
		list_free(member(s, c));
	} else if (s->set == set_prefix) {
		free(c->mount_from);
		free(c->mount_to);
		c->mount_from = c->mount_to = NULL;
	} else if (s->set != set_number && s->set != set_octal && s->set != set_choice) {
		char **text = member(s, c);

		free(*text);
		*text = NULL;
	}
}

static bool keep(const struct setting *s, const char *value, struct config *c)
{
	char **text = member(s, c);
	char *copy = strdup(value);

	if (!copy)
		return false;
	free(*text);
	*text = copy;
	return true;
}

bool set_number(const struct setting *s, const char *value, struct config *c)
{
	int64_t *number = member(s, c);
	uint64_t n;

	if (text_to_uint(value, strlen(value), (uint64_t)s->max, &n) || (int64_t)n < s->min)
		return false;
	*number = (int64_t)n;
	return true;
}

bool set_octal(const struct setting *s, const char *value, struct config *c)
{
	int64_t *number = member(s, c);
	size_t len = strlen(value);
	int64_t n = 0;

	if (len > 4 || strspn(value, "01234567") != len)
		return false;
	for (size_t i = 0; i < len; i++)
		n = n * 8 + (value[i] - '0');
	if (n > s->max)
		return false;
	*number = len > 0 ? n : 0660;
	return true;
}

bool set_choice(const struct setting *s, const char *value, struct config *c)
{
	int *choice = member(s, c);

	for (int i = 0; s->words[i]; i++) {
		if (strcmp(s->words[i], value) == 0) {
			*choice = i;
			return true;
		}
	}
	return false;
}

static bool is_printable(const char *value, size_t max)
{
	size_t len = strlen(value);

	return len <= max && text_is_utf8(value, len) && !text_has_control(value, len);
}

bool set_text(const struct setting *s, const char *value, struct config *c)
{
	return is_printable(value, (size_t)s->max) && keep(s, value, c);
}

bool set_path(const struct setting *s, const char *value, struct config *c)
{
	return value[0] == '/' && is_printable(value, 4000) && keep(s, value, c);
}

bool set_file(const struct setting *s, const char *value, struct config *c)
{
	return is_printable(value, 4000) && keep(s, value, c);
}

bool set_store_id(const struct setting *s, const char *value, struct config *c)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(value);

	return len >= 1 && len <= 64 && strspn(value, allowed) == len && keep(s, value, c);
}

/* host[:port] or [v6][:port]; the port is needed if so asked. */
static bool is_authority(const char *s, size_t len, bool port_needed)
{
	const char *end = s + len, *port;
	uint64_t n;

	if (len > 0 && s[0] == '[') {
		const char *close = memchr(s, ']', len);

		if (!close || close - s < 3 ||
		    strspn(s + 1, "0123456789abcdefABCDEF:.") < (size_t)(close - s - 1))
			return false;
		port = close + 1;
	} else {
		port = memchr(s, ':', len);
		if (!port)
			port = end;
		if (port == s)
			return false;
		for (const char *p = s; p < port; p++)
			if (!strchr("-._~", *p) && !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') &&
			    !(*p >= '0' && *p <= '9'))
				return false;
	}
	if (port == end)
		return !port_needed;
	return *port == ':' &&
	       text_to_uint(port + 1, (size_t)(end - port - 1), 65535, &n) == ST_OK && n > 0;
}

/* Behind http:// or https://, NULL if it begins with neither. */
static const char *behind_scheme(const char *url)
{
	if (strncmp(url, "http://", 7) == 0)
		return url + 7;
	return strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
}

bool set_url(const struct setting *s, const char *value, struct config *c)
{
	const char *host = behind_scheme(value);

	if (!host || !is_printable(value, 2000) || strpbrk(value, " ?#\\\"<>"))
		return false;
	return is_authority(host, strcspn(host, "/"), false) && keep(s, value, c);
}

bool set_listen(const struct setting *s, const char *value, struct config *c)
{
	if (strncmp(value, "unix:", 5) == 0) {
		size_t len = strlen(value + 5);

		return value[5] == '/' && len <= SOCKET_PATH_MAX && is_printable(value, 4000) &&
		       keep(s, value, c);
	}
	return is_authority(value, strlen(value), true) && keep(s, value, c);
}

/* "/a/b": begins with a slash, no empty part, no slash at the end. */
static bool is_prefix(const char *s, size_t len)
{
	if (len < 2 || s[0] != '/' || s[len - 1] == '/')
		return false;
	for (size_t i = 1; i < len; i++)
		if (s[i] == '/' && s[i - 1] == '/')
			return false;
	return true;
}

bool set_prefix(const struct setting *s, const char *value, struct config *c)
{
	size_t from = strcspn(value, "=");
	const char *to = value[from] ? value + from + 1 : "";
	char *copy_from, *copy_to;

	(void)s;
	if (!is_printable(value, 1000) || strpbrk(value, "?#% "))
		return false;
	if (value[0] && !is_prefix(value, from))
		return false;
	if (value[from] && !is_prefix(to, strlen(to)))
		return false;
	copy_from = strndup(value, from);
	copy_to = strdup(to);
	if (!copy_from || !copy_to) {
		free(copy_from);
		free(copy_to);
		return false;
	}
	free(c->mount_from);
	free(c->mount_to);
	c->mount_from = copy_from;
	c->mount_to = copy_to;
	return true;
}

static bool list_add(struct config_list *list, const char *item, size_t len)
{
	char **longer = realloc(list->items, (list->n + 1) * sizeof(*longer));

	if (!longer)
		return false;
	list->items = longer;
	list->items[list->n] = strndup(item, len);
	return list->items[list->n++] != NULL;
}

/* Items between commas, spaces around them left out; each must please `is_item`. */
static bool set_list(const struct setting *s, const char *value, struct config *c,
    bool (*is_item)(const char *item, size_t len))
{
	struct config_list list = { NULL, 0 };
	bool good = true;

	for (const char *at = value; good;) {
		size_t field = strcspn(at, ",");
		size_t from = strspn(at, " \t"), to = field;

		while (to > from && strchr(" \t", at[to - 1]))
			to--;
		from = from > to ? to : from;
		good = is_item(at + from, to - from) && list_add(&list, at + from, to - from);
		if (!at[field])
			break;
		at += field + 1;
	}
	if (!good) {
		list_free(&list);
		return false;
	}
	setting_clear(s, c);
	*(struct config_list *)member(s, c) = list;
	return true;
}

static bool is_key(const char *item, size_t len)
{
	return len >= 1 && len <= API_KEY_MAX && text_is_utf8(item, len) &&
	       !text_has_control(item, len);
}

static bool is_origin(const char *item, size_t len)
{
	char text[300];
	const char *host;

	if (len == 1 && item[0] == '*')
		return true;
	if (len >= sizeof(text))
		return false;
	memcpy(text, item, len);
	text[len] = '\0';
	host = behind_scheme(text);
	return host && is_authority(host, strlen(host), false);
}

bool set_keys(const struct setting *s, const char *value, struct config *c)
{
	return set_list(s, value, c, is_key);
}

bool set_origins(const struct setting *s, const char *value, struct config *c)
{
	if (value[0] == '\0') {
		setting_clear(s, c);
		return true;
	}
	return set_list(s, value, c, is_origin);
}
