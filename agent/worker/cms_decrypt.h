/* SPDX-License-Identifier: ISC
 *
 * Decrypting CMS of any size, with whichever key of the tokens the message names.
 */
#ifndef SMIME_WORKER_CMS_DECRYPT_H
#define SMIME_WORKER_CMS_DECRYPT_H

#include "input.h"
#include "keys.h"

/* Takes plaintext. */
typedef int (*cms_sink)(void *context, const void *data, size_t length);

/* Decrypts the message that input stands at. `name` picks the key (as in keys_select) where the
 * message names none that is at hand; NULL: only what it names.
 *
 * CBC content goes to the sink as it comes: whoever is behind the sink makes it all or nothing.
 * Authenticated content goes there only after its tag was verified.
 *
 * ERR_NOT_CMS, ERR_WRONG_TYPE, ERR_BAD_CMS, ERR_NOT_FOR_US, ERR_NOT_SUPPORTED, a token's error, the
 * sink's; and ERR_DECRYPT for everything that is wrong inside the encryption, without a difference
 * (RFC 3218). */
MUST_USE int cms_decrypt(struct input *input, const char *name, cms_sink sink, void *context);

#endif
