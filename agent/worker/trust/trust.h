/* SPDX-License-Identifier: ISC
 *
 * Whether a certificate may be believed: a path (RFC 5280) to a trust anchor, at a time, for a use,
 * and not revoked as far as revocation lists tell.
 */
#ifndef SMIME_WORKER_TRUST_H
#define SMIME_WORKER_TRUST_H

#include "cert.h"
#include "reason.h"

/* What a request brought for its own checks. Until trust_end, what was given is what counts: anchors
 * in place of those of the configuration. -1 for none; the descriptors stay the caller's.
 * crl_check: every certificate of a path needs a current revocation list; without, those that are
 * stored are heeded, and none is missed. Given lists ask for it too.
 * ERR_NOT_CERTIFICATE for a file without what it is for; ERR_READ, ERR_TOO_LARGE. */
struct trust_request {
	int anchors; /* PEM, or one certificate in DER */
	int crls;    /* PEM, or DER lists one after the other */
	bool crl_check;
};
MUST_USE int trust_begin(const struct trust_request *request);
void trust_end(void);

struct trust_result {
	unsigned int reasons;	/* bits of enum reason: those of certificates; 0 is trusted */
	STACK_OF(X509) *chain;	/* the path as far as it goes, the certificate first */
	X509 *culprit;		/* in the chain: the certificate of the first reason, or NULL */
};

/* Checks the certificate. extra: certificates for the path (a message's own), or NULL; those of the chain
 * file, of tokens and of the store are used anyway. lists: revocation lists that a message brought, or
 * NULL. at: seconds since 1970, 0 for now. trust_result_done in any case. */
MUST_USE int trust_check(X509 *cert, STACK_OF(X509) *extra, STACK_OF(X509_CRL) *lists,
			 enum cert_use use, int64_t at, struct trust_result *ret_result);
void trust_result_done(struct trust_result *result);
#define CLEAN_TRUST CLEANUP(trust_result_done)

#endif
