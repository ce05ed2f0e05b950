/*
 * tool/doctor.h: what the files of `storectl doctor` share.
 *
 * A check looks at one thing and says what it found, each finding in a line:
 * how grave, what, and what to do about it.
 */
#ifndef TOOL_DOCTOR_H
#define TOOL_DOCTOR_H

#include "base/json_writer.h"
#include "control/message.h"
#include "tool/command.h"

/* As they are installed; the pool's user has its group's name. */
#define DAEMON_USER "store-syncd"
#define POOL_USER   "store-api"

enum grade {
	GRADE_OK,
	GRADE_NOTE, /* couldn't be looked at, or worth knowing; nothing to do */
	GRADE_WARN, /* it works, and should be put right */
	GRADE_FAIL, /* it doesn't work, or isn't safe */
	GRADE_COUNT
};

struct doctor {
	const struct tool *tool;
	struct config *pool, *daemon; /* their settings, where they could be read; else NULL */
	const char *check;            /* the one that runs */
	unsigned counts[GRADE_COUNT];
	struct buf out; /* JSON's findings */
	struct json_writer json;
};

/* advice: what to do, a whole phrase without a full stop; NULL where there is nothing. */
void doctor_find(struct doctor *d, enum grade grade, const char *advice, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* True where the settings are those of an installation, false in a tree of one user's own. */
bool doctor_is_installation(const struct doctor *d);

/* The checks; doctor.c has their order. */
void check_settings(struct doctor *d);
void check_settings_files(struct doctor *d);
void check_users(struct doctor *d);
void check_data_dir(struct doctor *d);
void check_run_dir(struct doctor *d);
void check_daemon(struct doctor *d);
void check_central(struct doctor *d);
void check_store(struct doctor *d);
void check_disk(struct doctor *d);
void check_clock(struct doctor *d);
void check_pool(struct doctor *d);
void check_web_server(struct doctor *d);

#endif
