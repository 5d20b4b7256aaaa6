/* SPDX-License-Identifier: ISC
 *
 * What is believed of a client's words about its terminal.
 */
#include "terminal.h"

#include "cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Linux's devices.txt: virtual consoles and serial lines; pseudo terminals. */
#define MAJOR_TTY 4
#define MAJOR_PTS_FIRST 136
#define MAJOR_PTS_LAST 143

/* The port of X display N is this plus N. */
#define X11_PORT 6000
#define DISPLAYS_MAX 1000
#define NAME_MAX_LENGTH 64

/* No name that leads elsewhere: only root makes files below /dev, and nobody can put another in its place later. */
static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) && path[length] == '/' && !strstr(path, "/../") && !strstr(path, "/./");
}

static bool is_terminal_device(const struct stat *facts)
{
	unsigned int number = major(facts->st_rdev);

	return S_ISCHR(facts->st_mode) &&
	       (number == MAJOR_TTY || (number >= MAJOR_PTS_FIRST && number <= MAJOR_PTS_LAST));
}

const char *terminal_doubt_tty(const char *path, uid_t user)
{
	CLEAN_FD int device = is_below(path, "/dev") ? open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	CLEAN_FD int terminal = -1;
	char again[32];
	struct stat facts;

	if (device < 0 || fstat(device, &facts))
		return "it is no device below /dev";
	if (!is_terminal_device(&facts))
		return "it is no terminal";
	if (facts.st_uid != user)
		return "it belongs to another user";
	/* The same device, and not what has its name by now. */
	snprintf(again, sizeof again, "/proc/self/fd/%d", device);
	terminal = open(again, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return terminal >= 0 && isatty(terminal) ? NULL : "it cannot be used";
}

/* N of "N" or "N.SCREEN"; -1. */
static int display_number(const char *text)
{
	size_t digits = strspn(text, "0123456789"), screen = 0;
	int number = digits && digits <= 4 ? atoi(text) : DISPLAYS_MAX;

	if (text[digits] == '.')
		screen = 1 + strspn(text + digits + 1, "0123456789");
	return number < DISPLAYS_MAX && screen != 1 && !text[digits + screen] ? number : -1;
}

/* Whether a line of /proc/net/tcp or tcp6 (proc(5)) is that user's socket, listening at the port of a loopback address. */
static bool is_listener(const char *line, unsigned int port, uid_t user)
{
	char address[33];
	unsigned int local, state, owner;

	if (sscanf(line, " %*u: %32[0-9A-F]:%4X %*[0-9A-F]:%*X %2X %*s %*s %*s %u", address, &local, &state, &owner) != 4)
		return false;
	return local == port && state == 0x0a && owner == user &&
	       (!strcmp(address, "0100007F") || !strcmp(address, "00000000000000000000000001000000"));
}

static bool user_listens(unsigned int port, uid_t user)
{
	static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	bool found = false;

	for (size_t i = 0; i < sizeof tables / sizeof tables[0] && !found; i++) {
		FILE *table = fopen(tables[i], "re");
		char line[512];

		while (table && !found && fgets(line, sizeof line, table))
			found = is_listener(line, port, user);
		if (table)
			fclose(table);
	}
	return found;
}

const char *terminal_doubt_display(const char *display, bool forwarded, uid_t user)
{
	static const char host[] = "localhost:";
	int number;

	if (*display == ':')
		return display_number(display + 1) >= 0 ? NULL : "it is no display";
	number = strncmp(display, host, sizeof host - 1) ? -1 : display_number(display + sizeof host - 1);
	if (number < 0)
		return "it is no display of this machine";
	if (!forwarded)
		return "displays that ssh forwards are used with \"display-forwarded yes\" only";
	return user_listens(X11_PORT + (unsigned int)number, user) ? NULL : "nobody of this user's listens there";
}

static const char *doubt_file(const char *path, mode_t type, uid_t user)
{
	struct stat facts;

	if (lstat(path, &facts) || (facts.st_mode & S_IFMT) != type)
		return "it is not there";
	return facts.st_uid == user ? NULL : "it belongs to another user";
}

const char *terminal_doubt_wayland(const char *name, const char *runtime, uid_t user)
{
	char path[PATH_MAX];

	if (!runtime || *runtime != '/')
		return "the agent has no XDG_RUNTIME_DIR";
	if (*name == '/')
		snprintf(path, sizeof path, "%s", name);
	else
		snprintf(path, sizeof path, "%s/%s", runtime, name);
	if (!is_below(path, runtime))
		return "it is not below XDG_RUNTIME_DIR";
	return doubt_file(path, S_IFSOCK, user);
}

const char *terminal_doubt_xauthority(const char *path, uid_t user)
{
	return *path == '/' ? doubt_file(path, S_IFREG, user) : "it is no path";
}

const char *terminal_doubt_bus(const char *address)
{
	static const char *const kinds[] = {"unix:path=/", "unix:abstract="};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strncmp(address, kinds[i], strlen(kinds[i])) && address[strlen(kinds[i])])
			return strchr(address, ';') ? "it is more than one address" : NULL;
	return "it is no socket of this machine";
}

const char *terminal_doubt_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@+-";
	size_t length = strspn(name, letters);

	return !name[length] && length <= NAME_MAX_LENGTH && *name != '.' ? NULL : "it is no name";
}
