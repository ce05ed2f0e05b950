#include "tool/silence.h"

#define OF_A_HANGING_ONE "kill -CONT it if somebody stopped it, else restart it"

/* The last row is for all others. */
static const struct silence silences[] = {
	{ ST_UNAVAILABLE, "the daemon isn't running",
	    "start it (systemctl start store-syncd), and read in its log why it ended" },
	{ ST_DENIED, "this user may not talk to the daemon",
	    "be root, or a member of the group store-api" },
	{ ST_TIMEOUT, "the daemon is there and doesn't answer: it hangs, or was stopped",
	    OF_A_HANGING_ONE },
	{ ST_BUSY, "the daemon is there and takes no connection: it hangs, or was stopped",
	    OF_A_HANGING_ONE },
	{ ST_CLOSED, "the daemon has ended meanwhile", "read its log, and try again" },
	{ ST_OK, "the daemon gives no answer that can be used",
	    "read its log, then restart it; it may be of another version" },
};

const struct silence *silence_of(enum st_err err)
{
	const struct silence *s = silences;

	while (s->err != err && s->err != ST_OK)
		s++;
	return s;
}

int silence_tell(const struct tool *t, enum st_err err)
{
	const struct silence *s = silence_of(err);

	tool_say("%s: %s; %s", t->arguments->command->name, s->what, s->advice);
	return TOOL_UNAVAILABLE;
}
