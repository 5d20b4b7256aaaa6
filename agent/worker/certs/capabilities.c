/* SPDX-License-Identifier: ISC
 *
 * Reads and writes SMIMECapabilities. They come out of signed mail, and are hostile.
 */
#include "capabilities.h"

#include <openssl/cms.h>
#include <openssl/x509.h>
#include <string.h>

static const struct {
	int nid;
	unsigned int bit;
	const char *name;
} ciphers[] = {
	/* What is chosen first. A longer key comes before authentication: without knowing, it is CBC. */
	{NID_aes_256_gcm, CAPABILITY_AES_256_GCM, "aes-256-gcm"},
	{NID_aes_256_cbc, CAPABILITY_AES_256_CBC, "aes-256-cbc"},
	{NID_aes_192_gcm, CAPABILITY_AES_192_GCM, "aes-192-gcm"},
	{NID_aes_192_cbc, CAPABILITY_AES_192_CBC, "aes-192-cbc"},
	{NID_aes_128_gcm, CAPABILITY_AES_128_GCM, "aes-128-gcm"},
	{NID_aes_128_cbc, CAPABILITY_AES_128_CBC, "aes-128-cbc"},
};

#define CIPHERS (sizeof ciphers / sizeof ciphers[0])
#define ALL_CBC ((unsigned int)(CAPABILITY_AES_128_CBC | CAPABILITY_AES_192_CBC | CAPABILITY_AES_256_CBC))

static unsigned int bit_of(int nid)
{
	for (size_t i = 0; i < CIPHERS; i++)
		if (ciphers[i].nid == nid)
			return ciphers[i].bit;
	return nid == NID_rsaesOaep ? CAPABILITY_RSA_OAEP : 0;
}

unsigned int capabilities_read(struct view der)
{
	const unsigned char *at = der.data;
	STACK_OF(X509_ALGOR) *list =
		der.length && der.length <= CAPABILITIES_MAX ? d2i_X509_ALGORS(NULL, &at, (long)der.length) : NULL;
	unsigned int bits = 0;

	if (!list)
		return ALL_CBC;
	for (int i = 0; i < sk_X509_ALGOR_num(list); i++) {
		const ASN1_OBJECT *algorithm;

		X509_ALGOR_get0(&algorithm, NULL, NULL, sk_X509_ALGOR_value(list, i));
		bits |= bit_of(OBJ_obj2nid(algorithm));
	}
	sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
	return bits & CAPABILITIES_OWN ? bits : bits | CAPABILITY_AES_128_CBC;
}

/* Best first. GCM is last: the person's mail program may read mail without the agent, and Thunderbird
 * does not know GCM. */
struct view capabilities_own(bool gcm)
{
	static const int listed[] = {NID_aes_256_cbc, NID_aes_192_cbc, NID_aes_128_cbc, NID_aes_256_gcm,
				     NID_aes_128_gcm};
	static struct {
		unsigned char *der;
		int length;
	} made[2];
	unsigned char **der = &made[gcm].der;
	int *length = &made[gcm].length;

	if (!*der) {
		STACK_OF(X509_ALGOR) *list = NULL;

		for (size_t i = 0; i < sizeof listed / sizeof listed[0] - (gcm ? 0 : 2); i++)
			if (!CMS_add_simple_smimecap(&list, listed[i], -1))
				break;
		*length = list ? i2d_X509_ALGORS(list, der) : 0;
		sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
	}
	return (struct view){*der, *der && *length > 0 ? (size_t)*length : 0};
}

int capabilities_cipher(unsigned int common)
{
	for (size_t i = 0; i < CIPHERS; i++)
		if (common & ciphers[i].bit)
			return ciphers[i].nid;
	return NID_aes_128_cbc;
}

int capabilities_cipher_by_name(const char *name)
{
	for (size_t i = 0; i < CIPHERS; i++)
		if (!strcmp(ciphers[i].name, name))
			return ciphers[i].nid;
	return NID_undef;
}
