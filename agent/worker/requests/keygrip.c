/* SPDX-License-Identifier: ISC
 *
 * Libgcrypt's digest over a public key's numbers. The key is a certificate's, and may be any.
 */
#include "keygrip.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

static void put_sha1(const void *data, size_t length, char into[CERT_SHA1_SIZE])
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	unsigned int size = 0;

	*into = 0;
	if (!EVP_Digest(data, length, digest, &size, EVP_sha1(), NULL) || size != sizeof digest)
		return;
	for (unsigned int i = 0; i < size; i++)
		snprintf(into + 2 * i, 3, "%02X", digest[i]);
}

/* Libgcrypt's digest of an RSA key: its modulus, as a signed integer. */
static void rsa_keygrip(const BIGNUM *n, char into[CERT_SHA1_SIZE])
{
	unsigned char bytes[4096 + 1] = {0};
	int length = BN_num_bytes(n), sign = BN_num_bits(n) % 8 == 0;

	if (length < (int)sizeof bytes && BN_bn2bin(n, bytes + sign) == length)
		put_sha1(bytes, (size_t)(length + sign), into);
}

/* Of a key on one of the NIST's curves: the parameters, each as "(1:NAME LENGTH:BYTES)". */
static int add_parameter(struct buf *into, char name, const unsigned char *data, size_t length)
{
	int rc = buf_add_format(into, "(1:%c%zu:", name, length);

	rc = rc ? rc : buf_add(into, data, length);
	return rc ? rc : buf_add_u8(into, ')');
}

static int add_number(struct buf *into, EVP_PKEY *key, char name, const char *parameter)
{
	unsigned char bytes[128];
	BIGNUM *number = NULL;
	int rc = ERR_NOT_SUPPORTED, length;

	if (EVP_PKEY_get_bn_param(key, parameter, &number) && BN_num_bytes(number) <= (int)sizeof bytes) {
		length = BN_bn2bin(number, bytes);
		rc = add_parameter(into, name, bytes, (size_t)length);
	}
	BN_free(number);
	return rc;
}

static int add_point(struct buf *into, EVP_PKEY *key, char name, const char *parameter)
{
	unsigned char bytes[256];
	size_t length = 0;

	if (!EVP_PKEY_get_octet_string_param(key, parameter, bytes, sizeof bytes, &length))
		return ERR_NOT_SUPPORTED;
	return add_parameter(into, name, bytes, length);
}

static void ec_keygrip(EVP_PKEY *key, char into[CERT_SHA1_SIZE])
{
	CLEAN_BUF struct buf text = BUF_INIT(4096);
	int rc = add_number(&text, key, 'p', OSSL_PKEY_PARAM_EC_P);

	rc = rc ? rc : add_number(&text, key, 'a', OSSL_PKEY_PARAM_EC_A);
	rc = rc ? rc : add_number(&text, key, 'b', OSSL_PKEY_PARAM_EC_B);
	rc = rc ? rc : add_point(&text, key, 'g', OSSL_PKEY_PARAM_EC_GENERATOR);
	rc = rc ? rc : add_number(&text, key, 'n', OSSL_PKEY_PARAM_EC_ORDER);
	rc = rc ? rc : add_point(&text, key, 'q', OSSL_PKEY_PARAM_PUB_KEY);
	if (!rc)
		put_sha1(text.data, text.length, into);
}

void keygrip(X509 *cert, char into[CERT_SHA1_SIZE])
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	BIGNUM *n = NULL;

	*into = 0;
	if (key && EVP_PKEY_is_a(key, "EC"))
		ec_keygrip(key, into);
	else if (key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n))
		rsa_keygrip(n, into);
	BN_free(n);
}
