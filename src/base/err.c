#include "base/err.h"

#include <errno.h>

static const char *const texts[ST_ERR_COUNT] = {
	[ST_OK] = "ok",
	[ST_NOMEM] = "out of memory",
	[ST_INVALID] = "invalid",
	[ST_TOO_BIG] = "over its limit",
	[ST_NOT_FOUND] = "not found",
	[ST_BUSY] = "in use",
	[ST_DENIED] = "permission denied",
	[ST_FULL] = "no space left",
	[ST_CORRUPT] = "damaged",
	[ST_FORMAT] = "of another version's format",
	[ST_TIMEOUT] = "timed out",
	[ST_CLOSED] = "closed by the peer",
	[ST_UNAVAILABLE] = "not available",
	[ST_SYSTEM] = "system failure",
};

static const struct {
	int errnum;
	enum st_err err;
} by_errno[] = {
	{ ENOMEM, ST_NOMEM },
	{ EINVAL, ST_INVALID },
	{ ENOTDIR, ST_INVALID },
	{ ENAMETOOLONG, ST_TOO_BIG },
	{ EFBIG, ST_TOO_BIG },
	{ ENOENT, ST_NOT_FOUND },
	{ EBUSY, ST_BUSY },
	{ EADDRINUSE, ST_BUSY },
	{ EACCES, ST_DENIED },
	{ EPERM, ST_DENIED },
	{ EROFS, ST_DENIED },
	{ ENOSPC, ST_FULL },
	{ EDQUOT, ST_FULL },
	{ ETIMEDOUT, ST_TIMEOUT },
	{ EPIPE, ST_CLOSED },
	{ ECONNRESET, ST_CLOSED },
	{ ECONNREFUSED, ST_UNAVAILABLE },
	{ ENETUNREACH, ST_UNAVAILABLE },
	{ EHOSTUNREACH, ST_UNAVAILABLE },
};

const char *st_err_text(enum st_err err)
{
	return (unsigned)err < ST_ERR_COUNT ? texts[err] : "unknown error";
}

enum st_err st_err_from_errno(int errnum)
{
	for (unsigned i = 0; i < sizeof(by_errno) / sizeof(by_errno[0]); i++)
		if (by_errno[i].errnum == errnum)
			return by_errno[i].err;
	return ST_SYSTEM;
}
