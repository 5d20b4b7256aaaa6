/* SPDX-License-Identifier: ISC
 *
 * What comes from a token or a certificate is hostile; OpenSSL looks whether a point is on its curve.
 */
#include "public_key.h"

#include "clean_ssl.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

#define X25519_SIZE 32

void public_key_done(struct public_key *key)
{
	buf_done(&key->parameters);
	buf_done(&key->value);
}

static int add_number(struct buf *into, EVP_PKEY *key, const char *name)
{
	BIGNUM *number = NULL;
	int rc = EVP_PKEY_get_bn_param(key, name, &number) ? buf_reserve(into, (size_t)BN_num_bytes(number))
							   : ERR_INTERNAL;

	if (!rc)
		into->length += (size_t)BN_bn2bin(number, into->data + into->length);
	BN_free(number);
	return rc;
}

static int add_octet_string(struct buf *into, const unsigned char *bytes, int length)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	unsigned char *der = NULL;
	int size = octets && ASN1_OCTET_STRING_set(octets, bytes, length) ? i2d_ASN1_OCTET_STRING(octets, &der) : 0;
	int rc = size > 0 ? buf_add(into, der, (size_t)size) : ERR_NO_MEMORY;

	OPENSSL_free(der);
	ASN1_OCTET_STRING_free(octets);
	return rc;
}

/* The curve: the algorithm's parameter, or for RFC 8410's kinds the algorithm itself. */
static int add_curve(struct buf *into, const X509_ALGOR *algorithm, bool named)
{
	const ASN1_OBJECT *object;
	unsigned char *der = NULL;
	const void *value;
	int type, length, rc;

	X509_ALGOR_get0(&object, &type, &value, algorithm);
	if (named && type == V_ASN1_OBJECT)
		length = i2d_ASN1_OBJECT(value, &der);
	else
		length = named ? 0 : i2d_ASN1_OBJECT(object, &der);
	/* Curves that are spelled out are none that a client would know. */
	rc = length > 0 ? buf_add(into, der, (size_t)length) : 0;
	OPENSSL_free(der);
	return rc;
}

static int read_curve(X509 *cert, struct public_key *key)
{
	const unsigned char *bytes;
	X509_ALGOR *algorithm;
	int length, rc;

	if (!X509_PUBKEY_get0_param(NULL, &bytes, &length, &algorithm, X509_get_X509_PUBKEY(cert)))
		return ERR_INTERNAL;
	rc = add_curve(&key->parameters, algorithm, key->type == KEY_EC);
	return rc ? rc : add_octet_string(&key->value, bytes, length);
}

int public_key_point(enum key_type type, struct view parameters, struct view value, struct buf *into)
{
	CLEAN_PKEY EVP_PKEY *key = value.length ? public_key_new(type, parameters, value) : NULL;
	unsigned char *point = NULL;
	size_t length = key ? EVP_PKEY_get1_encoded_public_key(key, &point) : 0;
	int rc = length ? add_octet_string(into, point, (int)length) : buf_add(into, value.data, value.length);

	OPENSSL_free(point);
	return rc;
}

int public_key_read(X509 *cert, struct public_key *ret_key)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int rc;

	if (key && EVP_PKEY_is_a(key, "RSA")) {
		ret_key->type = KEY_RSA;
		rc = add_number(&ret_key->parameters, key, OSSL_PKEY_PARAM_RSA_N);
		return rc ? rc : add_number(&ret_key->value, key, OSSL_PKEY_PARAM_RSA_E);
	}
	if (key && EVP_PKEY_is_a(key, "EC"))
		ret_key->type = KEY_EC;
	else if (key && (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448")))
		ret_key->type = KEY_EDWARDS;
	else if (key && (EVP_PKEY_is_a(key, "X25519") || EVP_PKEY_is_a(key, "X448")))
		ret_key->type = KEY_MONTGOMERY;
	else
		return 0;
	return read_curve(cert, ret_key);
}

/* CKA_EC_POINT is an OCTET STRING around the point; some modules give the point alone, of whose lengths
 * 32 is one that no point has with its header. */
static struct view point_of(struct view value)
{
	const unsigned char *at = value.data;
	long length;
	int tag, class;

	if (!value.length || value.length == X25519_SIZE || ASN1_get_object(&at, &length, &tag, &class, (long)value.length) ||
	    tag != V_ASN1_OCTET_STRING || at + length != value.data + value.length)
		return value;
	return (struct view){at, (size_t)length};
}

static EVP_PKEY *new_ec(struct view parameters, struct view point)
{
	const unsigned char *at = parameters.data;
	EC_GROUP *group = d2i_ECPKParameters(NULL, &at, (long)parameters.length);
	int nid = group ? EC_GROUP_get_curve_name(group) : NID_undef;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)(uintptr_t)OBJ_nid2sn(nid), 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data,
						  point.length),
		OSSL_PARAM_construct_end()};
	CLEAN_PKEY_CTX EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", "provider=default");
	EVP_PKEY *key = NULL;

	if (!point.length)
		params[1] = OSSL_PARAM_construct_end();
	if (nid != NID_undef && ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &key, point.length ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS,
			      params) <= 0)
		key = NULL;
	EC_GROUP_free(group);
	return key;
}

EVP_PKEY *public_key_new(enum key_type type, struct view parameters, struct view value)
{
	struct view point = point_of(value);
	EVP_PKEY *key = type == KEY_EC ? new_ec(parameters, value) : NULL;

	/* What looks like a header may be a point's first bytes: the whole goes first. */
	if (key || type == KEY_EC)
		return key ? key : new_ec(parameters, point);
	if (type == KEY_MONTGOMERY && point.length == X25519_SIZE)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point.data, point.length);
	return NULL;
}

bool public_key_is_small(EVP_PKEY *x25519)
{
	CLEAN_PKEY EVP_PKEY *any = EVP_PKEY_Q_keygen(NULL, "provider=default", "X25519");
	CLEAN_PKEY_CTX EVP_PKEY_CTX *ctx = any ? EVP_PKEY_CTX_new_from_pkey(NULL, any, NULL) : NULL;
	unsigned char secret[X25519_SIZE];
	size_t length = sizeof secret;

	/* OpenSSL refuses to give a secret that is zero. */
	return !ctx || EVP_PKEY_derive_init(ctx) <= 0 || EVP_PKEY_derive_set_peer(ctx, x25519) <= 0 ||
	       EVP_PKEY_derive(ctx, secret, &length) <= 0;
}
