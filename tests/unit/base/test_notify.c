#include "base/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

/* The service manager's end, at a name as NOTIFY_SOCKET has it. */
static int manager(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static const char *received(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

TEST(notify, reaches_a_socket_with_a_path)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/notify", unit_temp_dir());
	fd = manager(path);
	notify_send("READY=1\nSTATUS=live");
	ASSERT_TEXT(received(fd), "READY=1\nSTATUS=live");
	ASSERT_TEXT(received(fd), "");
	close(fd);
	notify_send("READY=1"); /* nobody is there */
	unsetenv("NOTIFY_SOCKET");
}

TEST(notify, reaches_a_socket_without_a_path)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@store-api-unit-%d", (int)getpid());
	fd = manager(name);
	notify_send("STOPPING=1");
	ASSERT_TEXT(received(fd), "STOPPING=1");
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

TEST(notify, passes_over_what_is_no_address)
{
	char too_long[200];

	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", too_long, 1);
	notify_send("READY=1");
	unsetenv("NOTIFY_SOCKET");
}

TEST(notify, sends_no_more_than_the_manager_takes)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/full", unit_temp_dir());
	fd = manager(path);
	for (int i = 0; i < 5000; i++)
		notify_send("WATCHDOG=1");
	ASSERT_TEXT(received(fd), "WATCHDOG=1");
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

TEST(notify, gives_a_sign_of_life_twice_as_often_as_asked)
{
	static const struct {
		const char *usec;
		int64_t ms;
	} rows[] = { { "30000000", 15000 }, { "1", 1 }, { "0", 0 }, { "", 0 }, { "-5", 0 },
		{ "12s", 0 }, { "99999999999999999999", 0 } };

	CU_ASSERT_EQUAL(notify_watchdog_ms(), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setenv("WATCHDOG_USEC", rows[i].usec, 1);
		CU_ASSERT_EQUAL(notify_watchdog_ms(), rows[i].ms);
	}
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	CU_ASSERT_EQUAL(notify_watchdog_ms(), 0); /* meant for another process */
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
}
