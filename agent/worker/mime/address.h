/* SPDX-License-Identifier: ISC
 *
 * Lists of mail addresses, as To, Cc and Bcc have them (RFC 5322 section 3.4, RFC 6532). A pure parser.
 */
#ifndef SMIME_WORKER_ADDRESS_H
#define SMIME_WORKER_ADDRESS_H

#include "buf.h"

/* RFC 5321 section 4.5.3.1 has 254. */
#define ADDRESS_SIZE 256

/* Takes the next address off the list: names, comments and groups are left out. An entry that has no
 * address, or one that cannot be read (a quoted local part, a route), gives the empty string. False at the
 * list's end. */
bool address_next(struct view *list, char into[ADDRESS_SIZE]);

#endif
