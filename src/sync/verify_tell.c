/*
 * sync/verify_tell.c: what whoever waits for a verify is told, as far as he
 * reads it.
 */
#include <stdlib.h>

#include "sync/compare_page.h"

#define LISTED_MAX   10000        /* differences; more are only counted */
#define ROOM         (256 * 1024) /* bytes of differences, of which so many */
#define ENOUGH       (32 * 1024)  /* go in one message */
#define NEWS_EACH_MS 1000

static enum control_phase phase_of(const struct verify *v)
{
	switch (v->phase) {
	case VERIFY_FIRST: return CONTROL_COMPARING;
	case VERIFY_PAUSE:
	case VERIFY_SECOND: return CONTROL_CONFIRMING;
	case VERIFY_REPAIR: return CONTROL_REPAIRING;
	case VERIFY_IDLE:
	case VERIFY_WAIT: break;
	}
	return CONTROL_WAITING;
}

static struct control_progress progress_of(const struct engine *e)
{
	const struct verify *v = &e->verify;
	bool repairs = v->phase == VERIFY_REPAIR;
	const struct walk *walk = repairs ? &e->full_sync.walk : &v->at.walk;

	return (struct control_progress){ .phase = phase_of(v),
		.products = repairs ? walk->products : v->products,
		.total = walk->total,
		.differed = v->differed };
}

void verify_news(struct engine *e, struct mono now)
{
	struct verify *v = &e->verify;
	struct control_progress progress = progress_of(e);
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_progress_write(v->id, &progress, &v->differences, &json);
	if (!control_news(v->peer, &json))
		v->unlisted += v->n_differences;
	buf_free(&json);
	buf_reset(&v->differences);
	v->n_differences = 0;
	v->next_news = mono_add_ms(now, NEWS_EACH_MS);
}

void verify_list(struct engine *e, const struct difference *d)
{
	struct verify *v = &e->verify;
	struct control_difference told = { d->id, d->cached ? d->cached->version : -1,
		d->central ? d->central->version : -1 };

	v->differed++;
	if (v->listed == LISTED_MAX) {
		v->unlisted++;
		return;
	}
	v->listed++;
	v->n_differences++;
	v->differences.limit = ROOM;
	control_difference_add(&v->differences, &told);
	if (v->differences.len >= ENOUGH)
		verify_news(e, mono_now());
}

void verify_report(struct engine *e, const struct control_report *report)
{
	struct verify *v = &e->verify;
	struct buf json;

	if (v->n_differences > 0)
		verify_news(e, mono_now());
	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_report_write(v->id, report, &json);
	control_answer(v->peer, &json);
	buf_free(&json);
	central_cancel(e->central, v->call);
	free(v->at.cursor);
	free(v->mark.cursor);
	free(v->end.cursor);
	free(v->suspects);
	buf_free(&v->differences);
	*v = (struct verify){ .phase = VERIFY_IDLE };
}
