/* SPDX-License-Identifier: ISC
 *
 * What clients call certificates by, in either dialect.
 */
#ifndef SMIME_WORKER_CERT_NAME_H
#define SMIME_WORKER_CERT_NAME_H

#include "cert.h"
#include "messages.h"

#define CERT_NAME_SIZE 1001 /* a line's */

enum cert_name_kind {
	CERT_NAME_START,   /* the first digits of the SHA-256 fingerprint, or all of the SHA-1 one */
	CERT_NAME_SHA1,	   /* 40 digits */
	CERT_NAME_SHA256,  /* 64 digits */
	CERT_NAME_KEY_ID,  /* the last digits of the SHA-1 fingerprint */
	CERT_NAME_KEYGRIP, /* 40 digits */
	CERT_NAME_ADDRESS, /* a mail address */
	CERT_NAME_SUBJECT, /* the whole subject, as cert_subject gives it */
	CERT_NAME_SERIAL,  /* the issuer, as cert_issuer gives it, and the serial number; "" for any number */
	CERT_NAME_PART,	   /* a part of the subject or of an address */
};

struct cert_name {
	enum cert_name_kind kind;
	char text[CERT_NAME_SIZE];   /* digits in upper case, but for CERT_NAME_START */
	char serial[CERT_NAME_SIZE]; /* of CERT_NAME_SERIAL: in hexadecimal */
};

bool cert_name_fits(const struct cert_name *name, X509 *cert);

/* By what the store itself finds such names; STORE_ALL: by reading all of it. */
enum store_by cert_name_store_by(const struct cert_name *name);

/* The serial number in hexadecimal, as it stands in the certificate. */
MUST_USE int cert_name_serial(X509 *cert, struct buf *into);

#endif
