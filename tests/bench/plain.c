/*
 * plain PROCESSES THREADS HEADERS BODY: a FastCGI responder as libfcgi's own
 * example of threads has it: each thread accepts on the listening descriptor 0
 * and answers every request with the same bytes through libfcgi's stream.  Until
 * SIGTERM.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/constant.h"

static struct constant constant;

static void *serve(void *arg)
{
	FCGX_Request r;

	FCGX_InitRequest(&r, STDIN_FILENO, 0);
	while (FCGX_Accept_r(&r) == 0) {
		FCGX_PutS("Status: 200 OK\r\n", r.out);
		FCGX_PutStr(constant.headers.data, (int)constant.headers.len, r.out);
		FCGX_FPrintF(r.out, "Content-Length: %d\r\n\r\n", (int)constant.body.len);
		FCGX_PutStr(constant.body.data, (int)constant.body.len, r.out);
		FCGX_Finish_r(&r);
	}
	return arg;
}

static void run_child(unsigned threads)
{
	pthread_t thread;

	/* libfcgi doesn't end its threads on a signal, so nothing is asked of it. */
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	while (threads-- > 0)
		if (pthread_create(&thread, NULL, serve, NULL) != 0)
			_exit(1);
	pause();
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned processes, threads;

	if (argc != 5 || FCGX_Init() != 0) {
		fputs("usage: plain PROCESSES THREADS HEADERS BODY, see its source\n", stderr);
		return 2;
	}
	processes = (unsigned)strtoul(argv[1], NULL, 10);
	threads = (unsigned)strtoul(argv[2], NULL, 10);
	constant_load(argv[3], argv[4], &constant);
	signal(SIGTERM, SIG_DFL);
	while (processes-- > 0)
		if (fork() == 0)
			run_child(threads);
	while (wait(NULL) > 0)
		;
	return 0;
}
