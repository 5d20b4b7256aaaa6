/* SPDX-License-Identifier: ISC
 *
 * gpgsm's server dialect (docs/PROTOCOL.md), for programs that use GPGME: the same work as the agent's own
 * commands, asked for and told in gpgsm's words. Each command takes the rest of its line.
 */
#ifndef SMIME_WORKER_GPGSM_COMMAND_H
#define SMIME_WORKER_GPGSM_COMMAND_H

#include "error.h"

/* libgpg-error's code that gpgsm would answer with. */
unsigned int gpgsm_error(int rc);

/* ERR_NOT_SUPPORTED for an option that gpgsm does not know; ERR_USAGE for a bad value. */
MUST_USE int gpgsm_option(const char *name, const char *value);
/* What stands behind "INPUT FD" and the like. */
void gpgsm_encoding(const char *command, const char *words);
void gpgsm_reset(void);

MUST_USE int gpgsm_signer(char *line);
MUST_USE int gpgsm_sign(char *line);
MUST_USE int gpgsm_decrypt(char *line);
MUST_USE int gpgsm_verify(char *line);
MUST_USE int gpgsm_recipient(char *line);
MUST_USE int gpgsm_encrypt(char *line);
MUST_USE int gpgsm_listkeys(char *line);
MUST_USE int gpgsm_listsecretkeys(char *line);
MUST_USE int gpgsm_export(char *line);
MUST_USE int gpgsm_import(char *line);
MUST_USE int gpgsm_delkeys(char *line);
MUST_USE int gpgsm_getinfo(char *line);
MUST_USE int gpgsm_getauditlog(char *line);
MUST_USE int gpgsm_unsupported(char *line);

#endif
