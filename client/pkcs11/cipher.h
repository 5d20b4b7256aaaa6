/* SPDX-License-Identifier: ISC
 *
 * AES with keys that came of a key agreement: what programs do with them to open a message. In this
 * process, since these keys are the program's own.
 */
#ifndef SMIME_PKCS11_CIPHER_H
#define SMIME_PKCS11_CIPHER_H

#include "buf.h"

#define CIPHER_BLOCK 16

struct cipher;

bool cipher_key_fits(size_t length); /* 16, 24 or 32 bytes */

/* CBC. `pad`: PKCS#7 padding is taken off at the end. NULL without memory. */
struct cipher *cipher_new(struct view key, const uint8_t iv[CIPHER_BLOCK], bool pad);
void cipher_free(struct cipher *cipher);

/* What an update of `length` bytes gives. */
size_t cipher_room(const struct cipher *cipher, size_t length);
/* Decrypts whole blocks as they come; the last is held back where it may be padding. `into` has
 * cipher_room; gives how much it got. */
size_t cipher_update(struct cipher *cipher, const uint8_t *data, size_t length, uint8_t *into);
/* ERR_DECRYPT for a part of a block, or bad padding. */
MUST_USE int cipher_final(struct cipher *cipher, uint8_t *into, size_t *ret_length);

/* RFC 3394. iv NULL: its default. ERR_DECRYPT; appends the key. */
MUST_USE int cipher_unwrap(struct view key, const uint8_t *iv, struct view wrapped, struct buf *into);

#endif
