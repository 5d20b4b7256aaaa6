/* SPDX-License-Identifier: ISC
 *
 * Certificates and CRLs out of the files that people have them in: PEM, DER, PKCS#7 and CMS (p7b, p7c),
 * PKCS#12, vCards, and base64 without a name. Private keys that are in them are neither decrypted nor
 * kept.
 */
#ifndef SMIME_WORKER_IMPORT_H
#define SMIME_WORKER_IMPORT_H

#include "input.h"

#include <openssl/x509.h>

/* 10,000 certificates in PEM are 15 MiB. */
#define IMPORT_MAX (32u << 20)

/* Where it goes. What a callback returns other than 0 ends the import. */
struct import_sink {
	int (*cert)(void *context, X509 *cert);
	int (*crl)(void *context, X509_CRL *crl); /* or NULL */
	/* Appends the password of a PKCS#12 file to `into`, which is secret. `tries`: how many were wrong. NULL: there
	 * is none to be had (ERR_PASSWORD_NEEDED). */
	int (*password)(void *context, unsigned int tries, struct buf *into);
	void *context;
};

struct import_count {
	unsigned int certificates, crls;
	unsigned int keys;	/* private ones, left out */
	unsigned int damaged;	/* parts that could not be read */
	unsigned int elsewhere; /* keys of a vCard that are not in it */
};

/* Reads all of the input, of at most IMPORT_MAX bytes (ERR_TOO_LARGE). There may be private keys in it: the caller
 * wipes `into`, of which nothing was left elsewhere. */
MUST_USE int import_read(struct input *input, struct buf *into);

/* Adds to *count. ERR_NOT_CERTIFICATE where there is nothing in it that could be; ERR_PASSWORD_WRONG;
 * ERR_OLD_PKCS12; ERR_TOO_LARGE for a PKCS#12 file that asks for too much work. */
MUST_USE int import_bytes(struct view bytes, const struct import_sink *sink, struct import_count *count);

/* One PKCS#12 file in DER, from the front of *bytes: for import.c. */
MUST_USE int import_pkcs12(struct view *bytes, const struct import_sink *sink, struct import_count *count);

#endif
