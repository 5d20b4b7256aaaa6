/* SPDX-License-Identifier: ISC
 *
 * By issuer and serial number, or key identifier.
 */
#include "candidates.h"

#include "clean_ssl.h"
#include "keys.h"
#include "log.h"
#include "store.h"

static int add_issuer_serial(X509_NAME *issuer, ASN1_INTEGER *serial, struct buf *into)
{
	PKCS7_ISSUER_AND_SERIAL both = {issuer, serial};
	unsigned char *der = NULL;
	int length = i2d_PKCS7_ISSUER_AND_SERIAL(&both, &der);
	int rc = length > 0 ? buf_add(into, der, (size_t)length) : ERR_BAD_CMS;

	OPENSSL_free(der);
	return rc;
}

static bool add_candidate(STACK_OF(X509) *list, CMS_SignerInfo *info, X509 *cert)
{
	return sk_X509_num(list) >= CANDIDATES_MAX || CMS_SignerInfo_cert_cmp(info, cert) ||
	       X509_add_cert(list, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP);
}

int candidates_add_stored(STACK_OF(X509) *list, CMS_SignerInfo *info)
{
	CLEAN_STORED struct stored *found = NULL;
	CLEAN_BUF struct buf name = BUF_INIT(65536);
	ASN1_OCTET_STRING *key_id = NULL;
	X509_NAME *issuer = NULL;
	ASN1_INTEGER *serial = NULL;
	enum store_by by = STORE_ISSUER_SERIAL;
	bool ok = true;
	int rc;

	CMS_SignerInfo_get0_signer_id(info, &key_id, &issuer, &serial);
	if (key_id)
		by = STORE_KEY_ID;
	rc = key_id ? buf_add(&name, ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id))
		    : add_issuer_serial(issuer, serial, &name);
	rc = rc ? rc : store_find(by, buf_view(&name), &found);
	if (rc)
		log_debug("the store does not tell who signed: %s", error_text(rc));
	for (const struct stored *row = found; row && ok; row = row->next)
		ok = add_candidate(list, info, row->cert);
	return ok ? 0 : ERR_NO_MEMORY;
}

int candidates_add_known(STACK_OF(X509) *list, CMS_SignerInfo *info, STACK_OF(X509) *certs)
{
	bool ok = true;

	for (int i = 0; i < sk_X509_num(certs) && ok; i++)
		ok = add_candidate(list, info, sk_X509_value(certs, i));
	for (const struct key *key = keys_first(); key && ok; key = key->next)
		ok = add_candidate(list, info, key->cert);
	for (const struct key *key = keys_absent(); key && ok; key = key->next)
		ok = add_candidate(list, info, key->cert);
	return ok ? 0 : ERR_NO_MEMORY;
}
