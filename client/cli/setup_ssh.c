/* SPDX-License-Identifier: ISC
 *
 * ssh: PKCS11Provider at the end of ~/.ssh/config, for every host that has none of its own: ssh takes the
 * first that it finds.
 */
#include "setup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "# smime-agent (smime setup ssh): begin\n"
#define END "# smime-agent (smime setup ssh): end\n"

static char *make_block(const char *module)
{
	char *block;

	return asprintf(&block, BEGIN "Match all\nPKCS11Provider \"%s\"\n" END, module) < 0 ? NULL : block;
}

static bool has(const char *text, const char *module)
{
	char *block = make_block(module);
	const char *begin = strstr(text, BEGIN);
	/* One that somebody cut short is there, too: it is not ours to mend. */
	bool found = (begin && !strstr(begin, END)) || (block && strstr(text, block));

	free(block);
	return found;
}

static char *without(const char *text, const char *module)
{
	const char *start = strstr(text, BEGIN), *end = start ? strstr(start, END) : NULL;
	char *after = strdup(text);

	(void)module;
	if (after && end)
		strcpy(after + (start - text), end + strlen(END));
	return after;
}

/* In place of one with another path. */
static char *add(const char *text, const char *module)
{
	char *others = without(text, module), *block = make_block(module), *after = NULL;
	size_t length = others ? strlen(others) : 0;
	const char *end = length && others[length - 1] != '\n' ? "\n" : "";

	if (!others || !block || asprintf(&after, "%s%s%s", others, end, block) < 0)
		after = NULL;
	free(others);
	free(block);
	return after;
}

static const char *busy(const char *path)
{
	(void)path;
	return NULL;
}

const struct setup_format setup_ssh = {.has = has, .add = add, .remove = without, .may_create = true, .busy = busy};

void setup_ssh_config(setup_place place, void *context)
{
	const char *home = getenv("HOME");
	char file[PATH_MAX];

	if (!home)
		return;
	snprintf(file, sizeof file, "%s/.ssh/config", home);
	place(context, file);
}
