/* SPDX-License-Identifier: ISC
 *
 * The private keys on a token: finding one, its public half, and a signature by it.
 */
#ifndef SMIME_ADMIN_KEY_H
#define SMIME_ADMIN_KEY_H

#include "session.h"

#include <openssl/x509.h>

struct key {
	CK_OBJECT_HANDLE handle;
	CK_ULONG type; /* CKK_* */
	bool always_authenticate;
	struct buf id, label;
	EVP_PKEY *public_key; /* NULL where the token does not tell */
};

#define KEY_INIT ((struct key){.id = BUF_INIT(4096), .label = BUF_INIT(4096)})
void key_done(struct key *key);
#define CLEAN_KEY CLEANUP(key_done)

/* Into a key that is empty. ERR_NO_KEY; ERR_AMBIGUOUS where two have that label. */
MUST_USE int key_find(const struct session *session, struct view label, struct key *key);
/* The one that the certificate is for. ERR_NO_KEY. */
MUST_USE int key_find_certified(const struct session *session, X509 *cert, struct key *key);

/* Signs with SHA-256 (Ed25519: the message itself) and says with which algorithm. Appends the signature as
 * X.509 carries it. pin: for a key that wants it at each use. */
MUST_USE int key_sign(const struct session *session, const struct key *key, const char *pin, struct view message,
		      X509_ALGOR *algorithm, struct buf *into);

#endif
