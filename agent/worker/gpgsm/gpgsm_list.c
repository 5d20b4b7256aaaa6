/* SPDX-License-Identifier: ISC
 *
 * Certificates in colon lines. Names come from certificates, and are escaped: no colon, line end or control
 * of theirs is one of the list's.
 */
#include "gpgsm_list.h"

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

static int add_dn(struct buf *into, const X509_NAME *name)
{
	CLEAN_BUF struct buf text = BUF_INIT(TEXT_MAX);
	int rc = gpgsm_dn(name, &text);

	return rc ? rc : add_sanitised(into, buf_view(&text));
}

static int add_time(struct buf *into, const ASN1_TIME *time)
{
	struct tm tm;
	char text[32] = "";

	if (ASN1_TIME_to_tm(time, &tm))
		strftime(text, sizeof text, "%Y%m%dT%H%M%S", &tm);
	return buf_add_format(into, "%s:", text);
}

int gpgsm_key_algorithm(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")))
		return 1;
	return key && EVP_PKEY_is_a(key, "DSA") ? 17 : 18; /* every kind of curve */
}

bool gpgsm_has_secret(const struct key *key)
{
	if (!key || (key->flags & CERT_NO_KEY))
		return false;
	/* A CA's certificate may lie beside one's own. */
	return (key->flags & CERT_KEY) || !X509_check_ca(key->cert);
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
	rc = rc ? rc : gpgsm_serial(row->cert, into);
	rc = rc ? rc : buf_add_format(into, "::");
	rc = rc ? rc : add_dn(into, X509_get_issuer_name(row->cert));
	rc = rc ? rc : buf_add_format(into, "::");
	rc = rc ? rc : add_uses(into, row);
	return rc ? rc : buf_add_format(into, ":::%s::::\n", row->secret && with_secret ? "+" : "");
}

static int add_fingerprints(struct buf *into, const struct gpgsm_row *row, const char *sha1)
{
	char sha256[CERT_FINGERPRINT_SIZE], issuer[GPGSM_HEX_SIZE] = "", grip[GPGSM_HEX_SIZE];
	int rc = cert_fingerprint(row->cert, sha256);

	if (!rc && row->issuer)
		rc = cert_sha1(row->issuer, issuer);
	for (char *c = sha256; !rc && *c; c++)
		*c = (char)(*c >= 'a' ? *c - 0x20 : *c);
	gpgsm_keygrip(row->cert, grip);
	rc = rc ? rc : buf_add_format(into, "fpr:::::::::%s:::%s:\nfp2:::::::::%s::::\n", sha1, issuer, sha256);
	return rc || !*grip ? rc : buf_add_format(into, "grp:::::::::%s:\n", grip);
}

static int add_user_ids(struct buf *into, const struct gpgsm_row *row)
{
	CLEAN_BUF struct buf addresses = BUF_INIT(TEXT_MAX);
	char validity[] = {row->validity, 0};
	int rc = buf_add_format(into, "uid:%s::::::::", validity);
	struct view rest;

	rc = rc ? rc : add_dn(into, X509_get_subject_name(row->cert));
	rc = rc ? rc : buf_add_format(into, "::\n");
	rc = rc ? rc : cert_addresses(row->cert, &addresses);
	rest = buf_view(&addresses);
	while (!rc && rest.length) {
		const uint8_t *end = memchr(rest.data, '\n', rest.length);
		size_t length = end ? (size_t)(end - rest.data) : rest.length;

		rc = buf_add_format(into, "uid:%s::::::::<", validity);
		rc = rc ? rc : add_sanitised(into, (struct view){rest.data, length});
		rc = rc ? rc : buf_add_format(into, ">::\n");
		length += end ? 1 : 0;
		rest.data += length;
		rest.length -= length;
	}
	return rc;
}

int gpgsm_list_row(struct buf *into, const struct gpgsm_row *row, bool with_secret)
{
	char sha1[GPGSM_HEX_SIZE];
	int rc = cert_sha1(row->cert, sha1);

	rc = rc ? rc : add_first_line(into, row, sha1, with_secret);
	rc = rc ? rc : add_fingerprints(into, row, sha1);
	return rc ? rc : add_user_ids(into, row);
}

/* A list that is being made. */
struct listing {
	const struct gpgsm_list *list;
	gpgsm_take take;
	void *context;
	STACK_OF(X509) *done; /* borrowed: what is listed, so that a copy elsewhere is not listed again */
	X509 *issuer;	      /* the last that the store had: neighbours have the same */
};

static bool is_done(const struct listing *listing, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(listing->done); i++)
		if (!X509_cmp(sk_X509_value(listing->done, i), cert))
			return true;
	return false;
}

static bool is_wanted(const struct gpgsm_list *list, X509 *cert)
{
	bool wanted = !list->count;

	for (unsigned int i = 0; i < list->count && !wanted; i++)
		wanted = gpgsm_name_fits(&list->names[i], cert);
	return wanted;
}

/* From the store, when it is not on a token. */
static X509 *find_issuer(struct listing *listing, X509 *cert)
{
	CLEAN_STORED struct stored *found = NULL;
	X509 *issuer = X509_self_signed(cert, 0) == 1 ? cert : keys_issuer(cert);

	if (issuer || (listing->issuer && X509_check_issued(listing->issuer, cert) == X509_V_OK))
		return issuer ? issuer : listing->issuer;
	if (store_find_issuers(cert, &found))
		log_debug("an issuer was not found in the store");
	for (const struct stored *row = found; row; row = row->next)
		if (X509_check_issued(row->cert, cert) == X509_V_OK) {
			X509_free(listing->issuer);
			listing->issuer = row->cert;
			X509_up_ref(row->cert);
			return row->cert;
		}
	return NULL;
}

/* GnuPG's letters: revoked, expired, no trusted root, invalid otherwise; a root itself is trusted ultimately,
 * what it vouches for fully. */
static char validity(X509 *cert, const struct gpgsm_row *row, bool validate)
{
	CLEAN_TRUST struct trust_result result = {0};
	unsigned int uses = row->key ? row->key->uses : cert_uses(cert);
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

static int add_cert(struct listing *listing, X509 *cert, const struct key *key)
{
	struct gpgsm_row row = {.cert = cert, .key = key, .secret = gpgsm_has_secret(key)};

	if ((listing->list->secret_only && !row.secret) || !is_wanted(listing->list, cert) ||
	    is_done(listing, cert))
		return 0;
	row.validity = validity(cert, &row, listing->list->with_validation);
	row.issuer = find_issuer(listing, cert);
	return listing->take(listing->context, &row);
}

/* Of these there may be copies elsewhere. */
static int add_once(struct listing *listing, X509 *cert, const struct key *key)
{
	int rc = add_cert(listing, cert, key);

	return rc || sk_X509_push(listing->done, cert) ? rc : ERR_NO_MEMORY;
}

static int add_keys(struct listing *listing, const struct key *first)
{
	int rc = 0;

	for (const struct key *key = first; key && !rc; key = key->next)
		rc = add_once(listing, key->cert, key);
	return rc;
}

static int add_stored(void *context, struct stored *row)
{
	return add_cert(context, row->cert, NULL);
}

/* One name by which the store finds them itself spares reading all of it. */
static int add_store(struct listing *listing)
{
	const struct gpgsm_list *list = listing->list;
	const struct gpgsm_name *name = list->names;
	enum store_by by = STORE_ALL;
	int rc;

	if (list->secret_only)
		return 0;
	if (list->count == 1 && (name->kind == GPGSM_SHA1 || name->kind == GPGSM_SHA256))
		by = STORE_FINGERPRINT;
	else if (list->count == 1 && name->kind == GPGSM_ADDRESS)
		by = STORE_ADDRESS;
	rc = store_each(by, view_string(by == STORE_ALL ? NULL : name->text), add_stored, listing);
	if (rc != ERR_STORE)
		return rc;
	log_info("a list without the certificate store");
	return 0;
}

static int add_issuers(struct listing *listing)
{
	STACK_OF(X509) *issuers = sk_X509_new_null();
	int rc = issuers && keys_add_issuers(issuers) ? 0 : ERR_NO_MEMORY;

	for (int i = 0; i < sk_X509_num(issuers) && !rc; i++)
		rc = add_once(listing, sk_X509_value(issuers, i), NULL);
	sk_X509_free(issuers);
	return rc;
}

int gpgsm_list(const struct gpgsm_list *list, gpgsm_take take, void *context)
{
	struct listing listing = {list, take, context, sk_X509_new_null(), NULL};
	int rc = listing.done ? keys_refresh(LIST_TOKENS) : ERR_NO_MEMORY;

	rc = rc ? rc : add_keys(&listing, keys_first());
	rc = rc ? rc : add_keys(&listing, keys_absent());
	rc = rc ? rc : add_issuers(&listing);
	rc = rc ? rc : add_store(&listing);
	sk_X509_free(listing.done);
	X509_free(listing.issuer);
	return rc;
}

struct one {
	enum cert_use use;
	unsigned int count;
	char fingerprint[CERT_FINGERPRINT_SIZE];
};

static int take_one(void *context, const struct gpgsm_row *row)
{
	struct one *one = context;
	unsigned int uses = row->key ? row->key->uses : cert_uses(row->cert);

	/* One that cannot serve is taken where there is no other: who asked is to hear why. */
	if (!(uses & one->use))
		return *one->fingerprint ? 0 : cert_fingerprint(row->cert, one->fingerprint);
	one->count++;
	return cert_fingerprint(row->cert, one->fingerprint);
}

int gpgsm_list_one(const struct gpgsm_name *name, enum cert_use use, char fingerprint[CERT_FINGERPRINT_SIZE])
{
	const struct gpgsm_list list = {.names = name, .count = 1};
	struct one one = {.use = use};
	int rc = gpgsm_list(&list, take_one, &one);

	if (rc)
		return rc;
	if (one.count > 1)
		return ERR_AMBIGUOUS_CERTIFICATE;
	strcpy(fingerprint, one.fingerprint);
	return *fingerprint ? 0 : ERR_NO_CERTIFICATE;
}
