/*
 * daemon.h: the engine with the real store in a child of the test, since it
 * ends by a signal, against a Central of a few lines (central/script.h).
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <sys/types.h>

#include "central/script.h"
#include "store/read.h"

struct daemon {
	struct script *script;
	const char *dir; /* RUN_DIR; DATA_DIR is below it */
	char data_dir[100];
	pid_t pid;
	struct store_reader *reader;
	int64_t verify_pause_ms; /* set before it starts; 0: a tenth of the real one */
};

/* Central, an empty store, and the engine. */
void daemon_begin(struct daemon *d, script_answer *answer, void *arg);
void daemon_end(struct daemon *d);

/* The engine alone.  daemon_stop(): SIGTERM ends it soon, with 0. */
void daemon_start(struct daemon *d);
void daemon_stop(struct daemon *d);

#endif
