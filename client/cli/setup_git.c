/* SPDX-License-Identifier: ISC
 *
 * git: gpg.format and gpg.x509.program at the end of the person's configuration, where they override what is
 * before.
 */
#include "setup.h"

#include <stdio.h>
#include <stdlib.h>

static const struct setup_block block = {"#", "git"};

static char *make_lines(const char *program)
{
	char *lines;

	return asprintf(&lines, "[gpg]\n\tformat = x509\n[gpg \"x509\"]\n\tprogram = \"%s\"\n", program) < 0 ? NULL
													     : lines;
}

static bool has(const char *text, const char *program)
{
	char *lines = make_lines(program);
	bool found = lines && setup_block_has(text, &block, lines);

	free(lines);
	return found;
}

static char *add(const char *text, const char *program)
{
	char *lines = make_lines(program), *after = lines ? setup_block_add(text, &block, lines) : NULL;

	free(lines);
	return after;
}

static char *without(const char *text, const char *program)
{
	(void)program;
	return setup_block_remove(text, &block);
}

const struct setup_format setup_git = {.has = has, .add = add, .remove = without, .may_create = true};
