#include "pool/linger.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_MOST (64 * 1024) /* at a time, so that no peer keeps a thread by sending on and on */

bool lingers_add(struct lingers *l, int fd, struct mono now)
{
	bool fits;

	(void)shutdown(fd, SHUT_WR);
	pthread_mutex_lock(&l->lock);
	fits = l->n < LINGERS_MAX;
	if (fits) {
		l->list[l->n].fd = fd;
		l->list[l->n++].deadline = mono_add_ms(now, LINGER_MS);
	}
	pthread_mutex_unlock(&l->lock);
	if (!fits)
		close(fd);
	return fits;
}

bool lingers_read(int fd)
{
	char trash[4096];
	size_t total = 0;
	ssize_t n;

	do {
		n = recv(fd, trash, sizeof(trash), MSG_DONTWAIT);
		total += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && total < READ_MOST) || (n < 0 && errno == EINTR));
	return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Closed under the lock, so that expiry never sees a number that is somebody else's by now. */
void lingers_end(struct lingers *l, int fd)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].fd == fd) {
			l->list[i] = l->list[--l->n];
			break;
		}
	close(fd);
	pthread_mutex_unlock(&l->lock);
}

void lingers_expire(struct lingers *l, struct mono now)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->n; i++)
		if (mono_reached(l->list[i].deadline, now))
			(void)shutdown(l->list[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&l->lock);
}
