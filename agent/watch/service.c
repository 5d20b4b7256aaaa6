/* SPDX-License-Identifier: ISC
 *
 * Waits for pcscd's socket with inotify. A machine without pcscd costs one attempt a minute.
 */
#include "service.h"

#include "log.h"

#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Where pcscd listens unless libpcsclite is told otherwise by this variable. */
#define SOCKET_VARIABLE "PCSCLITE_CSOCK_NAME"
#define SOCKET_PATH "/run/pcscd/pcscd.comm"

#define IDLE_MS 60000
/* A socket is bound before it is listened on: after a sign of life, this often and this many times. */
#define HURRY_MS 50
#define HURRY_TIMES 40

static int inotify = -1;
static unsigned int hurry;

void service_watch(void)
{
	static const uint32_t events = IN_CREATE | IN_MOVED_TO | IN_ATTRIB;
	const char *variable = getenv(SOCKET_VARIABLE);
	char path[PATH_MAX], *folder;

	if (inotify < 0)
		inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(path, sizeof path, "%s", variable ? variable : SOCKET_PATH);
	folder = dirname(path);
	if (inotify_add_watch(inotify, folder, events | IN_ONLYDIR) >= 0)
		return;
	/* No folder yet: the one above says when it comes. */
	if (inotify_add_watch(inotify, dirname(folder), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		log_debug("pcscd's folder cannot be watched; it is tried once a minute");
}

void service_lost(void)
{
	hurry = HURRY_TIMES;
}

void service_wait(void)
{
	char events[4096];
	struct pollfd poll_fd = {inotify, POLLIN, 0};

	if (poll(&poll_fd, 1, hurry ? HURRY_MS : IDLE_MS) > 0) {
		while (read(inotify, events, sizeof events) > 0)
			;
		hurry = HURRY_TIMES;
	} else if (hurry) {
		hurry--;
	}
}
