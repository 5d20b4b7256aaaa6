/* SPDX-License-Identifier: ISC
 *
 * What S/MIME wants to know of a certificate (RFC 8550).
 */
#ifndef SMIME_WORKER_CERT_H
#define SMIME_WORKER_CERT_H

#include "buf.h"
#include "time_text.h"

#include <openssl/x509.h>

/* SHA-256 in hexadecimal, and a NUL. */
#define CERT_FINGERPRINT_SIZE 65

enum cert_use { CERT_USE_SIGN = 1, CERT_USE_DECRYPT = 2 };

/* SHA-256 over the DER, lower case. */
MUST_USE int cert_fingerprint(const X509 *cert, char into[CERT_FINGERPRINT_SIZE]);

/* SHA-1 over the DER, upper case, as GnuPG names certificates. */
#define CERT_SHA1_SIZE 41
MUST_USE int cert_sha1(const X509 *cert, char into[CERT_SHA1_SIZE]);

/* The uses that keyUsage and extendedKeyUsage allow and the kind of key can serve: CERT_USE_* bits.
 * A CA's certificate has none. */
unsigned int cert_uses(X509 *cert);

/* What keyUsage allows the key in PKCS#11's words: CERT_SIGN, CERT_DECRYPT, CERT_DERIVE of messages.h. */
uint16_t cert_key_usage(X509 *cert);

/* Whether its first date is past, and its last one. A certificate with a date that cannot be read has not begun,
 * or has ended. */
bool cert_has_begun(const X509 *cert);
bool cert_has_ended(const X509 *cert);
/* 0; ERR_CERT_EXPIRED where today is not between its dates. */
MUST_USE int cert_check_dates(const X509 *cert);

/* The certificate's mail addresses, one a line: subjectAltName's, then the subject's. */
MUST_USE int cert_addresses(X509 *cert, struct buf *into);
bool cert_has_address(X509 *cert, const char *address);

/* The subject on one line, UTF-8, RFC 2253. */
MUST_USE int cert_subject(X509 *cert, struct buf *into);
/* The same of the issuer's name. */
MUST_USE int cert_issuer(X509 *cert, struct buf *into);
/* "rsa:2048", "ec:P-256", "ed25519", "x25519"; "unknown". */
void cert_key_type(X509 *cert, char *into, size_t size);
/* A date of the certificate; "" for one that cannot be read. */
void cert_time(const ASN1_TIME *time, enum time_form form, char into[TIME_TEXT_SIZE]);

/* The issuers of cert among `pool`, nearest first, without a self-signed root. The stack and its
 * certificates' references are the caller's. */
STACK_OF(X509) *cert_chain(X509 *cert, STACK_OF(X509) *pool);

#endif
