/* SPDX-License-Identifier: ISC
 *
 * Authenticated messages that are too long to be held, and are read twice. They are made here; an
 * input is what is done to one. It comes out unchanged or not at all.
 */
#include "cms_decrypt.h"
#include "fuzz.h"
#include "stub_ask.h"

#include <openssl/pem.h>
#include <string.h>

#define CONTENT (1024 * 1024 + 70000)
#define MESSAGE_MAX (CONTENT + 4096)
/* An attribute, and the length of the set of it. */
#define ATTRIBUTES "\x15\x30\x13\x06\x03\x2a\x03\x04\x31\x0c\x04\x0a" "attributes"

static const uint8_t content_key[16], nonce[12];
static uint8_t content[CONTENT];
static struct buf messages[2]; /* without and with authenticated attributes */

/* Adds an element. */
static void add(struct buf *into, uint8_t tag, const struct buf *inner)
{
	require(!buf_add_u8(into, tag) && !buf_add_u8(into, 0x84) &&
		!buf_add_u32(into, (uint32_t)inner->length) && !buf_add(into, inner->data, inner->length));
}

static void add_text(struct buf *into, const char *text, size_t length)
{
	require(!buf_add(into, text, length));
}
#define ADD(into, text) add_text((into), (text), sizeof(text) - 1)

static X509 *read_cert(void)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	FILE *file;
	X509 *cert;

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus-key/rsa.pem", srcdir ? srcdir : ".");
	file = fopen(path, "r");
	require(file);
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	require(cert);
	fclose(file);
	return cert;
}

/* KeyTransRecipientInfo, RFC 5652 section 6.2.1. */
static void add_recipients(struct buf *into)
{
	CLEAN_BUF struct buf info = BUF_INIT(4096), name = BUF_INIT(4096), set = BUF_INIT(4096);
	X509 *cert = read_cert();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(cert), NULL);
	unsigned char *der = NULL, encrypted[512];
	size_t size = sizeof encrypted;
	int length = i2d_X509_NAME(X509_get_issuer_name(cert), &der);

	require(length > 0 && !buf_add(&name, der, (size_t)length));
	OPENSSL_free(der);
	der = NULL;
	length = i2d_ASN1_INTEGER(X509_get_serialNumber(cert), &der);
	require(length > 0 && !buf_add(&name, der, (size_t)length));
	OPENSSL_free(der);
	require(ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
		EVP_PKEY_encrypt(ctx, encrypted, &size, content_key, sizeof content_key) > 0);
	ADD(&info, "\x02\x01\x00");
	add(&info, 0x30, &name);
	ADD(&info, "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00");
	buf_clear(&name);
	require(!buf_add(&name, encrypted, size));
	add(&info, 0x04, &name);
	add(&set, 0x30, &info);
	add(into, 0x31, &set);
	EVP_PKEY_CTX_free(ctx);
	X509_free(cert);
}

/* AES-128-GCM; RFC 5083 section 2.2 has the attributes as SET OF before the content. */
static void encrypt(const char *attributes, struct buf *ret_content, uint8_t tag[16])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int length;

	require(ctx && EVP_EncryptInit_ex2(ctx, EVP_aes_128_gcm(), content_key, nonce, NULL));
	require(EVP_EncryptUpdate(ctx, NULL, &length, (const uint8_t *)attributes, (int)strlen(attributes)));
	require(!buf_reserve(ret_content, CONTENT));
	require(EVP_EncryptUpdate(ctx, ret_content->data, &length, content, CONTENT) && length == CONTENT);
	ret_content->length = CONTENT;
	require(EVP_EncryptFinal_ex(ctx, tag, &length));
	require(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag));
	EVP_CIPHER_CTX_free(ctx);
}

static void make_message(struct buf *message, bool with_attributes)
{
	CLEAN_BUF struct buf inner = BUF_INIT(MESSAGE_MAX), info = BUF_INIT(MESSAGE_MAX);
	CLEAN_BUF struct buf octets = BUF_INIT(MESSAGE_MAX), explicit = BUF_INIT(MESSAGE_MAX);
	uint8_t tag[16];

	encrypt(with_attributes ? "\x31" ATTRIBUTES : "", &octets, tag);
	ADD(&info, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
		   "\x30\x1e\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x06\x30\x11\x04\x0c");
	require(!buf_add(&info, nonce, sizeof nonce));
	ADD(&info, "\x02\x01\x10");
	add(&info, 0x80, &octets);
	ADD(&inner, "\x02\x01\x00");
	add_recipients(&inner);
	add(&inner, 0x30, &info);
	if (with_attributes)
		ADD(&inner, "\xa1" ATTRIBUTES);
	ADD(&inner, "\x04\x10");
	require(!buf_add(&inner, tag, sizeof tag));
	add(&explicit, 0x30, &inner);
	buf_clear(&inner);
	ADD(&inner, "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17");
	add(&inner, 0xa0, &explicit);
	*message = BUF_INIT(MESSAGE_MAX);
	add(message, 0x30, &inner);
}

static void make_messages(void)
{
	if (messages[0].length)
		return;
	for (size_t i = 0; i < CONTENT; i++)
		content[i] = (uint8_t)(i * 7 + (i >> 8));
	make_message(&messages[0], false);
	make_message(&messages[1], true);
}

/* Four bytes each: near the start, near the end or anywhere, and what is turned there; nothing
 * turned is cut off. */
static size_t change(uint8_t *bytes, size_t length, const uint8_t *data, size_t size)
{
	for (; size >= 4 && length; data += 4, size -= 4) {
		size_t at = (size_t)(data[0] & 63) << 16 | (size_t)data[1] << 8 | data[2];

		if (!(data[0] & 128))
			at = data[0] & 64 ? length - 1 - (at & 1023) % length : at & 1023;
		at %= length;
		bytes[at] ^= data[3];
		length = data[3] ? length : at;
	}
	return length;
}

static int keep(void *context, const void *data, size_t length)
{
	size_t *at = context;

	require(length <= CONTENT - *at && !memcmp(content + *at, data, length));
	*at += length;
	return 0;
}

/* The first byte says which message, whether the file can be rewound and how the token answers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input input;
	static uint8_t bytes[MESSAGE_MAX];
	const struct buf *message;
	int lowest = fuzz_lowest_fd(), fd, rc;
	size_t length, out = 0;

	if (!size)
		return 0;
	stub_ask_open(data[0] & 4 ? STUB_KEY : data[0] & 8 ? STUB_UNCLEAR : STUB_BLOCK);
	make_messages();
	message = &messages[data[0] & 1];
	memcpy(bytes, message->data, message->length);
	length = change(bytes, message->length, data + 1, size - 1);
	fd = fuzz_file(bytes, length);
	input_init(&input, fd);
	input.seekable = data[0] & 2;
	rc = cms_decrypt(&input, NULL, keep, &out);
	require(out == (rc ? 0 : CONTENT));
	require(rc || (data[0] & 12) != 8);
	require(!rc || size > 4 || data[0] & 8);
	close(fd);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
