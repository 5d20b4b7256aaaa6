/* SPDX-License-Identifier: ISC
 *
 * The commands SIGNER, SIGN, RECIPIENT, ENCRYPT and DECRYPT (docs/PROTOCOL.md). Each takes the rest of its line.
 */
#ifndef SMIME_WORKER_MESSAGE_COMMAND_H
#define SMIME_WORKER_MESSAGE_COMMAND_H

#include "error.h"

MUST_USE int command_signer(char *line);
MUST_USE int command_sign(char *line);
MUST_USE int command_recipient(char *line);
MUST_USE int command_encrypt(char *line);
MUST_USE int command_decrypt(char *line);

#endif
