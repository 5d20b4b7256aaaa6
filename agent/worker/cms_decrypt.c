/* SPDX-License-Identifier: ISC
 *
 * From an envelope to its content. OpenSSL finds the content key (its CMS code holds the
 * countermeasures against padding oracles) and hands out a keyed cipher; the content passes
 * through that cipher here, in one idiom for CBC and GCM.
 */
#include "cms_decrypt.h"

#include "clean_ssl.h"
#include "envelope.h"
#include "remote_key.h"
#include "secret.h"
#include "twice.h"

#include <string.h>

#define CHUNK TWICE_CHUNK
/* Authenticated content up to this size is held until its tag is verified; more is read twice. */
#define HOLD_MAX (1024 * 1024)
/* A message names few of one person's keys. */
#define CANDIDATES_MAX 16

struct decryption {
	struct envelope envelope;
	struct input *input;
	BIO *chain; /* owns the cipher */
	EVP_CIPHER_CTX *cipher;
	bool doomed; /* the key was not decrypted for sure: go through the motions, then fail */
	cms_sink sink;
	void *context;
	uint8_t in[CHUNK];
	uint8_t out[CHUNK + EVP_MAX_BLOCK_LENGTH];
};

static bool kari_names(CMS_RecipientInfo *info, X509 *cert)
{
	STACK_OF(CMS_RecipientEncryptedKey) *list = CMS_RecipientInfo_kari_get0_reks(info);

	for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(list); i++)
		if (!CMS_RecipientEncryptedKey_cert_cmp(sk_CMS_RecipientEncryptedKey_value(list, i), cert))
			return true;
	return false;
}

static bool names(CMS_RecipientInfo *info, X509 *cert)
{
	switch (CMS_RecipientInfo_type(info)) {
	case CMS_RECIPINFO_TRANS:
		return !CMS_RecipientInfo_ktri_cert_cmp(info, cert);
	case CMS_RECIPINFO_AGREE:
		return kari_names(info, cert);
	}
	return false;
}

static bool is_recipient(CMS_ContentInfo *cms, X509 *cert)
{
	STACK_OF(CMS_RecipientInfo) *infos = CMS_get0_RecipientInfos(cms);

	for (int i = 0; i < sk_CMS_RecipientInfo_num(infos); i++)
		if (names(sk_CMS_RecipientInfo_value(infos, i), cert))
			return true;
	return false;
}

/* The keys of the list that the message names: those on open tokens first. */
static size_t find_candidates(CMS_ContentInfo *cms, struct key *list, struct key *found[CANDIDATES_MAX])
{
	size_t count = 0;

	for (int open = 1; open >= 0; open--)
		for (struct key *key = list; key && count < CANDIDATES_MAX; key = key->next)
			if (!!(key->token->flags & TOKEN_LOGGED_IN) == open && !(key->flags & CERT_NO_KEY) &&
			    is_recipient(cms, key->cert))
				found[count++] = key;
	return count;
}

/* With a certificate, OpenSSL hides a failed RSA decryption: the content is gone through with a random
 * key. A failed key unwrap after ECDH is told at once: it is authenticated, and no oracle. */
static int try_key(struct decryption *work, struct key *key)
{
	EVP_PKEY *remote = keys_remote(key);
	int ok;

	if (!remote)
		return ERR_NOT_SUPPORTED;
	remote_key_clear();
	ok = CMS_decrypt_set1_pkey(work->envelope.cms, remote, key->cert) > 0;
	if (remote_key_error() && remote_key_error() != ERR_DECRYPT)
		return remote_key_error();
	work->doomed = remote_key_unclear();
	return ok ? 0 : ERR_DECRYPT;
}

/* A key that a person named goes without the message's naming it. */
static int try_named_key(struct decryption *work, const char *name)
{
	EVP_PKEY *remote;
	struct key *key;
	int ok, rc = name ? keys_select(name, CERT_USE_DECRYPT, &key) : ERR_NOT_FOR_US;

	if (rc)
		return rc;
	remote = keys_remote(key);
	if (!remote)
		return ERR_NOT_SUPPORTED;
	remote_key_clear();
	ok = CMS_decrypt_set1_pkey(work->envelope.cms, remote, NULL) > 0;
	if (remote_key_error() && remote_key_error() != ERR_DECRYPT)
		return remote_key_error();
	work->doomed = remote_key_unclear();
	return ok ? 0 : ERR_NOT_FOR_US;
}

static int find_content_key(struct decryption *work, const char *name)
{
	struct key *candidates[CANDIDATES_MAX];
	size_t count;
	int rc = keys_refresh(LIST_KNOWN);

	if (rc)
		return rc;
	count = find_candidates(work->envelope.cms, keys_first(), candidates);
	if (!count) {
		/* Perhaps a key that appeared since. */
		rc = keys_refresh(LIST_OBJECTS);
		count = rc ? 0 : find_candidates(work->envelope.cms, keys_first(), candidates);
	}
	if (!rc && !count)
		count = find_candidates(work->envelope.cms, keys_absent(), candidates);
	if (rc || !count)
		return rc ? rc : try_named_key(work, name);
	for (size_t i = 0; i < count; i++) {
		int err = try_key(work, candidates[i]);

		/* A person who says no means it; else the first failure tells most. */
		if (!err || err == ERR_CANCELLED)
			return err;
		rc = rc ? rc : err;
	}
	return rc;
}

/* RFC 8551 section 2.7, and 3DES for old mail. */
static bool cipher_allowed(int nid, bool authenticated)
{
	static const int cbc[] = {NID_aes_128_cbc, NID_aes_192_cbc, NID_aes_256_cbc, NID_des_ede3_cbc};
	static const int gcm[] = {NID_aes_128_gcm, NID_aes_192_gcm, NID_aes_256_gcm};
	const int *list = authenticated ? gcm : cbc;
	size_t count = authenticated ? sizeof gcm / sizeof gcm[0] : sizeof cbc / sizeof cbc[0];

	/* Each only in its place: GCM in EnvelopedData has no tag that is checked, CBC in
	 * AuthEnvelopedData none at all. */
	for (size_t i = 0; i < count; i++)
		if (nid == list[i])
			return true;
	return false;
}

static int open_cipher(struct decryption *work)
{
	BIO *empty = BIO_new_mem_buf("", 0), *cipher;

	work->chain = empty ? CMS_dataInit(work->envelope.cms, empty) : NULL;
	if (!work->chain) {
		BIO_free(empty);
		return ERR_NOT_SUPPORTED;
	}
	cipher = BIO_find_type(work->chain, BIO_TYPE_CIPHER);
	if (!cipher || BIO_get_cipher_ctx(cipher, &work->cipher) <= 0 || !work->cipher)
		return ERR_NOT_SUPPORTED;
	/* The one that was allowed, and no other that OpenSSL might have made of it. */
	return EVP_CIPHER_CTX_get_nid(work->cipher) == work->envelope.cipher ? 0 : ERR_NOT_SUPPORTED;
}

/* Deciphers into out, and hands on to the sink if it may be seen already. */
static int pass_on(struct decryption *work, const void *in, size_t length, bool visible)
{
	int out = 0;

	if (EVP_DecryptUpdate(work->cipher, work->out, &out, in, (int)length) != 1)
		return ERR_DECRYPT;
	return visible && out ? work->sink(work->context, work->out, (size_t)out) : 0;
}

static int decrypt_cbc(struct decryption *work)
{
	size_t got = 0;
	int out = 0, rc, ok;

	do {
		rc = envelope_read(&work->envelope, work->in, CHUNK, &got);
		rc = rc || !got ? rc : pass_on(work, work->in, got, true);
	} while (!rc && got);
	rc = rc ? rc : envelope_read_end(&work->envelope);
	if (rc)
		return rc;
	ok = EVP_DecryptFinal_ex(work->cipher, work->out, &out);
	if (!ok || work->doomed)
		return ERR_DECRYPT;
	return out ? work->sink(work->context, work->out, (size_t)out) : 0;
}

/* The same key and nonce from the start again, with the attributes that are authenticated first. */
static int restart_gcm(struct decryption *work, const struct buf *attributes)
{
	uint8_t nonce[EVP_MAX_IV_LENGTH];
	int out, length = EVP_CIPHER_CTX_get_iv_length(work->cipher);

	if (length > (int)sizeof nonce ||
	    !EVP_CIPHER_CTX_get_original_iv(work->cipher, nonce, (size_t)length) ||
	    !EVP_DecryptInit_ex2(work->cipher, NULL, NULL, nonce, NULL))
		return ERR_DECRYPT;
	if (attributes->length &&
	    EVP_DecryptUpdate(work->cipher, NULL, &out, attributes->data, (int)attributes->length) != 1)
		return ERR_DECRYPT;
	return 0;
}

static int check_tag(struct decryption *work)
{
	struct envelope *envelope = &work->envelope;
	int out = 0;

	if (EVP_CIPHER_CTX_ctrl(work->cipher, EVP_CTRL_AEAD_SET_TAG, (int)envelope->mac_length,
				envelope->mac) != 1 ||
	    EVP_DecryptFinal_ex(work->cipher, work->out, &out) != 1 || work->doomed)
		return ERR_DECRYPT;
	return 0;
}

/* All of the content is at hand: decipher in place, verify, then show. */
static int decrypt_held(struct decryption *work, struct buf *held)
{
	int out = 0, rc = envelope_read_end(&work->envelope);

	rc = rc ? rc : restart_gcm(work, &work->envelope.attributes);
	if (rc)
		return rc;
	if (held->length &&
	    EVP_DecryptUpdate(work->cipher, held->data, &out, held->data, (int)held->length) != 1)
		return ERR_DECRYPT;
	rc = check_tag(work);
	return rc ? rc : work->sink(work->context, held->data, held->length);
}

/* One whole reading: the held start, then the rest. */
static int read_through(struct decryption *work, struct twice *twice, const struct buf *held, bool visible)
{
	size_t got = 0;
	int rc = 0;

	for (size_t at = 0; at < held->length && !rc; at += CHUNK) {
		size_t left = held->length - at;

		rc = pass_on(work, held->data + at, left < CHUNK ? left : CHUNK, visible);
	}
	do {
		rc = rc ? rc : twice_read(twice, work->in, &got);
		rc = rc || !got ? rc : pass_on(work, work->in, got, visible);
	} while (!rc && got);
	return rc;
}

static int decrypt_twice(struct decryption *work, struct twice *twice, const struct buf *held)
{
	static const struct buf none;
	int rc = restart_gcm(work, &none);

	/* Most messages have no authenticated attributes, and those that have show them at the end. */
	rc = rc ? rc : read_through(work, twice, held, false);
	rc = rc ? rc : envelope_read_end(&work->envelope);
	if (!rc && work->envelope.attributes.length) {
		rc = twice_again(twice);
		rc = rc ? rc : restart_gcm(work, &work->envelope.attributes);
		rc = rc ? rc : read_through(work, twice, held, false);
	}
	rc = rc ? rc : check_tag(work);
	rc = rc ? rc : twice_again(twice);
	rc = rc ? rc : restart_gcm(work, &work->envelope.attributes);
	rc = rc ? rc : read_through(work, twice, held, true);
	return rc ? rc : check_tag(work);
}

static int decrypt_large(struct decryption *work, const struct buf *held)
{
	struct twice twice;
	int rc = twice_begin(&twice, &work->envelope, work->input);

	rc = rc ? rc : decrypt_twice(work, &twice, held);
	twice_done(&twice);
	return rc;
}

static int decrypt_gcm(struct decryption *work)
{
	CLEAN_BUF struct buf held = BUF_INIT(HOLD_MAX + CHUNK);
	size_t got = 1;
	int rc = 0;

	while (!rc && got && held.length < HOLD_MAX) {
		rc = buf_reserve(&held, CHUNK);
		rc = rc ? rc : envelope_read(&work->envelope, held.data + held.length, CHUNK, &got);
		if (!rc)
			held.length += got;
	}
	if (rc)
		return rc;
	rc = got ? decrypt_large(work, &held) : decrypt_held(work, &held);
	if (held.data)
		secret_wipe(held.data, held.length);
	return rc;
}

int cms_decrypt(struct input *input, const char *name, cms_sink sink, void *context)
{
	struct decryption *work = calloc(1, sizeof *work);
	int rc;

	if (!work)
		return ERR_NO_MEMORY;
	work->input = input;
	work->sink = sink;
	work->context = context;
	rc = envelope_begin(&work->envelope, input);
	/* Before the token is asked: nobody enters a PIN for a message that is refused. */
	if (!rc && !cipher_allowed(work->envelope.cipher, work->envelope.authenticated))
		rc = ERR_NOT_SUPPORTED;
	rc = rc ? rc : find_content_key(work, name);
	rc = rc ? rc : open_cipher(work);
	if (!rc)
		rc = work->envelope.authenticated ? decrypt_gcm(work) : decrypt_cbc(work);
	BIO_free_all(work->chain);
	envelope_done(&work->envelope);
	secret_wipe(work, sizeof *work);
	free(work);
	return rc;
}
