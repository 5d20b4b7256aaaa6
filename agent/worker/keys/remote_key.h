/* SPDX-License-Identifier: ISC
 *
 * A private key that lives on a token, as an EVP_PKEY: an in-process OpenSSL provider whose private
 * operations are messages to the broker. Everything else (public operations, digests, ciphers) is
 * left to the default provider.
 */
#ifndef SMIME_WORKER_REMOTE_KEY_H
#define SMIME_WORKER_REMOTE_KEY_H

#include "error.h"

#include "messages.h"

#include <openssl/evp.h>
#include <stdint.h>

/* Loads the provider beside the default one. ERR_INTERNAL. */
MUST_USE int remote_key_load(void);

/* The key with this public half that the broker calls ref. RSA, EC, Ed25519 and X25519; NULL for
 * other kinds and on failure. The caller frees with EVP_PKEY_free. */
EVP_PKEY *remote_key_new(EVP_PKEY *public_key, uint32_t ref);

/* Takes the padding of a DECRYPT's answer off (FORM_RSA_BLOCK; RFC 8017 sections 7.1.2 and 7.2.2), in
 * constant time. `into` has room for a modulus, which is as long as the message's data. ERR_DECRYPT. */
MUST_USE int remote_key_unpad(const struct msg_key_op *message, struct view block, unsigned char *into,
			      size_t *ret_length);

/* OpenSSL only says that an operation failed, and for RSA decryption not even that. This says why:
 * 0, or the first error of a remote operation since remote_key_clear. ERR_DECRYPT is bad padding,
 * which a caller treats as if the content were wrong, and any other error comes before it. After such a one the
 * token is not asked again, nor after a hundred operations (ERR_TOO_LARGE). */
int remote_key_error(void);
/* Whether that ERR_DECRYPT may also have been a failure of the token: never any output then. */
int remote_key_unclear(void);
void remote_key_clear(void);

#endif
