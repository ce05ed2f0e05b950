#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

#ifdef TEST_HOOKS
/* Where both clocks stood when the program first looked, and how fast they run. */
static struct {
	pthread_once_t once;
	int64_t scale, boot_us, wall_us;
} bent = { .once = PTHREAD_ONCE_INIT };

static void bend(void)
{
	const char *text = getenv("STORE_API_TIME_SCALE");
	long scale = text ? strtol(text, NULL, 10) : 1;

	bent.scale = scale >= 1 && scale <= 200 ? scale : 1;
	bent.boot_us = read_us(CLOCK_BOOTTIME);
	bent.wall_us = read_us(CLOCK_REALTIME);
}

static int64_t time_scale(void)
{
	pthread_once(&bent.once, bend);
	return bent.scale;
}

static int64_t boot_us(void)
{
	int64_t scale = time_scale();

	return bent.boot_us + (read_us(CLOCK_BOOTTIME) - bent.boot_us) * scale;
}

static int64_t wall_us(void)
{
	int64_t scale = time_scale();

	return bent.wall_us + (read_us(CLOCK_REALTIME) - bent.wall_us) * scale;
}
#else
static int64_t time_scale(void)
{
	return 1;
}

static int64_t boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

static int64_t wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}
#endif

struct mono mono_now(void)
{
	return (struct mono){ boot_us() };
}

struct mono mono_add_ms(struct mono t, int64_t ms)
{
	if (t.us == INT64_MAX || ms > (INT64_MAX - t.us) / 1000)
		return MONO_NEVER;
	return (struct mono){ t.us + ms * 1000 };
}

int64_t mono_ms_between(struct mono from, struct mono to)
{
	return (to.us - from.us) / 1000;
}

bool mono_reached(struct mono deadline, struct mono now)
{
	return now.us >= deadline.us;
}

struct mono mono_earlier(struct mono a, struct mono b)
{
	return a.us < b.us ? a : b;
}

struct mono mono_later(struct mono a, struct mono b)
{
	return a.us > b.us ? a : b;
}

int mono_poll_timeout(struct mono deadline, struct mono now)
{
	int64_t unit = 1000 * time_scale();
	int64_t ms;

	if (deadline.us == INT64_MAX)
		return -1;
	if (now.us >= deadline.us)
		return 0;
	ms = (deadline.us - now.us + unit - 1) / unit;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int64_t clock_real_ms(int64_t ms)
{
	int64_t scale = time_scale();

	return (ms + scale - 1) / scale;
}

int64_t wall_now_ms(void)
{
	return wall_us() / 1000;
}

static pthread_once_t boot_id_once = PTHREAD_ONCE_INIT;
static char boot_id[BOOT_ID_SIZE];

static void read_boot_id(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, boot_id, sizeof(boot_id) - 1);

	if (fd >= 0)
		close(fd);
	if (n != sizeof(boot_id) - 1)
		memset(boot_id, 0, sizeof(boot_id));
}

const char *clock_boot_id(void)
{
	int saved = errno;

	pthread_once(&boot_id_once, read_boot_id);
	errno = saved;
	return boot_id;
}
