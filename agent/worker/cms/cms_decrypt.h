/* SPDX-License-Identifier: ISC
 *
 * Decrypting CMS of any size, with whichever key of the tokens the message names.
 */
#ifndef SMIME_WORKER_CMS_DECRYPT_H
#define SMIME_WORKER_CMS_DECRYPT_H

#include "input.h"
#include "keys.h"

/* A message whose content is being read. */
struct cms_decryption;

/* Begins with the message that input stands at. `name` picks the key (as in keys_select) where the
 * message names none that is at hand; NULL: only what it names. The caller frees what comes.
 *
 * Authenticated content has been read by then, and its tag verified. CBC content is deciphered as it
 * is read, and known to be whole at its end only: whoever reads it makes it all or nothing.
 *
 * ERR_NOT_CMS, ERR_WRONG_TYPE, ERR_BAD_CMS, ERR_NOT_FOR_US, ERR_NOT_SUPPORTED, a token's error; and
 * ERR_DECRYPT for everything that is wrong inside the encryption, without a difference (RFC 3218). */
MUST_USE int cms_decrypt_begin(struct input *input, const char *name,
			       struct cms_decryption **ret_decryption);

/* Some of the content; 0 bytes is its end. An input_source. The errors of cms_decrypt_begin, again and
 * again. */
MUST_USE int cms_decrypt_read(void *decryption, void *into, size_t size, size_t *ret_length);

/* The key that opened it; borrowed, until keys are listed again. */
const struct key *cms_decrypt_key(const struct cms_decryption *decryption);

/* The content cipher, and whether it authenticates. */
int cms_decrypt_cipher(const struct cms_decryption *decryption);
bool cms_decrypt_authenticated(const struct cms_decryption *decryption);

void cms_decrypt_free(struct cms_decryption *decryption);

/* Takes plaintext. */
typedef int (*cms_sink)(void *context, const void *data, size_t length);

/* What was not read yet, to the end, into the sink; also the sink's errors. */
MUST_USE int cms_decrypt_rest(struct cms_decryption *decryption, cms_sink sink, void *context);

/* From its beginning. */
MUST_USE int cms_decrypt(struct input *input, const char *name, cms_sink sink, void *context);

#endif
