/* SPDX-License-Identifier: ISC
 *
 * KeyAgreeRecipientInfo (RFC 5652 section 6.2.2) for X25519 keys, as RFC 8418 has it, which OpenSSL's CMS reads the
 * outside of and no more.
 */
#ifndef SMIME_WORKER_KARI_H
#define SMIME_WORKER_KARI_H

#include "kdf.h"

#include <openssl/cms.h>

/* What keyEncryptionAlgorithm and ukm say: how a key is made of the shared secret, and what it wraps with. */
struct kari_scheme {
	struct kdf kdf; /* borrows from info, and from the ukm */
	const EVP_CIPHER *wrap;
	struct buf info; /* ECC-CMS-SharedInfo, RFC 5753 section 7.2 */
};

/* ERR_NOT_SUPPORTED for what RFC 8418 does not have; ERR_TOO_LARGE. kari_scheme_done in any case. */
MUST_USE int kari_read_scheme(const X509_ALGOR *algorithm, ASN1_OCTET_STRING *ukm, struct kari_scheme *scheme);
void kari_scheme_done(struct kari_scheme *scheme);
#define CLEAN_KARI_SCHEME CLEANUP(kari_scheme_done)

/* The sender's public key, which the caller frees. NULL if it is none of X25519. */
EVP_PKEY *kari_originator(CMS_RecipientInfo *info);

/* Finds the content key with this X25519 key, in what names the certificate; without one, wherever it fits.
 * ERR_NOT_FOR_US, ERR_NOT_SUPPORTED, ERR_DECRYPT; the token's errors. */
MUST_USE int kari_decrypt(CMS_ContentInfo *cms, EVP_PKEY *key, X509 *cert);

/* Adds a recipient with an X25519 key to a message that OpenSSL is about to make, whose content key has `length`
 * bytes. It will be a KEKRecipientInfo there, until kari_rewrite. ERR_ENCRYPT also for a key of small order. */
MUST_USE int kari_add(CMS_ContentInfo *cms, X509 *cert, size_t length);

/* The RecipientInfos, without the header of their SET, with each KEKRecipientInfo as what kari_add meant. */
MUST_USE int kari_rewrite(struct view infos, struct buf *into);

#endif
