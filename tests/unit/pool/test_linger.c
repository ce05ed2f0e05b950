/* Connections that were answered before all was sent: they take what comes, and end in time. */
#include <sys/socket.h>
#include <unistd.h>

#include "pool/linger.h"
#include "unit.h"

struct pair {
	int ours, peer;
};

static struct pair pair(void)
{
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	return (struct pair){ fds[0], fds[1] };
}

static bool peer_can_send(const struct pair *p)
{
	return send(p->peer, "x", 1, MSG_NOSIGNAL) == 1;
}

TEST(pool_linger, the_peer_may_send_and_sees_our_end)
{
	struct lingers l = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct pair p = pair();
	char byte;

	CU_ASSERT_EQUAL(send(p.ours, "answer", 6, 0), 6);
	CU_ASSERT_TRUE(lingers_add(&l, p.ours, mono_now()));
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(peer_can_send(&p));
		CU_ASSERT_TRUE(lingers_read(p.ours));
	}
	for (int i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(recv(p.peer, &byte, 1, 0), 1);
	CU_ASSERT_EQUAL(recv(p.peer, &byte, 1, 0), 0);
	close(p.peer);
	CU_ASSERT_FALSE(lingers_read(p.ours));
	lingers_end(&l, p.ours);
	CU_ASSERT_EQUAL(l.n, 0);
}

TEST(pool_linger, its_time_has_an_end)
{
	struct lingers l = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct pair early = pair(), late = pair();
	struct mono now = mono_now();

	CU_ASSERT_TRUE(lingers_add(&l, early.ours, now));
	CU_ASSERT_TRUE(lingers_add(&l, late.ours, mono_add_ms(now, 1)));
	lingers_expire(&l, mono_add_ms(now, LINGER_MS - 1));
	CU_ASSERT_TRUE(lingers_read(early.ours));
	lingers_expire(&l, mono_add_ms(now, LINGER_MS));
	CU_ASSERT_FALSE(lingers_read(early.ours));
	CU_ASSERT_TRUE(lingers_read(late.ours));
	lingers_end(&l, early.ours);
	CU_ASSERT_FALSE(peer_can_send(&early));
	CU_ASSERT_TRUE(peer_can_send(&late));
	CU_ASSERT_EQUAL(l.n, 1);
	lingers_end(&l, late.ours);
	close(early.peer);
	close(late.peer);
}

TEST(pool_linger, what_does_not_fit_is_closed)
{
	static struct lingers l = { .lock = PTHREAD_MUTEX_INITIALIZER, .n = LINGERS_MAX };
	struct pair p = pair();

	CU_ASSERT_FALSE(lingers_add(&l, p.ours, mono_now()));
	CU_ASSERT_FALSE(peer_can_send(&p));
	close(p.peer);
}
