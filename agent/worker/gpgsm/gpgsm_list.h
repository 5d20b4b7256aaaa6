/* SPDX-License-Identifier: ISC
 *
 * Lists of certificates as gpgsm gives them: lines of fields with colons between (GnuPG's doc/DETAILS).
 */
#ifndef SMIME_WORKER_GPGSM_LIST_H
#define SMIME_WORKER_GPGSM_LIST_H

#include "gpgsm_name.h"
#include "keys.h"

/* Of one LISTKEYS. */
#define GPGSM_NAMES_MAX 64

struct gpgsm_list {
	const struct gpgsm_name *names;
	unsigned int count; /* of names: which to list; 0: all */
	bool secret_only;
	bool with_validation; /* say what the chain is worth */
};

/* A certificate; key: whose it is on a token, or NULL. issuer: its issuer's certificate, or NULL. validity:
 * 0 or one of GnuPG's letters. */
struct gpgsm_row {
	X509 *cert;
	const struct key *key;
	X509 *issuer;
	char validity;
	bool secret;
};

/* Its lines. with_secret: field 15 says "+" where there is a private key. */
MUST_USE int gpgsm_list_row(struct buf *into, const struct gpgsm_row *row, bool with_secret);

/* Whether there is, or may be, a private key. */
bool gpgsm_has_secret(const struct key *key);
/* GnuPG's numbers. */
int gpgsm_key_algorithm(X509 *cert);

/* Each certificate that is to be listed, once: of the tokens, and what else is known. The row and what is in
 * it are borrowed for the call. */
typedef int (*gpgsm_take)(void *context, const struct gpgsm_row *row);
MUST_USE int gpgsm_list(const struct gpgsm_list *list, gpgsm_take take, void *context);

/* The fingerprint of the one certificate that fits and has this use. ERR_NO_CERTIFICATE,
 * ERR_AMBIGUOUS_CERTIFICATE. */
MUST_USE int gpgsm_list_one(const struct gpgsm_name *name, enum cert_use use,
			    char fingerprint[CERT_FINGERPRINT_SIZE]);

#endif
