/*
 * tool/doctor_files.c: users, directories and modes, as they are installed.
 *
 * An installation has two users, so that a broken pool gets neither Central's
 * key nor the right to change data.  A tree that one user runs alone belongs to
 * that user, and works the same.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/doctor.h"

void check_users(struct doctor *d)
{
	static const char *const names[] = { DAEMON_USER, POOL_USER };
	static const char advice[] = "install the package again, or systemd-sysusers with its file";
	bool complete = true;

	if (!doctor_is_installation(d)) {
		doctor_find(d, GRADE_NOTE, NULL,
		    "not the installed settings: a tree of one user is taken for granted");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		if (getpwnam(names[i]))
			continue;
		complete = false;
		doctor_find(d, GRADE_FAIL, advice, "there is no user %s", names[i]);
	}
	if (!getgrnam(POOL_USER)) {
		complete = false;
		doctor_find(d, GRADE_FAIL, advice, "there is no group %s", POOL_USER);
	}
	if (complete)
		doctor_find(d, GRADE_OK, NULL, "users %s and %s are there", DAEMON_USER, POOL_USER);
}

/* False where it isn't there or can't be seen; that is found then. */
static bool look_at(struct doctor *d, const char *path, const char *advice, struct stat *st)
{
	if (stat(path, st) == 0)
		return true;
	if (errno == EACCES)
		doctor_find(d, GRADE_WARN, "be root, or a member of the group " POOL_USER,
		    "%s may not be looked at by this user", path);
	else
		doctor_find(d, GRADE_FAIL, advice, "%s: %s", path, strerror(errno));
	return false;
}

/* Of the two files of the current generation. */
static void check_data_file(
    struct doctor *d, const char *name, unsigned most, uid_t owner, const char *advice)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/current/%s", d->tool->config->data_dir, name);
	if (stat(path, &st) < 0) {
		/* No store yet: the store's check tells. */
		if (errno == EACCES)
			doctor_find(
			    d, GRADE_NOTE, NULL, "%s may not be looked at by this user", path);
		return;
	}
	if (st.st_mode & 0777 & ~most)
		doctor_find(d, GRADE_FAIL, advice, "%s has mode %04o, more than %04o", path,
		    (unsigned)st.st_mode & 07777, most);
	if (st.st_uid != owner)
		doctor_find(d, GRADE_FAIL,
		    "chown it to the directory's owner; was the daemon started by hand as root?",
		    "%s belongs to user %u and its directory to user %u", path, (unsigned)st.st_uid,
		    (unsigned)owner);
}

static unsigned findings(const struct doctor *d)
{
	return d->counts[GRADE_NOTE] + d->counts[GRADE_WARN] + d->counts[GRADE_FAIL];
}

void check_data_dir(struct doctor *d)
{
	const char *dir = d->tool->config->data_dir;
	unsigned before = findings(d);
	struct passwd *daemon;
	struct stat st;

	if (!look_at(
		d, dir, "start the daemon, which makes it; the directory above must be there", &st))
		return;
	if (st.st_mode & S_IRWXO)
		doctor_find(d, GRADE_WARN, "chmod o-rwx it",
		    "%s has mode %04o: anybody may look in", dir, (unsigned)st.st_mode & 07777);
	daemon = doctor_is_installation(d) ? getpwnam(DAEMON_USER) : NULL;
	if (daemon && st.st_uid != daemon->pw_uid)
		doctor_find(d, GRADE_FAIL, "chown -R " DAEMON_USER ":" POOL_USER " it",
		    "%s belongs to user %u, not to " DAEMON_USER, dir, (unsigned)st.st_uid);
	if (daemon && !(st.st_mode & S_ISGID))
		doctor_find(d, GRADE_WARN, "chmod 2750 it: what is made in it needs its group",
		    "%s has no setgid bit", dir);
	check_data_file(d, "data.mdb", 0640, st.st_uid, "chmod 0640 it: only the daemon writes it");
	check_data_file(d, "lock.mdb", 0660, st.st_uid, "chmod 0660 it");
	if (findings(d) == before)
		doctor_find(d, GRADE_OK, NULL, "%s and the store in it are the daemon's", dir);
}

void check_run_dir(struct doctor *d)
{
	const char *dir = d->tool->config->run_dir;
	char path[4096];
	struct stat st;

	if (!look_at(d, dir, "start a program, which makes it; or systemd-tmpfiles --create", &st))
		return;
	if (st.st_mode & S_IRWXO)
		doctor_find(d, GRADE_WARN, "chmod o-rwx it",
		    "%s has mode %04o: anybody may look in", dir, (unsigned)st.st_mode & 07777);
	snprintf(path, sizeof(path), "%s/%s", dir, CONTROL_SOCKET_NAME);
	if (stat(path, &st) < 0)
		return; /* the daemon's check tells */
	if (!S_ISSOCK(st.st_mode))
		doctor_find(d, GRADE_FAIL, "remove it, then start the daemon again",
		    "%s is no socket", path);
	else if (st.st_mode & S_IRWXO)
		doctor_find(d, GRADE_FAIL, "chmod 0660 it",
		    "%s has mode %04o: anybody may order the daemon about", path,
		    (unsigned)st.st_mode & 07777);
	else
		doctor_find(d, GRADE_OK, NULL, "%s is for the daemon and its group", path);
}
