/* SPDX-License-Identifier: ISC
 *
 * OpenSSL's KDFs, by its default provider.
 */
#include "kdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

static OSSL_PARAM octets(const char *name, struct view bytes)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes.data, bytes.length);
}

bool kdf_derive(const struct kdf *kdf, struct view secret, unsigned char *into)
{
	EVP_KDF *how = EVP_KDF_fetch(NULL, kdf->name, "provider=default");
	EVP_KDF_CTX *ctx = how ? EVP_KDF_CTX_new(how) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)kdf->digest, 0),
		octets(OSSL_KDF_PARAM_KEY, secret),
		octets(OSSL_KDF_PARAM_INFO, kdf->info),
		kdf->salt.length ? octets(OSSL_KDF_PARAM_SALT, kdf->salt) : OSSL_PARAM_construct_end(),
		OSSL_PARAM_construct_end(),
	};
	bool done = ctx && EVP_KDF_derive(ctx, into, kdf->length, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(how);
	return done;
}
