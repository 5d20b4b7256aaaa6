/* SPDX-License-Identifier: ISC
 *
 * Lists of certificates as gpgsm gives them: lines of fields with colons between (GnuPG's doc/DETAILS).
 */
#ifndef SMIME_WORKER_GPGSM_LIST_H
#define SMIME_WORKER_GPGSM_LIST_H

#include "list_request.h"

/* A certificate of a list. issuer: its issuer's certificate, or NULL. validity: 0 or one of GnuPG's letters. */
struct gpgsm_row {
	X509 *cert;
	const struct key *key;
	X509 *issuer;
	char validity;
	bool secret;
};

/* Its lines. with_secret: field 15 says "+" where there is a private key. */
MUST_USE int gpgsm_list_row(struct buf *into, const struct gpgsm_row *row, bool with_secret);

/* What the lines say beside the certificate. validate: say what the chain is worth. *issuer is the last that the store had
 * (neighbours have the same), and the caller's, who frees it in the end; NULL before the first. */
void gpgsm_list_fill(const struct list_row *listed, bool validate, X509 **issuer, struct gpgsm_row *ret_row);

/* GnuPG's numbers. */
int gpgsm_key_algorithm(X509 *cert);

/* The fingerprint of the one certificate that fits and has this use. ERR_NO_CERTIFICATE,
 * ERR_AMBIGUOUS_CERTIFICATE. */
MUST_USE int gpgsm_list_one(const struct cert_name *name, enum cert_use use,
			    char fingerprint[CERT_FINGERPRINT_SIZE]);

#endif
