#include "tool/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

#define BAR_WIDTH   24
#define DRAW_MS     200
#define LINE_MS     10000
#define WIPE_LINE   "\r\033[K"
#define SECONDS_MAX (100 * 24 * 3600)

void progress_begin(struct progress *p, const char *what, bool quiet)
{
	*p = (struct progress){
		.what = what, .quiet = quiet, .terminal = isatty(STDERR_FILENO), .total = -1
	};
}

static void add_bar(struct buf *out, uint64_t percent)
{
	buf_addc(out, '[');
	for (uint64_t i = 0; i < BAR_WIDTH; i++)
		buf_addc(out, (i + 1) * 100 <= percent * BAR_WIDTH ? '#' : '.');
	buf_adds(out, "] ");
}

static void add_rate(const struct progress *p, struct mono now, struct buf *out)
{
	int64_t ms = mono_ms_between(p->began, now);
	uint64_t passed = p->done - p->first, left;
	double rate = ms > 0 ? (double)passed * 1000 / (double)ms : 0;
	char text[DURATION_TEXT_SIZE];

	if (rate <= 0)
		return;
	buf_addf(out, ", %.*f/s", rate < 10 ? 1 : 0, rate);
	left = p->total > 0 && (uint64_t)p->total > p->done ? (uint64_t)p->total - p->done : 0;
	if (left == 0 || (double)left / rate > SECONDS_MAX)
		return;
	text_duration((int64_t)((double)left / rate) * 1000 + 1000, text);
	buf_addf(out, ", %s left", text);
}

static void add_text(const struct progress *p, struct mono now, bool bar, struct buf *out)
{
	bool known = p->total > 0;
	uint64_t percent = known ? p->done * 100 / (uint64_t)p->total : 0;

	buf_addf(out, "%s: ", p->what);
	if (percent > 100) /* a list grows while it is read */
		percent = 100;
	if (bar && known)
		add_bar(out, percent);
	if (known)
		buf_addf(out, "%" PRIu64 " of %" PRId64 " products, %" PRIu64 " %%", p->done,
		    p->total, percent);
	else
		buf_addf(out, "%" PRIu64 " products", p->done);
	add_rate(p, now, out);
}

void progress_text(const struct progress *p, struct mono now, size_t columns, struct buf *out)
{
	add_text(p, now, columns > 0, out);
	if (columns == 0 || out->len < columns)
		return;
	/* It would go on in the next line, where it can't be wiped. */
	buf_reset(out);
	add_text(p, now, false, out);
	if (out->len >= columns) {
		out->len = columns - 1;
		out->data[out->len] = '\0';
	}
}

static size_t terminal_columns(void)
{
	struct winsize size = { 0 };

	/* Without a size, as on a serial line: the one that all terminals have. */
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void print(struct progress *p, struct mono now)
{
	struct buf text;
	size_t columns = p->terminal ? terminal_columns() : 0;

	buf_init(&text, 4096);
	progress_text(p, now, columns, &text);
	if (p->terminal)
		fprintf(stderr, WIPE_LINE "%s", buf_text(&text));
	else
		fprintf(stderr, "%s\n", buf_text(&text));
	fflush(stderr);
	buf_free(&text);
	p->drawn = p->terminal;
	p->next = mono_add_ms(now, p->terminal ? DRAW_MS : LINE_MS);
}

void progress_show(struct progress *p, uint64_t done, int64_t total, struct mono now)
{
	/* It begins, or begins anew: a list that is read a second time. */
	if (p->began.us == 0 || done < p->done) {
		p->began = now;
		p->first = done;
	}
	p->done = done;
	p->total = total;
	if (!p->quiet && mono_reached(p->next, now))
		print(p, now);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs(WIPE_LINE, stderr);
	p->drawn = false;
}
