/*
 * listen [--port N] PROGRAM ARGUMENTS…: run a program with a TCP listener on
 * 127.0.0.1, handed over as systemd does it (descriptor 3, LISTEN_FDS).
 *
 * listen --silent ADDRESS: a name server at that address (127.x.y.z) that takes
 * questions and never answers.  Prints a line when it is there.
 *
 * Port 0, the default, lets the system choose: so no test picks a port, and
 * none can lose it between picking and binding.  The port is printed on stdout
 * before the program starts.
 */
#include <arpa/inet.h>
#include <errno.h>

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PASSED_FD 3

static int listen_on(uint16_t port, struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address->sin_port = htons(port);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)address, sizeof(*address)) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &size) < 0)
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

#define NAME_SERVER_PORT 53

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

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	uint16_t port = 0;
	char **program = argv + 1;
	char pid[24];
	int fd;

	if (argc == 3 && strcmp(argv[1], "--silent") == 0)
		return be_silent(argv[2]);
	if (argc > 3 && strcmp(argv[1], "--port") == 0) {
		port = read_port(argv[2]);
		program = argv + 3;
	}
	if (program[0] == NULL) {
		fprintf(stderr, "usage: listen [--port N] PROGRAM ARGUMENTS...\n");
		return 2;
	}
	fd = listen_on(port, &address);
	if (fd < 0) {
		fprintf(stderr, "listen: port %d on 127.0.0.1: %s\n", port, strerror(errno));
		return 1;
	}
	if (fd != PASSED_FD && (dup2(fd, PASSED_FD) < 0 || close(fd) < 0)) {
		perror("listen");
		return 1;
	}
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	execvp(program[0], program);
	fprintf(stderr, "listen: %s: %s\n", program[0], strerror(errno));
	return 127;
}
