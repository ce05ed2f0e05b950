#include "central/central.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must(void *memory)
{
	if (!memory) {
		fputs("central: out of memory\n", stderr);
		abort();
	}
	return memory;
}

char *text_copy(const char *s)
{
	return must(strdup(s));
}

void text_add(struct text *t, const char *s, size_t len)
{
	if (t->len + len + 1 > t->cap) {
		t->cap = (t->len + len + 1) * 2;
		t->data = must(realloc(t->data, t->cap));
	}
	memcpy(t->data + t->len, s, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_adds(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_addf(struct text *t, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (len < 0)
		must(NULL);
	text_add(t, line, (size_t)len);
	free(line);
}

void text_add_json(struct text *t, const char *s)
{
	text_adds(t, "\"");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			text_addf(t, "\\%c", c);
		else if (c == '\n' || c == '\r' || c == '\t')
			text_adds(t, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
		else if (c < 0x20 || strchr("<>&", c))
			text_addf(t, "\\u%04x", c);
		else if (strncmp(s, "\xe2\x80\xa8", 3) == 0 || strncmp(s, "\xe2\x80\xa9", 3) == 0) {
			text_addf(t, "\\u202%c", s[2] == '\xa8' ? '8' : '9');
			s += 2;
		} else
			text_add(t, s, 1);
	}
	text_adds(t, "\"");
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ NULL, 0, 0 };
}
