/* SPDX-License-Identifier: ISC
 *
 * Making encrypted CMS messages of any size: EnvelopedData (RFC 5652 section 6) with AES-CBC, or
 * AuthEnvelopedData (RFC 5083, 5084) with AES-GCM.
 */
#ifndef SMIME_WORKER_CMS_ENCRYPT_H
#define SMIME_WORKER_CMS_ENCRYPT_H

#include "output.h"

#include <openssl/cms.h>

#define CMS_ENCRYPT_CHUNK 65536

/* Whom a message is for. */
struct cms_recipient {
	X509 *cert; /* borrowed */
	bool oaep;  /* RSAES-OAEP (RFC 3560) with SHA-256 rather than PKCS#1 v1.5 */
};

/* A message that is being encrypted: content in, CMS out, without armor. Content of up to 1 MiB gives
 * DER; more gives BER of indefinite length, in one pass. Large: not for the stack. */
struct cms_encryptor {
	struct output *output;
	CMS_ContentInfo *cms;
	BIO *chain; /* owns the cipher */
	EVP_CIPHER_CTX *cipher;
	bool authenticated;
	struct buf before;  /* version and recipientInfos */
	struct buf content; /* contentType and contentEncryptionAlgorithm */
	struct buf held;    /* ciphertext, until it is too much to hold */
	bool streaming;
	uint8_t out[CMS_ENCRYPT_CHUNK + EVP_MAX_BLOCK_LENGTH];
};

/* Begins, with a cipher by its NID; cms_encryptor_done in any case. Nothing is written yet. ERR_ENCRYPT;
 * ERR_TOO_LARGE for more recipients than a message has room for that is read again. */
MUST_USE int cms_encryptor_begin(struct cms_encryptor *encryptor, struct output *output, int cipher,
				 const struct cms_recipient *recipients, size_t count);
/* Has the shape of an output's sink. */
MUST_USE int cms_encryptor_write(void *encryptor, const void *data, size_t length);
MUST_USE int cms_encryptor_finish(struct cms_encryptor *encryptor);
void cms_encryptor_done(struct cms_encryptor *encryptor);

#endif
