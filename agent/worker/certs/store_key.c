/* SPDX-License-Identifier: ISC
 *
 * Keys of names are digests: attackers choose names, and must not be able to choose keys.
 */
#include "store_key.h"

#include "cert.h"
#include "clean_ssl.h"

#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <string.h>

/* Of one attribute's value, in UTF-8; longer ones are no names (RFC 5280 has 32768 as its largest). */
#define VALUE_MAX 65536

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Lower case, runs of blanks as one, none at the ends. In place. */
static size_t fold(uint8_t *text, size_t length)
{
	size_t to = 0;

	for (size_t i = 0; i < length; i++) {
		if (!is_blank(text[i]))
			text[to++] = lower(text[i]);
		else if (to && text[to - 1] != ' ')
			text[to++] = ' ';
	}
	return to && text[to - 1] == ' ' ? to - 1 : to;
}

static int add_entry(const X509_NAME_ENTRY *entry, struct buf *into)
{
	const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
	unsigned char *text = NULL;
	int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
	const ASN1_STRING *raw = X509_NAME_ENTRY_get_data(entry);
	struct view value = {ASN1_STRING_get0_data(raw), (size_t)ASN1_STRING_length(raw)};
	int rc = buf_add_u32(into, (uint32_t)X509_NAME_ENTRY_set(entry));

	rc = rc ? rc : buf_add_bytes(into, (struct view){OBJ_get0_data(type), OBJ_length(type)});
	if (length >= 0)
		value = (struct view){text, fold(text, (size_t)length)};
	rc = rc ? rc : buf_add_bytes(into, value);
	OPENSSL_free(text);
	return rc;
}

static int add_digest(const struct buf *of, struct buf *into)
{
	uint8_t digest[STORE_KEY_SIZE];

	if (!EVP_Digest(of->data, of->length, digest, NULL, EVP_sha256(), NULL))
		return ERR_INTERNAL;
	return buf_add(into, digest, sizeof digest);
}

static int add_name(const X509_NAME *name, struct buf *into)
{
	int rc = 0;

	for (int i = 0; i < X509_NAME_entry_count(name) && !rc; i++)
		rc = add_entry(X509_NAME_get_entry(name, i), into);
	return rc;
}

int store_key_name(const X509_NAME *name, struct buf *into)
{
	CLEAN_BUF struct buf text = BUF_INIT(VALUE_MAX);
	int rc = buf_add_u8(&text, 'N');

	rc = rc ? rc : add_name(name, &text);
	return rc ? rc : add_digest(&text, into);
}

int store_key_serial(const X509_NAME *issuer, const ASN1_INTEGER *serial, struct buf *into)
{
	CLEAN_BUF struct buf text = BUF_INIT(VALUE_MAX);
	struct view number = {ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)};
	int rc = buf_add_u8(&text, ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? '-' : '+');

	rc = rc ? rc : buf_add_bytes(&text, number);
	rc = rc ? rc : add_name(issuer, &text);
	return rc ? rc : add_digest(&text, into);
}

int store_key_address(struct view address, struct buf *into)
{
	int rc = 0;

	for (size_t i = 0; i < address.length && !rc; i++)
		rc = buf_add_u8(into, lower(address.data[i]));
	return rc;
}

static int key_of_subject(struct view der, struct buf *into)
{
	const unsigned char *at = der.data;
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.length);
	int rc = name && at == der.data + der.length ? store_key_name(name, into) : ERR_USAGE;

	X509_NAME_free(name);
	return rc;
}

static int key_of_serial(struct view der, struct buf *into)
{
	const unsigned char *at = der.data;
	PKCS7_ISSUER_AND_SERIAL *both = d2i_PKCS7_ISSUER_AND_SERIAL(NULL, &at, (long)der.length);
	int rc = both && at == der.data + der.length ? store_key_serial(both->issuer, both->serial, into)
						     : ERR_USAGE;

	PKCS7_ISSUER_AND_SERIAL_free(both);
	return rc;
}

int store_key_value(enum store_by by, struct view value, struct buf *into)
{
	switch (by) {
	case STORE_SUBJECT:
		return key_of_subject(value, into);
	case STORE_ISSUER_SERIAL:
		return key_of_serial(value, into);
	case STORE_ADDRESS:
	case STORE_FINGERPRINT:
	case STORE_SHA1:
		return store_key_address(value, into);
	default:
		return buf_add(into, value.data, value.length);
	}
}

static int add_key(enum store_by by, const struct buf *key, struct buf *into)
{
	int rc = buf_add_u8(into, (uint8_t)by);

	return rc ? rc : buf_add_bytes(into, buf_view(key));
}

static int add_addresses(X509 *cert, struct buf *into)
{
	CLEAN_BUF struct buf lines = BUF_INIT(STORE_KEYS_MAX);
	CLEAN_BUF struct buf key = BUF_INIT(STORE_KEYS_MAX);
	int rc = cert_addresses(cert, &lines);
	struct view rest = buf_view(&lines), address;

	while (!rc && view_line(&rest, &address)) {
		buf_clear(&key);
		rc = store_key_address(address, &key);
		rc = rc ? rc : add_key(STORE_ADDRESS, &key, into);
	}
	return rc;
}

static int add_sha1(X509 *cert, struct buf *into)
{
	CLEAN_BUF struct buf text = BUF_INIT(2 * EVP_MAX_MD_SIZE + 1);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	int rc = X509_digest(cert, EVP_sha1(), digest, &length) ? 0 : ERR_INTERNAL;

	for (unsigned int i = 0; i < length && !rc; i++)
		rc = buf_add_format(&text, "%02x", digest[i]);
	return rc ? rc : add_key(STORE_SHA1, &text, into);
}

int store_key_all(X509 *cert, struct buf *into)
{
	CLEAN_BUF struct buf subject = BUF_INIT(STORE_KEY_SIZE);
	CLEAN_BUF struct buf serial = BUF_INIT(STORE_KEY_SIZE);
	CLEAN_BUF struct buf id = BUF_INIT(STORE_KEYS_MAX);
	const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(cert);
	int rc = store_key_name(X509_get_subject_name(cert), &subject);

	rc = rc ? rc : add_key(STORE_SUBJECT, &subject, into);
	rc = rc ? rc : add_sha1(cert, into);
	rc = rc ? rc : store_key_serial(X509_get_issuer_name(cert), X509_get0_serialNumber(cert), &serial);
	rc = rc ? rc : add_key(STORE_ISSUER_SERIAL, &serial, into);
	if (key_id && !rc) {
		rc = buf_add(&id, ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id));
		rc = rc ? rc : add_key(STORE_KEY_ID, &id, into);
	}
	return rc ? rc : add_addresses(cert, into);
}
