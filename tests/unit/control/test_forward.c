/*
 * Updates over the control socket: what was taken, and what is known of it
 * when something breaks.  The daemon is a socket of ours, so that each moment
 * can be had.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/client.h"
#include "ends.h"
#include "unit.h"

#define PATIENCE_MS 10000 /* of tests that must not come to that */

#define REQUEST                                                                    \
	"{\"v\":1,\"id\":\"r-1\",\"type\":\"update\",\"batch\":false,\"items\":[{" \
	"\"productId\":\"P\",\"delta\":-1,\"version\":6,\"idempotencyKey\":\"k\"}]}"
#define TAKEN    "{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"taken\":true,\"withinMs\":5000}"
#define TAKEN_0  "{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"taken\":true,\"withinMs\":0}"
#define ANSWERED "{\"v\":1,\"id\":\"r-1\",\"ok\":true,\"results\":[]}"
#define REUSED                                                                               \
	"{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"code\":\"idempotency_key_reused\","          \
	"\"message\":\"m\",\"outcome\":\"not_sent\",\"retryAfter\":-1,\"index\":0,\"results" \
	"\":[]}"
#define REFUSED                                                                      \
	"{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"code\":\"bad_message\",\"message\":" \
	"\"m\"}"
/* What a daemon of another version may say. */
#define REFUSED_BY_V2                                                           \
	"{\"v\":2,\"new\":{},\"id\":\"r-1\",\"ok\":false,\"code\":\"too_old\"," \
	"\"message\":\"m\"}"
#define TAKEN_BY_V2       "{\"v\":2,\"id\":\"r-1\",\"ok\":true,\"taken\":true,\"withinMs\":5000}"
#define REFUSED_WITHOUT_V "{\"id\":\"r-1\",\"ok\":false,\"code\":\"x\",\"message\":\"m\"}"

/* One update in a thread of its own, since it blocks. */
struct writer {
	const char *run_dir;
	struct control_patience patience;
	bool sync; /* waits for a full sync instead */
	enum st_err err;
	bool taken;
	struct control_update update;
	struct control_sync sync_end;
	int64_t ms; /* that it took */
	pthread_t thread;
	int listener, fd; /* the daemon's ends */
};

static void *run(void *arg)
{
	static struct update item = {
		.product_id = { "P", 1 }, .key = { "k", 1 }, .delta = -1, .version = 6
	};
	struct update_list list = { .items = &item, .n = 1 };
	struct writer *w = arg;
	struct mono began = mono_now();

	if (w->sync)
		w->err = control_wait_sync(w->run_dir, "r-1", &w->patience, &w->sync_end);
	else
		w->err = control_forward(
		    w->run_dir, "r-1", &list, &w->patience, &w->taken, &w->update);
	w->ms = mono_ms_between(began, mono_now());
	return NULL;
}

static struct writer writer(void)
{
	return (struct writer){ .run_dir = unit_temp_dir(),
		.patience = { .ms = PATIENCE_MS, .stop_fd = -1 },
		.err = ST_ERR_COUNT,
		.update = { .index = 77 } };
}

/* Its request has come. */
static void begin(struct writer *w)
{
	w->listener = raw_listen(w->run_dir, 4);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&w->thread, NULL, run, w), 0);
	w->fd = accept(w->listener, NULL, NULL);
	ASSERT_TEXT(raw_receive(w->fd), w->sync ? "{\"v\":1,\"id\":\"r-1\",\"type\":\"sync\","
						  "\"wait\":true}"
						: REQUEST);
}

static void end(struct writer *w, enum st_err err, bool taken)
{
	CU_ASSERT_EQUAL(pthread_join(w->thread, NULL), 0);
	CU_ASSERT_EQUAL(w->err, err);
	CU_ASSERT_EQUAL(w->taken, taken);
	if (err)
		CU_ASSERT_EQUAL(w->update.index, 77); /* untouched on failure */
	update_results_free(&w->update.results);
	if (w->fd >= 0)
		close(w->fd);
	close(w->listener);
}

/* Neither is a refusal taken for a write of unknown outcome, nor words that aren't ours for none. */
TEST(control_forward, understands_a_refusal_of_any_version)
{
	static const struct {
		const char *answer;
		bool taken;
	} cases[] = { { REFUSED, false }, { REFUSED_BY_V2, false }, { REFUSED_WITHOUT_V, false },
		{ TAKEN_BY_V2, true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = writer();

		begin(&w);
		raw_message(w.fd, cases[i].answer);
		end(&w, ST_INVALID, cases[i].taken);
	}
}

TEST(control_forward, gets_both_answers)
{
	struct writer w = writer();
	unsigned files = open_files();

	begin(&w);
	raw_message(w.fd, TAKEN);
	raw_message(w.fd, ANSWERED);
	end(&w, ST_OK, true);
	CU_ASSERT_EQUAL(w.update.end, CONTROL_UPDATE_ANSWERED);
	CU_ASSERT_EQUAL(open_files(), files);
}

/* However much of them comes at once. */
TEST(control_forward, tells_one_answer_from_the_next)
{
	char both[4096], spaces[3000];
	size_t first = strlen(TAKEN), second = strlen(ANSWERED) + sizeof(spaces);
	struct writer w = writer();
	char *at = both;

	memset(spaces, ' ', sizeof(spaces));
	at += sprintf(at, "%c%c%c%c%s", 0, 0, 0, (int)first, TAKEN);
	at += sprintf(at, "%c%c%c%c", 0, 0, (int)(second >> 8), (int)(second & 0xff));
	at += sprintf(at, "%.*s%s", (int)sizeof(spaces), spaces, ANSWERED);
	begin(&w);
	raw_send(w.fd, both, (size_t)(at - both));
	end(&w, ST_OK, true);
	CU_ASSERT_EQUAL(w.update.end, CONTROL_UPDATE_ANSWERED);
}

TEST(control_forward, gets_a_refusal_that_was_not_taken)
{
	struct writer w = writer();

	begin(&w);
	raw_message(w.fd, REUSED);
	end(&w, ST_OK, false);
	CU_ASSERT_EQUAL(w.update.end, CONTROL_UPDATE_KEY_REUSED);

	w = writer();
	begin(&w);
	raw_message(w.fd, REFUSED);
	end(&w, ST_INVALID, false);
}

TEST(control_forward, nobody_there_has_taken_nothing)
{
	struct writer w = writer();

	run(&w);
	CU_ASSERT_EQUAL(w.err, ST_UNAVAILABLE);
	CU_ASSERT_FALSE(w.taken);
}

TEST(control_forward, a_daemon_that_dies_before_it_took_has_taken_nothing)
{
	struct writer w = writer();

	begin(&w);
	close(w.fd);
	w.fd = -1;
	end(&w, ST_CLOSED, false);
}

TEST(control_forward, a_daemon_that_dies_after_it_took_leaves_it_unknown)
{
	struct writer w = writer();

	begin(&w);
	raw_message(w.fd, TAKEN);
	close(w.fd);
	w.fd = -1;
	end(&w, ST_CLOSED, true);
}

/* What was sent before the death is read after it. */
TEST(control_forward, an_answer_outlives_the_daemon)
{
	struct writer w = writer();

	begin(&w);
	raw_message(w.fd, TAKEN);
	raw_message(w.fd, ANSWERED);
	close(w.fd);
	w.fd = -1;
	end(&w, ST_OK, true);
}

/* A daemon that takes it too late must fail to say so: else it would forward it after all. */
TEST(control_forward, a_late_taken_can_not_be_sent)
{
	struct writer w = writer();
	struct pollfd p = { .events = POLLRDHUP };

	w.patience.ms = 50;
	begin(&w);
	p.fd = w.fd;
	CU_ASSERT_EQUAL(poll(&p, 1, PATIENCE_MS), 1);
	CU_ASSERT_EQUAL(send(w.fd, TAKEN, 10, MSG_NOSIGNAL), -1);
	CU_ASSERT_EQUAL(errno, EPIPE);
	end(&w, ST_TIMEOUT, false);
	CU_ASSERT_TRUE(w.ms >= 49 && w.ms < PATIENCE_MS);
}

/*
 * Around the deadline, at each moment: what the daemon could send is seen as
 * taken, and what is not seen as taken it could not send.
 */
TEST(control_forward, both_ends_agree_on_what_was_taken)
{
	static const char message[] = "\0\0\0\x36" TAKEN_0;
	const char *run_dir = unit_temp_dir();
	unsigned agreed[2] = { 0, 0 };
	char path[120];

	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET_NAME, run_dir);

	CU_ASSERT_EQUAL_FATAL(sizeof(message) - 1, 4 + 0x36);
	for (int i = 0; i < 400; i++) {
		struct writer w = { .run_dir = run_dir, .patience = { .ms = 2, .stop_fd = -1 } };
		struct mono at;
		bool sent;

		begin(&w);
		at = mono_now();
		at.us += i * 8;
		while (!mono_reached(at, mono_now()))
			;
		sent = send(w.fd, message, sizeof(message) - 1, MSG_NOSIGNAL) > 0;
		close(w.fd);
		w.fd = -1;
		CU_ASSERT_EQUAL(pthread_join(w.thread, NULL), 0);
		CU_ASSERT_EQUAL(w.taken, sent);
		agreed[sent]++;
		close(w.listener);
		unlink(path);
	}
	CU_ASSERT_TRUE(agreed[0] > 0 && agreed[1] > 0);
}

/* A first answer that breaks off, or is no answer of ours, proves nothing. */
TEST(control_forward, a_broken_first_answer_leaves_it_unknown)
{
	struct writer w = writer();

	begin(&w);
	raw_send(w.fd, "\0\0\0", 3);
	close(w.fd);
	w.fd = -1;
	end(&w, ST_CLOSED, true);

	w = writer();
	begin(&w);
	raw_message(w.fd, "garbage");
	end(&w, ST_INVALID, true);

	w = writer();
	begin(&w);
	raw_message(w.fd, TAKEN);
	raw_message(w.fd, "garbage");
	end(&w, ST_INVALID, true);
}

/* The second wait is as long as the daemon says, and a second more. */
TEST(control_forward, waits_for_as_long_as_the_daemon_may_need)
{
	struct writer w = writer();

	w.patience.ms = 200;
	begin(&w);
	raw_message(w.fd, TAKEN_0);
	end(&w, ST_TIMEOUT, true);
	CU_ASSERT_TRUE(w.ms >= 1000 && w.ms < 5000);
}

static void stop(int fd)
{
	uint64_t one = 1;

	CU_ASSERT_EQUAL(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

TEST(control_forward, a_stop_shortens_the_wait)
{
	struct writer w = writer();

	w.patience.stop_fd = eventfd(0, EFD_CLOEXEC);
	w.patience.after_stop_ms = 50;
	begin(&w);
	raw_message(w.fd, TAKEN);
	stop(w.patience.stop_fd);
	end(&w, ST_TIMEOUT, true);
	CU_ASSERT_TRUE(w.ms >= 49 && w.ms < 4000);
	close(w.patience.stop_fd);
}

TEST(control_forward, a_stop_before_the_daemon_took_it)
{
	struct writer w = writer();

	w.patience.stop_fd = eventfd(1, EFD_CLOEXEC);
	w.patience.after_stop_ms = 20;
	begin(&w);
	end(&w, ST_TIMEOUT, false);
	CU_ASSERT_TRUE(w.ms < PATIENCE_MS);
	close(w.patience.stop_fd);
}

/* Both deadlines hold: a stop doesn't stretch what is left. */
TEST(control_forward, a_stop_does_not_stretch_the_wait)
{
	struct writer w = writer();

	w.patience.ms = 50;
	w.patience.stop_fd = eventfd(1, EFD_CLOEXEC);
	w.patience.after_stop_ms = 2 * PATIENCE_MS;
	begin(&w);
	end(&w, ST_TIMEOUT, false);
	CU_ASSERT_TRUE(w.ms < PATIENCE_MS);
	close(w.patience.stop_fd);
}

/* An answer that comes while the process is to end is an answer. */
TEST(control_forward, gets_its_answer_after_a_stop)
{
	struct writer w = writer();

	w.patience.stop_fd = eventfd(1, EFD_CLOEXEC);
	w.patience.after_stop_ms = PATIENCE_MS;
	begin(&w);
	raw_message(w.fd, TAKEN);
	raw_message(w.fd, ANSWERED);
	end(&w, ST_OK, true);
	close(w.patience.stop_fd);
}

TEST(control_wait_sync, waits_until_it_has_ended)
{
	struct writer w = writer();

	w.sync = true;
	begin(&w);
	raw_message(w.fd, "{\"v\":1,\"id\":\"r-1\",\"ok\":false,\"code\":\"sync_failed\","
			  "\"message\":\"refused\",\"class\":\"connect\"}");
	end(&w, ST_OK, false);
	CU_ASSERT_EQUAL(w.sync_end.failure, FAILURE_CONNECT);
	ASSERT_TEXT(w.sync_end.message, "refused");
}

TEST(control_wait_sync, ends_at_once_when_it_is_to_stop)
{
	struct writer w = writer();

	w.sync = true;
	w.patience.stop_fd = eventfd(1, EFD_CLOEXEC);
	begin(&w);
	end(&w, ST_TIMEOUT, false);
	CU_ASSERT_TRUE(w.ms < PATIENCE_MS);
	close(w.patience.stop_fd);
}

/* ---- the daemon's end ---- */

static struct buf json_of(const char *text)
{
	struct buf json;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	buf_adds(&json, text);
	return json;
}

static int send_update(struct end *e)
{
	int fd = raw_connect(e->run_dir);

	raw_message(fd, REQUEST);
	end_turn(e);
	return fd;
}

TEST(control_interim, comes_before_the_answer)
{
	struct buf taken = json_of(TAKEN);
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = send_update(&e);
	CU_ASSERT_EQUAL(e.last.type, CONTROL_UPDATE);
	CU_ASSERT_TRUE(control_interim(e.held[0], &taken));
	ASSERT_TEXT(raw_receive(fd), TAKEN);
	end_turn(&e);
	end_answer_held(&e);
	ASSERT_TEXT(raw_receive(fd), "{\"v\":1,\"id\":\"held\",\"ok\":true}");
	ASSERT_TEXT(raw_receive(fd), "");
	close(fd);
	end_close(&e);
	buf_free(&taken);
}

/* Whether the hang-up was noticed before or not. */
TEST(control_interim, fails_where_the_peer_is_gone)
{
	struct buf taken = json_of(TAKEN);
	struct end e;

	for (int noticed = 0; noticed < 2; noticed++) {
		end_open(&e);
		e.hold = true;
		close(send_update(&e));
		if (noticed)
			end_turn(&e);
		CU_ASSERT_FALSE(control_interim(e.held[0], &taken));
		end_answer_held(&e);
		end_turn(&e);
		end_close(&e);
	}
	buf_free(&taken);
}

TEST(control_interim, fails_where_the_peer_takes_nothing_more)
{
	struct buf taken = json_of(TAKEN);
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = send_update(&e);
	shutdown(fd, SHUT_RDWR);
	CU_ASSERT_FALSE(control_interim(e.held[0], &taken));
	end_answer_held(&e);
	ASSERT_TEXT(raw_receive(fd), "");
	close(fd);
	end_close(&e);
	buf_free(&taken);
}

/* A message that goes out in part only leaves a stream that no answer may follow. */
TEST(control_interim, fails_where_it_can_not_be_sent_whole)
{
	static char text[CONTROL_MESSAGE_MAX];
	struct buf long_one, taken = json_of(TAKEN);
	struct pollfd p = { .events = POLLRDHUP };
	struct end e;

	memset(text, ' ', sizeof(text));
	buf_init(&long_one, sizeof(text));
	buf_add(&long_one, text, sizeof(text));
	end_open(&e);
	e.hold = true;
	p.fd = send_update(&e);
	CU_ASSERT_FALSE(control_interim(e.held[0], &long_one));
	CU_ASSERT_EQUAL(poll(&p, 1, PATIENCE_MS), 1); /* hung up on */
	CU_ASSERT_FALSE(control_interim(e.held[0], &taken));
	end_answer_held(&e);
	close(p.fd);
	end_close(&e);
	buf_free(&long_one);
	buf_free(&taken);
}
