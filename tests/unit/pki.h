/* SPDX-License-Identifier: ISC
 *
 * Keys and certificates made for a test. Failures end the test that called.
 */
#ifndef SMIME_UNIT_PKI_H
#define SMIME_UNIT_PKI_H

#include <openssl/x509.h>

/* A fresh key: "EC" (P-256), "RSA" (1024 bits, for speed), "ED25519", "X25519". */
EVP_PKEY *pki_key(const char *kind);

struct pki_spec {
	const char *subject; /* "/CN=x/emailAddress=y", values in UTF-8 */
	EVP_PKEY *key;
	const X509 *issuer;	      /* NULL: self-issued */
	EVP_PKEY *issuer_key;	      /* NULL: signed with `key` */
	const char *extensions[6][2]; /* as in openssl.cnf; ends at a NULL */
	long from_days, to_days;      /* from today; both 0: yesterday and in a year */
	int old;		      /* version 1 */
};

X509 *pki_cert(const struct pki_spec *spec);

#endif
