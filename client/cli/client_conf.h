/* SPDX-License-Identifier: ISC
 *
 * The client's own configuration, smime.conf: what smime sendmail does when its command line does not say.
 */
#ifndef SMIME_CLI_CLIENT_CONF_H
#define SMIME_CLI_CLIENT_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

enum when { WHEN_UNSET, WHEN_NEVER, WHEN_POSSIBLE, WHEN_ALWAYS };

/* "never", "when-possible", "always"; false for anything else. */
bool client_conf_when(const char *word, enum when *ret_when);

struct client_conf {
	enum when sendmail_sign, sendmail_encrypt;
	char sendmail_program[PATH_MAX]; /* empty: not said */
};

/* Reads settings over those that are there. 0, or the number of the line that is not understood. */
unsigned int client_conf_read(struct client_conf *conf, FILE *file);

/* The system's file, then the person's. False with a sentence about it. */
bool client_conf_load(struct client_conf *conf, char *why, size_t size);

#endif
