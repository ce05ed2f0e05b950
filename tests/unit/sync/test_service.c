/*
 * What the service manager is told by the engine: the manager's end is a socket
 * of the test.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/intruder.h"
#include "sync/daemon.h"
#include "unit.h"

static struct daemon run;
static atomic_bool quiet; /* Central tells everybody to stay away for a minute */

static void answer(void *arg, const char *head, struct buf *out)
{
	(void)arg;
	if (quiet)
		script_json(out, 429, "Retry-After: 60\r\n", "{}");
	else if (strstr(head, "/v1/inventory/events?"))
		script_json(out, 200, "",
		    "{\"events\":null,\"nextOffset\":7,\"hasMore\":false,\"count\":0}");
	else
		script_json(out, 200, "",
		    "{\"products\":[{\"productId\":\"A\",\"version\":1}],\"pagination\":{"
		    "\"offset\":"
		    "0,\"limit\":200,\"total_count\":1,\"has_more\":false}}");
}

/* A socket whose name the engine finds in its environment. */
static int manager(const char *watchdog_usec)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", unit_temp_dir());
	unlink(address.sun_path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	setenv("WATCHDOG_USEC", watchdog_usec, 1);
	return fd;
}

static void manager_end(int fd)
{
	close(fd);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
}

/* The next message; "" after a while without one. */
static const char *next(int fd, int wait_ms)
{
	static char text[1000];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = poll(&p, 1, wait_ms) == 1 ? recv(fd, text, sizeof(text) - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Until a message holds these words. */
static bool hears(int fd, const char *words)
{
	struct mono deadline = mono_add_ms(mono_now(), 10000);

	while (!mono_reached(deadline, mono_now()))
		if (strstr(next(fd, 1000), words))
			return true;
	return false;
}

TEST(service, hears_of_begin_state_and_end)
{
	int fd = manager("0");

	quiet = false;
	daemon_begin(&run, answer, NULL);
	ASSERT_TEXT(next(fd, 10000), "READY=1\nSTATUS=starting, offset 0");
	CU_ASSERT_TRUE(hears(fd, "STATUS=live, offset 7"));
	quiet = true;
	CU_ASSERT_TRUE(hears(fd, "STATUS=retrying, offset 7, failures in a row: 0: Central "
				 "answered with status 429"));
	daemon_end(&run);
	CU_ASSERT_TRUE(hears(fd, "STOPPING=1"));
	manager_end(fd);
}

TEST(service, hears_that_loop_and_store_are_alive)
{
	int fd = manager("200000");

	quiet = false;
	daemon_begin(&run, answer, NULL);
	CU_ASSERT_TRUE(hears(fd, "WATCHDOG=1\nSTATUS=live"));
	/* Nothing is asked and nothing arrives: the store is tried all the same. */
	quiet = true;
	CU_ASSERT_TRUE(hears(fd, "status 429"));
	for (int i = 0; i < 5; i++)
		CU_ASSERT_TRUE(hears(fd, "WATCHDOG=1\n"));
	daemon_end(&run);
	manager_end(fd);
}

/* To be started anew is no help to it: it is known as damaged from then on, and built anew. */
TEST(service, hears_of_life_though_the_store_is_found_damaged_by_trying_it)
{
	char lock_file[150];
	int fd = manager("200000");

	quiet = false;
	daemon_begin(&run, answer, NULL);
	CU_ASSERT_TRUE(hears(fd, "WATCHDOG=1\nSTATUS=live"));
	quiet = true;
	CU_ASSERT_TRUE(hears(fd, "status 429"));
	snprintf(lock_file, sizeof(lock_file), "%s/store-1/lock.mdb", run.data_dir);
	CU_ASSERT_TRUE(intruder_set_back(lock_file));
	for (int i = 0; i < 5; i++)
		CU_ASSERT_TRUE(hears(fd, "WATCHDOG=1\n"));
	daemon_end(&run);
	manager_end(fd);
}
