/* SPDX-License-Identifier: ISC
 *
 * PKLIST, PKLOGIN, PKDATA, PKSIGN, PKDECRYPT and PKDERIVE: the keys themselves, for the PKCS#11 module.
 */
#ifndef SMIME_WORKER_KEY_COMMAND_H
#define SMIME_WORKER_KEY_COMMAND_H

#include "messages.h"

/* More than all tokens of all modules hold. */
#define KEY_LIST_MAX (64u << 20)
#define KEY_RESULT_MAX 16384

/* Whose process the operations are, for the log. */
void key_command_set_client(uint32_t pid, struct view program);

/* PKLIST [--look]: appends one record a token or key (docs/PROTOCOL.md). Errors of keys_refresh. */
MUST_USE int key_command_list(const char *line, struct buf *into);

/* PKLOGIN TOKEN: logs in to the token with this ref, with the PIN from pin_fd, or -1. */
MUST_USE int key_command_login(const char *line, int pin_fd);

/* PKDATA [--append] HEX: what the next operation works on. */
MUST_USE int key_command_data(const char *line);

/* PKSIGN, PKDECRYPT, PKDERIVE, as `type` says: KEY MECHANISM [--hash=H] [--mgf=H] [--salt=N]
 * [--label=HEX], on the data. Appends the result. ERR_USAGE; ERR_KEY_STALE for a key that is not
 * there; ERR_KEY_UNUSABLE where keyUsage forbids it; ERR_DECRYPT for bad padding. */
MUST_USE int key_command_run(enum message_type type, char *line, int pin_fd, struct buf *into);

#endif
