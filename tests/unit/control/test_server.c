#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "ends.h"
#include "unit.h"

#define STATUS(id) "{\"v\":1,\"id\":\"" id "\",\"type\":\"status\"}"
#define DONE(id)   "{\"v\":1,\"id\":\"" id "\",\"ok\":true}"
#define REFUSED(id)                                                         \
	"{\"v\":1,\"id\":\"" id "\",\"ok\":false,\"code\":\"bad_message\"," \
	"\"message\":\"no request of this protocol's version\"}"

/* Refused messages are logged; not into the tests' output. */
static void quiet(bool on)
{
	log_set(on ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

static bool has_peers(const struct end *e)
{
	return control_server_deadline(e->server).us != MONO_NEVER.us;
}

TEST(control_server, answers_a_request)
{
	struct end e;
	int fd;

	end_open(&e);
	fd = raw_connect(e.run_dir);
	raw_message(fd, STATUS("r-1"));
	end_turn(&e);
	ASSERT_TEXT(raw_receive(fd), DONE("r-1"));
	ASSERT_TEXT(raw_receive(fd), ""); /* one exchange, then the end */
	CU_ASSERT_EQUAL(e.calls, 1);
	ASSERT_TEXT(e.last.id, "r-1");
	CU_ASSERT_TRUE(e.trusted); /* the daemon's own user */
	CU_ASSERT_FALSE(has_peers(&e));
	close(fd);
	end_close(&e);
}

/* What stands behind its one request is nobody's. */
TEST(control_server, passes_over_what_comes_behind)
{
	const char *json = STATUS("r-1");
	char message[256] = { 0, 0, 0, (char)strlen(json) };
	struct end e;
	int fd;

	memcpy(message + 4, json, strlen(json));
	memcpy(message + 4 + strlen(json), message, 4 + strlen(json));
	end_open(&e);
	fd = raw_connect(e.run_dir);
	raw_send(fd, message, 2 * (4 + strlen(json)));
	end_turn(&e);
	ASSERT_TEXT(raw_receive(fd), DONE("r-1"));
	ASSERT_TEXT(raw_receive(fd), "");
	CU_ASSERT_EQUAL(e.calls, 1);
	close(fd);
	end_close(&e);
}

static int come_again; /* the next client, who comes while the first is answered */

static void come_meanwhile(
    void *arg, struct control_peer *peer, struct control_request *request, bool trusted)
{
	struct end *e = arg;
	struct buf json;

	(void)trusted;
	if (e->calls++ == 0)
		raw_message(come_again = raw_connect(e->run_dir), STATUS("r-2"));
	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_done_write(request->id, &json);
	control_answer(peer, &json);
	buf_free(&json);
}

/* So the daemon gets to its signals and its other work between the two. */
TEST(control_server, leaves_who_comes_meanwhile_to_the_next_turn)
{
	struct end e = { .run_dir = unit_temp_dir() };
	struct buf why;
	int fd;

	buf_init(&why, 256);
	CU_ASSERT_EQUAL_FATAL(
	    control_server_open(e.run_dir, come_meanwhile, &e, &e.server, &why), ST_OK);
	fd = raw_connect(e.run_dir);
	raw_message(fd, STATUS("r-1"));
	control_server_turn(e.server, mono_now());
	CU_ASSERT_EQUAL(e.calls, 1);
	ASSERT_TEXT(raw_receive(fd), DONE("r-1"));
	end_turn(&e);
	CU_ASSERT_EQUAL(e.calls, 2);
	ASSERT_TEXT(raw_receive(come_again), DONE("r-2"));
	close(fd);
	close(come_again);
	end_close(&e);
}

TEST(control_server, puts_a_request_together_from_single_bytes)
{
	const char *json = STATUS("r-1");
	unsigned char message[128] = { 0, 0, 0, (unsigned char)strlen(json) };
	size_t len = 4 + strlen(json);
	struct end e;
	int fd;

	memcpy(message + 4, json, strlen(json));
	end_open(&e);
	fd = raw_connect(e.run_dir);
	for (size_t i = 0; i < len; i++) {
		CU_ASSERT_EQUAL(e.calls, 0);
		raw_send(fd, message + i, 1);
		end_turn(&e);
	}
	CU_ASSERT_EQUAL(e.calls, 1);
	ASSERT_TEXT(raw_receive(fd), DONE("r-1"));
	close(fd);
	end_close(&e);
}

TEST(control_server, takes_a_long_request_in_pieces)
{
	size_t len = CONTROL_MESSAGE_MAX, sent = 0;
	char *message = malloc(len + 5);
	struct end e;
	int fd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	memset(message + 4, ' ', len);
	memcpy(message, "\0\x20\0\0", 4); /* the longest there may be */
	memcpy(message + 4, STATUS("long"), strlen(STATUS("long")));
	end_open(&e);
	fd = raw_connect(e.run_dir);
	while (sent < len + 4) {
		ssize_t n = send(fd, message + sent, len + 4 - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		end_turn(&e);
	}
	ASSERT_TEXT(raw_receive(fd), DONE("long"));
	close(fd);
	end_close(&e);
	free(message);
}

TEST(control_server, closes_what_announces_a_wrong_length)
{
	static const char *const heads[] = { "\0\0\0\0", "\0\x20\0\1", "\xff\xff\xff\xff", "GET " };
	struct end e;

	end_open(&e);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		int fd = raw_connect(e.run_dir);

		raw_send(fd, heads[i], 4);
		end_turn(&e);
		ASSERT_TEXT(raw_receive(fd), "");
		CU_ASSERT_FALSE(has_peers(&e));
		close(fd);
	}
	CU_ASSERT_EQUAL(e.calls, 0);
	end_close(&e);
}

TEST(control_server, refuses_what_is_no_request)
{
	static const struct {
		const char *message, *answer;
	} cases[] = {
		{ "garbage", REFUSED("") },
		{ "{\"v\":1,\"id\":\"r-1\",\"type\":\"dance\"}", REFUSED("r-1") },
		{ "{\"v\":2,\"id\":\"r-1\",\"type\":\"status\"}", REFUSED("r-1") },
		{ "\xff\xfe", REFUSED("") },
	};
	struct end e;

	quiet(true);
	end_open(&e);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = raw_connect(e.run_dir);

		raw_message(fd, cases[i].message);
		end_turn(&e);
		ASSERT_TEXT(raw_receive(fd), cases[i].answer);
		ASSERT_TEXT(raw_receive(fd), "");
		close(fd);
	}
	CU_ASSERT_EQUAL(e.calls, 0);
	end_close(&e);
	quiet(false);
}

TEST(control_server, gives_a_slow_peer_ten_seconds)
{
	struct mono now, deadline;
	struct end e;
	int fd;

	end_open(&e);
	CU_ASSERT_FALSE(has_peers(&e));
	now = mono_now();
	fd = raw_connect(e.run_dir);
	raw_send(fd, "\0\0", 2);
	end_turn(&e);
	deadline = control_server_deadline(e.server);
	CU_ASSERT_TRUE(mono_reached(mono_add_ms(now, 10000), deadline));
	CU_ASSERT_FALSE(mono_reached(mono_add_ms(now, 20000), deadline));
	/* More bytes win no time. */
	raw_send(fd, "\0", 1);
	end_turn(&e);
	CU_ASSERT_EQUAL(control_server_deadline(e.server).us, deadline.us);
	control_server_turn(e.server, (struct mono){ deadline.us - 1 });
	CU_ASSERT_TRUE(has_peers(&e));
	control_server_turn(e.server, deadline);
	CU_ASSERT_FALSE(has_peers(&e));
	ASSERT_TEXT(raw_receive(fd), "");
	close(fd);
	end_close(&e);
}

TEST(control_server, waits_without_a_deadline_for_its_own_answer)
{
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = raw_connect(e.run_dir);
	raw_message(fd, STATUS("r-1"));
	end_turn(&e);
	CU_ASSERT_FALSE(has_peers(&e));
	control_server_turn(e.server, mono_add_ms(mono_now(), 3600 * 1000));
	end_answer_held(&e);
	ASSERT_TEXT(raw_receive(fd), DONE("held"));
	close(fd);
	end_close(&e);
}

TEST(control_server, drops_a_peer_that_takes_no_answer)
{
	struct buf json;
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = raw_connect(e.run_dir);
	raw_message(fd, STATUS("r-1"));
	end_turn(&e);
	buf_init(&json, CONTROL_MESSAGE_MAX);
	memset(buf_room(&json, CONTROL_MESSAGE_MAX), 'x', CONTROL_MESSAGE_MAX);
	buf_commit(&json, CONTROL_MESSAGE_MAX);
	control_answer(e.held[0], &json); /* more than the socket takes at once */
	CU_ASSERT_TRUE(has_peers(&e));
	control_server_turn(e.server, mono_add_ms(mono_now(), 10001));
	CU_ASSERT_FALSE(has_peers(&e));
	buf_free(&json);
	close(fd);
	end_close(&e);
}

TEST(control_server, sends_a_long_answer_in_pieces)
{
	size_t len = CONTROL_MESSAGE_MAX, got = 0;
	struct buf json;
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = raw_connect(e.run_dir);
	raw_message(fd, STATUS("r-1"));
	end_turn(&e);
	buf_init(&json, len);
	memset(buf_room(&json, len), 'x', len);
	buf_commit(&json, len);
	control_answer(e.held[0], &json);
	for (ssize_t n = 1; n > 0; got += (size_t)n) {
		char block[65536];

		n = recv(fd, block, sizeof(block), 0);
		CU_ASSERT_TRUE_FATAL(n >= 0);
		CU_ASSERT_TRUE(n < 1 || block[n - 1] == 'x');
		end_turn(&e);
	}
	CU_ASSERT_EQUAL(got, len + 4);
	CU_ASSERT_FALSE(has_peers(&e));
	buf_free(&json);
	close(fd);
	end_close(&e);
}

/* The daemon may find out at any time, so its pointer must stay good. */
TEST(control_server, lets_a_peer_hang_up_before_its_answer)
{
	unsigned files = open_files();
	struct end e;

	end_open(&e);
	e.hold = true;
	for (int i = 0; i < 3; i++) {
		int fd = raw_connect(e.run_dir);

		raw_message(fd, STATUS("r-1"));
		end_turn(&e);
		close(fd);
		if (i == 0) /* its end is seen only by the answer */
			continue;
		end_turn(&e);
		CU_ASSERT_TRUE(control_peer_is_gone(e.held[i]));
	}
	CU_ASSERT_EQUAL(e.n_held, 3);
	end_answer_held(&e);
	end_turn(&e);
	CU_ASSERT_FALSE(has_peers(&e));
	end_close(&e);
	CU_ASSERT_EQUAL(open_files(), files);
}

TEST(control_server, lets_a_peer_hang_up_in_the_middle_of_its_request)
{
	unsigned files = open_files();
	struct end e;

	end_open(&e);
	for (size_t len = 0; len < 8; len++) {
		int fd = raw_connect(e.run_dir);

		raw_send(fd, "\0\0\0\x20{\"v\"", len);
		close(fd);
		end_turn(&e);
		CU_ASSERT_FALSE(has_peers(&e));
	}
	CU_ASSERT_EQUAL(e.calls, 0);
	end_close(&e);
	CU_ASSERT_EQUAL(open_files(), files);
}

/* A full sync that many wait for ends in one handler, while one of them hangs up. */
TEST(control_server, answers_other_peers_from_within_a_handler)
{
	const unsigned char head[4] = { 0, 0, 0, (unsigned char)strlen(STATUS("all")) };
	struct end e;
	int fds[4];

	end_open(&e);
	e.hold = true;
	for (int i = 0; i < 3; i++) {
		fds[i] = raw_connect(e.run_dir);
		raw_message(fds[i], STATUS("r-1"));
		end_turn(&e);
	}
	fds[3] = raw_connect(e.run_dir);
	end_turn(&e);
	e.hold = false;
	e.answer_held = true;
	/* Both in one turn: the request first, then the end of one that is answered by it. */
	raw_send(fds[3], head, sizeof(head));
	end_turn(&e);
	raw_send(fds[3], STATUS("all"), strlen(STATUS("all")));
	close(fds[0]);
	control_server_turn(e.server, mono_now());
	end_turn(&e);
	CU_ASSERT_EQUAL(e.calls, 4);
	ASSERT_TEXT(raw_receive(fds[1]), DONE("held"));
	ASSERT_TEXT(raw_receive(fds[2]), DONE("held"));
	ASSERT_TEXT(raw_receive(fds[3]), DONE("all"));
	for (int i = 1; i < 4; i++)
		close(fds[i]);
	CU_ASSERT_FALSE(has_peers(&e));
	end_close(&e);
}

TEST(control_server, closes_with_peers_of_each_kind)
{
	unsigned files = open_files();
	struct end e;
	int fds[3];

	end_open(&e);
	e.hold = true;
	for (int i = 0; i < 3; i++)
		fds[i] = raw_connect(e.run_dir);
	raw_send(fds[0], "\0", 1);
	raw_message(fds[1], STATUS("r-1"));
	raw_message(fds[2], STATUS("r-2"));
	end_turn(&e);
	close(fds[2]);
	end_turn(&e);
	end_close(&e);
	ASSERT_TEXT(raw_receive(fds[1]), "");
	close(fds[0]);
	close(fds[1]);
	CU_ASSERT_EQUAL(open_files(), files);
}

TEST(control_server, sends_an_answer_that_could_not_be_made_as_an_end)
{
	struct buf broken;
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = raw_connect(e.run_dir);
	raw_message(fd, STATUS("r-1"));
	end_turn(&e);
	buf_init(&broken, 1);
	buf_adds(&broken, "too long");
	control_answer(e.held[0], &broken);
	ASSERT_TEXT(raw_receive(fd), "");
	close(fd);
	buf_free(&broken);
	end_close(&e);
}

static void descriptors_are(unsigned n, struct rlimit *before)
{
	struct rlimit few;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, before), 0);
	few = (struct rlimit){ n, before->rlim_max };
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &few), 0);
}

/* Whoever waits in the backlog meanwhile doesn't keep the daemon awake. */
TEST(control_server, accepts_nobody_for_a_moment_without_descriptors)
{
	struct rlimit before;
	struct pollfd p = { .events = POLLIN };
	struct mono now = mono_now();
	struct end e;
	int fd;

	end_open(&e);
	fd = raw_connect(e.run_dir);
	raw_message(fd, STATUS("r-1"));
	descriptors_are(3, &before);
	control_server_turn(e.server, now);
	setrlimit(RLIMIT_NOFILE, &before);
	p.fd = control_server_fd(e.server);
	CU_ASSERT_EQUAL(poll(&p, 1, 0), 0);
	CU_ASSERT_EQUAL(e.calls, 0);
	/* When its time has come, which it says, it goes on. */
	now = control_server_deadline(e.server);
	CU_ASSERT_TRUE(mono_reached(now, mono_add_ms(mono_now(), 1000)));
	control_server_turn(e.server, now);
	end_turn(&e);
	CU_ASSERT_EQUAL(e.calls, 1);
	ASSERT_TEXT(raw_receive(fd), DONE("r-1"));
	CU_ASSERT_FALSE(has_peers(&e));
	close(fd);
	end_close(&e);
}

/* With few descriptors the daemon keeps some for Central and the store. */
TEST(control_server, closes_peers_above_its_limit_at_once)
{
	struct rlimit before;
	struct end e;
	int fds[100];

	descriptors_are(192, &before);
	end_open(&e);
	setrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < 100; i++) {
		fds[i] = raw_connect(e.run_dir);
		end_turn(&e);
	}
	/* 96 have a place; the others are told at once. */
	for (int i = 95; i < 98; i++) {
		char c;
		ssize_t n = recv(fds[i], &c, 1, MSG_DONTWAIT);

		CU_ASSERT_EQUAL(n, i < 96 ? -1 : 0);
	}
	for (int i = 0; i < 100; i++)
		close(fds[i]);
	end_turn(&e);
	CU_ASSERT_FALSE(has_peers(&e));
	/* There is room again. */
	fds[0] = raw_connect(e.run_dir);
	raw_message(fds[0], STATUS("r-1"));
	end_turn(&e);
	ASSERT_TEXT(raw_receive(fds[0]), DONE("r-1"));
	close(fds[0]);
	end_close(&e);
}
