/* SPDX-License-Identifier: ISC
 *
 * Goes up from issuer to issuer.
 */
#include "chain.h"

#include "log.h"
#include "store.h"

#include <openssl/x509v3.h>

/* Longer ways are loops or jokes. */
#define LENGTH_MAX 10

static X509 *find_known(X509 *cert, STACK_OF(X509) *known)
{
	for (int i = 0; i < sk_X509_num(known); i++)
		if (X509_check_issued(sk_X509_value(known, i), cert) == X509_V_OK)
			return sk_X509_value(known, i);
	return NULL;
}

static X509 *find_stored(X509 *cert)
{
	CLEAN_STORED struct stored *found = NULL;
	X509 *issuer = NULL;

	if (store_find_issuers(cert, &found))
		log_debug("a chain is not completed from the certificate store");
	for (const struct stored *row = found; row && !issuer; row = row->next)
		if (X509_check_issued(row->cert, cert) == X509_V_OK &&
		    X509_verify(cert, X509_get0_pubkey(row->cert)) == 1) {
			issuer = row->cert;
			X509_up_ref(issuer);
		}
	return issuer;
}

STACK_OF(X509) *chain_from_store(X509 *cert, STACK_OF(X509) *known)
{
	STACK_OF(X509) *chain = sk_X509_new_null();

	for (int i = 0; chain && i < LENGTH_MAX && X509_self_signed(cert, 0) != 1; i++) {
		X509 *issuer = find_known(cert, known);

		if (!issuer) {
			issuer = find_stored(cert);
			if (!issuer)
				break;
			if (!sk_X509_push(chain, issuer)) {
				X509_free(issuer);
				break;
			}
		}
		cert = issuer;
	}
	return chain;
}
