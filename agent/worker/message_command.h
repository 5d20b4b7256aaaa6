/* SPDX-License-Identifier: ISC
 *
 * Commands on messages: SIGNER, SIGN, DECRYPT (docs/PROTOCOL.md). Each takes the rest of its line.
 */
#ifndef SMIME_WORKER_MESSAGE_COMMAND_H
#define SMIME_WORKER_MESSAGE_COMMAND_H

#include "error.h"

MUST_USE int command_signer(char *line);
MUST_USE int command_sign(char *line);
MUST_USE int command_decrypt(char *line);

#endif
