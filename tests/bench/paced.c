#include "bench/paced.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/samples.h"
#include "pool/fcgi_client.h"

#define LINES_MAX 256
#define LAST_MS   2000 /* for answers that are still under way at the end */
#define LATE_US   1000

/* A kept connection, and the request that is under way on it. */
struct line {
	int fd; /* -1: not open */
	bool busy;
	struct mono due;
	char request[256];
	char head[4096]; /* the answer's, with the beginning of its body */
	size_t head_len;
	bool in_body, closes;
	int status;
	long left; /* of the body */
};

static struct {
	const char *address;
	int digits; /* of a product's number */
	long products, product;
	int64_t gap_us;
	struct mono due; /* the next request */
	struct line lines[LINES_MAX];
	int n;
	long failed, late;
} client;

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

static void hang_up(struct line *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void finish(struct line *l, int status)
{
	samples_add(ms_since(l->due));
	client.failed += status != 200;
	l->busy = false;
}

/* On a connection that the server may have ended meanwhile; then on a new one. */
static void transmit(struct line *l)
{
	ssize_t len = (ssize_t)strlen(l->request);

	l->head_len = 0;
	l->in_body = false;
	for (int try = 0; try < 2; try++) {
		if (l->fd < 0)
			l->fd = fcgi_connect(client.address);
		if (l->fd >= 0 && send(l->fd, l->request, (size_t)len, MSG_NOSIGNAL) == len)
			return;
		hang_up(l);
	}
	finish(l, 0);
}

static void begin(struct line *l, struct mono due)
{
	client.product = (client.product + 7919) % client.products;
	snprintf(l->request, sizeof(l->request),
	    "GET /v1/store/inventory/PROD-%0*ld HTTP/1.1\r\nHost: bench\r\nX-API-Key: demo\r\n\r\n",
	    client.digits, client.product + 1);
	l->due = due;
	l->busy = true;
	transmit(l);
}

/* What comes behind the head is counted, not kept. */
static void take_head(struct line *l)
{
	const char *end_of_head = strstr(l->head, "\r\n\r\n"), *length, *closes;

	if (!end_of_head) {
		if (l->head_len == sizeof(l->head) - 1) {
			hang_up(l);
			finish(l, 0);
		}
		return;
	}
	length = strcasestr(l->head, "\r\ncontent-length:");
	closes = strcasestr(l->head, "\r\nconnection: close");
	l->status = l->head_len > 12 ? atoi(l->head + 9) : 0;
	l->left = length && length < end_of_head ? strtol(length + 17, NULL, 10) : 0;
	l->left -= (long)l->head_len - (end_of_head + 4 - l->head);
	l->closes = closes && closes < end_of_head;
	l->in_body = true;
}

static void receive(struct line *l)
{
	char rest[65536];
	char *to = l->in_body || !l->busy ? rest : l->head + l->head_len;
	size_t room = to == rest ? sizeof(rest) : sizeof(l->head) - 1 - l->head_len;
	ssize_t n = recv(l->fd, to, room, MSG_DONTWAIT);

	if (n <= 0) {
		hang_up(l);
		if (l->busy && l->head_len == 0)
			transmit(l); /* it was closed as too idle while we sent */
		else if (l->busy)
			finish(l, 0);
		return;
	}
	if (!l->busy)
		return;
	if (l->in_body) {
		l->left -= n;
	} else {
		l->head_len += (size_t)n;
		l->head[l->head_len] = '\0';
		take_head(l);
	}
	if (!l->busy || !l->in_body || l->left > 0)
		return;
	if (l->closes)
		hang_up(l);
	finish(l, l->status);
}

static struct line *free_line(void)
{
	for (int i = 0; i < client.n; i++)
		if (!client.lines[i].busy)
			return &client.lines[i];
	return NULL;
}

/* True if one is due that finds no connection. */
static bool send_due(void)
{
	for (;;) {
		struct mono now = mono_now();
		struct line *l;

		if (!mono_reached(client.due, now))
			return false;
		l = free_line();
		if (!l)
			return true;
		client.late += now.us - client.due.us > LATE_US;
		begin(l, client.due);
		client.due.us += client.gap_us;
	}
}

/* Until an answer comes, or `until`. */
static void wait_for_answers(struct mono until)
{
	struct pollfd fds[LINES_MAX];
	int64_t us = until.us == MONO_NEVER.us ? 1000000 : until.us - mono_now().us;
	struct timespec wait = { .tv_sec = us > 0 ? us / 1000000 : 0,
		.tv_nsec = us > 0 ? us % 1000000 * 1000 : 0 };

	for (int i = 0; i < client.n; i++)
		fds[i] = (struct pollfd){ .fd = client.lines[i].fd, .events = POLLIN };
	if (ppoll(fds, (nfds_t)client.n, &wait, NULL) <= 0)
		return;
	for (int i = 0; i < client.n; i++)
		if (fds[i].revents && client.lines[i].fd >= 0)
			receive(&client.lines[i]);
}

static bool any_busy(void)
{
	for (int i = 0; i < client.n; i++)
		if (client.lines[i].busy)
			return true;
	return false;
}

int paced(char **argv)
{
	struct sigaction on_end = { .sa_handler = end };
	struct mono last;
	long unsent;

	client.address = argv[0] + strlen("http://");
	client.digits = (int)strlen(argv[1]);
	client.products = strtol(argv[1], NULL, 10);
	client.gap_us = 1000000 / strtol(argv[2], NULL, 10);
	client.n = (int)strtol(argv[3], NULL, 10);
	if (client.n > LINES_MAX)
		client.n = LINES_MAX;
	for (int i = 0; i < client.n; i++)
		client.lines[i].fd = fcgi_connect(client.address);
	sigaction(SIGTERM, &on_end, NULL);
	prctl(PR_SET_TIMERSLACK, 1000); /* ns: the default is a tenth of what is measured */
	client.due = mono_now();
	while (!ended) {
		bool all_busy = send_due();

		wait_for_answers(all_busy ? MONO_NEVER : client.due);
	}
	unsent = (mono_now().us - client.due.us) / client.gap_us;
	last = mono_add_ms(mono_now(), LAST_MS);
	while (any_busy() && !mono_reached(last, mono_now()))
		wait_for_answers(last);
	for (int i = 0; i < client.n; i++)
		if (client.lines[i].busy)
			finish(&client.lines[i], 0);
	samples_print("");
	printf("failed %ld\nlate %ld\nunsent %ld\n", client.failed, client.late,
	    unsent > 0 ? unsent : 0);
	return 0;
}
