/* SPDX-License-Identifier: ISC
 *
 * Reading, OpenSSL takes the message apart and unwraps the key; what it is to do before is told here.
 * Writing, OpenSSL wraps the content key for a KEKRecipientInfo, whose key was agreed on here, and whose identifier is
 * the rest of the KeyAgreeRecipientInfo that it becomes.
 */
#include "kari.h"

#include "clean_ssl.h"
#include "der.h"
#include "remote_key.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

#define INFO_MAX 4096
#define HEAD_MAX 65536
#define X25519_SIZE 32
#define KEY_HEAD 3 /* of the BIT STRING: tag, length, how many bits of the last byte are not used */
#define OID_TEXT_MAX 64

static const struct {
	const char *oid, *kdf, *digest;
} schemes[] = {
	{"1.3.132.1.11.1", "X963KDF", "SHA256"}, /* dhSinglePass-stdDH-sha256kdf-scheme */
	{"1.3.132.1.11.2", "X963KDF", "SHA384"},
	{"1.3.132.1.11.3", "X963KDF", "SHA512"},
	{"1.2.840.113549.1.9.16.3.19", "HKDF", "SHA256"}, /* dhSinglePass-stdDH-hkdf-sha256-scheme */
	{"1.2.840.113549.1.9.16.3.20", "HKDF", "SHA384"},
	{"1.2.840.113549.1.9.16.3.21", "HKDF", "SHA512"},
};

/* The same for every message: version 3, and keyEncryptionAlgorithm with HKDF and SHA-256, which RFC 8551 section 2.3
 * wants of all; its last byte tells the length of AES's key. */
static const uint8_t version[] = {0x02, 0x01, 0x03};
static const uint8_t originator_head[] = {0xa0, 0x2c, 0xa1, 0x2a, 0x30, 0x05, 0x06, 0x03,
					  0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00};
static const uint8_t algorithm_head[] = {0x30, 0x1a, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
					 0x01, 0x09, 0x10, 0x03, 0x13, 0x30, 0x0b, 0x06, 0x09, 0x60,
					 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01};

void kari_scheme_done(struct kari_scheme *scheme)
{
	buf_done(&scheme->info);
}

static const EVP_CIPHER *wrap_cipher(const X509_ALGOR *wrap)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, wrap);
	switch (OBJ_obj2nid(oid)) {
	case NID_id_aes128_wrap:
		return EVP_aes_128_wrap();
	case NID_id_aes192_wrap:
		return EVP_aes_192_wrap();
	case NID_id_aes256_wrap:
		return EVP_aes_256_wrap();
	}
	return NULL;
}

/* RFC 8418 section 2: where there is a ukm, it is also in the info, and the salt of HKDF. */
static int fill_kdf(const X509_ALGOR *wrap, ASN1_OCTET_STRING *ukm, struct kari_scheme *scheme)
{
	int key_length = EVP_CIPHER_get_key_length(scheme->wrap);
	unsigned char *der = NULL;
	int length = CMS_SharedInfo_encode(&der, (X509_ALGOR *)(uintptr_t)wrap, ukm, key_length);
	int rc = length > 0 ? buf_add(&scheme->info, der, (size_t)length) : ERR_NO_MEMORY;

	OPENSSL_free(der);
	scheme->kdf.info = buf_view(&scheme->info);
	scheme->kdf.length = (size_t)key_length;
	if (ukm && !strcmp(scheme->kdf.name, "HKDF"))
		scheme->kdf.salt = (struct view){ASN1_STRING_get0_data(ukm), (size_t)ASN1_STRING_length(ukm)};
	return rc;
}

int kari_read_scheme(const X509_ALGOR *algorithm, ASN1_OCTET_STRING *ukm, struct kari_scheme *scheme)
{
	CLEAN_ALGORITHM X509_ALGOR *wrap = NULL;
	char text[OID_TEXT_MAX];
	const unsigned char *at;
	const ASN1_OBJECT *oid;
	const void *value;
	int type;

	*scheme = (struct kari_scheme){.info = BUF_INIT(INFO_MAX)};
	X509_ALGOR_get0(&oid, &type, &value, algorithm);
	OBJ_obj2txt(text, sizeof text, oid, 1);
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (!strcmp(schemes[i].oid, text))
			scheme->kdf = (struct kdf){.name = schemes[i].kdf, .digest = schemes[i].digest};
	if (!scheme->kdf.name || type != V_ASN1_SEQUENCE)
		return ERR_NOT_SUPPORTED;
	at = ASN1_STRING_get0_data(value);
	wrap = d2i_X509_ALGOR(NULL, &at, ASN1_STRING_length(value));
	scheme->wrap = wrap ? wrap_cipher(wrap) : NULL;
	return scheme->wrap ? fill_kdf(wrap, ukm, scheme) : ERR_NOT_SUPPORTED;
}

EVP_PKEY *kari_originator(CMS_RecipientInfo *info)
{
	unsigned char der[KEY_HEAD + X25519_SIZE], *at = der;
	ASN1_BIT_STRING *key = NULL;
	X509_ALGOR *algorithm = NULL;
	const ASN1_OBJECT *oid;

	if (CMS_RecipientInfo_type(info) != CMS_RECIPINFO_AGREE ||
	    !CMS_RecipientInfo_kari_get0_orig_id(info, &algorithm, &key, NULL, NULL, NULL) || !algorithm || !key)
		return NULL;
	X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	if (OBJ_obj2nid(oid) != NID_X25519 || ASN1_STRING_length(key) != X25519_SIZE ||
	    i2d_ASN1_BIT_STRING(key, &at) != sizeof der || der[KEY_HEAD - 1]) /* bits that are not used */
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, der + KEY_HEAD, X25519_SIZE);
}

/* As OpenSSL does it for other curves. */
static bool set_scheme(CMS_RecipientInfo *info, const struct kari_scheme *scheme, EVP_PKEY *originator)
{
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);
	struct kdf kdf = scheme->kdf;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, (char *)(uintptr_t)kdf.name, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, (char *)(uintptr_t)kdf.digest, 0),
		OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &kdf.length),
		OSSL_PARAM_construct_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, (void *)(uintptr_t)kdf.info.data,
						  kdf.info.length),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)kdf.salt.data, kdf.salt.length),
		OSSL_PARAM_construct_end(),
	};

	return ctx && EVP_PKEY_derive_set_peer(ctx, originator) > 0 && EVP_PKEY_CTX_set_params(ctx, params) > 0 &&
	       EVP_EncryptInit_ex(CMS_RecipientInfo_kari_get0_ctx(info), scheme->wrap, NULL, NULL, NULL) > 0;
}

static int unwrap(CMS_ContentInfo *cms, CMS_RecipientInfo *info, CMS_RecipientEncryptedKey *wrapped, EVP_PKEY *key)
{
	CLEAN_PKEY EVP_PKEY *originator = kari_originator(info);
	CLEAN_KARI_SCHEME struct kari_scheme scheme = {0};
	ASN1_OCTET_STRING *ukm = NULL;
	X509_ALGOR *algorithm = NULL;
	bool done;
	int rc = ERR_NOT_SUPPORTED;

	if (originator && CMS_RecipientInfo_kari_get0_alg(info, &algorithm, &ukm))
		rc = kari_read_scheme(algorithm, ukm, &scheme);
	if (rc)
		return rc;
	done = CMS_RecipientInfo_kari_set0_pkey(info, key) && set_scheme(info, &scheme, originator) &&
	       CMS_RecipientInfo_kari_decrypt(cms, info, wrapped);
	CMS_RecipientInfo_kari_set0_pkey(info, NULL);
	return done ? 0 : remote_key_error() ? remote_key_error() : ERR_DECRYPT;
}

/* Whether another part of the message may do better: the token did not fail, and was not asked too often. */
static bool may_go_on(int err)
{
	return err == ERR_NOT_FOR_US || err == ERR_NOT_SUPPORTED || err == ERR_DECRYPT;
}

/* Whether the key is to be tried on it. */
static bool is_meant(CMS_RecipientInfo *info, CMS_RecipientEncryptedKey *wrapped, X509 *cert)
{
	CLEAN_PKEY EVP_PKEY *originator = cert ? NULL : kari_originator(info);

	return cert ? !CMS_RecipientEncryptedKey_cert_cmp(wrapped, cert) : originator != NULL;
}

static int try_info(CMS_ContentInfo *cms, CMS_RecipientInfo *info, EVP_PKEY *key, X509 *cert)
{
	STACK_OF(CMS_RecipientEncryptedKey) *list = CMS_RecipientInfo_kari_get0_reks(info);
	int rc = ERR_NOT_FOR_US;

	for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(list) && may_go_on(rc); i++)
		if (is_meant(info, sk_CMS_RecipientEncryptedKey_value(list, i), cert))
			rc = unwrap(cms, info, sk_CMS_RecipientEncryptedKey_value(list, i), key);
	return rc;
}

int kari_decrypt(CMS_ContentInfo *cms, EVP_PKEY *key, X509 *cert)
{
	STACK_OF(CMS_RecipientInfo) *infos = CMS_get0_RecipientInfos(cms);
	int rc = ERR_NOT_FOR_US;

	for (int i = 0; i < sk_CMS_RecipientInfo_num(infos) && may_go_on(rc); i++) {
		CMS_RecipientInfo *info = sk_CMS_RecipientInfo_value(infos, i);
		int err = CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE ? try_info(cms, info, key, cert)
									      : ERR_NOT_FOR_US;

		rc = err == ERR_NOT_FOR_US ? rc : err;
	}
	return rc;
}

/* A key for this message, and what it and the recipient's agree on. */
static int agree(EVP_PKEY *recipient, uint8_t public[X25519_SIZE], uint8_t secret[X25519_SIZE])
{
	CLEAN_PKEY EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, "provider=default", "X25519");
	CLEAN_PKEY_CTX EVP_PKEY_CTX *ctx = own ? EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL) : NULL;
	size_t public_length = X25519_SIZE, length = X25519_SIZE;

	return ctx && EVP_PKEY_get_raw_public_key(own, public, &public_length) && EVP_PKEY_derive_init(ctx) > 0 &&
			       EVP_PKEY_derive_set_peer(ctx, recipient) > 0 &&
			       EVP_PKEY_derive(ctx, secret, &length) > 0 && length == X25519_SIZE
		       ? 0
		       : ERR_ENCRYPT;
}

static int add_issuer_serial(X509 *cert, struct buf *into)
{
	PKCS7_ISSUER_AND_SERIAL *both = PKCS7_ISSUER_AND_SERIAL_new();
	unsigned char *der = NULL;
	int length = both && X509_NAME_set(&both->issuer, X509_get_issuer_name(cert)) &&
				     ASN1_STRING_copy(both->serial, X509_get0_serialNumber(cert))
			     ? i2d_PKCS7_ISSUER_AND_SERIAL(both, &der)
			     : 0;
	int rc = length > 0 ? buf_add(into, der, (size_t)length) : ERR_ENCRYPT;

	OPENSSL_free(der);
	PKCS7_ISSUER_AND_SERIAL_free(both);
	return rc;
}

/* Version, originator, keyEncryptionAlgorithm and who it is for. */
static int add_head(X509 *cert, const uint8_t public[X25519_SIZE], struct view algorithm, struct buf *into)
{
	int rc = buf_add(into, version, sizeof version);

	rc = rc ? rc : buf_add(into, originator_head, sizeof originator_head);
	rc = rc ? rc : buf_add(into, public, X25519_SIZE);
	rc = rc ? rc : buf_add(into, algorithm.data, algorithm.length);
	return rc ? rc : add_issuer_serial(cert, into);
}

static int derive_kek(struct view algorithm, struct view secret, uint8_t kek[EVP_MAX_KEY_LENGTH])
{
	const unsigned char *at = algorithm.data;
	CLEAN_ALGORITHM X509_ALGOR *read = d2i_X509_ALGOR(NULL, &at, (long)algorithm.length);
	CLEAN_KARI_SCHEME struct kari_scheme scheme = {0};
	int rc = read ? kari_read_scheme(read, NULL, &scheme) : ERR_NO_MEMORY;

	return rc ? rc : kdf_derive(&scheme.kdf, secret, kek) ? 0 : ERR_ENCRYPT;
}

/* OpenSSL takes both copies. */
static int add_kek_recipient(CMS_ContentInfo *cms, const uint8_t *kek, size_t length, const struct buf *head)
{
	unsigned char *key = OPENSSL_memdup(kek, length), *id = OPENSSL_memdup(head->data, head->length);

	if (key && id && CMS_add0_recipient_key(cms, NID_undef, key, length, id, head->length, NULL, NULL, NULL))
		return 0;
	OPENSSL_clear_free(key, length);
	OPENSSL_free(id);
	return ERR_ENCRYPT;
}

int kari_add(CMS_ContentInfo *cms, X509 *cert, size_t length)
{
	CLEAN_BUF struct buf head = BUF_INIT(HEAD_MAX);
	uint8_t algorithm[sizeof algorithm_head + 1], public[X25519_SIZE], secret[X25519_SIZE] = {0},
		kek[EVP_MAX_KEY_LENGTH] = {0};
	struct view der = {algorithm, sizeof algorithm};
	int rc = agree(X509_get0_pubkey(cert), public, secret);

	memcpy(algorithm, algorithm_head, sizeof algorithm_head);
	algorithm[sizeof algorithm_head] = length == 16 ? 0x05 : length == 24 ? 0x19 : 0x2d;
	rc = rc ? rc : derive_kek(der, (struct view){secret, sizeof secret}, kek);
	rc = rc ? rc : add_head(cert, public, der, &head);
	rc = rc ? rc : add_kek_recipient(cms, kek, length, &head);
	OPENSSL_cleanse(secret, sizeof secret);
	OPENSSL_cleanse(kek, sizeof kek);
	return rc;
}

/* `inside` is of a KEKRecipientInfo: version, SEQUENCE { identifier }, algorithm, encryptedKey. */
static int add_kari(struct view inside, struct buf *into)
{
	struct view whole, kek_id, head, recipient, key, rest;
	int rc = der_take(&inside, &whole, &rest);
	size_t wrapped;

	rc = rc ? rc : der_take(&inside, &whole, &kek_id);
	rc = rc ? rc : der_take(&kek_id, &whole, &head);
	rc = rc ? rc : der_take(&inside, &whole, &rest);
	rc = rc ? rc : der_take(&inside, &key, &rest);
	if (rc)
		return rc;
	recipient = head;
	for (unsigned int i = 0; i < 3; i++) /* all but the last element of what add_head made */
		rc = rc ? rc : der_take(&recipient, &whole, &rest);
	if (rc)
		return rc;
	head.length -= recipient.length;
	wrapped = recipient.length + key.length;
	rc = der_add_header(into, 0xa1, head.length + der_element_size(der_element_size(wrapped)));
	rc = rc ? rc : buf_add(into, head.data, head.length);
	rc = rc ? rc : der_add_header(into, 0x30, der_element_size(wrapped));
	rc = rc ? rc : der_add_header(into, 0x30, wrapped);
	rc = rc ? rc : buf_add(into, recipient.data, recipient.length);
	return rc ? rc : buf_add(into, key.data, key.length);
}

/* X.690 section 11.6. */
static int compare(const void *a, const void *b)
{
	const struct view *x = a, *y = b;
	int order = memcmp(x->data, y->data, x->length < y->length ? x->length : y->length);

	return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* The elements in DER's order. */
static int add_sorted(struct view elements, size_t count, struct buf *into)
{
	CLEAN_FREE struct view *list = calloc(count + 1, sizeof *list);
	struct view inside;
	int rc = list ? 0 : ERR_NO_MEMORY;

	for (size_t i = 0; i < count && !rc; i++)
		rc = der_take(&elements, &list[i], &inside);
	if (!rc)
		qsort(list, count, sizeof *list, compare);
	for (size_t i = 0; i < count && !rc; i++)
		rc = buf_add(into, list[i].data, list[i].length);
	return rc;
}

int kari_rewrite(struct view infos, struct buf *into)
{
	CLEAN_BUF struct buf changed = BUF_INIT(into->limit);
	struct view whole, inside;
	size_t count = 0;
	int rc = 0;

	while (infos.length && !rc) {
		rc = der_take(&infos, &whole, &inside);
		if (!rc)
			rc = whole.data[0] == 0xa2 ? add_kari(inside, &changed)
						   : buf_add(&changed, whole.data, whole.length);
		count++;
	}
	return rc ? rc : add_sorted(buf_view(&changed), count, into);
}
