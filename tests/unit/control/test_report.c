/*
 * What is told while a verify or a restore runs: its messages, the queue of a
 * peer that waits, and the file that comes with a request.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/client.h"
#include "control/passing.h"
#include "ends.h"
#include "unit.h"

#define FILES_MOST 4
#define VERIFY     "{\"v\":1,\"id\":\"r\",\"type\":\"verify\",\"repair\":true}"

/* What a listener heard, as text. */
struct heard {
	struct buf text;
};

static void hear_progress(void *arg, const struct control_progress *p)
{
	struct heard *h = arg;

	buf_addf(&h->text, "%s %d/%d %d;", control_phase_text(p->phase), (int)p->products,
	    (int)p->total, (int)p->differed);
}

static void hear_difference(void *arg, const struct control_difference *d)
{
	struct heard *h = arg;

	buf_addf(&h->text, "%.*s %s %d %d;", (int)d->id.len, d->id.data, control_difference_kind(d),
	    (int)d->cached, (int)d->central);
}

static struct control_listener listener_of(struct heard *h)
{
	buf_init(&h->text, 65536);
	return (struct control_listener){ hear_progress, hear_difference, h };
}

static void add_differences(struct buf *list)
{
	static const struct control_difference some[] = { { { "A", 1 }, 5, 6 },
		{ { "B\"", 2 }, -1, 0 }, { { "C", 1 }, 7, -1 } };

	buf_init(list, 65536);
	for (size_t i = 0; i < 3; i++)
		control_difference_add(list, &some[i]);
}

TEST(control_report, progress_is_read_as_written)
{
	struct control_progress p = { CONTROL_CONFIRMING, 400, 1000, 3 };
	struct control_report r = { .code = "before" };
	struct heard h;
	struct control_listener l = listener_of(&h);
	struct buf differences, text;
	bool ended = true;

	add_differences(&differences);
	buf_init(&text, CONTROL_MESSAGE_MAX);
	control_progress_write("r", &p, &differences, &text);
	ASSERT_TEXT(buf_text(&text),
	    "{\"v\":1,\"id\":\"r\",\"ok\":true,\"phase\":\"confirming\",\"products\":400,"
	    "\"total\":1000,\"differed\":3,\"differences\":["
	    "{\"productId\":\"A\",\"kind\":\"changed\",\"cached\":5,\"central\":6},"
	    "{\"productId\":\"B\\\"\",\"kind\":\"missing\",\"cached\":null,\"central\":0},"
	    "{\"productId\":\"C\",\"kind\":\"extra\",\"cached\":7,\"central\":null}]}");
	CU_ASSERT_EQUAL(control_report_read(text.data, text.len, "r", &l, &r, &ended), ST_OK);
	CU_ASSERT_FALSE(ended);
	ASSERT_TEXT(r.code, "before");
	ASSERT_TEXT(buf_text(&h.text),
	    "A changed 5 6;B\" missing -1 0;C extra 7 -1;confirming 400/1000 3;");
	buf_free(&h.text);
	buf_free(&text);
	buf_free(&differences);
}

TEST(control_report, its_end_is_read_as_written)
{
	static const struct control_report ends[] = {
		{ .done = true, .products = 10, .differed = 3, .unlisted = 1, .repaired = true },
		{ .done = true, .products = 7, .offset = INT64_C(1) << 50 },
		{ .code = "bad_backup", .message = "line 3: this is no JSON" },
	};

	for (size_t i = 0; i < 3; i++) {
		struct control_report r = { .code = "before" };
		struct buf text;
		bool ended = false;

		buf_init(&text, CONTROL_MESSAGE_MAX);
		control_report_write("r", &ends[i], &text);
		CU_ASSERT_EQUAL(
		    control_report_read(text.data, text.len, "r", NULL, &r, &ended), ST_OK);
		CU_ASSERT_TRUE(ended);
		CU_ASSERT_EQUAL(memcmp(&r, &ends[i], sizeof(r)), 0);
		buf_free(&text);
	}
}

TEST(control_report, reads_nothing_else)
{
	static const char *const cases[] = {
		"",
		"{\"v\":1,\"id\":\"other\",\"ok\":false,\"code\":\"x\",\"message\":\"y\"}",
		"{\"v\":1,\"id\":\"r\",\"ok\":true}",
		"{\"v\":1,\"id\":\"r\",\"ok\":true,\"done\":false}",
		"{\"v\":1,\"id\":\"r\",\"ok\":true,\"done\":true,\"products\":1}",
		"{\"v\":1,\"id\":\"r\",\"ok\":false}",
		"{\"v\":1,\"id\":\"r\",\"ok\":true,\"phase\":\"lost\",\"products\":1,\"total\":1,"
		"\"differed\":0,\"differences\":[]}",
		"{\"v\":1,\"id\":\"r\",\"ok\":true,\"phase\":\"waiting\",\"products\":1,\"total\":"
		"1,"
		"\"differed\":0}",
		"{\"v\":1,\"id\":\"r\",\"ok\":true,\"phase\":\"waiting\",\"products\":1,\"total\":"
		"1,"
		"\"differed\":1,\"differences\":[{\"productId\":\"A\",\"cached\":1}]}",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heard h;
		struct control_listener l = listener_of(&h);
		struct control_report r;
		bool ended;

		CU_ASSERT_EQUAL(
		    control_report_read(cases[i], strlen(cases[i]), "r", &l, &r, &ended),
		    ST_INVALID);
		buf_free(&h.text);
	}
}

TEST(control_report, a_long_code_is_not_cut_within_a_character)
{
	struct control_report r;
	struct buf text;
	bool ended;

	buf_init(&text, CONTROL_MESSAGE_MAX);
	buf_adds(&text, "{\"v\":1,\"id\":\"r\",\"ok\":false,\"message\":\"y\",\"code\":\"");
	for (int i = 0; i < 200; i++)
		buf_adds(&text, "ä");
	buf_adds(&text, "\"}");
	CU_ASSERT_EQUAL(control_report_read(text.data, text.len, "r", NULL, &r, &ended), ST_OK);
	CU_ASSERT_EQUAL(strlen(r.code), CONTROL_TEXT_SIZE - 2);
	CU_ASSERT_TRUE(text_is_utf8(r.code, strlen(r.code)));
	buf_free(&text);
}

/* ---- the queue ---- */

static bool tell(struct control_peer *peer, size_t len)
{
	struct buf json;
	bool told;

	buf_init(&json, CONTROL_MESSAGE_MAX);
	memset(buf_room(&json, len), 'x', len);
	buf_commit(&json, len);
	told = control_news(peer, &json);
	buf_free(&json);
	return told;
}

TEST(control_news, comes_before_the_answer)
{
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = raw_connect(e.run_dir);
	raw_message(fd, VERIFY);
	end_turn(&e);
	CU_ASSERT_TRUE(e.last.type == CONTROL_VERIFY && e.last.repair);
	CU_ASSERT_TRUE(tell(e.held[0], 3));
	CU_ASSERT_TRUE(tell(e.held[0], 4));
	ASSERT_TEXT(raw_receive(fd), "xxx");
	end_answer_held(&e);
	end_turn(&e);
	ASSERT_TEXT(raw_receive(fd), "xxxx");
	ASSERT_TEXT(raw_receive(fd), "{\"v\":1,\"id\":\"held\",\"ok\":true}");
	ASSERT_TEXT(raw_receive(fd), "");
	close(fd);
	end_close(&e);
}

/* What a peer doesn't read has an end; what it reads makes room, and the answer comes whole. */
TEST(control_news, is_not_kept_without_end)
{
	struct end e;
	unsigned told = 0, heard = 0;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = raw_connect(e.run_dir);
	raw_message(fd, VERIFY);
	end_turn(&e);
	while (told < 10000 && tell(e.held[0], 1000))
		told++;
	CU_ASSERT_TRUE(told > 200 && told < 10000);
	CU_ASSERT_FALSE(control_peer_is_gone(e.held[0]));
	end_answer_held(&e);
	for (const char *text; (text = raw_receive(fd))[0] == 'x';) {
		CU_ASSERT_EQUAL(strlen(text), 1000);
		heard++;
		end_turn(&e);
	}
	CU_ASSERT_EQUAL(heard, told);
	close(fd);
	end_close(&e);
}

TEST(control_news, drops_a_peer_that_reads_nothing)
{
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = raw_connect(e.run_dir);
	raw_message(fd, VERIFY);
	end_turn(&e);
	while (tell(e.held[0], 1000))
		;
	control_server_turn(e.server, mono_add_ms(mono_now(), 9000));
	CU_ASSERT_FALSE(control_peer_is_gone(e.held[0]));
	control_server_turn(e.server, mono_add_ms(mono_now(), 10001));
	CU_ASSERT_TRUE(control_peer_is_gone(e.held[0]));
	CU_ASSERT_FALSE(tell(e.held[0], 1));
	CU_ASSERT_EQUAL(control_server_deadline(e.server).us, MONO_NEVER.us);
	end_answer_held(&e);
	close(fd);
	end_close(&e);
}

TEST(control_news, notices_a_peer_that_hangs_up)
{
	struct end e;
	int fd;

	end_open(&e);
	e.hold = true;
	fd = raw_connect(e.run_dir);
	raw_message(fd, VERIFY);
	end_turn(&e);
	CU_ASSERT_TRUE(tell(e.held[0], 3));
	CU_ASSERT_FALSE(control_peer_is_gone(e.held[0]));
	close(fd);
	end_turn(&e);
	CU_ASSERT_TRUE(control_peer_is_gone(e.held[0]));
	end_answer_held(&e);
	end_close(&e);
}

/* ---- the file ---- */

TEST(control_file, comes_with_a_request_and_is_closed_with_it)
{
	const char *json = "{\"v\":1,\"id\":\"r\",\"type\":\"restore\"}";
	char message[64] = { 0, 0, 0, (char)strlen(json) };
	size_t len = 4 + strlen(json);
	int file = memfd_create("file", MFD_CLOEXEC), fd, got;
	unsigned before = open_files();
	char byte = 0;
	struct end e;

	memcpy(message + 4, json, strlen(json));
	for (int take = 0; take < 2; take++) {
		end_open(&e);
		e.hold = true;
		fd = raw_connect(e.run_dir);
		CU_ASSERT_EQUAL(passing_send(fd, message, 1, file), 1);
		end_turn(&e);
		/* A second one is not kept. */
		CU_ASSERT_EQUAL(passing_send(fd, message + 1, len - 1, file), (ssize_t)len - 1);
		end_turn(&e);
		CU_ASSERT_EQUAL_FATAL(e.n_held, 1);
		if (take) {
			got = control_take_file(e.held[0]);
			CU_ASSERT_TRUE(got >= 0);
			CU_ASSERT_EQUAL(pwrite(got, "x", 1, 0), 1);
			CU_ASSERT_EQUAL(control_take_file(e.held[0]), -1);
			close(got);
		}
		end_answer_held(&e);
		close(fd);
		end_close(&e);
		CU_ASSERT_EQUAL(open_files(), before);
	}
	CU_ASSERT_EQUAL(pread(file, &byte, 1, 0), 1);
	CU_ASSERT_EQUAL(byte, 'x');
	close(file);
}

/* So many at once with the first byte. */
static void send_files(int fd, const char *message, size_t len, int file, size_t n)
{
	char control[CMSG_SPACE(sizeof(int[FILES_MOST]))] = { 0 };
	struct iovec bytes = { (void *)(uintptr_t)message, len };
	struct msghdr m = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &file, sizeof(int));
	CU_ASSERT_EQUAL(sendmsg(fd, &m, MSG_NOSIGNAL), (ssize_t)len);
}

/* Nobody knows which of several is meant; and none may stay open. */
TEST(control_file, of_several_none_is_taken_and_none_stays_open)
{
	const char message[] = "\0\0\0\41{\"v\":1,\"id\":\"r\",\"type\":\"restore\"}";
	int file = memfd_create("file", MFD_CLOEXEC), fd;
	unsigned before = open_files(), connected;
	struct end e;

	for (size_t n = 1; n <= FILES_MOST; n++) {
		end_open(&e);
		e.hold = true;
		fd = raw_connect(e.run_dir);
		end_turn(&e);
		connected = open_files();
		send_files(fd, message, sizeof(message) - 1, file, n);
		end_turn(&e);
		CU_ASSERT_EQUAL_FATAL(e.n_held, 1);
		CU_ASSERT_EQUAL(open_files(), connected + (n == 1));
		end_answer_held(&e);
		close(fd);
		end_close(&e);
		CU_ASSERT_EQUAL(open_files(), before);
	}
	close(file);
}

/* ---- the client ---- */

struct asking {
	const char *run_dir;
	int file;
	struct heard heard;
	struct control_report report;
	enum st_err err;
};

static void *ask(void *arg)
{
	struct asking *a = arg;
	struct control_listener l = listener_of(&a->heard);

	a->err = a->file >= 0 ? control_restore(a->run_dir, "r", a->file, &l, &a->report)
	                      : control_verify(a->run_dir, "r", true, &l, &a->report);
	return NULL;
}

TEST(control_verify, hears_all_of_it_and_the_end)
{
	struct control_progress p = { CONTROL_COMPARING, 1, -1, 0 };
	struct control_report report = { .done = true, .products = 3, .differed = 3 };
	struct buf json, differences;
	struct asking a = { .file = -1 };
	pthread_t thread;
	struct end e;

	end_open(&e);
	e.hold = true;
	a.run_dir = e.run_dir;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ask, &a), 0);
	while (e.n_held == 0)
		end_turn(&e);
	add_differences(&differences);
	buf_init(&json, CONTROL_MESSAGE_MAX);
	control_progress_write("r", &p, &differences, &json);
	CU_ASSERT_TRUE(control_news(e.held[0], &json));
	buf_reset(&json);
	control_report_write("r", &report, &json);
	control_answer(e.held[0], &json);
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	CU_ASSERT_EQUAL(a.err, ST_OK);
	CU_ASSERT_TRUE(a.report.done && a.report.products == 3);
	ASSERT_TEXT(buf_text(&a.heard.text),
	    "A changed 5 6;B\" missing -1 0;C extra 7 -1;comparing 1/-1 0;");
	buf_free(&a.heard.text);
	buf_free(&json);
	buf_free(&differences);
	end_close(&e);
}

TEST(control_verify, tells_that_the_daemon_died)
{
	struct asking a = { .file = 0 };
	pthread_t thread;
	struct end e;

	end_open(&e);
	e.hold = true;
	a.run_dir = e.run_dir;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ask, &a), 0);
	while (e.n_held == 0)
		end_turn(&e);
	CU_ASSERT_EQUAL(e.last.type, CONTROL_RESTORE);
	end_close(&e);
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	CU_ASSERT_EQUAL(a.err, ST_CLOSED);
	a.file = -1;
	ask(&a);
	CU_ASSERT_EQUAL(a.err, ST_UNAVAILABLE);
	buf_free(&a.heard.text);
}
