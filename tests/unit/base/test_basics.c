/* Buffer, JSON writer, clock, files, errors, signals. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json_writer.h"
#include "base/signals.h"
#include "unit.h"

TEST(base_buf, grows_up_to_its_limit_and_keeps_the_first_error)
{
	struct buf b;

	buf_init(&b, 1000);
	ASSERT_TEXT(buf_text(&b), "");
	for (int i = 0; i < 100; i++)
		buf_adds(&b, "0123456789");
	CU_ASSERT_EQUAL(b.len, 1000);
	CU_ASSERT_EQUAL(b.err, ST_OK);
	CU_ASSERT_EQUAL(b.data[1000], '\0');
	buf_addc(&b, 'x');
	CU_ASSERT_EQUAL(b.err, ST_TOO_BIG);
	CU_ASSERT_EQUAL(b.len, 1000);
	CU_ASSERT_PTR_NULL(buf_room(&b, 0));
	buf_reset(&b);
	CU_ASSERT_EQUAL(b.err, ST_OK);
	CU_ASSERT_PTR_NULL(buf_room(&b, SIZE_MAX));
	CU_ASSERT_EQUAL(b.err, ST_TOO_BIG);
	buf_free(&b);
	buf_free(&b);
}

TEST(base_buf, formats_and_drops)
{
	struct buf b;

	buf_init(&b, 1000);
	buf_addf(&b, "%s-%d", "a", 42);
	buf_add(&b, "\0z", 2);
	CU_ASSERT_EQUAL(b.len, 6);
	buf_drop(&b, 2);
	ASSERT_TEXT(buf_text(&b), "42");
	buf_drop(&b, 100);
	CU_ASSERT_EQUAL(b.len, 0);
	ASSERT_TEXT(buf_text(&b), "");
	buf_free(&b);
}

TEST(base_buf, writes_integers)
{
	struct buf b;

	buf_init(&b, 1000);
	buf_add_int(&b, 0);
	buf_addc(&b, ' ');
	buf_add_int(&b, -7);
	buf_addc(&b, ' ');
	buf_add_int(&b, INT64_MIN);
	buf_addc(&b, ' ');
	buf_add_uint(&b, 1000);
	buf_addc(&b, ' ');
	buf_add_uint(&b, UINT64_MAX);
	ASSERT_TEXT(buf_text(&b), "0 -7 -9223372036854775808 1000 18446744073709551615");
	buf_free(&b);
}

TEST(base_json_writer, writes_members_commas_and_escapes)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, 1000);
	jw_init(&w, &b);
	jw_begin_object(&w);
	jw_name(&w, "a");
	jw_int(&w, -5);
	jw_name(&w, "b");
	jw_begin_array(&w);
	jw_bool(&w, true);
	jw_null(&w);
	jw_string(&w, "\n\\\x01\x7f\xc3\xa9\0", 7);
	jw_text(&w, "eight and more: \"\\\t~");
	jw_text(&w, "1234567\x7f");
	jw_begin_object(&w);
	jw_end_object(&w);
	jw_end_array(&w);
	jw_name(&w, "t");
	jw_time(&w, 0);
	jw_name(&w, "n");
	jw_time(&w, -1);
	jw_name(&w, "r");
	jw_raw(&w, "1e+21", 5);
	jw_name(&w, "u");
	jw_uint(&w, UINT64_MAX);
	jw_name(&w, "x");
	jw_text(&w, NULL);
	jw_end_object(&w);
	ASSERT_TEXT(buf_text(&b),
	    "{\"a\":-5,\"b\":[true,null,\"\\n\\\\\\u0001\\u007f\xc3\xa9\\u0000\",\"eight and more: "
	    "\\\"\\\\\\t~\",\"1234567\\u007f\",{}],"
	    "\"t\":\"1970-01-01T00:00:00Z\",\"n\":null,\"r\":1e+21,\"u\":18446744073709551615,"
	    "\"x\":null}");
	buf_free(&b);
}

TEST(base_clock, arithmetic_and_never)
{
	struct mono t = { 1000000 };

	CU_ASSERT_EQUAL(mono_add_ms(t, 5).us, 1005000);
	CU_ASSERT_EQUAL(mono_add_ms(t, -5).us, 995000);
	CU_ASSERT_EQUAL(mono_add_ms(MONO_NEVER, 5).us, MONO_NEVER.us);
	CU_ASSERT_EQUAL(mono_add_ms(t, INT64_MAX).us, MONO_NEVER.us);
	CU_ASSERT_EQUAL(mono_ms_between(t, mono_add_ms(t, 7)), 7);
	CU_ASSERT_TRUE(mono_reached(t, t));
	CU_ASSERT_FALSE(mono_reached(mono_add_ms(t, 1), t));
	CU_ASSERT_FALSE(mono_reached(MONO_NEVER, t));
	CU_ASSERT_EQUAL(mono_earlier(t, MONO_NEVER).us, t.us);
	CU_ASSERT_EQUAL(mono_later(t, MONO_NEVER).us, MONO_NEVER.us);
}

TEST(base_clock, poll_timeouts_are_rounded_up)
{
	struct mono t = { 1000000 };

	CU_ASSERT_EQUAL(mono_poll_timeout(MONO_NEVER, t), -1);
	CU_ASSERT_EQUAL(mono_poll_timeout(t, t), 0);
	CU_ASSERT_EQUAL(mono_poll_timeout(t, mono_add_ms(t, 5)), 0);
	CU_ASSERT_EQUAL(mono_poll_timeout((struct mono){ t.us + 1 }, t), 1);
	CU_ASSERT_EQUAL(mono_poll_timeout(mono_add_ms(t, 20), t), 20);
	CU_ASSERT_EQUAL(mono_poll_timeout(mono_add_ms(t, INT64_C(1) << 40), t), INT32_MAX);
}

TEST(base_clock, clocks_run_and_the_boot_has_a_name)
{
	struct mono a = mono_now(), b = mono_now();

	CU_ASSERT_TRUE(mono_reached(a, b));
	CU_ASSERT_TRUE(wall_now_ms() > INT64_C(1600000000000));
	CU_ASSERT_EQUAL(strlen(clock_boot_id()), BOOT_ID_SIZE - 1);
}

TEST(base_io, files_and_directories)
{
	const char *dir = unit_temp_dir();
	char path[200];
	struct buf b;
	int fd;

	buf_init(&b, 20000);
	snprintf(path, sizeof(path), "%s/file", dir);
	CU_ASSERT_EQUAL(io_read_file(path, &b), ST_NOT_FOUND);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(io_write_all(fd, "0123456789", 10), ST_OK);
	close(fd);
	CU_ASSERT_EQUAL(io_read_file(path, &b), ST_OK);
	CU_ASSERT_EQUAL(b.len, 10000);
	b.limit = 10001;
	CU_ASSERT_EQUAL(io_read_file(path, &b), ST_TOO_BIG);
	CU_ASSERT_EQUAL(io_make_dir(path, 0700), ST_INVALID);
	snprintf(path, sizeof(path), "%s/new", dir);
	CU_ASSERT_EQUAL(io_make_dir(path, 0700), ST_OK);
	CU_ASSERT_EQUAL(io_make_dir(path, 0700), ST_OK);
	snprintf(path, sizeof(path), "%s/no/parent", dir);
	CU_ASSERT_EQUAL(io_make_dir(path, 0700), ST_NOT_FOUND);
	CU_ASSERT_TRUE(io_private_memory() > 10000);
	buf_free(&b);
}

TEST(base_io, a_socket_is_alive_while_somebody_listens)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char too_long[200];

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", unit_temp_dir());
	CU_ASSERT_FALSE(io_socket_is_alive(a.sun_path));
	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_FALSE(io_socket_is_alive(a.sun_path));
	CU_ASSERT_EQUAL(listen(fd, 1), 0);
	CU_ASSERT_TRUE(io_socket_is_alive(a.sun_path));
	close(fd);
	CU_ASSERT_FALSE(io_socket_is_alive(a.sun_path));
	memset(too_long, 'x', sizeof(too_long));
	too_long[199] = '\0';
	CU_ASSERT_FALSE(io_socket_is_alive(too_long));
}

TEST(base_err, every_error_has_a_text)
{
	for (int i = 0; i <= ST_ERR_COUNT; i++)
		CU_ASSERT_TRUE(strlen(st_err_text((enum st_err)i)) > 1);
	CU_ASSERT_EQUAL(st_err_from_errno(ENOSPC), ST_FULL);
	CU_ASSERT_EQUAL(st_err_from_errno(EROFS), ST_DENIED);
	CU_ASSERT_EQUAL(st_err_from_errno(ECONNREFUSED), ST_UNAVAILABLE);
	CU_ASSERT_EQUAL(st_err_from_errno(ELOOP), ST_SYSTEM);
	CU_ASSERT_EQUAL(st_err_from_errno(0), ST_SYSTEM);
}

/* In a child: the mask of this process must stay as it is. */
static int signals_in_a_child(void)
{
	int fd;

	if (signals_open(&fd) || signals_next(fd) != 0)
		return 1;
	raise(SIGHUP);
	raise(SIGTERM);
	if (signals_next(fd) == 0 || signals_next(fd) == 0 || signals_next(fd) != 0)
		return 2;
	return 0;
}

TEST(base_signals, are_read_from_a_descriptor)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(signals_in_a_child());
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
