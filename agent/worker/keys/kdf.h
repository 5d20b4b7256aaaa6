/* SPDX-License-Identifier: ISC
 *
 * From the secret that two keys agreed on to the key that is made of it.
 */
#ifndef SMIME_WORKER_KDF_H
#define SMIME_WORKER_KDF_H

#include "buf.h"

/* Borrowed. */
struct kdf {
	const char *name, *digest; /* OpenSSL's: "X963KDF" or "HKDF", and its digest */
	struct view salt;	   /* HKDF's, or empty */
	struct view info;
	size_t length; /* of the key, bytes */
};

/* Writes kdf->length bytes. False where OpenSSL does not know the kind, or refuses. */
bool kdf_derive(const struct kdf *kdf, struct view secret, unsigned char *into);

#endif
