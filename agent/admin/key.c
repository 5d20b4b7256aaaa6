/* SPDX-License-Identifier: ISC
 *
 * Keys as PKCS#11's attributes say them, and as OpenSSL has them.
 */
#include "key.h"

#include "log.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <string.h>

#define KEYS_MAX 512
#define CURVE25519_SIZE 32
#define SIGNATURE_MAX 2048

void key_done(struct key *key)
{
	buf_done(&key->id);
	buf_done(&key->label);
	EVP_PKEY_free(key->public_key);
	key->public_key = NULL;
}

static EVP_PKEY *make_public(const char *type, OSSL_PARAM params[])
{
	EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, type, NULL) : NULL;
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *make_rsa(const struct buf *modulus, const struct buf *exponent)
{
	BIGNUM *n = BN_bin2bn(modulus->data, (int)modulus->length, NULL);
	BIGNUM *e = BN_bin2bn(exponent->data, (int)exponent->length, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key;

	if (build && n && e && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(build);
	key = make_public("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *make_ec(const struct buf *curve, struct view point)
{
	const unsigned char *at = curve->data;
	EC_GROUP *group = d2i_ECPKParameters(NULL, &at, (long)curve->length);
	int nid = group ? EC_GROUP_get_curve_name(group) : NID_undef;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)OBJ_nid2sn(nid), 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data,
						  point.length),
		OSSL_PARAM_construct_end()};

	EC_GROUP_free(group);
	return nid == NID_undef ? NULL : make_public("EC", params);
}

/* CKA_EC_POINT is an OCTET STRING around the point; some modules give the point alone, of whose lengths
 * 32 is one that no point has with its header. */
static struct view point_of(const struct buf *value)
{
	const unsigned char *at = value->data;
	long length;
	int tag, class;

	if (!value->length || value->length == CURVE25519_SIZE || ASN1_get_object(&at, &length, &tag, &class, (long)value->length) ||
	    tag != V_ASN1_OCTET_STRING || at + length != value->data + value->length)
		return buf_view(value);
	return (struct view){at, (size_t)length};
}

/* SoftHSM has X25519 keys among those of Edwards curves. */
static bool is_x25519(CK_ULONG type, const struct buf *curve)
{
	static const char named[] = "\x13\x0a" "curve25519", by_oid[] = "\x06\x03\x2b\x65\x6e";

	return type == CKK_EC_MONTGOMERY || view_equal(buf_view(curve), view_string(named)) ||
	       view_equal(buf_view(curve), view_string(by_oid));
}

static EVP_PKEY *read_public(const struct session *session, CK_OBJECT_HANDLE object, CK_ULONG type)
{
	CLEAN_BUF struct buf parameters = BUF_INIT(4096), value = BUF_INIT(4096);
	bool rsa = type == CKK_RSA;
	struct view point;
	EVP_PKEY *key = NULL;

	if (session_read(session, object, rsa ? CKA_MODULUS : CKA_EC_PARAMS, &parameters) ||
	    session_read(session, object, rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT, &value) || !value.length)
		return NULL;
	if (rsa)
		return make_rsa(&parameters, &value);
	point = point_of(&value);
	if (type != CKK_EC && point.length == CURVE25519_SIZE)
		return EVP_PKEY_new_raw_public_key(is_x25519(type, &parameters) ? EVP_PKEY_X25519 : EVP_PKEY_ED25519,
						   NULL, point.data, point.length);
	/* What looks like a header may be a point's first bytes: the whole goes first. */
	if (type == CKK_EC)
		key = make_ec(&parameters, buf_view(&value));
	return key || type != CKK_EC ? key : make_ec(&parameters, point);
}

/* From the private key itself, or from the public key or a certificate with its id. */
static EVP_PKEY *public_half(const struct session *session, const struct key *key)
{
	static const CK_OBJECT_CLASS classes[] = {CKO_PUBLIC_KEY, CKO_CERTIFICATE};
	EVP_PKEY *public_key = read_public(session, key->handle, key->type);

	for (size_t i = 0; i < 2 && !public_key && key->id.length; i++) {
		CLEAN_BUF struct buf der = BUF_INIT(65536);
		CK_OBJECT_HANDLE object;
		CK_ULONG count = 0;

		if (session_find(session, classes[i], buf_view(&key->id), &object, 1, &count) || !count)
			continue;
		if (classes[i] == CKO_PUBLIC_KEY) {
			public_key = read_public(session, object, key->type);
		} else if (!session_read(session, object, CKA_VALUE, &der)) {
			const unsigned char *at = der.data;
			X509 *cert = d2i_X509(NULL, &at, (long)der.length);

			public_key = cert ? X509_get_pubkey(cert) : NULL;
			X509_free(cert);
		}
	}
	return public_key;
}

static int read_key(const struct session *session, CK_OBJECT_HANDLE object, struct key *key)
{
	int rc;

	key_done(key);
	*key = KEY_INIT;
	key->handle = object;
	key->type = session_read_number(session, object, CKA_KEY_TYPE);
	key->always_authenticate = session_read_bool(session, object, CKA_ALWAYS_AUTHENTICATE);
	rc = session_read(session, object, CKA_ID, &key->id);
	return rc ? rc : session_read(session, object, CKA_LABEL, &key->label);
}

/* The keys with that label, or the one with the certificate's public key. */
static int find_key(const struct session *session, const struct view *label, X509 *cert, struct key *key)
{
	CLEAN_FREE CK_OBJECT_HANDLE *objects = calloc(KEYS_MAX, sizeof *objects);
	CK_ULONG count = 0, found = 0;
	CK_OBJECT_HANDLE match = 0;
	int rc = objects ? session_find(session, CKO_PRIVATE_KEY, (struct view){NULL, 0}, objects, KEYS_MAX, &count)
			 : ERR_NO_MEMORY;

	for (CK_ULONG i = 0; i < count && !rc; i++) {
		rc = read_key(session, objects[i], key);
		if (rc || (label && !view_equal(*label, buf_view(&key->label))))
			continue;
		key->public_key = cert ? public_half(session, key) : NULL;
		if (!cert || (key->public_key && EVP_PKEY_eq(key->public_key, X509_get0_pubkey(cert)) == 1)) {
			match = objects[i];
			found++;
		}
	}
	if (rc || !found)
		return rc ? rc : ERR_NO_KEY;
	if (label && found > 1)
		return ERR_AMBIGUOUS;
	rc = read_key(session, match, key);
	if (!rc)
		key->public_key = public_half(session, key);
	return rc;
}

int key_find(const struct session *session, struct view label, struct key *key)
{
	return find_key(session, &label, NULL, key);
}

int key_find_certified(const struct session *session, X509 *cert, struct key *key)
{
	return find_key(session, NULL, cert, key);
}

/* What the token signs: RFC 8017 section 9.2's DigestInfo, a digest, or the message. */
static int prepare(const struct key *key, struct view message, struct buf *into)
{
	static const uint8_t sha256_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	int rc;

	if (key->type == CKK_EC_EDWARDS)
		return buf_add(into, message.data, message.length);
	if (!EVP_Digest(message.data, message.length, digest, &length, EVP_sha256(), NULL))
		return ERR_NO_MEMORY;
	rc = key->type == CKK_RSA ? buf_add(into, sha256_info, sizeof sha256_info) : 0;
	return rc ? rc : buf_add(into, digest, length);
}

static int call_sign(const struct session *session, const struct key *key, const char *pin, struct view data,
		     unsigned char *signature, CK_ULONG *length)
{
	CK_MECHANISM mechanism = {key->type == CKK_RSA	? CKM_RSA_PKCS
				  : key->type == CKK_EC ? CKM_ECDSA
							: CKM_EDDSA,
				  NULL, 0};
	CK_RV rv = session->p11->C_SignInit(session->handle, &mechanism, key->handle);

	if (rv == CKR_OK && key->always_authenticate)
		rv = session->p11->C_Login(session->handle, CKU_CONTEXT_SPECIFIC, (unsigned char *)(uintptr_t)pin,
					   strlen(pin));
	if (rv == CKR_OK)
		rv = session->p11->C_Sign(session->handle, (unsigned char *)(uintptr_t)data.data, data.length,
					  signature, length);
	return session_error("C_Sign", rv);
}

/* PKCS#11 gives r and s side by side. */
static int add_ecdsa(struct buf *into, const unsigned char *raw, size_t length)
{
	int half = (int)(length / 2), size = 0;
	BIGNUM *r = BN_bin2bn(raw, half, NULL), *s = BN_bin2bn(raw + half, half, NULL);
	ECDSA_SIG *signature = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int rc;

	if (r && s && signature && half && ECDSA_SIG_set0(signature, r, s)) {
		r = s = NULL;
		size = i2d_ECDSA_SIG(signature, &der);
	}
	rc = size > 0 ? buf_add(into, der, (size_t)size) : ERR_TOKEN;
	OPENSSL_free(der);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(signature);
	return rc;
}

int key_sign(const struct session *session, const struct key *key, const char *pin, struct view message,
	     X509_ALGOR *algorithm, struct buf *into)
{
	CLEAN_BUF struct buf data = BUF_INIT(BUF_MESSAGE_MAX);
	unsigned char signature[SIGNATURE_MAX];
	CK_ULONG length = sizeof signature;
	bool rsa = key->type == CKK_RSA, ec = key->type == CKK_EC;
	int nid = rsa ? NID_sha256WithRSAEncryption : ec ? NID_ecdsa_with_SHA256 : NID_ED25519;
	int rc = prepare(key, message, &data);

	if (!rc && !X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL))
		rc = ERR_NO_MEMORY;
	rc = rc ? rc : call_sign(session, key, pin, buf_view(&data), signature, &length);
	if (!rc && length > sizeof signature)
		rc = ERR_TOKEN;
	if (!rc && ec)
		return add_ecdsa(into, signature, length);
	return rc ? rc : buf_add(into, signature, length);
}
