/* SPDX-License-Identifier: ISC
 *
 * The sandbox of every process that can have one: no new privileges, resource limits, Landlock and a list of system
 * calls (seccomp). What it starts inherits it. A process reads and writes the descriptors that it has, and has these
 * rights beyond that.
 */
#ifndef SMIME_SANDBOX_H
#define SMIME_SANDBOX_H

#include "error.h"

enum sandbox_right {
	SANDBOX_FILES = 1,   /* to open, make, change and remove files below the folders that it names */
	SANDBOX_SOCKETS = 2, /* to connect to Unix sockets, and to watch for them */
	SANDBOX_CHILD = 4,   /* to wait for a process that it started before, and that ends with it */
};

/* The folders at most: a file's own, and that of the file that it is a link to. */
#define SANDBOX_FOLDERS 2

struct sandbox {
	unsigned int rights; /* enum sandbox_right bits */
	int folders[SANDBOX_FOLDERS]; /* for SANDBOX_FILES: opened, and still the caller's; -1: none */
};

/* Enters it, for good. Any step that fails is ERR_INTERNAL, with the reason in the log: then end.
 * A kernel without Landlock is told in the log: seccomp refuses the same calls but for SANDBOX_FILES, which
 * opens any file of the user's then. */
MUST_USE int sandbox_enter(const struct sandbox *sandbox);

#endif
