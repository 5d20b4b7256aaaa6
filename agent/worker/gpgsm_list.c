/* SPDX-License-Identifier: ISC
 *
 * Certificates in colon lines. Names come from certificates, and are escaped: no colon, line end or control
 * of theirs is one of the list's.
 */
#include "gpgsm_list.h"

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

static int add_cert(struct listing *listing, X509 *cert, const struct key *key)
{
	struct gpgsm_row row = {.cert = cert, .key = key, .secret = gpgsm_has_secret(key)};

	if ((listing->list->secret_only && !row.secret) || !is_wanted(listing->list, cert) ||
	    is_done(listing, cert))
		return 0;
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		row.validity = 'e';
	row.issuer = X509_self_signed(cert, 0) == 1 ? cert : keys_issuer(cert);
	if (!sk_X509_push(listing->done, cert))
		return ERR_NO_MEMORY;
	return listing->take(listing->context, &row);
}

static int add_keys(struct listing *listing, const struct key *first)
{
	int rc = 0;

	for (const struct key *key = first; key && !rc; key = key->next)
		rc = add_cert(listing, key->cert, key);
	return rc;
}

int gpgsm_list(const struct gpgsm_list *list, gpgsm_take take, void *context)
{
	struct listing listing = {list, take, context, sk_X509_new_null()};
	STACK_OF(X509) *chain = sk_X509_new_null();
	int rc = listing.done && chain ? keys_refresh(LIST_TOKENS) : ERR_NO_MEMORY;

	rc = rc ? rc : add_keys(&listing, keys_first());
	rc = rc ? rc : add_keys(&listing, keys_absent());
	if (!rc && !keys_add_issuers(chain))
		rc = ERR_NO_MEMORY;
	for (int i = 0; i < sk_X509_num(chain) && !rc; i++)
		rc = add_cert(&listing, sk_X509_value(chain, i), NULL);
	sk_X509_free(chain);
	sk_X509_free(listing.done);
	return rc;
}
