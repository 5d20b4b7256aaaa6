/* SPDX-License-Identifier: ISC
 *
 * Public keys as PKCS#11's attributes say them (PKCS#11 2.40 sections 2.1.2 and 2.3.3), to and from
 * OpenSSL's. `parameters` is RSA's modulus or CKA_EC_PARAMS, `value` RSA's public exponent or
 * CKA_EC_POINT.
 */
#ifndef SMIME_WORKER_PUBLIC_KEY_H
#define SMIME_WORKER_PUBLIC_KEY_H

#include "messages.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct public_key {
	enum key_type type;
	struct buf parameters, value;
};

#define PUBLIC_KEY_INIT ((struct public_key){KEY_OTHER, BUF_INIT(8192), BUF_INIT(8192)})
#define CLEAN_PUBLIC_KEY CLEANUP(public_key_done)
void public_key_done(struct public_key *key);

/* The certificate's. Keys of kinds that no token has are KEY_OTHER with nothing else. */
MUST_USE int public_key_read(X509 *cert, struct public_key *ret_key);

/* A token's public value as this house says it: an EC or X25519 point in its OCTET STRING, whichever way
 * the token gave it; others as they are. */
MUST_USE int public_key_point(enum key_type type, struct view parameters, struct view value, struct buf *into);

/* OpenSSL's key, for EC and X25519; with an empty value, a key with its curve alone. NULL for other
 * kinds, and for what is no key. The caller frees. */
EVP_PKEY *public_key_new(enum key_type type, struct view parameters, struct view value);

/* Whether each secret with this X25519 key is zero, which everybody knows (RFC 7748 section 6.1). No token is asked with
 * it: some take it for a failure of their own. */
bool public_key_is_small(EVP_PKEY *x25519);

#endif
