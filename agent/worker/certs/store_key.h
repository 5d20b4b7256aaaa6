/* SPDX-License-Identifier: ISC
 *
 * By what certificates and CRLs are found in the store, which does not know what they are. Names that mean
 * the same have the same key, however their strings are encoded (RFC 5280 section 7.1).
 */
#ifndef SMIME_WORKER_STORE_KEY_H
#define SMIME_WORKER_STORE_KEY_H

#include "messages.h"

#include <openssl/x509.h>

#define STORE_KEY_SIZE 32

/* Append the key of a name, of a name and serial number, and of what a caller of store_find gave.
 * ERR_USAGE for a value that is not of its kind. */
MUST_USE int store_key_name(const X509_NAME *name, struct buf *into);
MUST_USE int store_key_serial(const X509_NAME *issuer, const ASN1_INTEGER *serial, struct buf *into);
MUST_USE int store_key_value(enum store_by by, struct view value, struct buf *into);

/* Append all keys of a certificate: `keys` of the message STORE_ADD. */
MUST_USE int store_key_all(X509 *cert, struct buf *into);

/* Append the key of a mail address: lower case. */
MUST_USE int store_key_address(struct view address, struct buf *into);

#endif
