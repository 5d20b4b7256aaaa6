/* SPDX-License-Identifier: ISC
 *
 * Cleanups for OpenSSL's objects, in the house's idiom: CLEAN_BIO BIO *bio = ...;
 */
#ifndef SMIME_WORKER_CLEAN_SSL_H
#define SMIME_WORKER_CLEAN_SSL_H

#include "cleanup.h"

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define SSL_CLEANUP(type, name, free_function)    \
	static inline void clean_##name(type **object) \
	{                                              \
		free_function(*object);                \
	}

SSL_CLEANUP(BIO, bio, BIO_free_all)
SSL_CLEANUP(CMS_ContentInfo, cms, CMS_ContentInfo_free)
SSL_CLEANUP(X509_ALGOR, algorithm, X509_ALGOR_free)
SSL_CLEANUP(EVP_PKEY, pkey, EVP_PKEY_free)
SSL_CLEANUP(EVP_PKEY_CTX, pkey_ctx, EVP_PKEY_CTX_free)

#define CLEAN_BIO CLEANUP(clean_bio)
#define CLEAN_CMS CLEANUP(clean_cms)
#define CLEAN_ALGORITHM CLEANUP(clean_algorithm)
#define CLEAN_PKEY CLEANUP(clean_pkey)
#define CLEAN_PKEY_CTX CLEANUP(clean_pkey_ctx)

#endif
