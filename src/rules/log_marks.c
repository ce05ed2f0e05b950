#include "rules/log_marks.h"

#include <string.h>

/* FNV-1a: small, and nobody who could choose events gains by a collision. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

static uint64_t identity(const struct event *e)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	hash = mix(hash, e->product_id.data, e->product_id.len);
	hash = mix(hash, "", 1);
	hash = mix(hash, &e->version, sizeof(e->version));
	return mix(hash, e->timestamp.data, e->timestamp.len);
}

static void add(struct log_marks *m, const struct log_mark *mark)
{
	size_t at = m->n;

	while (at > 0 && m->marks[at - 1].offset > mark->offset)
		at--;
	if (at > 0 && m->marks[at - 1].offset == mark->offset)
		return;
	if (m->n == LOG_MARKS_MAX) {
		if (at == 0)
			return;
		memmove(m->marks, m->marks + 1, (at - 1) * sizeof(m->marks[0]));
		at--;
	} else {
		memmove(m->marks + at + 1, m->marks + at, (m->n - at) * sizeof(m->marks[0]));
		m->n++;
	}
	m->marks[at] = *mark;
}

void log_marks_add(struct log_marks *m, const struct event *e)
{
	struct log_mark mark = { e->offset, identity(e) };

	add(m, &mark);
}

void log_marks_take_over(struct log_marks *m, struct log_marks *from)
{
	for (size_t i = 0; i < from->n; i++)
		add(m, &from->marks[i]);
	from->n = 0;
}

int64_t log_marks_oldest(const struct log_marks *m)
{
	return m->n > 0 ? m->marks[0].offset : -1;
}

enum log_verdict log_marks_compare(const struct log_marks *m, const struct event_batch *answer)
{
	size_t equal = 0, mark = 0;

	for (size_t i = 0; i < answer->n; i++) {
		const struct event *e = &answer->events[i];

		while (mark < m->n && m->marks[mark].offset < e->offset)
			mark++;
		if (mark == m->n)
			break;
		if (m->marks[mark].offset != e->offset)
			continue;
		if (m->marks[mark].identity != identity(e))
			return LOG_REPLACED;
		equal++;
	}
	return equal > 0 || m->n == 0 ? LOG_SAME : LOG_ROTATED;
}
