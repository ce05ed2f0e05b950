/*
 * base/err.h: what a function of this project returns.
 *
 * Every function that can fail returns one of these; results go through the
 * last pointer and stay untouched on failure.  Foreign codes (LMDB's, curl's,
 * errno) become one of these at the border file of their library.  They are
 * few on purpose: a caller decides by them, a person reads the log line that
 * was written where the failure was seen.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum st_err {
	ST_OK = 0,
	ST_NOMEM,       /* no memory */
	ST_INVALID,     /* breaks a grammar or a range */
	ST_TOO_BIG,     /* over its limit */
	ST_NOT_FOUND,   /* no such thing */
	ST_BUSY,        /* held by somebody else: lock, socket, address */
	ST_DENIED,      /* no permission, or a read-only place */
	ST_FULL,        /* disk, map or table full: goes on when there is room */
	ST_CORRUPT,     /* checksum or structure is wrong */
	ST_FORMAT,      /* whole, but written by another version in a format of its own */
	ST_TIMEOUT,     /* deadline passed */
	ST_CLOSED,      /* the peer is gone */
	ST_UNAVAILABLE, /* nobody there, or not there yet */
	ST_SYSTEM,      /* any other failure of the system */
	ST_ERR_COUNT
};

/* A short English text without a full stop; never NULL. */
const char *st_err_text(enum st_err err);

/* The st_err that fits an errno value; ST_SYSTEM where none does. */
enum st_err st_err_from_errno(int errnum);

#endif
