/* SPDX-License-Identifier: ISC
 *
 * git: gpg.format and gpg.x509.program at the end of the person's configuration, where they override what is
 * before.
 */
#include "setup.h"

#include <stdio.h>
#include <stdlib.h>

static char *make_lines(const char *program)
{
	char *lines;

	return asprintf(&lines, "[gpg]\n\tformat = x509\n[gpg \"x509\"]\n\tprogram = \"%s\"\n", program) < 0 ? NULL
													     : lines;
}

static const struct setup_block block = {"#", "git", make_lines};

const struct setup_format setup_git = {.block = &block, .may_create = true};
