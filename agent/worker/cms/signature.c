/* SPDX-License-Identifier: ISC
 *
 * Checks a signer in the order in which an attacker would go wrong: attributes, content, signature,
 * certificate. Attributes are read strictly: OpenSSL would take the first of two.
 */
#include "signature.h"

#include "candidates.h"
#include "clean_ssl.h"
#include "log.h"
#include "mailbox.h"

#include <openssl/err.h>
#include <openssl/ess.h>
#include <string.h>
#include <time.h>

/* Clocks differ, and so do time zones. */
#define CLOCK_SKEW (24 * 3600)

/* Certificates of one person in a message that are looked at: there is one to sign and one to decrypt. */
#define COMPANIONS_MAX 4

/* Attributes that must not come twice, nor have two values. */
static const int single[] = {NID_pkcs9_contentType, NID_pkcs9_messageDigest, NID_pkcs9_signingTime,
			     NID_SMIMECapabilities, NID_id_smime_aa_signingCertificate,
			     NID_id_smime_aa_signingCertificateV2};

static bool are_single(CMS_SignerInfo *info)
{
	for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
		int at = CMS_signed_get_attr_by_NID(info, single[i], -1);

		if (at < 0)
			continue;
		if (X509_ATTRIBUTE_count(CMS_signed_get_attr(info, at)) != 1 ||
		    CMS_signed_get_attr_by_NID(info, single[i], at) >= 0)
			return false;
	}
	return true;
}

static const void *attribute(CMS_SignerInfo *info, int nid, int type)
{
	return CMS_signed_get0_data_by_OBJ(info, OBJ_nid2obj(nid), -3, type);
}

/* A signature without attributes, over attributes, could be another signature with its content swapped
 * for them (SignedData's type confusion): SET { SEQUENCE { pkcs-9 object identifier. */
static bool looks_like_attributes(const struct digests *digests)
{
	static const uint8_t oid[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09};

	return digests->start_length && digests->start[0] == 0x31 &&
	       memmem(digests->start, digests->start_length, oid, sizeof oid);
}

/* RFC 5652 sections 5.3 and 11. */
static bool attributes_are_sound(const struct signature_context *context, CMS_SignerInfo *info)
{
	const ASN1_OBJECT *content_type = CMS_get0_eContentType(context->cms);
	const ASN1_OBJECT *signed_type;

	if (CMS_signed_get_attr_count(info) < 0)
		return OBJ_obj2nid(content_type) == NID_pkcs7_data && !looks_like_attributes(context->digests);
	if (!are_single(info) || !attribute(info, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING))
		return false;
	signed_type = attribute(info, NID_pkcs9_contentType, V_ASN1_OBJECT);
	return signed_type && !OBJ_cmp(signed_type, content_type);
}

static bool digest_is(const EVP_MD_CTX *running, const ASN1_OCTET_STRING *wanted)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	bool is = ctx && EVP_MD_CTX_copy_ex(ctx, running) && EVP_DigestFinal_ex(ctx, digest, &length) &&
		  (int)length == ASN1_STRING_length(wanted) &&
		  !memcmp(digest, ASN1_STRING_get0_data(wanted), length);

	EVP_MD_CTX_free(ctx);
	return is;
}

static bool is_eddsa(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key && (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"));
}

/* The attributes as they are signed: a SET OF, in the order in which they came. */
static int add_attributes(CMS_SignerInfo *info, struct buf *into)
{
	CLEAN_BUF struct buf list = BUF_INIT(65536);
	unsigned char *der = NULL;
	int header, rc = 0;

	for (int i = 0; i < CMS_signed_get_attr_count(info) && !rc; i++) {
		int length = i2d_X509_ATTRIBUTE(CMS_signed_get_attr(info, i), &der);

		rc = length > 0 ? buf_add(&list, der, (size_t)length) : ERR_BAD_CMS;
		OPENSSL_free(TAKE(der));
	}
	rc = rc ? rc : buf_reserve(into, 16 + list.length);
	if (rc)
		return rc;
	der = into->data;
	ASN1_put_object(&der, 1, (int)list.length, V_ASN1_SET, V_ASN1_UNIVERSAL);
	header = (int)(der - into->data);
	memcpy(der, list.data, list.length);
	into->length = (size_t)header + list.length;
	return 0;
}

/* OpenSSL 3.0's CMS cannot verify what must come in one piece (RFC 8419). */
static bool eddsa_fits(CMS_SignerInfo *info, X509 *cert)
{
	CLEAN_BUF struct buf attributes = BUF_INIT(65536 + 16);
	ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(info);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool fits = ctx && !add_attributes(info, &attributes) &&
		    EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, X509_get0_pubkey(cert), NULL) == 1 &&
		    EVP_DigestVerify(ctx, ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature),
				     attributes.data, attributes.length) == 1;

	EVP_MD_CTX_free(ctx);
	return fits;
}

/* Without attributes the signature is over the content's digest. */
static bool content_fits(CMS_SignerInfo *info, const EVP_MD_CTX *running)
{
	CLEAN_BIO BIO *digesting = BIO_new(BIO_f_md());
	EVP_MD_CTX *ctx = NULL;

	return digesting && BIO_set_md(digesting, EVP_MD_CTX_get0_md(running)) &&
	       BIO_get_md_ctx(digesting, &ctx) > 0 && EVP_MD_CTX_copy_ex(ctx, running) &&
	       CMS_SignerInfo_verify_content(info, digesting) > 0;
}

/* Of attributes that are sound, or of none. */
static unsigned int check_form(struct signature *signature, CMS_SignerInfo *info, const EVP_MD_CTX *running)
{
	const ASN1_OCTET_STRING *wanted = attribute(info, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING);
	bool fits;

	if (CMS_signed_get_attr_count(info) < 0) {
		if (is_eddsa(signature->cert))
			return REASON_NOT_SUPPORTED;
		return content_fits(info, running) ? 0 : REASON_ALTERED;
	}
	if (!digest_is(running, wanted))
		return REASON_ALTERED;
	fits = is_eddsa(signature->cert) ? eddsa_fits(info, signature->cert) : CMS_SignerInfo_verify(info) > 0;
	return fits ? 0 : REASON_FORGED;
}

static unsigned int check_content(const struct signature_context *context, CMS_SignerInfo *info,
				  struct signature *signature)
{
	const struct digests *digests = context->digests;
	const EVP_MD_CTX *running = digests_get(digests, signature->digest, DIGESTS_EXACT);
	unsigned int reason;

	if (context->no_content)
		return REASON_NO_CONTENT;
	if (!running)
		return REASON_NOT_SUPPORTED;
	reason = check_form(signature, info, running);
	if (reason != REASON_ALTERED || !digests->differ)
		return reason;
	running = digests_get(digests, signature->digest, DIGESTS_CANONICAL);
	reason = check_form(signature, info, running);
	signature->canonical = !reason;
	return reason;
}

static const ASN1_STRING *certificate_attribute(CMS_SignerInfo *info, int nid)
{
	return attribute(info, nid, V_ASN1_SEQUENCE);
}

/* RFC 5035: the first certificate named is the signer's; others may be anywhere in the message. */
static bool names_other_certificate(const struct signature_context *context, CMS_SignerInfo *info,
				    const struct signature *signature)
{
	const ASN1_STRING *v1 = certificate_attribute(info, NID_id_smime_aa_signingCertificate);
	const ASN1_STRING *v2 = certificate_attribute(info, NID_id_smime_aa_signingCertificateV2);
	const unsigned char *at1 = v1 ? ASN1_STRING_get0_data(v1) : NULL;
	const unsigned char *at2 = v2 ? ASN1_STRING_get0_data(v2) : NULL;
	ESS_SIGNING_CERT *ess1 = v1 ? d2i_ESS_SIGNING_CERT(NULL, &at1, ASN1_STRING_length(v1)) : NULL;
	ESS_SIGNING_CERT_V2 *ess2 = v2 ? d2i_ESS_SIGNING_CERT_V2(NULL, &at2, ASN1_STRING_length(v2)) : NULL;
	STACK_OF(X509) *all = sk_X509_new_null();
	bool other = (v1 && !ess1) || (v2 && !ess2);

	if (!other && (ess1 || ess2))
		other = !all || !sk_X509_push(all, signature->cert) ||
			!X509_add_certs(all, signature->chain, X509_ADD_FLAG_DEFAULT) ||
			!X509_add_certs(all, context->certs, X509_ADD_FLAG_DEFAULT) ||
			OSSL_ESS_check_signing_certs(ess1, ess2, all, 1) <= 0;
	sk_X509_free(all);
	ESS_SIGNING_CERT_free(ess1);
	ESS_SIGNING_CERT_V2_free(ess2);
	return other;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : 0;
}

static int digest_of(CMS_SignerInfo *info)
{
	X509_ALGOR *digest;
	const ASN1_OBJECT *oid;

	CMS_SignerInfo_get0_algs(info, NULL, NULL, &digest, NULL);
	X509_ALGOR_get0(&oid, NULL, NULL, digest);
	return OBJ_obj2nid(oid);
}

static void read_attributes(CMS_SignerInfo *info, struct signature *signature)
{
	const ASN1_STRING *capabilities = attribute(info, NID_SMIMECapabilities, V_ASN1_SEQUENCE);
	const ASN1_TIME *time = attribute(info, NID_pkcs9_signingTime, V_ASN1_UTCTIME);

	if (!time)
		time = attribute(info, NID_pkcs9_signingTime, V_ASN1_GENERALIZEDTIME);
	signature->signed_at = seconds_of(time);
	if (capabilities && buf_add(&signature->capabilities, ASN1_STRING_get0_data(capabilities),
				    (size_t)ASN1_STRING_length(capabilities)))
		log_debug("a signer's capabilities are too long to be kept");
	signature->digest = digest_of(info);
}

/* Drops those whose key did not make the signature, unless none did. */
static bool keep_fitting(const struct signature_context *context, CMS_SignerInfo *info, STACK_OF(X509) *list)
{
	bool fits[CANDIDATES_MAX] = {false}, any = false;

	for (int i = 0; i < sk_X509_num(list); i++) {
		struct signature tried = {.cert = sk_X509_value(list, i), .digest = digest_of(info)};

		CMS_SignerInfo_set1_signer_cert(info, tried.cert);
		fits[i] = !(check_content(context, info, &tried) & (REASON_FORGED | REASON_ALTERED));
		any = any || fits[i];
	}
	for (int i = sk_X509_num(list) - 1; i >= 0 && any; i--)
		if (!fits[i])
			X509_free(sk_X509_delete(list, i));
	return any;
}

/* The certificates that may be the signer's. */
static int find_candidates(const struct signature_context *context, CMS_SignerInfo *info, bool sound,
			   STACK_OF(X509) *list)
{
	int rc = candidates_add_known(list, info, context->certs);
	bool fitting = !rc && (sound ? keep_fitting(context, info, list) : sk_X509_num(list));

	if (rc || fitting)
		return rc;
	rc = candidates_add_stored(list, info);
	if (!rc && sound)
		(void)keep_fitting(context, info, list);
	return rc;
}

/* An expired certificate was perhaps valid when the signature was made. The time is the signer's word:
 * it makes a signature no better than "good but". */
static int check_time(const struct signature_context *context, struct signature *signature)
{
	CLEAN_TRUST struct trust_result then = {0};
	int64_t start = seconds_of(X509_get0_notBefore(signature->cert));
	int rc;

	if (signature->signed_at && signature->signed_at < start - CLOCK_SKEW)
		signature->reasons |= REASON_SIGNED_BEFORE;
	if (!(signature->reasons & REASON_EXPIRED))
		return 0;
	if (signature->signed_at) {
		rc = trust_check(signature->cert, context->certs, NULL, CERT_USE_SIGN, signature->signed_at, &then);
		if (rc || !(then.reasons & REASON_EXPIRED))
			return rc;
	}
	signature->reasons &= ~(unsigned int)REASON_EXPIRED;
	signature->reasons |= REASON_EXPIRED_AT_SIGNING;
	return 0;
}

static int check_certificate(const struct signature_context *context, struct signature *signature)
{
	CLEAN_TRUST struct trust_result trust = {0};
	int rc = trust_check(signature->cert, context->certs, context->lists, CERT_USE_SIGN, context->at, &trust);

	if (rc)
		return rc;
	signature->reasons |= trust.reasons;
	if (trust.culprit && X509_cmp(trust.culprit, signature->cert)) {
		signature->culprit = trust.culprit;
		X509_up_ref(signature->culprit);
	}
	signature->chain = TAKE(trust.chain);
	return check_time(context, signature);
}

static bool same_person(X509 *cert, X509 *other)
{
	STACK_OF(OPENSSL_STRING) *list = X509_get1_email(other);
	bool same = false;

	for (int i = 0; i < sk_OPENSSL_STRING_num(list) && !same; i++)
		same = mailbox_in_cert(cert, sk_OPENSSL_STRING_value(list, i));
	X509_email_free(list);
	return same;
}

/* Who has one key to sign and one to decrypt sends both certificates. The other has to stand by itself. */
static int find_companions(const struct signature_context *context, struct signature *signature)
{
	int seen = 0, rc = 0;

	signature->companions = sk_X509_new_null();
	for (int i = 0; i < sk_X509_num(context->certs) && !rc && signature->companions; i++) {
		CLEAN_TRUST struct trust_result trust = {0};
		X509 *cert = sk_X509_value(context->certs, i);

		if (!X509_cmp(cert, signature->cert) || !same_person(signature->cert, cert))
			continue;
		if (seen++ == COMPANIONS_MAX)
			break;
		rc = trust_check(cert, context->certs, context->lists, CERT_USE_DECRYPT, context->at, &trust);
		if (!rc && !trust.reasons && !X509_add_cert(signature->companions, cert, X509_ADD_FLAG_UP_REF))
			rc = ERR_NO_MEMORY;
	}
	return rc;
}

/* What a signature is worth by one of the certificates. */
static int judge(const struct signature_context *context, CMS_SignerInfo *info, bool sound, struct signature *signature)
{
	int rc;

	CMS_SignerInfo_set1_signer_cert(info, signature->cert);
	if (sound)
		signature->reasons |= check_content(context, info, signature);
	rc = check_certificate(context, signature);
	if (!rc && names_other_certificate(context, info, signature))
		signature->reasons |= REASON_OTHER_CERTIFICATE;
	return rc;
}

static void forget(struct signature *signature)
{
	X509_free(signature->cert);
	X509_free(signature->culprit);
	sk_X509_pop_free(signature->chain, X509_free);
}

/* By the best of them: of two with one key, one may have expired, and another one be meant. */
static int judge_all(const struct signature_context *context, CMS_SignerInfo *info, bool sound,
		     STACK_OF(X509) *candidates, struct signature *signature)
{
	struct signature best = *signature;
	int rc = 0;

	for (int i = 0; i < sk_X509_num(candidates) && !rc; i++) {
		struct signature tried = *signature;

		tried.cert = sk_X509_value(candidates, i);
		X509_up_ref(tried.cert);
		rc = judge(context, info, sound, &tried);
		if (rc || (best.cert && reason_verdict(tried.reasons) >= reason_verdict(best.reasons))) {
			forget(&tried);
			continue;
		}
		forget(&best);
		best = tried;
		if (best.reasons == signature->reasons)
			break;
	}
	*signature = best;
	return rc;
}

static int check(const struct signature_context *context, CMS_SignerInfo *info, struct signature *signature)
{
	STACK_OF(X509) *candidates = sk_X509_new_null();
	bool sound = attributes_are_sound(context, info);
	int rc = candidates ? find_candidates(context, info, sound, candidates) : ERR_NO_MEMORY;

	read_attributes(info, signature);
	if (digests_is_weak(signature->digest))
		signature->reasons |= REASON_WEAK_DIGEST;
	if (!sound)
		signature->reasons |= REASON_ATTRIBUTES;
	if (!rc && !sk_X509_num(candidates))
		signature->reasons |= REASON_NO_CERTIFICATE;
	rc = rc ? rc : judge_all(context, info, sound, candidates, signature);
	if (!rc && !signature->reasons)
		rc = find_companions(context, signature);
	sk_X509_pop_free(candidates, X509_free);
	ERR_clear_error();
	return rc;
}

int signature_check(const struct signature_context *context, CMS_SignerInfo *info,
		    struct signature **ret_signature)
{
	struct signature *signature = calloc(1, sizeof *signature);
	int rc;

	if (!signature)
		return ERR_NO_MEMORY;
	signature->capabilities = BUF_INIT(SIGNATURE_CAPABILITIES_MAX);
	rc = check(context, info, signature);
	if (rc)
		signature_free(signature);
	else
		*ret_signature = signature;
	return rc;
}

void signature_free(struct signature *list)
{
	while (list) {
		struct signature *next = list->next;

		X509_free(list->cert);
		X509_free(list->culprit);
		sk_X509_pop_free(list->chain, X509_free);
		sk_X509_pop_free(list->companions, X509_free);
		buf_done(&list->capabilities);
		free(list);
		list = next;
	}
}
