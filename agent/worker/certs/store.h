/* SPDX-License-Identifier: ISC
 *
 * The certificate store as the worker sees it: other people's certificates, intermediates and CRLs that
 * the broker keeps, and the file of trust anchors. What comes from the store was put there from mail and
 * files: it is as hostile as they were, and never trusted for being there.
 */
#ifndef SMIME_WORKER_STORE_H
#define SMIME_WORKER_STORE_H

#include "anchors.h"
#include "cert.h"
#include "messages.h"

struct stored {
	struct stored *next;
	X509 *cert;
	char fingerprint[CERT_FINGERPRINT_SIZE];
	struct buf capabilities; /* SMIMECapabilities (DER), or empty: not known */
	enum store_source source;
	int64_t first_seen, last_seen; /* seconds since 1970 */
};

/* The certificates that `value` fits (enum store_by says what it is), in the order they came; none is
 * success. An address is compared without case. At most STORE_FOUND_MAX, else ERR_TOO_LARGE: for all of
 * the store, use store_each. ERR_STORE where the store cannot be used. */
#define STORE_FOUND_MAX 1000
MUST_USE int store_find(enum store_by by, struct view value, struct stored **ret_list);
/* Those that are called as the certificate's issuer is: whether one did issue it is not looked at. */
MUST_USE int store_find_issuers(const X509 *cert, struct stored **ret_list);
void stored_free(struct stored *list);

static inline void clean_stored(struct stored **list)
{
	stored_free(*list);
}
#define CLEAN_STORED CLEANUP(clean_stored)

/* The same, one at a time, of any number; `row` is freed after the call. What the callback returns other
 * than 0 ends the walk. */
typedef int (*store_row)(void *context, struct stored *row);
MUST_USE int store_each(enum store_by by, struct view value, store_row take, void *context);

/* Keeps a certificate, or what is new about one that is there: when it was seen, what its owner's program
 * can read (empty: not known; what was known stays), the better source. ERR_TOO_LARGE for a certificate
 * over STORE_CERT_MAX or a full store; ERR_NO_SPACE; ERR_STORE. */
MUST_USE int store_add(X509 *cert, enum store_source source, struct view capabilities);

/* By the whole fingerprint. ERR_NO_CERTIFICATE. */
MUST_USE int store_remove(const char *fingerprint);

/* Keeps the CRL unless a newer one of the same kind is there. Its signature is not verified: whoever uses
 * a CRL does that. ERR_TOO_LARGE over STORE_CRL_MAX. */
MUST_USE int store_add_crl(X509_CRL *crl);

/* The CRLs of these issuers; none is success. The stack is the caller's, with its CRLs. */
MUST_USE int store_find_crls(STACK_OF(X509) *issuers, STACK_OF(X509_CRL) **ret_crls);

/* The trust anchors in force, read once a connection, when first asked for. Borrowed. ERR_CONFIG where the
 * file cannot be read. */
MUST_USE int store_anchors(struct anchors **ret_anchors);

#endif
