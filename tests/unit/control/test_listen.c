#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ends.h"
#include "unit.h"

static const char *socket_path(const char *run_dir)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET_NAME, run_dir);
	return path;
}

static enum st_err open_second(const char *run_dir, struct control_server **out, char why[256])
{
	struct buf text;
	enum st_err err;

	buf_init(&text, 4096);
	err = control_server_open(run_dir, NULL, NULL, out, &text);
	snprintf(why, 256, "%s", buf_text(&text));
	buf_free(&text);
	return err;
}

TEST(control_listen, is_alone_in_its_directory)
{
	struct control_server *second = NULL;
	char why[256];
	struct end e;

	end_open(&e);
	CU_ASSERT_EQUAL(open_second(e.run_dir, &second, why), ST_BUSY);
	CU_ASSERT_PTR_NULL(second);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "in use by another daemon"));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, e.run_dir));
	/* The first one's socket is still its own. */
	close(raw_connect(e.run_dir));
	end_turn(&e);
	end_close(&e);
	CU_ASSERT_NOT_EQUAL(access(socket_path(e.run_dir), F_OK), 0);
}

TEST(control_listen, replaces_a_dead_socket)
{
	struct control_server *s = NULL;
	const char *run_dir = unit_temp_dir();
	char why[256];

	close(raw_listen(run_dir, 1));
	CU_ASSERT_EQUAL(access(socket_path(run_dir), F_OK), 0);
	CU_ASSERT_EQUAL(open_second(run_dir, &s, why), ST_OK);
	ASSERT_TEXT(why, "");
	close(raw_connect(run_dir));
	control_server_close(s);
}

TEST(control_listen, leaves_a_socket_that_is_not_its_own)
{
	struct end e;
	int fd;

	end_open(&e);
	unlink(socket_path(e.run_dir));
	fd = raw_listen(e.run_dir, 1);
	end_close(&e);
	CU_ASSERT_EQUAL(access(socket_path(e.run_dir), F_OK), 0);
	close(fd);
}

TEST(control_listen, socket_is_for_user_and_group)
{
	static const mode_t masks[] = { 0, 022, 0777 };

	for (size_t i = 0; i < 3; i++) {
		struct control_server *s = NULL;
		const char *run_dir = unit_temp_dir();
		mode_t before = umask(masks[i]);
		struct stat st;
		char why[256];

		CU_ASSERT_EQUAL(open_second(run_dir, &s, why), ST_OK);
		CU_ASSERT_EQUAL(umask(before), masks[i]); /* put back */
		CU_ASSERT_EQUAL(stat(socket_path(run_dir), &st), 0);
		CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
		control_server_close(s);
	}
}

TEST(control_listen, says_why_it_can_not_listen)
{
	unsigned files = open_files();
	struct control_server *s = NULL;
	char why[256], longest[200];
	const char *run_dir = unit_temp_dir();

	CU_ASSERT_EQUAL(open_second("/nowhere/at/all", &s, why), ST_NOT_FOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nowhere/at/all"));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	CU_ASSERT_EQUAL(open_second(longest, &s, why), ST_TOO_BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "xxx"));
	mkdir(socket_path(run_dir), 0700);
	CU_ASSERT_NOT_EQUAL(open_second(run_dir, &s, why), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "can't be replaced"));
	CU_ASSERT_PTR_NULL(s);
	CU_ASSERT_EQUAL(open_files(), files);
	control_server_close(NULL);
}

static enum st_err keep(struct end *e, char why[256])
{
	struct buf text;
	enum st_err err;

	buf_init(&text, 4096);
	err = control_server_keep(e->server, mono_now(), &text);
	snprintf(why, 256, "%s", buf_text(&text));
	buf_free(&text);
	return err;
}

static void is_answered(struct end *e, int fd)
{
	raw_message(fd, "{\"v\":1,\"id\":\"r\",\"type\":\"status\"}");
	end_turn(e);
	ASSERT_TEXT(raw_receive(fd), "{\"v\":1,\"id\":\"r\",\"ok\":true}");
	close(fd);
}

TEST(control_listen, a_socket_that_is_removed_comes_back)
{
	unsigned files = open_files();
	char why[256];
	struct end e;
	int early;

	end_open(&e);
	CU_ASSERT_EQUAL(keep(&e, why), ST_OK);
	is_answered(&e, raw_connect(e.run_dir));
	early = raw_connect(e.run_dir);
	unlink(socket_path(e.run_dir));
	CU_ASSERT_EQUAL(keep(&e, why), ST_OK);
	is_answered(&e, raw_connect(e.run_dir));
	is_answered(&e, early);
	/* Something dead in its place is no socket either. */
	unlink(socket_path(e.run_dir));
	close(raw_listen(e.run_dir, 1));
	CU_ASSERT_EQUAL(keep(&e, why), ST_OK);
	is_answered(&e, raw_connect(e.run_dir));
	end_close(&e);
	CU_ASSERT_NOT_EQUAL(access(socket_path(e.run_dir), F_OK), 0);
	CU_ASSERT_EQUAL(open_files(), files);
}

#define MANY 70 /* more than one turn accepts */

/* Whoever had connected, and even asked, is answered; the old socket is closed behind them. */
TEST(control_listen, who_asked_a_socket_that_is_removed_is_answered)
{
	int asked[MANY];
	char why[256];
	struct end e;

	end_open(&e);
	for (int i = 0; i < MANY; i++) {
		asked[i] = raw_connect(e.run_dir);
		raw_message(asked[i], "{\"v\":1,\"id\":\"r\",\"type\":\"status\"}");
	}
	unlink(socket_path(e.run_dir));
	CU_ASSERT_EQUAL(keep(&e, why), ST_OK);
	for (int i = 0; i < MANY; i++) {
		ASSERT_TEXT(raw_receive(asked[i]), "{\"v\":1,\"id\":\"r\",\"ok\":true}");
		close(asked[i]);
	}
	CU_ASSERT_EQUAL(e.calls, MANY);
	end_close(&e);
}

TEST(control_listen, a_place_that_cannot_be_had_is_told)
{
	char why[256];
	struct end e;
	int fd;

	end_open(&e);
	unlink(socket_path(e.run_dir));
	fd = raw_listen(e.run_dir, 1);
	CU_ASSERT_EQUAL(keep(&e, why), ST_BUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "in use by another daemon"));
	close(fd);
	unlink(socket_path(e.run_dir));
	mkdir(socket_path(e.run_dir), 0700);
	CU_ASSERT_NOT_EQUAL(keep(&e, why), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "can't be replaced"));
	rmdir(socket_path(e.run_dir));
	CU_ASSERT_EQUAL(keep(&e, why), ST_OK);
	is_answered(&e, raw_connect(e.run_dir));
	end_close(&e);
}
