/* SPDX-License-Identifier: ISC
 *
 * Reads certificates. They come from tokens and files of the user's, and are hostile all the same.
 */
#include "cert.h"

#include "messages.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Longer chains are loops or jokes. */
#define CHAIN_MAX 10

int cert_fingerprint(const X509 *cert, char into[CERT_FINGERPRINT_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	if (!X509_digest(cert, EVP_sha256(), digest, &length) || length != 32)
		return ERR_INTERNAL;
	for (unsigned int i = 0; i < length; i++)
		snprintf(into + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

int cert_sha1(const X509 *cert, char into[CERT_SHA1_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	if (!X509_digest(cert, EVP_sha1(), digest, &length) || length != 20)
		return ERR_INTERNAL;
	for (unsigned int i = 0; i < length; i++)
		snprintf(into + 2 * i, 3, "%02X", digest[i]);
	return 0;
}

static bool is_rsa(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
}

/* What keyUsage allows, or all. RFC 8550 section 4.4.2. */
static unsigned int usage_uses(X509 *cert, EVP_PKEY *key)
{
	uint32_t usage = X509_get_key_usage(cert);
	uint32_t for_decryption = is_rsa(key) ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
	unsigned int uses = 0;

	if (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION))
		uses |= CERT_USE_SIGN;
	if (usage & for_decryption)
		uses |= CERT_USE_DECRYPT;
	return uses;
}

static unsigned int kind_uses(EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC"))
		return CERT_USE_SIGN | CERT_USE_DECRYPT;
	if (EVP_PKEY_is_a(key, "X25519"))
		return CERT_USE_DECRYPT;
	return EVP_PKEY_is_a(key, "ED25519") ? CERT_USE_SIGN : 0;
}

unsigned int cert_uses(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	uint32_t extended = X509_get_extended_key_usage(cert);

	if (!key || X509_check_ca(cert))
		return 0;
	if (extended != UINT32_MAX && !(extended & (XKU_SMIME | XKU_ANYEKU)))
		return 0;
	return usage_uses(cert, key) & kind_uses(key);
}

uint16_t cert_key_usage(X509 *cert)
{
	uint32_t usage = X509_get_key_usage(cert);
	uint16_t flags = 0;

	if (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION | KU_KEY_CERT_SIGN | KU_CRL_SIGN))
		flags |= CERT_SIGN;
	if (usage & (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT))
		flags |= CERT_DECRYPT;
	if (usage & KU_KEY_AGREEMENT)
		flags |= CERT_DERIVE;
	return flags;
}

bool cert_has_begun(const X509 *cert)
{
	int days, seconds;

	return ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notBefore(cert)) && days <= 0 && seconds <= 0;
}

bool cert_has_ended(const X509 *cert)
{
	int days, seconds;

	return !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) || (days <= 0 && seconds <= 0);
}

int cert_check_dates(const X509 *cert)
{
	return cert_has_begun(cert) && !cert_has_ended(cert) ? 0 : ERR_CERT_EXPIRED;
}

int cert_addresses(X509 *cert, struct buf *into)
{
	STACK_OF(OPENSSL_STRING) *list = X509_get1_email(cert);
	int rc = 0;

	for (int i = 0; i < sk_OPENSSL_STRING_num(list) && !rc; i++) {
		const char *address = sk_OPENSSL_STRING_value(list, i);

		/* A line end in an address would make two of one. */
		if (!strpbrk(address, "\r\n"))
			rc = buf_add_format(into, "%s%s", into->length ? "\n" : "", address);
	}
	X509_email_free(list);
	return rc;
}

bool cert_has_address(X509 *cert, const char *address)
{
	STACK_OF(OPENSSL_STRING) *list = X509_get1_email(cert);
	bool has = false;

	for (int i = 0; i < sk_OPENSSL_STRING_num(list); i++)
		if (!strcasecmp(sk_OPENSSL_STRING_value(list, i), address))
			has = true;
	X509_email_free(list);
	return has;
}

static int print_name(const X509_NAME *name, struct buf *into)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long length;
	int rc = ERR_NO_MEMORY;

	if (!bio)
		return rc;
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		length = BIO_get_mem_data(bio, &text);
		rc = length < 0 ? ERR_INTERNAL : buf_add(into, text, (size_t)length);
	}
	BIO_free(bio);
	return rc;
}

int cert_subject(X509 *cert, struct buf *into)
{
	return print_name(X509_get_subject_name(cert), into);
}

int cert_issuer(X509 *cert, struct buf *into)
{
	return print_name(X509_get_issuer_name(cert), into);
}

void cert_key_type(X509 *cert, char *into, size_t size)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char group[32] = "";

	snprintf(into, size, "unknown");
	if (!key)
		return;
	if (is_rsa(key)) {
		snprintf(into, size, "rsa:%d", EVP_PKEY_get_bits(key));
	} else if (EVP_PKEY_is_a(key, "EC")) {
		const char *nist;

		EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
		nist = EC_curve_nid2nist(OBJ_sn2nid(group));
		snprintf(into, size, "ec:%s", nist ? nist : group);
	} else if (EVP_PKEY_is_a(key, "ED25519")) {
		snprintf(into, size, "ed25519");
	} else if (EVP_PKEY_is_a(key, "X25519")) {
		snprintf(into, size, "x25519");
	}
}

void cert_time(const ASN1_TIME *time, enum time_form form, char into[TIME_TEXT_SIZE])
{
	struct tm tm;

	*into = 0;
	if (ASN1_TIME_to_tm(time, &tm))
		time_text_tm(&tm, form, into);
}

static X509 *find_issuer(X509 *cert, STACK_OF(X509) *pool)
{
	for (int i = 0; i < sk_X509_num(pool); i++) {
		X509 *candidate = sk_X509_value(pool, i);

		if (X509_check_issued(candidate, cert) == X509_V_OK)
			return candidate;
	}
	return NULL;
}

STACK_OF(X509) *cert_chain(X509 *cert, STACK_OF(X509) *pool)
{
	STACK_OF(X509) *chain = sk_X509_new_null();

	while (chain && sk_X509_num(chain) < CHAIN_MAX) {
		X509 *issuer = find_issuer(cert, pool);
		int length = sk_X509_num(chain);

		if (!issuer || issuer == cert || X509_self_signed(issuer, 0) == 1 ||
		    !X509_add_cert(chain, issuer, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP))
			break;
		if (sk_X509_num(chain) == length)
			break; /* two CAs that certified each other */
		cert = issuer;
	}
	return chain;
}
