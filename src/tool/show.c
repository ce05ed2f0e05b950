#include "tool/show.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"

#define LABEL_WIDTH 16
#define TEXT_LIMIT  ((size_t)4 * 1024 * 1024)

void show_init(void)
{
	/* Without it (no such locale) all that isn't ASCII is shown as escapes. */
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* The next character's length and value; 0: no character begins here. */
static size_t next_character(const char *s, size_t len, wchar_t *c)
{
	mbstate_t state = { 0 };
	size_t n = mbrtowc(c, s, len, &state);

	if (n == 0)
		return 1; /* a NUL */
	return n > len ? 0 : n;
}

void show_text(const char *s, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len;) {
		wchar_t c = 0;
		size_t n = next_character(s + i, len - i, &c);

		if (n == 0 || (n == 1 && text_is_unsafe((uint32_t)c)))
			buf_addf(out, "\\x%02x", (unsigned char)s[i]);
		else if (text_is_unsafe((uint32_t)c))
			buf_addf(out, "\\u%04x", (unsigned)c);
		else
			buf_add(out, s + i, n);
		i += n > 0 ? n : 1;
	}
}

size_t show_width(const char *s, size_t len)
{
	size_t width = 0;

	for (size_t i = 0; i < len;) {
		wchar_t c = 0;
		size_t n = next_character(s + i, len - i, &c);
		int columns = n > 0 ? wcwidth(c) : 1;

		width += columns >= 0 ? (size_t)columns : 1;
		i += n > 0 ? n : 1;
	}
	return width;
}

void show_pad(struct buf *out, size_t from, size_t width)
{
	for (size_t at = show_width(buf_text(out) + from, out->len - from); at < width; at++)
		buf_addc(out, ' ');
}

void show_value(const struct doc *d, const struct doc_node *node, struct buf *out)
{
	struct buf text;
	struct span raw;

	if (!node || node->type == DOC_NULL) {
		buf_addc(out, '-');
		return;
	}
	buf_init(&text, TEXT_LIMIT);
	raw = doc_span(d, node);
	if (doc_string(d, node, &text) == ST_OK)
		show_text(buf_text(&text), text.len, out);
	else
		show_text(raw.data, raw.len, out);
	buf_free(&text);
}

void show_label(const char *name, struct buf *out)
{
	size_t from = out->len;

	show_text(name, strlen(name), out);
	show_pad(out, from, LABEL_WIDTH);
	buf_addc(out, ' ');
}

void show_line(const char *name, const struct doc *d, const struct doc_node *node, struct buf *out)
{
	show_label(name, out);
	show_value(d, node, out);
	buf_addc(out, '\n');
}
