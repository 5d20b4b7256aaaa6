/* SPDX-License-Identifier: ISC
 *
 * Certificates in colon lines. Names come from certificates, and are escaped: no colon, line end or control
 * of theirs is one of the list's.
 */
#include "gpgsm_list.h"

#include "keygrip.h"
#include "log.h"
#include "store.h"
#include "trust.h"

#include <openssl/x509v3.h>
#include <string.h>

#define TEXT_MAX 65536

static int add_sanitised(struct buf *into, struct view text)
{
	int rc = 0;

	for (size_t i = 0; i < text.length && !rc; i++) {
		uint8_t c = text.data[i];

		rc = c < 0x20 || c == 0x7f || c == ':' || c == '\\' ? buf_add_format(into, "\\x%02x", c)
								    : buf_add_u8(into, c);
	}
	return rc;
}

static int add_dn(struct buf *into, int (*dn)(X509 *cert, struct buf *into), X509 *cert)
{
	CLEAN_BUF struct buf text = BUF_INIT(TEXT_MAX);
	int rc = dn(cert, &text);

	return rc ? rc : add_sanitised(into, buf_view(&text));
}

static int add_time(struct buf *into, const ASN1_TIME *time)
{
	char text[TIME_TEXT_SIZE];

	cert_time(time, TIME_GNUPG, text);
	return buf_add_format(into, "%s:", text);
}

int gpgsm_key_algorithm(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")))
		return 1;
	return key && EVP_PKEY_is_a(key, "DSA") ? 17 : 18; /* every kind of curve */
}

/* Field 12: what the certificate allows, in small letters for the key and capitals for the whole. */
static int add_uses(struct buf *into, const struct gpgsm_row *row)
{
	unsigned int uses = row->key ? row->key->uses : cert_uses(row->cert);
	bool certifies = X509_check_ca(row->cert) && (X509_get_key_usage(row->cert) & KU_KEY_CERT_SIGN);
	bool encrypts = uses & CERT_USE_DECRYPT, signs = uses & CERT_USE_SIGN;

	return buf_add_format(into, "%s%s%s%s%s%s", encrypts ? "e" : "", signs ? "s" : "", certifies ? "c" : "",
			      encrypts ? "E" : "", signs ? "S" : "", certifies ? "C" : "");
}

static int add_first_line(struct buf *into, const struct gpgsm_row *row, const char *sha1, bool with_secret)
{
	EVP_PKEY *key = X509_get0_pubkey(row->cert);
	char validity[] = {row->validity, 0};
	int rc = buf_add_format(into, "%s:%s:%d:%d:%s:", row->secret ? "crs" : "crt", validity,
				key ? EVP_PKEY_get_bits(key) : 0, gpgsm_key_algorithm(row->cert), sha1 + 24);

	rc = rc ? rc : add_time(into, X509_get0_notBefore(row->cert));
	rc = rc ? rc : add_time(into, X509_get0_notAfter(row->cert));
	rc = rc ? rc : cert_name_serial(row->cert, into);
	rc = rc ? rc : buf_add_format(into, "::");
	rc = rc ? rc : add_dn(into, cert_issuer, row->cert);
	rc = rc ? rc : buf_add_format(into, "::");
	rc = rc ? rc : add_uses(into, row);
	return rc ? rc : buf_add_format(into, ":::%s::::\n", row->secret && with_secret ? "+" : "");
}

static int add_fingerprints(struct buf *into, const struct gpgsm_row *row, const char *sha1)
{
	char sha256[CERT_FINGERPRINT_SIZE], issuer[CERT_SHA1_SIZE] = "", grip[CERT_SHA1_SIZE];
	int rc = cert_fingerprint(row->cert, sha256);

	if (!rc && row->issuer)
		rc = cert_sha1(row->issuer, issuer);
	for (char *c = sha256; !rc && *c; c++)
		*c = (char)(*c >= 'a' ? *c - 0x20 : *c);
	keygrip(row->cert, grip);
	rc = rc ? rc : buf_add_format(into, "fpr:::::::::%s:::%s:\nfp2:::::::::%s::::\n", sha1, issuer, sha256);
	return rc || !*grip ? rc : buf_add_format(into, "grp:::::::::%s:\n", grip);
}

static int add_user_ids(struct buf *into, const struct gpgsm_row *row)
{
	CLEAN_BUF struct buf addresses = BUF_INIT(TEXT_MAX);
	char validity[] = {row->validity, 0};
	int rc = buf_add_format(into, "uid:%s::::::::", validity);
	struct view rest, address;

	rc = rc ? rc : add_dn(into, cert_subject, row->cert);
	rc = rc ? rc : buf_add_format(into, "::\n");
	rc = rc ? rc : cert_addresses(row->cert, &addresses);
	rest = buf_view(&addresses);
	while (!rc && view_line(&rest, &address)) {
		rc = buf_add_format(into, "uid:%s::::::::<", validity);
		rc = rc ? rc : add_sanitised(into, address);
		rc = rc ? rc : buf_add_format(into, ">::\n");
	}
	return rc;
}

int gpgsm_list_row(struct buf *into, const struct gpgsm_row *row, bool with_secret)
{
	char sha1[CERT_SHA1_SIZE];
	int rc = cert_sha1(row->cert, sha1);

	rc = rc ? rc : add_first_line(into, row, sha1, with_secret);
	rc = rc ? rc : add_fingerprints(into, row, sha1);
	return rc ? rc : add_user_ids(into, row);
}

/* From the store, when it is not on a token. */
static X509 *find_issuer(X509 *cert, X509 **last)
{
	CLEAN_STORED struct stored *found = NULL;
	X509 *issuer = X509_self_signed(cert, 0) == 1 ? cert : keys_issuer(cert);

	if (issuer || (*last && X509_check_issued(*last, cert) == X509_V_OK))
		return issuer ? issuer : *last;
	if (store_find_issuers(cert, &found))
		log_debug("an issuer was not found in the store");
	for (const struct stored *row = found; row; row = row->next)
		if (X509_check_issued(row->cert, cert) == X509_V_OK) {
			X509_free(*last);
			*last = row->cert;
			X509_up_ref(row->cert);
			return row->cert;
		}
	return NULL;
}

/* GnuPG's letters: revoked, expired, no trusted root, invalid otherwise; a root itself is trusted ultimately,
 * what it vouches for fully. */
static char find_validity(X509 *cert, const struct key *key, bool validate)
{
	CLEAN_TRUST struct trust_result result = {0};
	unsigned int uses = key ? key->uses : cert_uses(cert);
	bool past = cert_has_ended(cert);
	int rc;

	if (!validate)
		return past ? 'e' : 0;
	rc = trust_check(cert, NULL, NULL, uses == CERT_USE_DECRYPT ? CERT_USE_DECRYPT : CERT_USE_SIGN, 0, &result);
	if (rc)
		return past ? 'e' : 'i';
	if (X509_check_ca(cert)) /* is for other uses */
		result.reasons &= ~(unsigned int)REASON_WRONG_USE;
	if (result.reasons & REASON_REVOKED)
		return 'r';
	if (result.reasons & (REASON_EXPIRED | REASON_EXPIRED_AT_SIGNING))
		return 'e';
	if (result.reasons & REASON_UNTRUSTED)
		return 'n';
	return result.reasons ? 'i' : X509_self_signed(cert, 0) == 1 ? 'u' : 'f';
}

void gpgsm_list_fill(const struct list_row *listed, bool validate, X509 **issuer, struct gpgsm_row *ret_row)
{
	*ret_row = (struct gpgsm_row){.cert = listed->cert,
				      .key = listed->key,
				      .issuer = find_issuer(listed->cert, issuer),
				      .validity = find_validity(listed->cert, listed->key, validate),
				      .secret = list_row_is_secret(listed)};
}

struct one {
	enum cert_use use;
	unsigned int count;
	char fingerprint[CERT_FINGERPRINT_SIZE];
};

static int take_one(void *context, const struct list_row *row)
{
	struct one *one = context;
	unsigned int uses = row->key ? row->key->uses : cert_uses(row->cert);

	/* One that cannot serve is taken where there is no other: who asked is to hear why. */
	if (!(uses & one->use))
		return *one->fingerprint ? 0 : cert_fingerprint(row->cert, one->fingerprint);
	one->count++;
	return cert_fingerprint(row->cert, one->fingerprint);
}

int gpgsm_list_one(const struct cert_name *name, enum cert_use use, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	const struct list_request list = {.own = true, .stored = true, .names = name, .count = 1};
	struct one one = {.use = use};
	int rc = list_request_run(&list, take_one, &one);

	if (rc)
		return rc;
	if (one.count > 1)
		return ERR_AMBIGUOUS_CERTIFICATE;
	strcpy(fingerprint, one.fingerprint);
	return *fingerprint ? 0 : ERR_NO_CERTIFICATE;
}
