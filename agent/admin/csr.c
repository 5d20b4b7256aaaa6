/* SPDX-License-Identifier: ISC
 *
 * Certificate requests and certificates.
 */
#include "csr.h"

#include "key.h"
#include "log.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

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

/* An X25519 key signs nothing, and so no request: its public half is all that a CA can be given. */
static bool signs(EVP_PKEY *key)
{
	return !EVP_PKEY_is_a(key, "X25519");
}

static int write_pem(X509_REQ *request, EVP_PKEY *key, struct buf *into)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;
	int rc = ERR_NO_MEMORY;

	if (bio && (signs(key) ? PEM_write_bio_X509_REQ(bio, request) : PEM_write_bio_PUBKEY(bio, key))) {
		length = BIO_get_mem_data(bio, &text);
		rc = buf_add(into, text, (size_t)length);
	}
	BIO_free(bio);
	return rc;
}

/* A BIT STRING of whole bytes, zeros at its end included: made of its DER, since only OpenSSL 4 has a call for it. */
static ASN1_BIT_STRING *bit_string(struct view bytes)
{
	CLEAN_BUF struct buf der = BUF_INIT(8192);
	unsigned char head[16], *end = head;
	const unsigned char *at;

	ASN1_put_object(&end, 0, (int)bytes.length + 1, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
	*end++ = 0; /* no bit of the last byte is unused */
	if (buf_add(&der, head, (size_t)(end - head)) || buf_add(&der, bytes.data, bytes.length))
		return NULL;
	at = der.data;
	return d2i_ASN1_BIT_STRING(NULL, &at, (long)der.length);
}

/* The signature over what is there, checked. */
static int sign(X509_REQ *request, const struct session *session, const struct key *key, const char *pin)
{
	CLEAN_BUF struct buf signature = BUF_INIT(4096);
	X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_BIT_STRING *bits = NULL;
	unsigned char *tbs = NULL;
	int length = i2d_re_X509_REQ_tbs(request, &tbs);
	int rc = algorithm && length > 0 ? 0 : ERR_NO_MEMORY;

	rc = rc ? rc : key_sign(session, key, pin, (struct view){tbs, (size_t)length}, algorithm, &signature);
	bits = rc ? NULL : bit_string(buf_view(&signature));
	if (!rc && (!bits || !X509_REQ_set1_signature_algo(request, algorithm)))
		rc = ERR_NO_MEMORY;
	if (!rc) {
		X509_REQ_set0_signature(request, TAKE(bits));
		rc = X509_REQ_verify(request, key->public_key) == 1 ? 0 : ERR_TOKEN;
	}
	OPENSSL_free(tbs);
	ASN1_BIT_STRING_free(bits);
	X509_ALGOR_free(algorithm);
	return rc;
}

int csr_make(struct module *module, const char *label, const char *subject, const char *address, const char *pin,
	     struct buf *into)
{
	CLEAN_SESSION struct session session = {NULL, 0};
	CLEAN_KEY struct key key = KEY_INIT;
	X509_REQ *request = X509_REQ_new();
	X509_NAME *name = X509_NAME_new();
	int rc = request && name ? session_open(module, &session) : ERR_NO_MEMORY;

	rc = rc ? rc : key_find(&session, view_string(label), &key);
	if (!rc && !key.public_key)
		rc = ERR_NO_KEY;
	rc = rc ? rc : parse_subject(subject, name);
	rc = rc || !*address ? rc : add_address(request, address);
	/* RFC 2986 section 4.1: v1, which is 0. OpenSSL 3.5 refuses a request without a version. */
	if (!rc && (!X509_REQ_set_version(request, 0) || !X509_REQ_set_subject_name(request, name) ||
		    !X509_REQ_set_pubkey(request, key.public_key)))
		rc = ERR_NO_MEMORY;
	rc = rc || !signs(key.public_key) ? rc : sign(request, &session, &key, pin);
	rc = rc ? rc : write_pem(request, key.public_key, into);
	X509_NAME_free(name);
	X509_REQ_free(request);
	return rc;
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

struct der {
	unsigned char *data;
	int length;
};

static CK_ATTRIBUTE der_attribute(CK_ATTRIBUTE_TYPE type, const struct der *der)
{
	return (CK_ATTRIBUTE){type, der->data, (CK_ULONG)der->length};
}

/* With what PKCS#11 2.20 section 10.6.3 has: some tokens refuse the later attributes that libp11 adds, and
 * without the serial number, which it leaves out, programs that look for that do not find the certificate. */
static int create(const struct session *session, X509 *cert, struct view label, struct view id)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	struct der value = {0}, subject = {0}, issuer = {0}, serial = {0};
	CK_OBJECT_HANDLE object;
	int rc = 0;

	value.length = i2d_X509(cert, &value.data);
	subject.length = i2d_X509_NAME(X509_get_subject_name(cert), &subject.data);
	issuer.length = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer.data);
	serial.length = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial.data);
	if (value.length <= 0 || subject.length <= 0 || issuer.length <= 0 || serial.length <= 0)
		rc = ERR_NO_MEMORY;
	if (!rc) {
		CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
					   {CKA_TOKEN, &yes, sizeof yes},
					   {CKA_PRIVATE, &no, sizeof no},
					   {CKA_CERTIFICATE_TYPE, &type, sizeof type},
					   der_attribute(CKA_SUBJECT, &subject),
					   der_attribute(CKA_ISSUER, &issuer),
					   der_attribute(CKA_SERIAL_NUMBER, &serial),
					   der_attribute(CKA_VALUE, &value),
					   {CKA_LABEL, (void *)(uintptr_t)label.data, label.length},
					   {CKA_ID, (void *)(uintptr_t)id.data, id.length}};

		rc = session_error("C_CreateObject",
				   session->p11->C_CreateObject(session->handle, template,
								id.length ? 10 : 9, &object));
	}
	OPENSSL_free(value.data);
	OPENSSL_free(subject.data);
	OPENSSL_free(issuer.data);
	OPENSSL_free(serial.data);
	return rc;
}

int csr_store(struct module *module, struct view der, const char *label)
{
	CLEAN_SESSION struct session session = {NULL, 0};
	CLEAN_KEY struct key key = KEY_INIT;
	const unsigned char *at = der.data;
	X509 *cert = d2i_X509(NULL, &at, (long)der.length);
	int found, rc;

	if (!cert)
		return ERR_NOT_CERTIFICATE;
	rc = session_open(module, &session);
	found = rc ? rc : key_find_certified(&session, cert, &key);
	if (found == ERR_NO_KEY) {
		key_done(&key);
		key = KEY_INIT;
	} else {
		rc = found;
	}
	if (!rc && is_stored(module, cert))
		rc = ERR_TOKEN_EXISTS;
	rc = rc ? rc : create(&session, cert, *label ? view_string(label) : buf_view(&key.label), buf_view(&key.id));
	if (!rc && found)
		log_info("a certificate was stored whose key is not on the token");
	X509_free(cert);
	return rc;
}
