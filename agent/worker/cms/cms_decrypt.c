/* SPDX-License-Identifier: ISC
 *
 * From an envelope to its content. OpenSSL finds the content key (its CMS code holds the
 * countermeasures against padding oracles) and hands out a keyed cipher; the content passes
 * through that cipher here, in one idiom for CBC and GCM.
 */
#include "cms_decrypt.h"

#include "clean_ssl.h"
#include "envelope.h"
#include "kari.h"
#include "remote_key.h"
#include "secret.h"
#include "reread.h"

#include <string.h>

#define CHUNK REREAD_CHUNK
/* Authenticated content up to this size is held until its tag is verified; more is read twice. */
#define HOLD_MAX (1024 * 1024)
/* A message names few of one person's keys. */
#define CANDIDATES_MAX 16

struct cms_decryption {
	struct envelope envelope;
	struct input *input;
	BIO *chain; /* owns the cipher */
	EVP_CIPHER_CTX *cipher;
	const struct key *key;
	bool doomed; /* the key was not decrypted for sure: go through the motions, then fail, as a tag does by itself */
	int (*step)(struct cms_decryption *work); /* makes more plaintext, or ends */
	bool ended;
	int failed;
	struct buf held; /* authenticated content, or its start: ciphertext, then plaintext */
	size_t held_at;
	struct reread reread;
	bool is_reread;
	struct view plain; /* not yet read: in held, or in out */
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
static int try_key(struct cms_decryption *work, struct key *key, X509 *cert)
{
	CMS_ContentInfo *cms = work->envelope.cms;
	EVP_PKEY *remote = keys_remote(key);
	int rc;

	if (!remote)
		return ERR_NOT_SUPPORTED;
	work->key = key;
	remote_key_clear();
	if (EVP_PKEY_is_a(remote, "X25519"))
		rc = kari_decrypt(cms, remote, cert);
	else
		rc = CMS_decrypt_set1_pkey(cms, remote, cert) > 0 ? 0 : ERR_DECRYPT;
	if (remote_key_error() && remote_key_error() != ERR_DECRYPT)
		return remote_key_error();
	work->doomed = remote_key_unclear();
	/* So a key that was unwrapped and is of another length than the cipher's is not replaced by a random one. */
	if (!rc && !EVP_PKEY_is_a(remote, "RSA") && !CMS_decrypt(cms, NULL, NULL, NULL, NULL, CMS_DEBUG_DECRYPT))
		rc = ERR_DECRYPT;
	return rc;
}

/* A key that a person named goes without the message's naming it. */
static int try_named_key(struct cms_decryption *work, const char *name)
{
	struct key *key;
	int rc = name ? keys_select(name, CERT_USE_DECRYPT, &key) : ERR_NOT_FOR_US;

	rc = rc ? rc : try_key(work, key, NULL);
	return rc == ERR_DECRYPT ? ERR_NOT_FOR_US : rc;
}

static int find_content_key(struct cms_decryption *work, const char *name)
{
	struct key *candidates[CANDIDATES_MAX];
	size_t count;
	int rc = keys_refresh(LIST_KNOWN);

	if (rc)
		return rc;
	count = find_candidates(work->envelope.cms, keys_first(), candidates);
	if (!count) {
		/* Perhaps a key that appeared since. */
		rc = keys_refresh(LIST_PATIENT);
		count = rc ? 0 : find_candidates(work->envelope.cms, keys_first(), candidates);
	}
	if (!rc && !count)
		count = find_candidates(work->envelope.cms, keys_absent(), candidates);
	if (rc || !count)
		return rc ? rc : try_named_key(work, name);
	for (size_t i = 0; i < count; i++) {
		int err = try_key(work, candidates[i], candidates[i]->cert);

		/* A person who says no means it; else the first failure tells most. */
		if (!err || err == ERR_CANCELLED)
			return err;
		rc = rc ? rc : err;
	}
	return rc;
}

/* RFC 8551 section 2.7, and 3DES for old mail. */
static int check_cipher(const struct envelope *envelope)
{
	/* Each only in its place: GCM in EnvelopedData has no tag that is checked, CBC in AuthEnvelopedData none at
	 * all. With an IV as long as it has to be: OpenSSL takes a part of a long one, and none for zeros. */
	static const struct {
		int nid;
		bool authenticated;
		size_t iv_length;
	} ciphers[] = {
		{NID_aes_128_cbc, false, 16}, {NID_aes_192_cbc, false, 16}, {NID_aes_256_cbc, false, 16},
		{NID_des_ede3_cbc, false, 8}, {NID_aes_128_gcm, true, 12},  {NID_aes_192_gcm, true, 12},
		{NID_aes_256_gcm, true, 12},
	};

	for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
		if (envelope->cipher == ciphers[i].nid && envelope->authenticated == ciphers[i].authenticated)
			return envelope->iv_length == ciphers[i].iv_length ? 0 : ERR_NOT_SUPPORTED;
	return ERR_NOT_SUPPORTED;
}

static int open_cipher(struct cms_decryption *work)
{
	BIO *empty = BIO_new_mem_buf("", 0), *cipher;

	work->chain = empty ? CMS_dataInit(work->envelope.cms, empty) : NULL;
	if (!work->chain) {
		BIO_free(empty);
		return ERR_DECRYPT;
	}
	cipher = BIO_find_type(work->chain, BIO_TYPE_CIPHER);
	if (!cipher || BIO_get_cipher_ctx(cipher, &work->cipher) <= 0 || !work->cipher)
		return ERR_NOT_SUPPORTED;
	/* The one that was allowed, and no other that OpenSSL might have made of it. */
	return EVP_CIPHER_CTX_get_nid(work->cipher) == work->envelope.cipher ? 0 : ERR_NOT_SUPPORTED;
}

static int decipher(struct cms_decryption *work, const void *in, size_t length)
{
	int out = 0;

	if (EVP_DecryptUpdate(work->cipher, work->out, &out, in, (int)length) != 1)
		return ERR_DECRYPT;
	work->plain = (struct view){work->out, (size_t)out};
	return 0;
}

static int step_cbc(struct cms_decryption *work)
{
	size_t got = 0;
	int out = 0, ok, rc = envelope_read(&work->envelope, work->in, CHUNK, &got);

	if (rc || got)
		return rc ? rc : decipher(work, work->in, got);
	rc = envelope_read_end(&work->envelope);
	if (rc)
		return rc;
	ok = EVP_DecryptFinal_ex(work->cipher, work->out, &out);
	if (!ok || work->doomed)
		return ERR_DECRYPT;
	work->ended = true;
	work->plain = (struct view){work->out, (size_t)out};
	return 0;
}

/* The same key and nonce from the start again, with the attributes that are authenticated first. */
static int restart_gcm(struct cms_decryption *work, const struct buf *attributes)
{
	uint8_t nonce[EVP_MAX_IV_LENGTH];
	int out, length = EVP_CIPHER_CTX_get_iv_length(work->cipher);

	work->held_at = 0;
	if (length > (int)sizeof nonce ||
	    !EVP_CIPHER_CTX_get_original_iv(work->cipher, nonce, (size_t)length) ||
	    !EVP_DecryptInit_ex2(work->cipher, NULL, NULL, nonce, NULL))
		return ERR_DECRYPT;
	if (attributes->length &&
	    EVP_DecryptUpdate(work->cipher, NULL, &out, attributes->data, (int)attributes->length) != 1)
		return ERR_DECRYPT;
	return 0;
}

static int check_tag(struct cms_decryption *work)
{
	struct envelope *envelope = &work->envelope;
	int out = 0;

	if (EVP_CIPHER_CTX_ctrl(work->cipher, EVP_CTRL_AEAD_SET_TAG, (int)envelope->mac_length,
				envelope->mac) != 1 ||
	    EVP_DecryptFinal_ex(work->cipher, work->out, &out) != 1)
		return ERR_DECRYPT;
	return 0;
}

/* All of the content is at hand: decipher in place, verify; then it may be read. */
static int verify_held(struct cms_decryption *work)
{
	struct buf *held = &work->held;
	int out = 0, rc = envelope_read_end(&work->envelope);

	rc = rc ? rc : restart_gcm(work, &work->envelope.attributes);
	if (rc)
		return rc;
	if (held->length &&
	    EVP_DecryptUpdate(work->cipher, held->data, &out, held->data, (int)held->length) != 1)
		return ERR_DECRYPT;
	rc = check_tag(work);
	if (rc)
		return rc;
	work->ended = true;
	work->plain = buf_view(held);
	return 0;
}

/* Deciphers the next chunk of a reading: of the held start, then of the rest. None is the end. */
static int next_chunk(struct cms_decryption *work, size_t *ret_length)
{
	size_t left = work->held.length - work->held_at;
	const uint8_t *from = work->held.data + work->held_at;
	int rc = 0;

	*ret_length = left < CHUNK ? left : CHUNK;
	work->held_at += *ret_length;
	if (!left) {
		from = work->in;
		rc = reread_read(&work->reread, work->in, ret_length);
	}
	return rc || !*ret_length ? rc : decipher(work, from, *ret_length);
}

static int read_through(struct cms_decryption *work)
{
	size_t got = 1;
	int rc = 0;

	while (!rc && got)
		rc = next_chunk(work, &got);
	work->plain.length = 0;
	return rc;
}

static int step_reread(struct cms_decryption *work)
{
	size_t got = 0;
	int rc = next_chunk(work, &got);

	if (rc || got)
		return rc;
	work->ended = true;
	return check_tag(work);
}

/* Content that is too large to hold is read once to verify it, and again by who wants it. */
static int verify_by_rereading(struct cms_decryption *work)
{
	static const struct buf none;
	struct reread *reread = &work->reread;
	int rc;

	work->is_reread = true;
	rc = reread_begin(reread, &work->envelope, work->input);
	rc = rc ? rc : restart_gcm(work, &none);
	/* Most messages have no authenticated attributes, and those that have show them at the end. */
	rc = rc ? rc : read_through(work);
	rc = rc ? rc : envelope_read_end(&work->envelope);
	if (!rc && work->envelope.attributes.length) {
		rc = reread_again(reread);
		rc = rc ? rc : restart_gcm(work, &work->envelope.attributes);
		rc = rc ? rc : read_through(work);
	}
	rc = rc ? rc : check_tag(work);
	rc = rc ? rc : reread_again(reread);
	work->step = step_reread;
	return rc ? rc : restart_gcm(work, &work->envelope.attributes);
}

static int begin_gcm(struct cms_decryption *work)
{
	struct buf *held = &work->held;
	size_t got = 1;
	int rc = 0;

	while (!rc && got && held->length < HOLD_MAX) {
		rc = buf_reserve(held, CHUNK);
		rc = rc ? rc : envelope_read(&work->envelope, held->data + held->length, CHUNK, &got);
		if (!rc)
			held->length += got;
	}
	if (rc)
		return rc;
	return got ? verify_by_rereading(work) : verify_held(work);
}

static int begin(struct cms_decryption *work, const char *name)
{
	int rc = envelope_begin(&work->envelope, work->input);

	/* Before the token is asked: nobody enters a PIN for a message that is refused. */
	rc = rc ? rc : check_cipher(&work->envelope);
	rc = rc ? rc : find_content_key(work, name);
	rc = rc ? rc : open_cipher(work);
	work->step = step_cbc;
	return rc || !work->envelope.authenticated ? rc : begin_gcm(work);
}

int cms_decrypt_begin(struct input *input, const char *name, struct cms_decryption **ret_decryption)
{
	struct cms_decryption *work = calloc(1, sizeof *work);
	int rc;

	if (!work)
		return ERR_NO_MEMORY;
	work->input = input;
	work->held = BUF_INIT(HOLD_MAX + CHUNK);
	rc = begin(work, name);
	if (rc)
		cms_decrypt_free(work);
	else
		*ret_decryption = work;
	return rc;
}

int cms_decrypt_read(void *decryption, void *into, size_t size, size_t *ret_length)
{
	struct cms_decryption *work = decryption;

	while (!work->failed && !work->plain.length && !work->ended)
		work->failed = work->step(work);
	if (work->failed)
		return work->failed;
	if (size > work->plain.length)
		size = work->plain.length;
	if (size)
		memcpy(into, work->plain.data, size);
	work->plain.data += size;
	work->plain.length -= size;
	*ret_length = size;
	return 0;
}

const struct key *cms_decrypt_key(const struct cms_decryption *work)
{
	return work->key;
}

int cms_decrypt_cipher(const struct cms_decryption *decryption)
{
	return decryption->envelope.cipher;
}

bool cms_decrypt_authenticated(const struct cms_decryption *decryption)
{
	return decryption->envelope.authenticated;
}

void cms_decrypt_free(struct cms_decryption *decryption)
{
	if (!decryption)
		return;
	if (decryption->is_reread)
		reread_done(&decryption->reread);
	if (decryption->held.data)
		secret_wipe(decryption->held.data, decryption->held.length);
	buf_done(&decryption->held);
	BIO_free_all(decryption->chain);
	envelope_done(&decryption->envelope);
	secret_wipe(decryption, sizeof *decryption);
	free(decryption);
}

int cms_decrypt_rest(struct cms_decryption *work, cms_sink sink, void *context)
{
	CLEAN_BUF struct buf chunk = BUF_INIT(CHUNK);
	size_t got = 1;
	int rc = buf_reserve(&chunk, CHUNK);

	while (!rc && got) {
		rc = cms_decrypt_read(work, chunk.data, CHUNK, &got);
		rc = rc || !got ? rc : sink(context, chunk.data, got);
	}
	if (chunk.data)
		secret_wipe(chunk.data, CHUNK);
	return rc;
}

int cms_decrypt(struct input *input, const char *name, cms_sink sink, void *context)
{
	struct cms_decryption *work = NULL;
	int rc = cms_decrypt_begin(input, name, &work);

	rc = rc ? rc : cms_decrypt_rest(work, sink, context);
	cms_decrypt_free(work);
	return rc;
}
