/* SPDX-License-Identifier: ISC
 *
 * The TOKEN command: administration of tokens, from its words to a message.
 */
#ifndef SMIME_WORKER_TOKEN_COMMAND_H
#define SMIME_WORKER_TOKEN_COMMAND_H

#include "buf.h"

/* "VERB name=value ...", values percent-encoded. `input_fd` has the certificate for IMPORT-CERT;
 * `pin_fd` the PINs, or -1. Appends what comes of it: KEYGEN a label, CSR a PKCS#10 request (PEM).
 * ERR_USAGE for words it does not know. */
MUST_USE int token_command(char *line, int input_fd, int pin_fd, struct buf *into);

#endif
