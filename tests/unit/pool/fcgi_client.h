/*
 * fcgi_client.h: a web server's end of FastCGI, one connection at a time, made
 * of records by hand, so that a test can also send what no web server would.
 */
#ifndef FCGI_CLIENT_H
#define FCGI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* What a request is made of; zero means none. */
struct fcgi_ask {
	const char *method, *uri;
	const char *key;        /* X-API-Key */
	const char *second_key; /* one more parameter of that name */
	const char *more[8];    /* names and values of other parameters */
	const char *body;
	bool unended; /* the body's end isn't sent */
	bool keep;    /* ask for the connection to be kept */
};

struct fcgi_reply {
	bool ended;          /* an END_REQUEST came */
	int status;          /* of the Status: line, 0 without one */
	struct buf out;      /* the whole of STDOUT, headers included */
	const char *content; /* behind the headers, in `out` */
	size_t content_len;
};

/* PATH, HOST:PORT or [v6]:PORT: blocking, with a deadline of ten seconds; -1 on failure. */
int fcgi_connect(const char *address);

/* A record of a body; len 0 is its end.  False: the server hung up. */
bool fcgi_send_body(int fd, const void *data, size_t len);

/* The request's records, appended. */
void fcgi_write_request(const struct fcgi_ask *ask, struct buf *out);

/* Send one request and read its reply; false if the connection broke before its end. */
bool fcgi_exchange(int fd, const struct fcgi_ask *ask, struct fcgi_reply *reply);
bool fcgi_send(int fd, const struct fcgi_ask *ask);
bool fcgi_receive(int fd, struct fcgi_reply *reply);
void fcgi_reply_free(struct fcgi_reply *reply);

#endif
