/* SPDX-License-Identifier: ISC
 *
 * smime-gpgsm --server: libassuan has made a socket pair for this process and the one that started it. Our end
 * goes to the agent.
 */
#include "gpgsm.h"

#include "environment.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define CHUNK 4096

/* The descriptor that libassuan names; else standard input, if it is a socket; -1 for pipes. */
static int assuan_socket(void)
{
	const char *named = environment_get("_assuan_connection_fd");
	char *end = NULL;
	long fd = named ? strtol(named, &end, 10) : STDIN_FILENO;
	struct stat status;

	if ((end && (*end || end == named)) || fd < 0 || fd > 65535 || fstat((int)fd, &status) ||
	    !S_ISSOCK(status.st_mode))
		return -1;
	return (int)fd;
}

/* Every copy of the connection's end: whoever started us sees by its closing that the agent went. */
static void forget(int fd)
{
	struct stat wanted, other;

	if (fstat(fd, &wanted))
		return;
	for (int i = STDIN_FILENO; i <= STDOUT_FILENO; i++)
		if (!fstat(i, &other) && other.st_dev == wanted.st_dev && other.st_ino == wanted.st_ino) {
			int null = open("/dev/null", O_RDWR | O_CLOEXEC);

			if (null < 0 || dup2(null, i) < 0)
				close(i);
			if (null > STDERR_FILENO)
				close(null);
		}
	if (fd > STDERR_FILENO)
		close(fd);
}

static void refuse(int fd, const smime_agent *agent, int rc)
{
	char line[CONNECTION_LINE_MAX];
	int length = snprintf(line, sizeof line, "ERR %u %.900s\n", error_to_gpg(rc),
			      *agent->message ? agent->message : error_text(rc));

	if (write(fd, line, (size_t)length) != length)
		return; /* it went already */
}

/* What came on one descriptor, to the other; false at the end. */
static bool copy(int from, int to)
{
	char chunk[CHUNK];
	ssize_t got = read(from, chunk, sizeof chunk), put;

	for (ssize_t at = 0; at < got; at += put) {
		put = write(to, chunk + at, (size_t)(got - at));
		if (put <= 0)
			return false;
	}
	return got > 0 || (got < 0 && errno == EINTR);
}

/* For a person's terminal, or pipes: descriptors cannot be sent there, but lines can. */
static int relay(void)
{
	smime_agent agent;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return GPGSM_FAILED;
	rc = handover_begin(&agent, pair[1]);
	close(pair[1]);
	if (rc) {
		refuse(STDOUT_FILENO, &agent, rc);
	} else {
		struct pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {pair[0], POLLIN, 0}};
		bool more = true;

		while (more && (poll(watched, 2, -1) >= 0 || errno == EINTR)) {
			if (watched[1].revents)
				more = copy(pair[0], STDOUT_FILENO);
			if (watched[0].revents && !copy(STDIN_FILENO, pair[0])) {
				shutdown(pair[0], SHUT_WR);
				watched[0].fd = -1;
			}
		}
	}
	close(pair[0]);
	handover_end(&agent);
	return rc ? GPGSM_FAILED : GPGSM_OK;
}

int server_run(void)
{
	smime_agent agent;
	int fd = assuan_socket(), rc;

	if (fd < 0)
		return relay();
	rc = handover_begin(&agent, fd);
	if (rc)
		refuse(fd, &agent, rc);
	forget(fd);
	if (!rc)
		handover_wait(&agent);
	handover_end(&agent);
	return rc ? GPGSM_FAILED : GPGSM_OK;
}
