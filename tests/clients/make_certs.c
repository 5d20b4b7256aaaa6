/* SPDX-License-Identifier: ISC
 *
 * make_certs COUNT [ADDRESS-FORMAT]: certificates of one P-256 key, PEM, on standard output. The format has a
 * %u for the number, as in "person%u@example.org", or all have one address. For filling the certificate store.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEAR_SECONDS (365L * 86400)

/* The one %u of the format; nothing else of it is taken for a conversion. */
static void make_address(char *into, size_t size, const char *format, unsigned int number)
{
	const char *at = strstr(format, "%u");

	if (at)
		snprintf(into, size, "%.*s%u%s", (int)(at - format), format, number, at + 2);
	else
		snprintf(into, size, "%s", format);
}

static int add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int ok = extension && X509_add_ext(cert, extension, -1);

	X509_EXTENSION_free(extension);
	return ok;
}

static X509 *make(EVP_PKEY *key, unsigned int number, const char *format)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();
	char address[256], common[300], alternative[300];

	make_address(address, sizeof address, format, number);
	snprintf(common, sizeof common, "Person %u", number);
	snprintf(alternative, sizeof alternative, "email:%s", address);
	if (!cert || !name || !X509_set_version(cert, X509_VERSION_3) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(cert), (long)number + 1) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1, -1, 0) ||
	    !X509_set_subject_name(cert, name) || !X509_set_issuer_name(cert, name) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -86400) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), YEAR_SECONDS) || !X509_set_pubkey(cert, key) ||
	    !add_extension(cert, NID_subject_alt_name, alternative) ||
	    !add_extension(cert, NID_key_usage, "critical,digitalSignature,keyAgreement") ||
	    !X509_sign(cert, key, EVP_sha256())) {
		X509_free(cert);
		cert = NULL;
	}
	X509_NAME_free(name);
	return cert;
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 1;
	const char *format = argc > 2 ? argv[2] : "person%u@example.org";
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int ok = key != NULL;

	for (unsigned int i = 0; i < count && ok; i++) {
		X509 *cert = make(key, i, format);

		ok = cert && PEM_write_X509(stdout, cert);
		X509_free(cert);
	}
	EVP_PKEY_free(key);
	return !ok || fflush(stdout);
}
