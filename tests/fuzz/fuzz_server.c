/*
 * The daemon's end of the control socket: the bytes of a connection, in pieces,
 * with open files beside them.
 *
 *   byte 0: how many files go along (0 to 3)   byte 1: length of the first piece
 *   behind them: what is sent, frames and all, up to the end of it
 *
 * Whoever says no whole message hears nothing; who says one hears whole frames
 * of valid JSON and then the end; no descriptor is left open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "control/server.h"
#include "fuzz/fuzz.h"

#define PIECE_MAX 65536
#define TURNS_MAX 1000

static struct control_server *server;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int some_file;

/* One answer of each kind that the daemon gives. */
static void handle(void *arg, struct control_peer *peer, struct control_request *r, bool trusted)
{
	int file = control_take_file(peer);
	struct buf json;

	(void)arg;
	HOLDS(trusted && file != some_file);
	if (file >= 0)
		close(file);
	buf_init(&json, CONTROL_MESSAGE_MAX);
	if (r->type == CONTROL_UPDATE) {
		control_taken_write(r->id, 9000, &json);
		(void)control_interim(peer, &json);
	} else if (r->type == CONTROL_VERIFY) {
		control_done_write(r->id, &json);
		(void)control_news(peer, &json);
	}
	buf_reset(&json);
	control_done_write(r->id, &json);
	control_answer(peer, &json);
	buf_free(&json);
}

static void start(void)
{
	const char *dir = fuzz_dir();
	struct buf why;

	log_open("fuzz", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	buf_init(&why, 4096);
	HOLDS(control_server_open(dir, handle, NULL, &server, &why) == ST_OK);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" CONTROL_SOCKET_NAME, dir);
	some_file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	HOLDS(some_file >= 0);
	buf_free(&why);
}

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	HOLDS(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Bytes that the server doesn't want any more are lost, as they would be outside. */
static void say(int fd, const uint8_t *data, size_t len, unsigned files)
{
	char room[CMSG_SPACE(3 * sizeof(int))] = { 0 };
	struct iovec bytes = { (void *)(uintptr_t)data, len };
	struct msghdr m = { .msg_iov = &bytes, .msg_iovlen = 1 };
	int fds[3] = { some_file, some_file, some_file };

	if (len == 0)
		return;
	if (files > 0) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)room;

		m.msg_control = room;
		m.msg_controllen = CMSG_SPACE(files * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(files * sizeof(int));
		memcpy(CMSG_DATA(c), fds, files * sizeof(int));
	}
	(void)sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Until the server has hung up; what it said is in `out`. */
static void hear(int fd, struct buf *out)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		char block[4096];
		ssize_t n = recv(fd, block, sizeof(block), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return;
		if (n > 0)
			buf_add(out, block, (size_t)n);
		else
			control_server_turn(server, mono_now());
	}
	fuzz_does_not_hold("the server hangs up", __FILE__, __LINE__);
}

static void check_frames(const struct buf *heard)
{
	const unsigned char *at = (const unsigned char *)heard->data;
	size_t left = heard->len;

	while (left > 0) {
		struct buf json;
		size_t len;

		HOLDS(left > 4);
		len = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
		HOLDS(len > 0 && len <= left - 4);
		buf_init(&json, len);
		buf_add(&json, at + 4, len);
		fuzz_holds_json(&json);
		buf_free(&json);
		at += 4 + len;
		left -= 4 + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf heard;
	unsigned before;
	size_t first;
	int fd;

	if (size < 2 || size > PIECE_MAX)
		return 0;
	if (!server)
		start();
	before = open_files();
	first = data[1] < size - 2 ? data[1] : size - 2;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	HOLDS(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	say(fd, data + 2, first, data[0] % 4);
	control_server_turn(server, mono_now());
	control_server_turn(server, mono_now());
	say(fd, data + 2 + first, size - 2 - first, 0);
	shutdown(fd, SHUT_WR);
	buf_init(&heard, SIZE_MAX / 4);
	hear(fd, &heard);
	check_frames(&heard);
	close(fd);
	buf_free(&heard);
	HOLDS(open_files() == before);
	return 0;
}
