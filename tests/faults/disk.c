#include "faults/disk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR    512
#define NAMES_MAX 16 /* of a directory: the store has no more */
#define NAME_SIZE 32
#define LOCK_NAME "lock.mdb"

enum inode_kind { INODE_FILE, INODE_DIR, INODE_LINK };

struct names {
	size_t n;
	struct {
		char name[NAME_SIZE];
		struct inode *inode;
	} list[NAMES_MAX];
};

/* One change that isn't durable yet. */
struct change {
	/* of a file: these bytes at offset, or (no bytes) its size */
	uint64_t offset, len;
	const unsigned char *bytes;
	bool durable; /* on the disk, unlike what it may lie over */
	/* of a directory: `from` goes, `to` comes, each "" for none */
	char from[NAME_SIZE], to[NAME_SIZE];
	struct inode *inode;
};

struct inode {
	enum inode_kind kind;
	char target[NAME_SIZE];    /* of a link */
	struct names names, known; /* of a directory: now, and durable */
	unsigned char *data;       /* of a file: durable */
	size_t size;
	struct change *changes;
	size_t n_changes, room;
	struct inode *next; /* all of them */
};

struct disk {
	enum disk_lie lie;
	struct inode *root, *all;
};

uint32_t dice(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) % below;
}

static void *must(void *memory)
{
	if (!memory) {
		fputs("no memory\n", stderr);
		exit(2);
	}
	return memory;
}

static struct inode *inode_new(struct disk *d, enum inode_kind kind)
{
	struct inode *inode = must(calloc(1, sizeof(*inode)));

	inode->kind = kind;
	inode->next = d->all;
	d->all = inode;
	return inode;
}

struct disk *disk_open(enum disk_lie lie)
{
	struct disk *d = must(calloc(1, sizeof(*d)));

	d->lie = lie;
	d->root = inode_new(d, INODE_DIR);
	return d;
}

void disk_close(struct disk *d)
{
	while (d->all) {
		struct inode *inode = d->all;

		d->all = inode->next;
		free(inode->data);
		free(inode->changes);
		free(inode);
	}
	free(d);
}

/* ---- names ---- */

static size_t names_find(const struct names *names, const char *name)
{
	size_t i = 0;

	while (i < names->n && strcmp(names->list[i].name, name) != 0)
		i++;
	return i;
}

static void names_remove(struct names *names, const char *name)
{
	size_t i = names_find(names, name);

	if (i < names->n)
		names->list[i] = names->list[--names->n];
}

static bool names_change(struct names *names, const struct change *c)
{
	if (c->from[0])
		names_remove(names, c->from);
	if (!c->to[0])
		return true;
	names_remove(names, c->to);
	if (names->n == NAMES_MAX)
		return false;
	snprintf(names->list[names->n].name, NAME_SIZE, "%s", c->to);
	names->list[names->n++].inode = c->inode;
	return true;
}

/* The last part of a path, in *last; NULL: there is no such directory. */
static struct inode *walk(const struct disk *d, const char *path, const char **last)
{
	struct inode *at = d->root;
	const char *slash;
	char name[NAME_SIZE];

	for (; (slash = strchr(path, '/')); path = slash + 1) {
		size_t i;

		snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
		i = names_find(&at->names, name);
		if (i == at->names.n || at->names.list[i].inode->kind != INODE_DIR)
			return NULL;
		at = at->names.list[i].inode;
	}
	*last = path;
	return at;
}

static struct inode *find(const struct disk *d, const char *path)
{
	const char *last;
	struct inode *dir = walk(d, path, &last);
	size_t i;

	if (!dir || !last[0])
		return dir;
	i = names_find(&dir->names, last);
	return i < dir->names.n ? dir->names.list[i].inode : NULL;
}

/* ---- changes ---- */

static bool add_change(struct inode *inode, const struct change *c)
{
	if (inode->n_changes == inode->room) {
		inode->room = inode->room ? 2 * inode->room : 16;
		inode->changes = must(
		    realloc(inode->changes, inode->room * sizeof(*inode->changes)));
	}
	inode->changes[inode->n_changes++] = *c;
	return true;
}

static bool change_names(struct disk *d, const char *from, const char *to, struct inode *inode)
{
	const char *last_from = "", *last_to = "";
	struct inode *dir = walk(d, to[0] ? to : from, to[0] ? &last_to : &last_from);
	struct change c = { .inode = inode };

	/* The store renames within a directory only. */
	if (!dir || (from[0] && to[0] && walk(d, from, &last_from) != dir))
		return false;
	snprintf(c.from, sizeof(c.from), "%s", last_from);
	snprintf(c.to, sizeof(c.to), "%s", last_to);
	add_change(dir, &c);
	return names_change(&dir->names, &c);
}

static void set_size(unsigned char **data, size_t *size, size_t wanted)
{
	*data = must(realloc(*data, wanted ? wanted : 1));
	if (wanted > *size)
		memset(*data + *size, 0, wanted - *size);
	*size = wanted;
}

static void change_bytes(unsigned char **data, size_t *size, const struct change *c)
{
	if (!c->bytes) {
		set_size(data, size, c->offset);
		return;
	}
	if (c->offset + c->len > *size)
		set_size(data, size, c->offset + c->len);
	memcpy(*data + c->offset, c->bytes, c->len);
}

static void flush(struct inode *inode)
{
	for (size_t i = 0; i < inode->n_changes && inode->kind == INODE_FILE; i++)
		change_bytes(&inode->data, &inode->size, &inode->changes[i]);
	inode->known = inode->names;
	inode->n_changes = 0;
}

static bool take_flush(const struct disk *d, struct inode *inode)
{
	if (d->lie != (inode->kind == INODE_DIR ? DISK_LOSES_NAMES : DISK_LOSES_DATA))
		flush(inode);
	return true;
}

bool disk_apply(struct disk *d, const struct record_head *head, const char *path, const char *other,
    const unsigned char *bytes)
{
	struct change c = { .offset = head->offset,
		.len = head->len,
		.bytes = head->kind == RECORD_WRITE ? bytes : NULL,
		.durable = head->durable && d->lie != DISK_LOSES_META };
	struct inode *inode = find(d, path);

	switch ((enum record_kind)head->kind) {
	case RECORD_MAKE_FILE: return change_names(d, "", path, inode_new(d, INODE_FILE));
	case RECORD_MAKE_DIR: return change_names(d, "", path, inode_new(d, INODE_DIR));
	case RECORD_MAKE_LINK:
		inode = inode_new(d, INODE_LINK);
		snprintf(inode->target, sizeof(inode->target), "%s", other);
		return change_names(d, "", path, inode);
	case RECORD_RENAME: return inode && change_names(d, path, other, inode);
	case RECORD_REMOVE: return inode && change_names(d, path, "", NULL);
	case RECORD_WRITE:
	case RECORD_TRUNCATE: return inode && add_change(inode, &c);
	case RECORD_FLUSH: return inode && take_flush(d, inode);
	case RECORD_TOLD: return true;
	}
	return false;
}

bool disk_has_pending(const struct disk *d)
{
	for (const struct inode *i = d->all; i; i = i->next)
		for (size_t k = 0; k < i->n_changes; k++)
			if (!i->changes[k].durable)
				return true;
	return false;
}

/* ---- images ---- */

/* How many of n changes are there, from the first on, and whether the next one is in part. */
static size_t reach(enum disk_image image, size_t n, uint64_t *random)
{
	switch (image) {
	case DISK_LEAST: return 0;
	case DISK_PREFIX: return dice(random, (uint32_t)n + 1);
	default: return n;
	}
}

static void tear(unsigned char **data, size_t *size, const struct change *c, uint64_t *random)
{
	if (!c->bytes)
		return;
	for (uint64_t at = 0, next; at < c->len; at = next) {
		struct change part = *c;

		next = ((c->offset + at) / SECTOR + 1) * SECTOR - c->offset;
		next = next < c->len ? next : c->len;
		part.offset += at;
		part.bytes += at;
		part.len = next - at;
		if (dice(random, 2))
			change_bytes(data, size, &part);
	}
}

static void some_bytes(unsigned char **data, size_t *size, const struct change *c, uint64_t *random)
{
	switch (dice(random, 4)) {
	case 0: tear(data, size, c, random); break;
	case 1: break;
	default: change_bytes(data, size, c); break;
	}
}

static bool write_out(const char *path, const unsigned char *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good = fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size);

	if (fd >= 0)
		close(fd);
	return good;
}

static bool lay_out_file(
    const struct inode *inode, enum disk_image image, uint64_t *random, const char *path)
{
	size_t reached = reach(image, inode->n_changes, random), size = 0;
	unsigned char *data = NULL;
	bool good;

	set_size(&data, &size, inode->size);
	if (size > 0)
		memcpy(data, inode->data, size);
	for (size_t i = 0; i < inode->n_changes; i++) {
		const struct change *c = &inode->changes[i];

		if (c->durable || (i < reached && image != DISK_SOME))
			change_bytes(&data, &size, c);
		else if (i < reached)
			some_bytes(&data, &size, c, random);
		else if (i == reached && image == DISK_PREFIX)
			tear(&data, &size, c, random);
	}
	good = write_out(path, data, size);
	free(data);
	return good;
}

/* Written by mapping, so never recorded: anything may be in there. */
static bool lay_out_lock(uint64_t *random, const char *path)
{
	unsigned char junk[1024];
	size_t size = dice(random, 2) ? sizeof(junk) : 0;

	for (size_t i = 0; i < size; i++)
		junk[i] = (unsigned char)dice(random, 256);
	return write_out(path, junk, size);
}

static bool lay_out_dir(
    const struct inode *dir, enum disk_image image, uint64_t *random, const char *path)
{
	struct names names = image == DISK_ALL ? dir->names : dir->known;
	size_t reached = reach(image, dir->n_changes, random);
	bool good = true;

	for (size_t i = 0; image != DISK_ALL && i < reached; i++)
		if (image == DISK_PREFIX || dice(random, 2))
			names_change(&names, &dir->changes[i]);
	for (size_t i = 0; good && i < names.n; i++) {
		const struct inode *inode = names.list[i].inode;
		char at[PATH_MAX];

		if (snprintf(at, sizeof(at), "%s/%s", path, names.list[i].name) >= PATH_MAX)
			return false;
		if (strcmp(names.list[i].name, LOCK_NAME) == 0)
			good = lay_out_lock(random, at);
		else if (inode->kind == INODE_LINK)
			good = symlink(inode->target, at) == 0;
		else if (inode->kind == INODE_DIR)
			good = mkdir(at, 0700) == 0 && lay_out_dir(inode, image, random, at);
		else
			good = lay_out_file(inode, image, random, at);
	}
	return good;
}

bool disk_lay_out(const struct disk *d, enum disk_image image, uint64_t *random, const char *path)
{
	return lay_out_dir(d->root, image, random, path);
}
