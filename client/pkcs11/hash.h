/* SPDX-License-Identifier: ISC
 *
 * Digests in this process: for mechanisms that digest, and for the X9.63 KDF. The only file, with
 * cipher.c, that knows Nettle.
 */
#ifndef SMIME_PKCS11_HASH_H
#define SMIME_PKCS11_HASH_H

#include "messages.h"
#include "module.h"

#define HASH_BYTES_MAX 64

struct hash_state;

/* Bytes of a digest; 0 for HASH_NONE. */
size_t hash_size(enum hash hash);

/* NULL without memory. */
struct hash_state *hash_new(enum hash hash);
void hash_update(struct hash_state *state, const void *data, size_t length);
/* The digest of what came so far; `into` has room for HASH_BYTES_MAX. The state begins anew. */
void hash_final(struct hash_state *state, uint8_t *into);
void hash_free(struct hash_state *state);

/* Appends a DigestInfo (RFC 8017 section 9.2). */
MUST_USE int hash_digest_info(enum hash hash, const uint8_t *digest, struct buf *into);

/* The hash of a CKM_SHA... digest mechanism, of a CKG_MGF1_..., and of a CKD_..._KDF; HASH_NONE for others. */
enum hash hash_of_mechanism(CK_MECHANISM_TYPE mechanism);
enum hash hash_of_mgf(CK_RSA_PKCS_MGF_TYPE mgf);
enum hash hash_of_kdf(CK_ULONG kdf);

/* ANSI X9.63 section 5.6.3 (SEC 1 section 3.6.1): `length` bytes from the secret and the shared data. */
MUST_USE int hash_x963(enum hash hash, struct view secret, struct view shared, struct buf *into, size_t length);

#endif
