/* SPDX-License-Identifier: ISC
 *
 * Commands on messages: SIGNER, SIGN, DECRYPT (docs/PROTOCOL.md). Each takes the rest of its line.
 */
#ifndef SMIME_WORKER_MESSAGE_COMMAND_H
#define SMIME_WORKER_MESSAGE_COMMAND_H

#include "cms_sign.h"

MUST_USE int command_signer(char *line);
MUST_USE int command_sign(char *line);
MUST_USE int command_decrypt(char *line);

/* An option of SIGN that other commands that sign have, too; ERR_USAGE for another word. */
MUST_USE int message_parse_sign_word(const char *word, struct sign_options *options);
/* Reads the header of INPUT's mail. ERR_NOT_MAIL also for one that programs would read each in another way. */
MUST_USE int message_read_header(struct buf *block);

/* The key that SIGNER named; without one the sender's, if there is one, or the only one. `header`: the mail's, or
 * NULL. Errors as keys_select. */
MUST_USE int message_find_signer(const struct view *header, struct key **ret_key);

#endif
