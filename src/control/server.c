/*
 * control/server.c: one epoll set of a listener and its connections.
 *
 *   READING ── whole message ──▶ WAITING ── control_answer() ──▶ WRITING ──▶ closed
 *
 * Each connection has a deadline for what the peer must do (send its message,
 * take its answer, and what is told before that); while it waits for us there is
 * none.  A peer that hangs up while it waits stays until its answer comes, which
 * is then dropped: so the handler's pointer is good until it has answered.
 *
 * A handler may answer any peer that waits, not only the one it was called
 * for, and the turn may hold an event of that one already.  So what ends during
 * a turn is only laid aside, and freed when the turn is over.
 */
#include "control/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "control/passing.h"
#include "control/socket.h"

#define PEER_DEADLINE_MS 10000
#define PEERS_MAX        2200  /* the largest pool's threads, and tools */
#define OTHER_FILES      128   /* descriptors that the daemon needs besides */
#define ACCEPTS_MAX      64    /* in one turn */
#define RECEIVE_FIRST    1000  /* bytes: most requests are shorter */
#define RECEIVE_MAX      65536 /* at once: memory follows what came, not what was announced */
#define HEAD_SIZE        4
#define NEWS_MAX         ((size_t)256 << 10) /* bytes that wait for a peer to read them */
/* Records of messages that we don't understand: so many in so long, and the number of the others. */
#define REFUSED_BURST     10
#define REFUSED_PERIOD_MS 60000

enum peer_state { PEER_READING, PEER_WAITING, PEER_WRITING, PEER_ENDED };

struct control_peer {
	struct control_server *server;
	struct control_peer *next, **link; /* in the server's list */
	int fd;                            /* -1: hung up */
	int file;                          /* that came with its request, -1: none */
	enum peer_state state;
	struct mono deadline;
	bool trusted;
	bool watched;       /* in the epoll set: who is answered at once never gets there */
	struct buf in, out; /* with the head of 4 bytes */
};

struct control_server {
	struct control_socket socket;
	int epoll;
	control_handler *handler;
	void *arg;
	struct control_peer *peers;
	size_t n_peers, max_peers;
	bool turning;
	struct control_peer *ended; /* in this turn */
	struct log_limit refused;
};

static void peer_free(struct control_peer *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	p->server->n_peers--;
	if (p->fd >= 0)
		close(p->fd);
	if (p->file >= 0)
		close(p->file);
	buf_free(&p->in);
	buf_free(&p->out);
	if (!p->server->turning) {
		free(p);
		return;
	}
	p->state = PEER_ENDED;
	p->next = p->server->ended;
	p->server->ended = p;
}

static void end_turning(struct control_server *s)
{
	s->turning = false;
	while (s->ended) {
		struct control_peer *p = s->ended;

		s->ended = p->next;
		free(p);
	}
}

/* It is gone, and stays as a shell until its answer comes. */
static void peer_hang_up(struct control_peer *p)
{
	close(p->fd);
	p->fd = -1;
	p->deadline = MONO_NEVER;
	buf_reset(&p->out);
}

/* The peer is gone or too slow. */
static void peer_drop(struct control_peer *p)
{
	if (p->state == PEER_WAITING)
		peer_hang_up(p);
	else
		peer_free(p);
}

static bool watch(struct control_peer *p, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = p };
	int op = p->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	bool done = epoll_ctl(p->server->epoll, op, p->fd, &event) == 0;

	p->watched = p->watched || done;
	return done;
}

/* It waits, and there is nothing to send: only that it hangs up is news. */
static void watch_waiting(struct control_peer *p)
{
	p->deadline = MONO_NEVER;
	/* Level-triggered: without this a peer that hung up would wake us all the time. */
	watch(p, EPOLLRDHUP | EPOLLONESHOT);
}

/* What is queued, as far as it goes now; false: the peer is gone. */
static bool send_queued(struct control_peer *p)
{
	while (p->out.len > 0) {
		ssize_t n = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		buf_drop(&p->out, (size_t)n);
		/* It reads, so it has time again. */
		p->deadline = mono_add_ms(mono_now(), PEER_DEADLINE_MS);
	}
	return true;
}

static void send_rest(struct control_peer *p)
{
	bool there = send_queued(p);

	if (there && p->out.len > 0)
		return;
	if (there && p->state == PEER_WAITING)
		watch_waiting(p);
	else
		peer_drop(p);
}

/* Head and JSON in the peer's buffer; its length without the head, 0 where there is none to send. */
static size_t put_message(struct control_peer *p, const struct buf *json)
{
	size_t len = json->err ? 0 : json->len;
	unsigned char head[HEAD_SIZE] = { (unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len };

	buf_add(&p->out, head, sizeof(head));
	buf_add(&p->out, json->data, len);
	return len;
}

bool control_interim(struct control_peer *p, const struct buf *json)
{
	ssize_t n = -1;
	size_t len;

	if (p->fd < 0)
		return false;
	len = put_message(p, json);
	if (len > 0 && !p->out.err)
		n = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	len = p->out.len;
	buf_reset(&p->out);
	if (n == (ssize_t)len)
		return true;
	/* With a part of it in the stream no answer can be read any more. */
	if (n > 0)
		peer_drop(p);
	return false;
}

bool control_news(struct control_peer *p, const struct buf *json)
{
	if (p->fd < 0 || json->err || p->out.len + HEAD_SIZE + json->len > NEWS_MAX)
		return false;
	if (p->out.len == 0)
		p->deadline = mono_add_ms(mono_now(), PEER_DEADLINE_MS);
	if (put_message(p, json) == 0 || p->out.err || !watch(p, EPOLLOUT | EPOLLRDHUP) ||
	    !send_queued(p)) {
		peer_hang_up(p);
		return false;
	}
	if (p->out.len == 0)
		watch_waiting(p);
	return true;
}

bool control_peer_is_gone(const struct control_peer *p)
{
	return p->fd < 0;
}

int control_take_file(struct control_peer *p)
{
	int file = p->file;

	p->file = -1;
	return file;
}

void control_answer(struct control_peer *p, const struct buf *json)
{
	size_t len = put_message(p, json);

	p->state = PEER_WRITING;
	if (p->fd < 0 || len == 0 || p->out.err) {
		peer_free(p);
		return;
	}
	p->deadline = mono_add_ms(mono_now(), PEER_DEADLINE_MS);
	if (send_queued(p) && p->out.len > 0 && watch(p, EPOLLOUT))
		return;
	peer_drop(p);
}

static void refuse(struct control_peer *p, const char *id)
{
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_refusal_write(id, "bad_message", "no request of this protocol's version", &json);
	control_answer(p, &json);
	buf_free(&json);
}

static void log_refused(struct control_server *s, const char *id)
{
	uint64_t records = log_limit_take(&s->refused, mono_now());

	if (records > 0)
		log_warn("control message refused", log_text("request_id", id),
		    log_number("records", (int64_t)records));
}

static void take_message(struct control_peer *p, size_t size)
{
	struct control_request request;
	enum st_err err = control_request_read(p->in.data + HEAD_SIZE, size - HEAD_SIZE, &request);

	p->state = PEER_WAITING;
	if (err) {
		log_refused(p->server, request.id);
		control_request_free(&request);
		refuse(p, request.id);
		return;
	}
	log_debug("control message", log_text("request_id", request.id));
	p->deadline = MONO_NEVER;
	p->server->handler(p->server->arg, p, &request, p->trusted);
	if (p->state == PEER_WAITING && p->fd >= 0 && p->out.len == 0)
		watch_waiting(p);
	control_request_free(&request);
}

/* Bytes of the whole message, head included; 0 while the head isn't there, SIZE_MAX: too long. */
static size_t message_size(const struct buf *in)
{
	const unsigned char *head = (const unsigned char *)in->data;
	size_t len;

	if (in->len < HEAD_SIZE)
		return 0;
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	return len == 0 || len > CONTROL_MESSAGE_MAX ? SIZE_MAX : len + HEAD_SIZE;
}

/*
 * With one file that came along, from who may hand us one.  Others the kernel
 * drops unseen: were they ours to close, LMDB's locks would go with a lock.mdb
 * among them.
 */
static ssize_t receive_bytes(struct control_peer *p, char *room, size_t len)
{
	if (p->trusted && p->file < 0)
		return passing_receive(p->fd, room, len, &p->file);
	return recv(p->fd, room, len, 0);
}

/* True while more is to come. */
static bool receive(struct control_peer *p)
{
	size_t size = message_size(&p->in);
	size_t want = size == 0 ? RECEIVE_FIRST : size - p->in.len;
	char *room;
	ssize_t n;

	want = want < RECEIVE_MAX ? want : RECEIVE_MAX;
	room = buf_room(&p->in, want);
	n = room ? receive_bytes(p, room, want) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		peer_drop(p);
		return false;
	}
	buf_commit(&p->in, (size_t)n);
	size = message_size(&p->in);
	if (size == 0 || (size < SIZE_MAX && p->in.len < size))
		return true;
	if (size == SIZE_MAX)
		peer_drop(p);
	else
		take_message(p, size);
	return false;
}

static struct control_peer *add_peer(struct control_server *s, int fd, struct mono now)
{
	struct control_peer *p = s->n_peers < s->max_peers ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		close(fd);
		return NULL;
	}
	p->server = s;
	p->fd = fd;
	p->file = -1;
	p->deadline = mono_add_ms(now, PEER_DEADLINE_MS);
	p->trusted = control_socket_is_trusted(fd);
	buf_init(&p->in, CONTROL_MESSAGE_MAX + HEAD_SIZE);
	buf_init(&p->out, CONTROL_MESSAGE_MAX + HEAD_SIZE + NEWS_MAX);
	p->next = s->peers;
	p->link = &s->peers;
	if (p->next)
		p->next->link = &p->next;
	s->peers = p;
	s->n_peers++;
	return p;
}

/*
 * All before the first is heard: who is answered and comes again comes to the next
 * turn.  False where more may be waiting.
 */
static bool accept_peers(struct control_server *s, struct mono now)
{
	struct control_peer *peers[ACCEPTS_MAX];
	size_t n = 0;
	int fd;

	while (n < ACCEPTS_MAX && (fd = control_socket_accept(&s->socket, now)) >= 0)
		if ((peers[n] = add_peer(s, fd, now)))
			n++;
	for (size_t i = 0; i < n; i++)
		if (receive(peers[i]) && !watch(peers[i], EPOLLIN))
			peer_free(peers[i]);
	return n < ACCEPTS_MAX;
}

static void serve(struct control_peer *p, uint32_t events)
{
	switch (p->state) {
	case PEER_READING: (void)receive(p); break;
	case PEER_WAITING:
		if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			peer_drop(p);
		else
			send_rest(p);
		break;
	case PEER_WRITING: send_rest(p); break;
	case PEER_ENDED: break;
	}
}

static void drop_late(struct control_server *s, struct mono now)
{
	struct control_peer *next;

	for (struct control_peer *p = s->peers; p; p = next) {
		next = p->next;
		if (mono_reached(p->deadline, now))
			peer_drop(p);
	}
}

void control_server_turn(struct control_server *s, struct mono now)
{
	struct epoll_event events[64];
	int n = epoll_wait(s->epoll, events, 64, 0);
	bool comes = false;

	s->turning = true;
	for (int i = 0; i < n; i++)
		if (events[i].data.ptr)
			serve(events[i].data.ptr, events[i].events);
		else
			comes = true;
	if (comes) /* last, so that who hung up and comes again is in nobody's way */
		(void)accept_peers(s, now);
	drop_late(s, now);
	control_socket_go_on(&s->socket, now);
	end_turning(s);
}

struct mono control_server_deadline(const struct control_server *s)
{
	struct mono first = s->socket.accept_from;

	for (const struct control_peer *p = s->peers; p; p = p->next)
		first = mono_earlier(first, p->deadline);
	return first;
}

int control_server_fd(const struct control_server *s)
{
	return s->epoll;
}

/* Of the descriptors that we may have some are kept: for Central, the store, new connections. */
static size_t most_peers(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur > PEERS_MAX + OTHER_FILES)
		return PEERS_MAX;
	return files.rlim_cur > 2 * OTHER_FILES ? (size_t)files.rlim_cur - OTHER_FILES
	                                        : (size_t)files.rlim_cur / 2;
}

enum st_err control_server_open(const char *run_dir, control_handler *handler, void *arg,
    struct control_server **out, struct buf *why)
{
	struct control_server *s = calloc(1, sizeof(*s));
	enum st_err err;

	if (!s)
		return ST_NOMEM;
	s->max_peers = most_peers();
	log_limit_init(&s->refused, REFUSED_BURST, REFUSED_PERIOD_MS);
	s->handler = handler;
	s->arg = arg;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = control_socket_listen(run_dir, &s->socket, why);
	if (!err)
		err = control_socket_watch(&s->socket, s->epoll, why);
	if (err)
		control_server_close(s);
	else
		*out = s;
	return err;
}

enum st_err control_server_keep(struct control_server *s, struct mono now, struct buf *why)
{
	enum st_err err;

	if (control_socket_is_in_place(&s->socket))
		return ST_OK;
	/* Who had connected in time is served: nobody new comes there. */
	s->turning = true;
	while (!accept_peers(s, now))
		;
	end_turning(s);
	err = control_socket_listen_again(&s->socket, why);
	if (err)
		return err;
	log_warn("control socket was gone, and is made anew",
	    log_text("path", s->socket.address.sun_path));
	return ST_OK;
}

void control_server_close(struct control_server *s)
{
	struct control_peer *next;

	if (!s)
		return;
	for (struct control_peer *p = s->peers; p; p = next) {
		next = p->next;
		peer_free(p);
	}
	control_socket_close(&s->socket);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
}
