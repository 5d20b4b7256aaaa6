/* SPDX-License-Identifier: ISC
 *
 * Certificates for tests, by OpenSSL.
 */
#include "pki.h"

#include "fixture.h"

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

EVP_PKEY *pki_key(const char *kind)
{
	EVP_PKEY *key;

	if (!strcmp(kind, "EC"))
		key = EVP_EC_gen("P-256");
	else if (!strcmp(kind, "RSA"))
		key = EVP_RSA_gen(1024);
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
	assert_non_null(key);
	return key;
}

static X509_NAME *make_name(const char *text)
{
	X509_NAME *name = X509_NAME_new();
	char *copy = strdup(text), *rest = copy, *part;

	assert_non_null(name);
	while ((part = strsep(&rest, "/"))) {
		char *value = strchr(part, '=');

		if (!value)
			continue;
		*value++ = 0;
		assert_int_equal(X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8,
							    (const unsigned char *)value, -1, -1, 0),
				 1);
	}
	free(copy);
	return name;
}

static void add_extensions(X509 *cert, const struct pki_spec *spec)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, (X509 *)(uintptr_t)(spec->issuer ? spec->issuer : cert), cert, NULL, NULL,
		       0);
	for (int i = 0; i < 6 && spec->extensions[i][0]; i++) {
		X509_EXTENSION *extension =
			X509V3_EXT_nconf(NULL, &context, spec->extensions[i][0], spec->extensions[i][1]);

		assert_non_null(extension);
		assert_int_equal(X509_add_ext(cert, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
}

X509 *pki_cert(const struct pki_spec *spec)
{
	static long serial;
	X509 *cert = X509_new();
	X509_NAME *subject = make_name(spec->subject);
	EVP_PKEY *signer = spec->issuer_key ? spec->issuer_key : spec->key;
	bool dated = spec->from_days || spec->to_days;
	const EVP_MD *md = EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256();

	assert_non_null(cert);
	assert_int_equal(X509_set_version(cert, spec->old ? X509_VERSION_1 : X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial), 1);
	assert_int_equal(X509_set_subject_name(cert, subject), 1);
	assert_int_equal(
		X509_set_issuer_name(cert, spec->issuer ? X509_get_subject_name(spec->issuer) : subject),
		1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 86400 * (dated ? spec->from_days : -1)));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400 * (dated ? spec->to_days : 365)));
	assert_int_equal(X509_set_pubkey(cert, spec->key), 1);
	add_extensions(cert, spec);
	assert_true(X509_sign(cert, signer, md) > 0);
	X509_NAME_free(subject);
	return cert;
}
