/* SPDX-License-Identifier: ISC
 *
 * One signature: what a SignerInfo (RFC 5652 section 5.3) says, whether it is true, and whose it is.
 */
#ifndef SMIME_WORKER_SIGNATURE_H
#define SMIME_WORKER_SIGNATURE_H

#include "digests.h"
#include "reason.h"
#include "trust.h"

#include <openssl/cms.h>

/* SMIMECapabilities of a handful of ciphers. */
#define SIGNATURE_CAPABILITIES_MAX 8192

struct signature {
	struct signature *next;
	unsigned int reasons; /* bits of enum reason */
	X509 *cert;	      /* the signer's; NULL: not found */
	X509 *culprit;	      /* the certificate that a reason is about, if it is another; or NULL */
	STACK_OF(X509) *chain; /* the path, or NULL */
	int64_t signed_at;    /* as the signer says; 0: says nothing */
	int digest;	      /* NID, as said */
	bool canonical;	      /* true of the content with CRLF line ends, not of the bytes as they are */
	struct buf capabilities; /* DER */
	/* of a good one: other certificates of the message for the same person, to encrypt to */
	STACK_OF(X509) *companions;
};

/* What a signature is checked against. */
struct signature_context {
	CMS_ContentInfo *cms;
	const struct digests *digests;
	STACK_OF(X509) *certs; /* of the message */
	STACK_OF(X509_CRL) *lists;
	bool no_content; /* there was none to digest */
	int64_t at;	 /* the time to judge by; 0: now */
};

/* Checks one signer. What is wrong with the signature is in its reasons; ERR_NO_MEMORY and the like are
 * not. The caller frees. */
MUST_USE int signature_check(const struct signature_context *context, CMS_SignerInfo *info,
			     struct signature **ret_signature);

/* A list of them; NULL is fine. */
void signature_free(struct signature *list);

#endif
