/* SPDX-License-Identifier: ISC
 *
 * The mechanisms of the module: which there are on a token follows from what the token can do.
 */
#ifndef SMIME_PKCS11_MECHANISM_H
#define SMIME_PKCS11_MECHANISM_H

#include "keyring.h"

struct mechanism_row {
	CK_MECHANISM_TYPE type;
	uint32_t token;	   /* TOKEN_* bits of which one is needed; 0: done in this process, after ECDH */
	enum key_type key; /* KEY_OTHER: AES */
	CK_FLAGS flags;	   /* CKF_SIGN and so on */
	enum mechanism mechanism;
	enum hash digest; /* that it makes of the data first */
	CK_ULONG smallest, largest;
};

/* The row, if the token has it for this use (CKF_SIGN, CKF_DECRYPT, CKF_DERIVE, CKF_UNWRAP); 0 for any. */
const struct mechanism_row *mechanism_find(const struct slot *slot, CK_MECHANISM_TYPE type, CK_FLAGS use);

/* The rows that the token has, one after the other: from *at on; NULL after the last. */
const struct mechanism_row *mechanism_next(const struct slot *slot, size_t *at);

#endif
