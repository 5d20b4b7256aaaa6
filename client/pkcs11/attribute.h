/* SPDX-License-Identifier: ISC
 *
 * The attributes of every object: of certificates and keys on tokens, and of session keys.
 */
#ifndef SMIME_PKCS11_ATTRIBUTE_H
#define SMIME_PKCS11_ATTRIBUTE_H

#include "keyring.h"
#include "secret_key.h"

/* A value, or where it is. */
struct attribute {
	struct view value; /* of `number` or `truth`, or borrowed from the object */
	CK_ULONG number;
	CK_BBOOL truth;
};

/* CKR_ATTRIBUTE_TYPE_INVALID for what the object has not, CKR_ATTRIBUTE_SENSITIVE for what is not told.
 * ret_attribute must stay where it is while its value is used. */
CK_RV attribute_of_key(const struct key *key, enum side side, CK_ATTRIBUTE_TYPE type,
		       struct attribute *ret_attribute);
CK_RV attribute_of_secret(const struct secret_key *key, CK_ATTRIBUTE_TYPE type, struct attribute *ret_attribute);

#endif
