/* A read that blocks ends when its time is over; one that has time left, or none, is let be. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pool/reading.h"
#include "unit.h"

static struct {
	struct reading reading;
	int ours, peer;
	struct mono deadline;
	atomic_int bytes;
	int end; /* errno of the last read, 0: the peer's end */
} drip;

/* As libfcgi reads a head: on and on, whatever comes. */
static void *read_on(void *arg)
{
	ssize_t n;
	char byte;

	reading_begin(&drip.reading, drip.deadline);
	while ((n = read(drip.ours, &byte, 1)) == 1)
		atomic_fetch_add(&drip.bytes, 1);
	drip.end = n < 0 ? errno : 0;
	reading_end(&drip.reading);
	return arg;
}

static pthread_t begin(struct mono deadline)
{
	pthread_t thread;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(reading_init(), ST_OK);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	drip.ours = fds[0];
	drip.peer = fds[1];
	drip.deadline = deadline;
	atomic_store(&drip.bytes, 0);
	reading_open(&drip.reading);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, read_on, NULL), 0);
	CU_ASSERT_EQUAL(send(drip.peer, "x", 1, MSG_NOSIGNAL), 1);
	while (atomic_load(&drip.bytes) == 0)
		poll(NULL, 0, 1);
	return thread;
}

static void end(void)
{
	close(drip.ours);
	close(drip.peer);
}

TEST(pool_reading, ends_when_its_time_is_over)
{
	struct mono now = mono_now(), most = mono_add_ms(now, 10000);
	pthread_t thread = begin(mono_add_ms(now, -1));
	void *result;

	/* It may have been between two reads. */
	while (pthread_tryjoin_np(thread, &result) != 0 && !mono_reached(most, mono_now())) {
		(void)!send(drip.peer, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		reading_expire(&drip.reading, now);
		poll(NULL, 0, 1);
	}
	CU_ASSERT_FALSE_FATAL(mono_reached(most, mono_now()));
	CU_ASSERT_EQUAL(drip.end, EINTR);
	end();
}

TEST(pool_reading, has_its_time)
{
	struct mono now = mono_now();
	pthread_t thread = begin(mono_add_ms(now, 1000));

	for (int i = 0; i < 10; i++) {
		reading_expire(&drip.reading, now);
		poll(NULL, 0, 1);
	}
	CU_ASSERT_EQUAL(send(drip.peer, "x", 1, MSG_NOSIGNAL), 1);
	shutdown(drip.peer, SHUT_WR);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(atomic_load(&drip.bytes), 2);
	CU_ASSERT_EQUAL(drip.end, 0);
	end();
}

TEST(pool_reading, is_let_be_where_there_is_none)
{
	struct reading r;

	/* There is no thread yet that could be woken. */
	reading_open(&r);
	reading_expire(&r, mono_now());
}
