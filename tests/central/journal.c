/*
 * Each state that a product was ever in, a line each, written before anybody can
 * have seen it.  Who reads along takes what ends with a newline.
 */
#include <stdio.h>
#include <stdlib.h>

#include "central/central.h"

static void add(struct central *c, const char *id, const struct product *p, const char *key)
{
	struct text t = { NULL, 0, 0 };

	if (!c->journal)
		return;
	text_adds(&t, "{\"productId\":");
	text_add_json(&t, id);
	text_adds(&t, ",\"key\":");
	if (key)
		text_add_json(&t, key);
	else
		text_adds(&t, "null");
	text_adds(&t, ",\"product\":");
	if (p)
		product_write(p, &t);
	else
		text_adds(&t, "null");
	text_adds(&t, "}\n");
	if (fwrite(t.data, 1, t.len, c->journal) != t.len || fflush(c->journal) != 0)
		fprintf(stderr, "central: %s can't be written\n", c->options.journal);
	text_free(&t);
}

bool journal_begin(struct central *c)
{
	if (!c->options.journal)
		return true;
	c->journal = fopen(c->options.journal, "we");
	if (!c->journal)
		return false;
	for (size_t i = 0; i < c->catalogue.n; i++)
		journal_state(c, c->catalogue.sorted[i], NULL);
	return true;
}

void journal_state(struct central *c, const struct product *p, const char *key)
{
	add(c, p->id, p, key);
}

void journal_gone(struct central *c, const char *id)
{
	add(c, id, NULL, NULL);
}
