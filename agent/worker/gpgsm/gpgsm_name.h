/* SPDX-License-Identifier: ISC
 *
 * How gpgsm's clients name certificates: by a fingerprint (SHA-1 or SHA-256), the end of the SHA-1 one (a
 * key ID), a keygrip, a mail address, a subject, a serial number and issuer, or a part of any name.
 */
#ifndef SMIME_WORKER_GPGSM_NAME_H
#define SMIME_WORKER_GPGSM_NAME_H

#include "cert.h"

#define GPGSM_NAME_SIZE 1001 /* a line's */
#define GPGSM_HEX_SIZE CERT_SHA1_SIZE

enum gpgsm_kind {
	GPGSM_SHA1,    /* 40 digits */
	GPGSM_SHA256,  /* 64 digits */
	GPGSM_KEY_ID,  /* 8 or 16 digits */
	GPGSM_GRIP,    /* "&", 40 digits */
	GPGSM_ADDRESS, /* "<a@b>", also behind a name */
	GPGSM_SUBJECT, /* "/CN=...", whole */
	GPGSM_SERIAL,  /* "#SERIAL/ISSUER", and "#/ISSUER" for any serial number */
	GPGSM_PART,    /* anything else: a part of the subject or of an address, "*" before it or not */
};

struct gpgsm_name {
	enum gpgsm_kind kind;
	char text[GPGSM_NAME_SIZE];   /* digits in upper case */
	char serial[GPGSM_NAME_SIZE]; /* of GPGSM_SERIAL */
};

/* ERR_TOO_LARGE; ERR_USAGE for an empty one. */
MUST_USE int gpgsm_name_parse(const char *text, struct gpgsm_name *ret_name);

bool gpgsm_name_fits(const struct gpgsm_name *name, X509 *cert);

/* Takes "%XX" and "+" (a blank) out of a word, in place. */
void gpgsm_unescape(char *word);

/* GnuPG's name for the public key alone; "" for a kind of key of which it is not known here. */
void gpgsm_keygrip(X509 *cert, char into[GPGSM_HEX_SIZE]);
/* The serial number in hexadecimal, as it stands in the certificate. */
MUST_USE int gpgsm_serial(X509 *cert, struct buf *into);
/* Subject or issuer on a line, as cert_subject gives it. */
MUST_USE int gpgsm_dn(const X509_NAME *name, struct buf *into);

#endif
