#include "rules/guard.h"

enum guard_decision guard_event(int64_t cached_version, const struct event *e)
{
	if (e->version <= cached_version)
		return GUARD_STALE;
	if (e->kind != EVENT_DELETED)
		return GUARD_PUT;
	return cached_version >= 0 ? GUARD_DELETE : GUARD_STALE;
}
