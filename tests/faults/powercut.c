/*
 * powercut change DIR STEPS SEED     a life of a store in DIR; to be recorded (record.c)
 * powercut replay LOG [--seed N] [--some N] [--daemon] [--lie data|meta|names] [--last DIR]
 *
 * replay lays out what the recorded directory may look like if the power goes
 * off, for each single thing that was done to it: all of it, only what was
 * flushed, what was flushed and a part of what came later (so many, --some,
 * at random).  Each must open and hold the state of some commit, none older
 * than the last one that somebody was told of, none newer than the last one
 * that was tried.
 *
 * --daemon: the recording is the daemon's, which writes no marks (changes.h):
 * the states are those that are there after each thing done, and whatever goes
 * out of a socket tells of the one before it.
 * --lie: the disk lies about flushes; then images must be found wrong.
 * --last DIR: lay out there what the recording ends with, and nothing else.
 */
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "faults/changes.h"
#include "faults/disk.h"
#include "faults/examine.h"

#define SECTOR       512
#define FAILURES_MAX 20 /* that are printed */
#define CHILD_ALARM  60 /* seconds */

/* What the child that looks at images tells. */
struct report {
	unsigned long images, failed;
	uint64_t now;            /* the state that DISK_ALL shows */
	enum disk_image looking; /* at this one, should it die */
	char why[EXAMINE_WHY_SIZE];
};

struct replay {
	uint64_t random;
	unsigned some;
	bool is_daemon;
	enum disk_lie lie;
	const char *last_dir;

	const unsigned char *log;
	size_t size;
	struct disk *disk;
	uint64_t *states; /* [0]: no store */
	size_t n_states, room, floor;
	char images[64]; /* where they are laid out */
	struct report *report;
	unsigned long entries, commits, images_done, failed;
};

static const char *const image_names[] = { "all", "least", "prefix", "some" };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

static void empty(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void add_state(struct replay *r, uint64_t state)
{
	if (r->n_states == r->room) {
		r->room = r->room ? 2 * r->room : 1024;
		r->states = realloc(r->states, r->room * sizeof(*r->states));
		if (!r->states)
			exit(2);
	}
	r->states[r->n_states++] = state;
}

/* ---- in the child ---- */

static void judge(struct replay *r, uint64_t state, char why[EXAMINE_WHY_SIZE])
{
	size_t i = r->n_states;

	while (i > 0 && r->states[i - 1] != state)
		i--;
	if (i == 0)
		snprintf(why, EXAMINE_WHY_SIZE, "a state that no commit had");
	else if (i - 1 < r->floor)
		snprintf(why, EXAMINE_WHY_SIZE, "state %zu, but %zu was told", i - 1, r->floor);
}

static void look_at(struct replay *r, enum disk_image image, uint64_t *random)
{
	char data[128], why[EXAMINE_WHY_SIZE] = "";
	uint64_t state = 0;

	r->report->looking = image;
	empty(r->images);
	snprintf(data, sizeof(data), "%s/" CHANGES_DATA_DIR, r->images);
	if (!disk_lay_out(r->disk, image, random, r->images))
		snprintf(why, sizeof(why), "the image can't be laid out");
	else if (examine(data, &state, why) && (image != DISK_ALL || !r->is_daemon))
		judge(r, state, why);
	if (image == DISK_ALL)
		r->report->now = state;
	r->report->images++;
	if (why[0] && r->report->failed++ == 0)
		snprintf(r->report->why, sizeof(r->report->why), "%s: %s", image_names[image], why);
}

static void look(struct replay *r, uint64_t random, bool is_flush)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(CHILD_ALARM);
	look_at(r, DISK_ALL, &random);
	if (r->is_daemon)
		add_state(r, r->report->now);
	if (is_flush)
		look_at(r, DISK_LEAST, &random);
	if (disk_has_pending(r->disk)) {
		look_at(r, DISK_PREFIX, &random);
		for (unsigned i = 0; i < r->some; i++)
			look_at(r, DISK_SOME, &random);
	}
	_exit(0);
}

/* ---- in the parent ---- */

static void complain(struct replay *r, const char *why)
{
	if (r->failed++ < FAILURES_MAX)
		printf("FAILED: entry %lu: %s\n", r->entries, why);
}

/* Of a daemon: what is there now is a new state, or the last one. */
static void note_state(struct replay *r)
{
	uint64_t now = r->report->now;

	if (!r->is_daemon || now == r->states[r->n_states - 1])
		return;
	for (size_t i = 0; i < r->n_states; i++)
		if (r->states[i] == now)
			complain(r, "all: it went back to an earlier state");
	add_state(r, now);
	r->commits++;
}

static void cut_power(struct replay *r, bool is_flush)
{
	int status;
	pid_t pid;
	char why[64];

	*r->report = (struct report){ 0 };
	fflush(stdout);
	dice(&r->random, 2);
	pid = fork();
	if (pid == 0)
		look(r, r->random, is_flush);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(2);
	r->images_done += r->report->images;
	if (!WIFEXITED(status)) {
		snprintf(why, sizeof(why), "%s: death by signal %d",
		    image_names[r->report->looking], WTERMSIG(status));
		complain(r, why);
	} else if (r->report->failed > 0) {
		complain(r, r->report->why);
		r->failed += r->report->failed - 1;
	}
	note_state(r);
}

/* A line of the marks. */
static void take_mark(struct replay *r, const unsigned char *bytes, size_t len)
{
	char line[64];

	snprintf(line, sizeof(line), "%.*s", (int)len, (const char *)bytes);
	if (strncmp(line, "try ", 4) == 0) {
		add_state(r, strtoull(line + 4, NULL, 16));
		r->commits++;
	} else {
		r->floor = r->n_states - 1;
	}
}

static void take_entry(struct replay *r, const struct record_head *head, const char *path,
    const char *other, const unsigned char *bytes)
{
	if (strcmp(path, CHANGES_MARKS) == 0) {
		if (head->kind == RECORD_WRITE)
			take_mark(r, bytes, head->len);
		return;
	}
	if (head->kind == RECORD_TOLD) {
		if (r->is_daemon)
			r->floor = r->n_states - 1;
		return;
	}
	/* Nothing but whole sectors can be had at once. */
	if (head->durable && head->offset / SECTOR != (head->offset + head->len - 1) / SECTOR)
		complain(r, "a write that must be whole crosses a sector's end");
	if (!disk_apply(r->disk, head, path, other, bytes))
		complain(r, "the model of the disk doesn't know this");
	else if (!r->last_dir)
		cut_power(r, head->kind == RECORD_FLUSH || head->durable);
}

static bool next_entry(struct replay *r, size_t *at)
{
	struct record_head head;
	char path[PATH_MAX], other[PATH_MAX];
	const unsigned char *p = r->log + *at + sizeof(head);
	size_t left = r->size - *at;
	uint64_t bytes;

	if (left < sizeof(head))
		return false;
	memcpy(&head, r->log + *at, sizeof(head));
	bytes = head.kind == RECORD_WRITE ? head.len : 0;
	if (head.path_len >= sizeof(path) || head.other_len >= sizeof(other) ||
	    left - sizeof(head) < head.path_len + head.other_len + bytes)
		return false;
	snprintf(path, sizeof(path), "%.*s", (int)head.path_len, (const char *)p);
	p += head.path_len;
	snprintf(other, sizeof(other), "%.*s", (int)head.other_len, (const char *)p);
	p += head.other_len;
	*at = (size_t)(p - r->log) + bytes;
	r->entries++;
	take_entry(r, &head, path, other, p);
	return true;
}

static bool map_log(struct replay *r, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *map;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		return false;
	r->size = (size_t)st.st_size;
	map = mmap(NULL, r->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	r->log = map;
	return map != MAP_FAILED;
}

static int replay(struct replay *r, const char *path)
{
	size_t at = 0;

	/* In memory where there is such a place: the images are many. */
	snprintf(r->images, sizeof(r->images), "%s/sa-cut.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	r->report = mmap(
	    NULL, sizeof(*r->report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!map_log(r, path) || r->report == MAP_FAILED || !mkdtemp(r->images)) {
		perror(path);
		return 2;
	}
	r->disk = disk_open(r->lie);
	add_state(r, 0);
	while (next_entry(r, &at))
		;
	if (at != r->size)
		complain(r, "the recording breaks off");
	if (r->last_dir && !disk_lay_out(r->disk, DISK_ALL, &r->random, r->last_dir))
		complain(r, "the last image can't be laid out");
	empty(r->images);
	rmdir(r->images);
	disk_close(r->disk);
	free(r->states);
	printf("%lu entries, %lu states, %lu images\n", r->entries, r->commits, r->images_done);
	printf("%lu passed, %lu failed\n", r->images_done - r->failed, r->failed);
	return r->failed > 0;
}

static enum disk_lie lie_of(const char *name)
{
	static const char *const names[] = { "", "data", "meta", "names" };

	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (enum disk_lie)i;
	exit(2);
}

static int replay_with(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "some", required_argument, NULL, 'n' },
		{ "daemon", no_argument, NULL, 'd' },
		{ "lie", required_argument, NULL, 'l' },
		{ "last", required_argument, NULL, 'e' },
		{ 0 },
	};
	struct replay r = { .random = 1, .some = 3 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's': r.random = strtoull(optarg, NULL, 10); break;
		case 'n': r.some = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'd': r.is_daemon = true; break;
		case 'l': r.lie = lie_of(optarg); break;
		case 'e': r.last_dir = optarg; break;
		default: return 2;
		}
	}
	return argc - optind == 2 ? replay(&r, argv[optind + 1]) : 2;
}

int main(int argc, char **argv)
{
	log_open("powercut", LOG_LEVEL_ERROR + 1, LOG_FORMAT_LOGFMT);
	if (argc == 5 && strcmp(argv[1], "change") == 0)
		return changes_make(
		    argv[2], strtoul(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	if (argc > 2 && strcmp(argv[1], "replay") == 0)
		return replay_with(argc, argv);
	fputs("usage: see the top of tests/faults/powercut.c\n", stderr);
	return 2;
}
