/* SPDX-License-Identifier: ISC
 *
 * ADOPT: the agent takes a socket and serves whoever is at its other end.
 */
#include "gpgsm.h"

#include "environment.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#define LINES_MAX 16384
/* Linux's numbers for pseudo terminals (Documentation/admin-guide/devices.txt). */
#define PTS_MAJOR 136
#define PTS_MAJOR_LAST 143

/* The terminal of whoever started this, also where all its descriptors are pipes, as under git. */
static bool controlling_terminal(char *into, size_t size)
{
	const char *named = environment_get("GPG_TTY"), *after;
	FILE *file = NULL;
	char line[512];
	int device = 0;

	if (named && *named)
		return snprintf(into, size, "%s", named) < (int)size;
	file = fopen("/proc/self/stat", "re");
	if (!file)
		return false;
	/* The program's name is in parentheses, and may have any in it. */
	after = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
	fclose(file);
	if (!after || sscanf(after + 1, " %*c %*d %*d %*d %d", &device) != 1 ||
	    major((unsigned int)device) < PTS_MAJOR || major((unsigned int)device) > PTS_MAJOR_LAST)
		return false;
	snprintf(into, size, "/dev/pts/%u",
		 (major((unsigned int)device) - PTS_MAJOR) * 256 + minor((unsigned int)device));
	return true;
}

int handover_begin(smime_agent *agent, int fd)
{
	char terminal[256];
	int rc;

	*agent = (smime_agent){.fd = -1, .lines = BUF_INIT(LINES_MAX)};
	rc = connection_open(agent, true);
	if (!rc && controlling_terminal(terminal, sizeof terminal))
		rc = connection_add(agent, "OPTION ttyname=%s", terminal);
	rc = rc ? rc : connection_add(agent, "ADOPT FD");
	rc = rc ? rc : connection_send(agent, fd);
	rc = rc ? rc : connection_finish(agent, NULL, NULL);
	connection_result(agent, rc);
	return rc;
}

void handover_wait(const smime_agent *agent)
{
	char byte;

	while (agent->fd >= 0 && read(agent->fd, &byte, 1) > 0)
		;
}

void handover_end(smime_agent *agent)
{
	if (agent->fd >= 0)
		close(agent->fd);
	agent->fd = -1;
	buf_done(&agent->lines);
}

int gpgsm_failed(const smime_agent *agent, int rc)
{
	fprintf(stderr, "smime-gpgsm: %s\n", *agent->message ? agent->message : error_text(rc));
	return GPGSM_FAILED;
}
