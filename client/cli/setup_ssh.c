/* SPDX-License-Identifier: ISC
 *
 * ssh: PKCS11Provider at the end of ~/.ssh/config, for every host that has none of its own: ssh takes the
 * first that it finds.
 */
#include "setup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static const struct setup_block block = {"#", "ssh"};

static char *make_lines(const char *module)
{
	char *lines;

	return asprintf(&lines, "Match all\nPKCS11Provider \"%s\"\n", module) < 0 ? NULL : lines;
}

static bool has(const char *text, const char *module)
{
	char *lines = make_lines(module);
	bool found = lines && setup_block_has(text, &block, lines);

	free(lines);
	return found;
}

static char *without(const char *text, const char *module)
{
	(void)module;
	return setup_block_remove(text, &block);
}

/* In place of one with another path. */
static char *add(const char *text, const char *module)
{
	char *lines = make_lines(module), *after = lines ? setup_block_add(text, &block, lines) : NULL;

	free(lines);
	return after;
}

const struct setup_format setup_ssh = {.has = has, .add = add, .remove = without, .may_create = true};

void setup_ssh_config(setup_place place, void *context)
{
	const char *home = getenv("HOME");
	char file[PATH_MAX];

	if (!home)
		return;
	snprintf(file, sizeof file, "%s/.ssh/config", home);
	place(context, file);
}
