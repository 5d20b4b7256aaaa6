/* SPDX-License-Identifier: ISC
 *
 * Who sends a mail that is to be signed or encrypted: its header, and whose key signs it.
 */
#ifndef SMIME_WORKER_SENDER_H
#define SMIME_WORKER_SENDER_H

#include "address.h"
#include "keys.h"
#include "mime.h"

/* The mail's header block. ERR_NOT_MAIL, also for one that programs would read in different ways. */
MUST_USE int sender_read_header(struct input *input, struct buf *into);

/* The address of the From field; false where there is none. */
bool sender_address(struct view header, char into[ADDRESS_SIZE]);

/* The key that signs: the one that `name` fits, else that of the From address, else the only one. name and header may be
 * NULL. Errors of keys_select. */
MUST_USE int sender_find_key(const char *name, const struct view *header, struct key **ret_key);

#endif
