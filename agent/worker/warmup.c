/* SPDX-License-Identifier: ISC
 *
 * Warms OpenSSL up. No result of it is used.
 */
#include "warmup.h"

#include "clean_ssl.h"
#include "log.h"
#include "remote_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

/* No broker hears of it: the operation is set up and dropped. */
static void touch_remote(EVP_PKEY *public_key)
{
	EVP_PKEY *remote = remote_key_new(public_key, UINT32_MAX);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!remote || !ctx || EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, remote, NULL) <= 0)
		log_debug("warming up: a remote key cannot be set up");
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(remote);
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();

	if (!cert || !X509_set_pubkey(cert, key) || !X509_gmtime_adj(X509_getm_notBefore(cert), 0) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), 60) || !X509_sign(cert, key, EVP_sha256())) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static void sign_something(EVP_PKEY *key)
{
	X509 *cert = make_certificate(key);
	CLEAN_BIO BIO *content = BIO_new_mem_buf("x", 1);
	CLEAN_CMS CMS_ContentInfo *cms =
		cert ? CMS_sign(cert, key, NULL, content, CMS_BINARY | CMS_DETACHED) : NULL;
	unsigned char *der = NULL;

	if (!cms || i2d_CMS_ContentInfo(cms, &der) <= 0)
		log_debug("warming up: nothing could be signed");
	OPENSSL_free(der);
	X509_free(cert);
}

/* A public key like any other; nobody has the private one. */
static EVP_PKEY *make_rsa(void)
{
	unsigned char modulus[256];
	BIGNUM *n;
	EVP_PKEY *key = NULL;
	unsigned int exponent = 65537;
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", "provider=default");

	for (size_t i = 0; i < sizeof modulus; i++)
		modulus[i] = (unsigned char)(0x81 + 2 * i);
	n = BN_bin2bn(modulus, sizeof modulus, NULL);
	if (n)
		BN_bn2nativepad(n, modulus, sizeof modulus);
	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus, sizeof modulus);
	params[1] = OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &exponent);
	params[2] = OSSL_PARAM_construct_end();
	if (!n || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	BN_free(n);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

void warmup_openssl(void)
{
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	EVP_PKEY *rsa = make_rsa();

	if (ec) {
		touch_remote(ec);
		sign_something(ec);
	}
	if (rsa)
		touch_remote(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
}
