/* SPDX-License-Identifier: ISC
 *
 * NSS: a database's list of modules is the file pkcs11.txt beside it, stanzas with empty lines between.
 */
#include "setup.h"

#include "environment.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "smime-agent"

/* The line "library=MODULE", or NULL. */
static const char *find_stanza(const char *text, const char *module)
{
	static const char key[] = "library=";
	size_t length = strlen(module);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, sizeof key - 1) && !strncmp(line + sizeof key - 1, module, length) &&
		    (line[sizeof key - 1 + length] == '\n' || !line[sizeof key - 1 + length]))
			return line;
	}
	return NULL;
}

static bool has(const char *text, const char *module)
{
	return find_stanza(text, module) != NULL;
}

/* The empty lines that go before the stanza go again with it: as many are behind it, where it is the last. */
static char *add(const char *text, const char *module)
{
	size_t length = strlen(text);
	const char *gap = !length || (length > 1 && !strcmp(text + length - 2, "\n\n")) ? ""
			  : text[length - 1] == '\n'				       ? "\n"
										       : "\n\n";
	char *after;

	return asprintf(&after, "%s%slibrary=%s\nname=" NAME "\n\n%s", text, gap, module, gap) < 0 ? NULL : after;
}

/* Takes out [start, end), and the gap where add left one. */
static void cut(char *text, char *start, char *end)
{
	size_t gap = strspn(end, "\n");

	if (end[gap])
		gap = 0; /* others came behind it */
	for (end += gap; gap && start > text && start[-1] == '\n'; gap--)
		start--;
	memmove(start, end, strlen(end) + 1);
}

/* Only what add wrote: a stanza of another name, or with more in it, is somebody else's. */
static char *without(const char *text, const char *module)
{
	char *after = strdup(text), *mine, *start;

	if (!after || asprintf(&mine, "library=%s\nname=" NAME "\n\n", module) < 0) {
		free(after);
		return NULL;
	}
	start = strstr(after, mine);
	if (start && (start == after || start[-1] == '\n'))
		cut(after, start, start + strlen(mine));
	free(mine);
	return after;
}

/* Mozilla's programs hold a link "lock" to ADDRESS:+PROCESS in their profile, and write the file anew. */
static const char *busy(const char *path)
{
	char lock[PATH_MAX], target[256];
	const char *slash = strrchr(path, '/'), *plus;
	ssize_t length;
	pid_t pid;

	snprintf(lock, sizeof lock, "%.*s/lock", (int)(slash - path), path);
	length = readlink(lock, target, sizeof target - 1);
	if (length <= 0)
		return NULL;
	target[length] = 0;
	plus = strchr(target, '+');
	pid = plus ? (pid_t)strtol(plus + 1, NULL, 10) : 0;
	if (pid <= 0 || (kill(pid, 0) && errno == ESRCH))
		return NULL;
	return "the program runs with this profile: end it first";
}

const struct setup_format setup_nss = {.has = has, .add = add, .remove = without, .busy = busy};

/* "Path=" lines of profiles.ini name the profiles, relative to it or from the root. */
static void each_profile(const char *folder, setup_place place, void *context)
{
	char name[PATH_MAX + 20], line[PATH_MAX], file[2 * PATH_MAX + 20];
	FILE *ini;

	snprintf(name, sizeof name, "%s/profiles.ini", folder);
	ini = fopen(name, "re");
	if (!ini)
		return;
	while (fgets(line, sizeof line, ini)) {
		line[strcspn(line, "\r\n")] = 0;
		if (strncmp(line, "Path=", 5))
			continue;
		if (line[5] == '/')
			snprintf(file, sizeof file, "%s/pkcs11.txt", line + 5);
		else
			snprintf(file, sizeof file, "%s/%s/pkcs11.txt", folder, line + 5);
		place(context, file);
	}
	fclose(ini);
}

void setup_nss_profiles(const char *const *folders, setup_place place, void *context)
{
	const char *home = environment_get("HOME");
	char folder[PATH_MAX];

	for (; home && *folders; folders++) {
		snprintf(folder, sizeof folder, "%s/%s", home, *folders);
		each_profile(folder, place, context);
	}
}

/* Evolution's, and Chromium's where it is there already: without it, that makes one of its own. */
void setup_nss_shared(const char *const *folders, setup_place place, void *context)
{
	const char *home = environment_get("HOME");
	char file[PATH_MAX];

	for (; home && *folders; folders++) {
		snprintf(file, sizeof file, "%s/%s/pkcs11.txt", home, *folders);
		place(context, file);
	}
}
