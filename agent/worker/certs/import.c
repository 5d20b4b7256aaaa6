/* SPDX-License-Identifier: ISC
 *
 * Looks at the first bytes, and lets OpenSSL parse. Nothing here decides whether a certificate is to be
 * trusted.
 */
#include "import.h"

#include "clean_ssl.h"
#include "vcard.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

struct import_work {
	const struct import_sink *sink;
	struct import_count *count;
};

static int give_cert(struct import_work *work, X509 *cert)
{
	int rc = work->sink->cert(work->sink->context, cert);

	work->count->certificates += !rc;
	return rc;
}

static int give_crl(struct import_work *work, X509_CRL *crl)
{
	int rc = work->sink->crl ? work->sink->crl(work->sink->context, crl) : 0;

	work->count->crls += !rc;
	return rc;
}

static int take_cms(struct import_work *work, CMS_ContentInfo *cms)
{
	STACK_OF(X509) *certs = CMS_get1_certs(cms);
	STACK_OF(X509_CRL) *crls = CMS_get1_crls(cms);
	int rc = 0;

	if (!certs && !crls)
		work->count->damaged++;
	for (int i = 0; i < sk_X509_num(certs) && !rc; i++)
		rc = give_cert(work, sk_X509_value(certs, i));
	for (int i = 0; i < sk_X509_CRL_num(crls) && !rc; i++)
		rc = give_crl(work, sk_X509_CRL_value(crls, i));
	sk_X509_pop_free(certs, X509_free);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	return rc;
}

static int take_cert(struct import_work *work, struct view *der, bool trusted)
{
	const unsigned char *at = der->data;
	X509 *cert = trusted ? d2i_X509_AUX(NULL, &at, (long)der->length) : d2i_X509(NULL, &at, (long)der->length);
	int rc = cert ? give_cert(work, cert) : ERR_NOT_CERTIFICATE;

	if (cert)
		*der = (struct view){at, der->length - (size_t)(at - der->data)};
	X509_free(cert);
	return rc;
}

static int take_crl(struct import_work *work, struct view *der)
{
	const unsigned char *at = der->data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der->length);
	int rc = crl ? give_crl(work, crl) : ERR_NOT_CERTIFICATE;

	if (crl)
		*der = (struct view){at, der->length - (size_t)(at - der->data)};
	X509_CRL_free(crl);
	return rc;
}

static int take_signed_data(struct import_work *work, struct view *der)
{
	const unsigned char *at = der->data;
	CLEAN_CMS CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der->length);

	if (!cms)
		return ERR_NOT_CERTIFICATE;
	*der = (struct view){at, der->length - (size_t)(at - der->data)};
	return take_cms(work, cms);
}

/* The tag of what a SEQUENCE has first; 0 where there is none. */
static uint8_t first_inside(struct view der)
{
	size_t at;

	if (der.length < 4 || der.data[0] != 0x30)
		return 0;
	at = der.data[1] < 0x80 ? 2 : 2u + (der.data[1] & 0x7f);
	return at < der.length ? der.data[at] : 0;
}

/* One object from the front. ERR_NOT_CERTIFICATE where it is none that is known. */
static int take_object(struct import_work *work, struct view *der)
{
	int rc;

	switch (first_inside(*der)) {
	case V_ASN1_OBJECT:
		return take_signed_data(work, der);
	case V_ASN1_INTEGER:
		return import_pkcs12(der, work->sink, work->count);
	default:
		rc = take_cert(work, der, false);
		return rc == ERR_NOT_CERTIFICATE ? take_crl(work, der) : rc;
	}
}

/* Objects, one after the other. */
static int take_der(struct import_work *work, struct view der)
{
	int rc = 0;

	while (der.length && !rc)
		rc = take_object(work, &der);
	if (rc != ERR_NOT_CERTIFICATE)
		return rc;
	work->count->damaged++;
	return 0;
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name))
		names++;
	return *names;
}

static int take_block(struct import_work *work, const char *name, struct view der)
{
	static const char *const certs[] = {PEM_STRING_X509, PEM_STRING_X509_OLD, NULL};
	static const char *const messages[] = {PEM_STRING_PKCS7, PEM_STRING_PKCS7_SIGNED, PEM_STRING_CMS, NULL};
	int rc = 0;

	if (is_one_of(name, certs))
		rc = take_cert(work, &der, false);
	else if (!strcmp(name, PEM_STRING_X509_TRUSTED))
		rc = take_cert(work, &der, true);
	else if (!strcmp(name, PEM_STRING_X509_CRL))
		rc = take_crl(work, &der);
	else if (is_one_of(name, messages))
		rc = take_signed_data(work, &der);
	else if (strstr(name, "PRIVATE KEY"))
		work->count->keys++;
	if (rc != ERR_NOT_CERTIFICATE)
		return rc;
	work->count->damaged++;
	return 0;
}

static int take_pem(struct import_work *work, struct view text)
{
	CLEAN_BIO BIO *bio = BIO_new_mem_buf(text.data, (int)text.length);
	int rc = bio ? 0 : ERR_NO_MEMORY;

	while (!rc) {
		char *name = NULL, *header = NULL;
		unsigned char *data = NULL;
		long length = 0;

		ERR_clear_error();
		if (PEM_read_bio(bio, &name, &header, &data, &length)) {
			rc = take_block(work, name, (struct view){data, (size_t)length});
		} else if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
			break;
		} else {
			work->count->damaged++;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)length); /* it may be a private key */
	}
	ERR_clear_error();
	return rc;
}

/* ERR_NOT_CERTIFICATE for what is no base64. */
static int decode(struct view text, struct buf *into)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	int length = 0, tail = 0, rc = ctx ? buf_reserve(into, text.length + 3) : ERR_NO_MEMORY;

	if (!rc) {
		EVP_DecodeInit(ctx);
		if (EVP_DecodeUpdate(ctx, into->data, &length, text.data, (int)text.length) < 0 ||
		    EVP_DecodeFinal(ctx, into->data + length, &tail) < 0)
			rc = ERR_NOT_CERTIFICATE;
	}
	if (!rc)
		into->length = (size_t)length + (size_t)tail;
	EVP_ENCODE_CTX_free(ctx);
	return rc;
}

static int take_base64(struct import_work *work, struct view text)
{
	CLEAN_BUF struct buf der = BUF_INIT(IMPORT_MAX);
	int rc = decode(text, &der);

	if (!rc && (!der.length || der.data[0] != 0x30))
		rc = ERR_NOT_CERTIFICATE;
	return rc ? rc : take_der(work, buf_view(&der));
}

static int take_vcards(struct import_work *work, struct view text)
{
	CLEAN_BUF struct buf value = BUF_INIT(IMPORT_MAX);
	enum vcard_key kind = VCARD_ELSEWHERE;
	int rc = 0;

	while (!rc && kind != VCARD_END) {
		rc = vcard_next(&text, &value, &kind);
		if (rc || kind == VCARD_END)
			break;
		if (kind == VCARD_ELSEWHERE)
			work->count->elsewhere++;
		else
			rc = take_base64(work, buf_view(&value));
		if (rc == ERR_NOT_CERTIFICATE) { /* an OpenPGP key, perhaps */
			work->count->damaged++;
			rc = 0;
		}
	}
	return rc;
}

int import_bytes(struct view bytes, const struct import_sink *sink, struct import_count *count)
{
	static const char begin[] = "-----BEGIN ";
	struct import_work work = {sink, count};
	int rc;

	if (bytes.length > IMPORT_MAX)
		return ERR_TOO_LARGE;
	if (first_inside(bytes))
		rc = take_der(&work, bytes);
	else if (vcard_is(bytes))
		rc = take_vcards(&work, bytes);
	else if (bytes.length && memmem(bytes.data, bytes.length, begin, sizeof begin - 1))
		rc = take_pem(&work, bytes);
	else
		rc = take_base64(&work, bytes);
	ERR_clear_error();
	return rc || count->certificates || count->crls ? rc : ERR_NOT_CERTIFICATE;
}

int import_read(struct input *input, struct buf *into)
{
	size_t got = 1;
	int rc = buf_reserve(into, IMPORT_MAX); /* once: what was read is not to be moved before it is wiped */

	while (!rc && got) {
		if (into->length == IMPORT_MAX)
			return ERR_TOO_LARGE;
		rc = input_read(input, into->data + into->length, IMPORT_MAX - into->length, &got);
		into->length += rc ? 0 : got;
	}
	OPENSSL_cleanse(input->state.raw, sizeof input->state.raw);
	return rc;
}
