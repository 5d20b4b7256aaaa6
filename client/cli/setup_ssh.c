/* SPDX-License-Identifier: ISC
 *
 * ssh: PKCS11Provider at the end of ~/.ssh/config, for every host that has none of its own: ssh takes the
 * first that it finds.
 */
#include "setup.h"

#include "environment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static char *make_lines(const char *module)
{
	char *lines;

	return asprintf(&lines, "Match all\nPKCS11Provider \"%s\"\n", module) < 0 ? NULL : lines;
}

static const struct setup_block block = {"#", "ssh", make_lines};

const struct setup_format setup_ssh = {.block = &block, .may_create = true};

void setup_ssh_config(setup_place place, void *context)
{
	const char *home = environment_get("HOME");
	char file[PATH_MAX];

	if (!home)
		return;
	snprintf(file, sizeof file, "%s/.ssh/config", home);
	place(context, file);
}
