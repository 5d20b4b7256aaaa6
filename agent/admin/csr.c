/* SPDX-License-Identifier: ISC
 *
 * Certificate requests and certificates.
 */
#include "csr.h"

#include "log.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* *ret_key is NULL where there is none of that label. A token whose keys cannot be listed (libp11 0.4.12
 * gives up at an Ed25519 key) is a failure. */
static int find_key(struct module *module, const char *label, PKCS11_KEY **ret_key)
{
	PKCS11_KEY *keys;
	unsigned int count;

	*ret_key = NULL;
	if (PKCS11_enumerate_keys(module->slot->token, &keys, &count))
		return module_error();
	for (unsigned int i = 0; i < count && !*ret_key; i++)
		if (keys[i].label && !strcmp(keys[i].label, label))
			*ret_key = &keys[i];
	return 0;
}

/* /type=value/type=value; a backslash before a slash or backslash that is meant. */
static int parse_subject(const char *text, X509_NAME *name)
{
	while (*text == '/') {
		char type[64], value[256];
		size_t length = strcspn(++text, "=/"), at = 0;

		if (!length || length >= sizeof type || text[length] != '=')
			return ERR_USAGE;
		memcpy(type, text, length);
		type[length] = 0;
		for (text += length + 1; *text && *text != '/'; text++) {
			if (*text == '\\' && text[1])
				text++;
			if (at + 1 >= sizeof value)
				return ERR_USAGE;
			value[at++] = *text;
		}
		if (!at || !X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (unsigned char *)value,
						       (int)at, -1, 0))
			return ERR_USAGE;
	}
	return *text || !X509_NAME_entry_count(name) ? ERR_USAGE : 0;
}

static int add_address(X509_REQ *request, const char *address)
{
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	int ok = names && name && text && ASN1_STRING_set(text, address, -1);

	if (ok) {
		GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
		ok = sk_GENERAL_NAME_push(names, name) > 0 &&
		     X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, 0) > 0 &&
		     X509_REQ_add_extensions(request, extensions);
	}
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return ok ? 0 : ERR_NO_MEMORY;
}

static int write_pem(X509_REQ *request, struct buf *into)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;
	int rc = ERR_NO_MEMORY;

	if (bio && PEM_write_bio_X509_REQ(bio, request)) {
		length = BIO_get_mem_data(bio, &text);
		rc = buf_add(into, text, (size_t)length);
	}
	BIO_free(bio);
	return rc;
}

/* The public half of a private key, from the token's public key with its id or, for RSA, from the private key
 * itself. libp11 0.4.12 crashes where a private key's public one is asked for that is not there. The caller
 * frees. NULL where the token does not tell. */
static EVP_PKEY *public_half(struct module *module, PKCS11_KEY *key)
{
	PKCS11_KEY *keys;
	unsigned int count = 0;

	if (PKCS11_enumerate_public_keys(module->slot->token, &keys, &count))
		return NULL;
	for (unsigned int i = 0; i < count; i++)
		if (keys[i].id_len == key->id_len && key->id_len && !memcmp(keys[i].id, key->id, key->id_len))
			return PKCS11_get_public_key(&keys[i]);
	return PKCS11_get_key_type(key) == EVP_PKEY_RSA ? PKCS11_get_private_key(key) : NULL;
}

int csr_make(struct module *module, const char *label, const char *subject, const char *address,
	     struct buf *into)
{
	PKCS11_KEY *key = NULL;
	int found = find_key(module, label, &key);
	EVP_PKEY *private = key ? PKCS11_get_private_key(key) : NULL;
	EVP_PKEY *public = key ? public_half(module, key) : NULL;
	X509_REQ *request = X509_REQ_new();
	int rc = found ? found : private && public ? 0 : ERR_NO_KEY;

	if (!request)
		rc = ERR_NO_MEMORY;
	rc = rc ? rc : parse_subject(subject, X509_REQ_get_subject_name(request));
	rc = rc || !*address ? rc : add_address(request, address);
	if (!rc && (!X509_REQ_set_pubkey(request, public) || !X509_REQ_sign(request, private, EVP_sha256())))
		rc = module_error();
	rc = rc ? rc : write_pem(request, into);
	X509_REQ_free(request);
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
	return rc;
}

/* The key that the certificate is for; *ret_key is NULL where it is not on this token. */
static int find_by_certificate(struct module *module, X509 *cert, PKCS11_KEY **ret_key)
{
	PKCS11_KEY *keys;
	unsigned int count;

	*ret_key = NULL;
	if (PKCS11_enumerate_keys(module->slot->token, &keys, &count))
		return module_error();
	for (unsigned int i = 0; i < count && !*ret_key; i++) {
		EVP_PKEY *public = public_half(module, &keys[i]);

		if (public && EVP_PKEY_eq(public, X509_get0_pubkey(cert)) == 1)
			*ret_key = &keys[i];
		EVP_PKEY_free(public);
	}
	return 0;
}

static bool is_stored(struct module *module, X509 *cert)
{
	PKCS11_CERT *certs;
	unsigned int count;

	if (PKCS11_enumerate_certs(module->slot->token, &certs, &count))
		return false;
	for (unsigned int i = 0; i < count; i++)
		if (certs[i].x509 && !X509_cmp(certs[i].x509, cert))
			return true;
	return false;
}

int csr_store(struct module *module, struct view der, const char *label)
{
	const unsigned char *at = der.data;
	X509 *cert = d2i_X509(NULL, &at, (long)der.length);
	PKCS11_KEY *key;
	const char *name;
	int rc;

	if (!cert)
		return ERR_NOT_CERTIFICATE;
	rc = find_by_certificate(module, cert, &key);
	if (rc) {
		X509_free(cert);
		return rc;
	}
	name = *label ? label : key && key->label ? key->label : "";
	if (is_stored(module, cert))
		rc = ERR_TOKEN_EXISTS;
	else if (PKCS11_store_certificate(module->slot->token, cert, (char *)(uintptr_t)name,
					  key ? key->id : NULL, key ? key->id_len : 0, NULL))
		rc = module_error();
	if (!rc && !key)
		log_info("a certificate was stored whose key is not on the token");
	X509_free(cert);
	return rc;
}
