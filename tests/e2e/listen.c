/*
 * listen [--port N | --unix PATH] [--any] [--zero | --nginx | --reserve] [--again]
 * PROGRAM ARGUMENTS…: run a program with a listening socket, handed over as
 * systemd does it: descriptor 3 and LISTEN_FDS, or with --zero descriptor 0
 * (StandardInput=socket), or with --nginx as nginx hands one to its successor.
 *
 * The socket is at PATH, or at 127.0.0.1, or with --any at all addresses; port
 * 0, the default, lets the system choose: so no test picks a port, and none can
 * lose it between picking and binding.  The port is printed on stdout before the
 * program starts, which also finds ADDRESS:PORT in LISTEN_ADDRESS.
 *
 * --reserve: for a program that takes no descriptor.  The port is bound but not
 * listened at: nobody else is given it, while a program that binds it with
 * SO_REUSEADDR, as servers do, gets it beside us.
 *
 * --again: what a .socket unit does.  The socket stays open here, the program
 * runs as a child, its process id is printed, and whenever it ends it is
 * started anew, until SIGTERM, which it is passed on.
 *
 * listen --silent ADDRESS: a name server at that address (127.x.y.z) that takes
 * questions and never answers.  Prints a line when it is there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSED_FD        3
#define BACKLOG          4096 /* a .socket unit's: the kernel's largest */
#define NAME_SERVER_PORT 53

static struct {
	uint16_t port;
	const char *path;
	bool any, zero, nginx, reserve, again;
	char **program;
} options;

static volatile sig_atomic_t ended;
static volatile pid_t child;

static int listen_tcp(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[INET_ADDRSTRLEN], value[INET_ADDRSTRLEN + 8];
	int on = 1;

	address.sin_addr.s_addr = htonl(options.any ? INADDR_ANY : INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    (!options.reserve && listen(fd, BACKLOG) < 0) ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -1;
	printf("%d\n", ntohs(address.sin_port));
	inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
	snprintf(value, sizeof(value), "%s:%d", text, ntohs(address.sin_port));
	setenv("LISTEN_ADDRESS", value, 1);
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	/* A web server that root has started connects as another user. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0)
		return -1;
	return fd;
}

/* The number behind --port; exits with a line where it is none. */
static uint16_t read_port(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n < 0 || n > UINT16_MAX) {
		fprintf(stderr, "listen: '%s' is no port; allowed: 0 to 65535\n", text);
		exit(2);
	}
	return (uint16_t)n;
}

static int be_silent(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(NAME_SERVER_PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || inet_pton(AF_INET, text, &address.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "listen: %s: %s\n", text, strerror(errno));
		return 1;
	}
	puts("silent");
	fflush(stdout);
	for (;;)
		pause();
}

static int fail(void)
{
	fprintf(stderr, "listen: %s: %s\n", options.program[0], strerror(errno));
	return 127;
}

static int become_program(int fd)
{
	int wanted = options.zero ? STDIN_FILENO : options.reserve ? fd : PASSED_FD;
	char pid[24];

	if (fd != wanted && (dup2(fd, wanted) < 0 || close(fd) < 0))
		return fail();
	if (options.nginx) {
		/* It takes for granted that its predecessor's sockets don't block. */
		fcntl(wanted, F_SETFL, O_NONBLOCK);
		setenv("NGINX", "3;", 1);
	} else if (!options.zero && !options.reserve) {
		snprintf(pid, sizeof(pid), "%ld", (long)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
	}
	execvp(options.program[0], options.program);
	return fail();
}

static void end(int signal_number)
{
	ended = 1;
	if (child > 0)
		kill(child, signal_number);
}

static int run_again(int fd)
{
	struct sigaction on_end = { .sa_handler = end };
	int status = 0;
	sigset_t term, before;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigaction(SIGTERM, &on_end, NULL);
	while (!ended) {
		/* Between fork and the child's number no signal comes. */
		sigprocmask(SIG_BLOCK, &term, &before);
		child = fork();
		if (child == 0) {
			signal(SIGTERM, SIG_DFL);
			sigprocmask(SIG_SETMASK, &before, NULL);
			_exit(become_program(fd));
		}
		sigprocmask(SIG_SETMASK, &before, NULL);
		if (child < 0)
			return fail();
		printf("%ld\n", (long)child);
		fflush(stdout);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		child = 0;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static bool read_options(char **argv)
{
	for (argv++; *argv && strncmp(*argv, "--", 2) == 0; argv++) {
		if (strcmp(*argv, "--any") == 0)
			options.any = true;
		else if (strcmp(*argv, "--zero") == 0)
			options.zero = true;
		else if (strcmp(*argv, "--nginx") == 0)
			options.nginx = true;
		else if (strcmp(*argv, "--reserve") == 0)
			options.reserve = true;
		else if (strcmp(*argv, "--again") == 0)
			options.again = true;
		else if (strcmp(*argv, "--port") == 0 && argv[1])
			options.port = read_port(*++argv);
		else if (strcmp(*argv, "--unix") == 0 && argv[1])
			options.path = *++argv;
		else
			return false;
	}
	options.program = argv;
	return *argv != NULL;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc == 3 && strcmp(argv[1], "--silent") == 0)
		return be_silent(argv[2]);
	if (!read_options(argv)) {
		fputs(
		    "usage: listen [--port N | --unix PATH] [--any] [--zero | --nginx | --reserve] "
		    "[--again] PROGRAM ARGUMENTS...\n",
		    stderr);
		return 2;
	}
	fd = options.path ? listen_unix(options.path) : listen_tcp(options.port);
	if (fd < 0) {
		if (options.path)
			fprintf(stderr, "listen: %s: %s\n", options.path, strerror(errno));
		else
			fprintf(stderr, "listen: port %d on 127.0.0.1: %s\n", options.port,
			    strerror(errno));
		return 1;
	}
	fflush(stdout);
	return options.again ? run_again(fd) : become_program(fd);
}
