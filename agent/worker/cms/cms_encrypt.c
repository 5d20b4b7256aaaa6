/* SPDX-License-Identifier: ISC
 *
 * OpenSSL makes the content key and the recipients' parts, in a message without content; the content
 * passes through the keyed cipher here, and the message is put together around it.
 */
#include "cms_encrypt.h"

#include "der.h"
#include "envelope.h"
#include "kari.h"

#include <openssl/rsa.h>
#include <string.h>

/* Ciphertext up to this size is held, so that its message can be DER. */
#define HOLD_MAX (1024 * 1024)
#define TAG_SIZE 16
#define ALGORITHM_MAX 1024

static const uint8_t oid_enveloped[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03};
static const uint8_t oid_auth_enveloped[] = {0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7,
					     0x0d, 0x01, 0x09, 0x10, 0x01, 0x17};

static bool set_oaep(CMS_RecipientInfo *info)
{
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);

	return ctx && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0;
}

/* RFC 5753; OpenSSL's default is SHA-1. The key wrap follows the content cipher's key. */
static bool set_ecdh(CMS_RecipientInfo *info)
{
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);

	return ctx && EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) > 0;
}

static int add_recipient(CMS_ContentInfo *cms, const struct cms_recipient *recipient, const EVP_CIPHER *how)
{
	EVP_PKEY *key = X509_get0_pubkey(recipient->cert);
	bool ec = key && EVP_PKEY_is_a(key, "EC");
	bool parameters = ec || recipient->oaep;
	CMS_RecipientInfo *info;

	if (key && EVP_PKEY_is_a(key, "X25519"))
		return kari_add(cms, recipient->cert, (size_t)EVP_CIPHER_get_key_length(how));
	info = CMS_add1_recipient_cert(cms, recipient->cert, parameters ? CMS_KEY_PARAM : 0);
	if (!info || (ec && !set_ecdh(info)) || (!ec && recipient->oaep && !set_oaep(info)))
		return ERR_ENCRYPT;
	return 0;
}

/* The parts of OpenSSL's message that ours is made of. */
static int take_parts(struct cms_encryptor *encryptor, struct view der)
{
	CLEAN_BUF struct buf infos = BUF_INIT(encryptor->before.limit);
	struct view whole, info, rest, inside;
	int rc = der_take(&der, &whole, &info); /* ContentInfo */

	rc = rc ? rc : der_take(&info, &whole, &inside);  /* its type */
	rc = rc ? rc : der_take(&info, &whole, &inside);  /* [0] */
	rc = rc ? rc : der_take(&inside, &whole, &rest); /* EnvelopedData */
	rc = rc ? rc : der_take(&rest, &whole, &inside); /* version */
	rc = rc ? rc : buf_add(&encryptor->before, whole.data, whole.length);
	rc = rc ? rc : der_take(&rest, &whole, &inside); /* recipientInfos */
	rc = rc ? rc : kari_rewrite(inside, &infos);
	rc = rc ? rc : der_add_header(&encryptor->before, 0x31, infos.length);
	rc = rc ? rc : buf_add(&encryptor->before, infos.data, infos.length);
	rc = rc ? rc : der_take(&rest, &whole, &inside); /* EncryptedContentInfo */
	return rc ? rc : buf_add(&encryptor->content, inside.data, inside.length);
}

/* Makes the content key, and encrypts it to every recipient. */
static int make_keys(struct cms_encryptor *encryptor)
{
	BIO *sink = BIO_new(BIO_s_null()), *cipher;
	unsigned char *der = NULL;
	int length, rc;

	encryptor->chain = sink ? CMS_dataInit(encryptor->cms, sink) : NULL;
	if (!encryptor->chain) {
		BIO_free(sink);
		return ERR_ENCRYPT;
	}
	cipher = BIO_find_type(encryptor->chain, BIO_TYPE_CIPHER);
	if (!cipher || BIO_get_cipher_ctx(cipher, &encryptor->cipher) <= 0 || !encryptor->cipher)
		return ERR_ENCRYPT;
	length = i2d_CMS_ContentInfo(encryptor->cms, &der);
	rc = length > 0 ? take_parts(encryptor, (struct view){der, (size_t)length}) : ERR_ENCRYPT;
	OPENSSL_free(der);
	return rc;
}

int cms_encryptor_begin(struct cms_encryptor *encryptor, struct output *output, int cipher,
			const struct cms_recipient *recipients, size_t count)
{
	const EVP_CIPHER *how = EVP_get_cipherbynid(cipher);
	int rc = 0;

	*encryptor = (struct cms_encryptor){.output = output};
	/* What is before the content must be read again: envelope.c has room for that much. */
	encryptor->before = BUF_INIT(ENVELOPE_MAX - ALGORITHM_MAX);
	encryptor->content = BUF_INIT(ALGORITHM_MAX);
	encryptor->held = BUF_INIT(HOLD_MAX + CMS_ENCRYPT_CHUNK + EVP_MAX_BLOCK_LENGTH);
	if (!how)
		return ERR_NOT_SUPPORTED;
	encryptor->authenticated = EVP_CIPHER_get_mode(how) == EVP_CIPH_GCM_MODE;
	encryptor->cms = CMS_encrypt(NULL, NULL, how, CMS_PARTIAL | CMS_DETACHED | CMS_BINARY | CMS_STREAM);
	if (!encryptor->cms)
		return ERR_ENCRYPT;
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_recipient(encryptor->cms, &recipients[i], how);
	return rc ? rc : make_keys(encryptor);
}

static int add_type(const struct cms_encryptor *encryptor, struct buf *into)
{
	return encryptor->authenticated ? buf_add(into, oid_auth_enveloped, sizeof oid_auth_enveloped)
					: buf_add(into, oid_enveloped, sizeof oid_enveloped);
}

/* The part of an indefinite-length message that goes before the content. */
static int write_head(struct cms_encryptor *encryptor)
{
	struct output *output = encryptor->output;
	CLEAN_BUF struct buf head = BUF_INIT(ALGORITHM_MAX);
	int rc = buf_add(&head, "\x30\x80", 2);

	rc = rc ? rc : add_type(encryptor, &head);
	rc = rc ? rc : buf_add(&head, "\xa0\x80\x30\x80", 4);
	rc = rc ? rc : output_write(output, head.data, head.length);
	rc = rc ? rc : output_write(output, encryptor->before.data, encryptor->before.length);
	rc = rc ? rc : output_write(output, "\x30\x80", 2);
	rc = rc ? rc : output_write(output, encryptor->content.data, encryptor->content.length);
	return rc ? rc : output_write(output, "\xa0\x80", 2);
}

static int put_ciphertext(struct cms_encryptor *encryptor, size_t length)
{
	int rc;

	if (!length)
		return 0;
	if (encryptor->streaming)
		return der_write_segment(encryptor->output, encryptor->out, length);
	rc = buf_add(&encryptor->held, encryptor->out, length);
	if (rc || encryptor->held.length <= HOLD_MAX)
		return rc;
	encryptor->streaming = true;
	rc = write_head(encryptor);
	rc = rc ? rc : der_write_segment(encryptor->output, encryptor->held.data, encryptor->held.length);
	buf_done(&encryptor->held);
	return rc;
}

int cms_encryptor_write(void *context, const void *data, size_t length)
{
	struct cms_encryptor *encryptor = context;
	const uint8_t *at = data;

	while (length) {
		size_t piece = length < CMS_ENCRYPT_CHUNK ? length : CMS_ENCRYPT_CHUNK;
		int out = 0, rc;

		if (EVP_EncryptUpdate(encryptor->cipher, encryptor->out, &out, at, (int)piece) != 1)
			return ERR_ENCRYPT;
		rc = put_ciphertext(encryptor, (size_t)out);
		if (rc)
			return rc;
		at += piece;
		length -= piece;
	}
	return 0;
}

/* DER, with every length known. `mac` is the whole element, or empty. */
static int write_der(struct cms_encryptor *encryptor, struct view mac)
{
	struct output *output = encryptor->output;
	CLEAN_BUF struct buf head = BUF_INIT(ALGORITHM_MAX);
	size_t type = encryptor->authenticated ? sizeof oid_auth_enveloped : sizeof oid_enveloped;
	size_t content = encryptor->content.length + der_element_size(encryptor->held.length);
	size_t enveloped = encryptor->before.length + der_element_size(content) + mac.length;
	size_t explicit = der_element_size(enveloped);
	int rc = der_add_header(&head, 0x30, type + der_element_size(explicit));

	rc = rc ? rc : add_type(encryptor, &head);
	rc = rc ? rc : der_add_header(&head, 0xa0, explicit);
	rc = rc ? rc : der_add_header(&head, 0x30, enveloped);
	rc = rc ? rc : output_write(output, head.data, head.length);
	rc = rc ? rc : output_write(output, encryptor->before.data, encryptor->before.length);
	buf_clear(&head);
	rc = rc ? rc : der_add_header(&head, 0x30, content);
	rc = rc ? rc : buf_add(&head, encryptor->content.data, encryptor->content.length);
	rc = rc ? rc : der_add_header(&head, 0x80, encryptor->held.length);
	rc = rc ? rc : output_write(output, head.data, head.length);
	rc = rc ? rc : output_write(output, encryptor->held.data, encryptor->held.length);
	return rc ? rc : output_write(output, mac.data, mac.length);
}

int cms_encryptor_finish(struct cms_encryptor *encryptor)
{
	struct output *output = encryptor->output;
	uint8_t mac[2 + TAG_SIZE] = {0x04, TAG_SIZE};
	struct view element = {mac, encryptor->authenticated ? sizeof mac : 0};
	int out = 0, rc;

	if (EVP_EncryptFinal_ex(encryptor->cipher, encryptor->out, &out) != 1)
		return ERR_ENCRYPT;
	rc = put_ciphertext(encryptor, (size_t)out);
	if (!rc && encryptor->authenticated &&
	    EVP_CIPHER_CTX_ctrl(encryptor->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, mac + 2) != 1)
		rc = ERR_ENCRYPT;
	if (rc || !encryptor->streaming)
		return rc ? rc : write_der(encryptor, element);
	rc = output_write(output, "\0\0\0", 4); /* ends of a0 and 30 */
	rc = rc ? rc : output_write(output, element.data, element.length);
	return rc ? rc : output_write(output, "\0\0\0\0\0", 6); /* of 30, a0 and 30 */
}

void cms_encryptor_done(struct cms_encryptor *encryptor)
{
	BIO_free_all(encryptor->chain);
	CMS_ContentInfo_free(encryptor->cms);
	buf_done(&encryptor->before);
	buf_done(&encryptor->content);
	buf_done(&encryptor->held);
	encryptor->chain = NULL;
	encryptor->cms = NULL;
}
