/* SPDX-License-Identifier: ISC
 *
 * The commands RECIPIENT and ENCRYPT (docs/PROTOCOL.md). Each takes the rest of its line.
 */
#ifndef SMIME_WORKER_ENCRYPT_COMMAND_H
#define SMIME_WORKER_ENCRYPT_COMMAND_H

#include "recipient.h"

MUST_USE int command_recipient(char *line);
MUST_USE int command_encrypt(char *line);

/* Finds the certificate for a name and keeps it for the next ENCRYPT, which fails if there is none. */
MUST_USE int encrypt_add_recipient(const char *name, const struct recipient **ret_recipient);
/* Nobody is a recipient any more. */
void encrypt_forget(void);

#endif
