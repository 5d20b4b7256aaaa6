/* SPDX-License-Identifier: ISC
 *
 * Nettle's AES.
 */
#include "cipher.h"

#include "secret.h"

#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/nist-keywrap.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3394 section 2.1. */
#define UNWRAP_BLOCK 8

union aes {
	struct aes128_ctx aes128;
	struct aes192_ctx aes192;
	struct aes256_ctx aes256;
};

struct cipher {
	union aes aes;
	nettle_cipher_func *decrypt;
	uint8_t iv[CIPHER_BLOCK];
	uint8_t held[CIPHER_BLOCK]; /* ciphertext that is not decrypted yet */
	size_t held_length;
	bool pad;
};

bool cipher_key_fits(size_t length)
{
	return length == AES128_KEY_SIZE || length == AES192_KEY_SIZE || length == AES256_KEY_SIZE;
}

static nettle_cipher_func *set_key(union aes *aes, struct view key)
{
	if (key.length == AES128_KEY_SIZE) {
		aes128_set_decrypt_key(&aes->aes128, key.data);
		return (nettle_cipher_func *)aes128_decrypt;
	}
	if (key.length == AES192_KEY_SIZE) {
		aes192_set_decrypt_key(&aes->aes192, key.data);
		return (nettle_cipher_func *)aes192_decrypt;
	}
	aes256_set_decrypt_key(&aes->aes256, key.data);
	return (nettle_cipher_func *)aes256_decrypt;
}

struct cipher *cipher_new(struct view key, const uint8_t iv[CIPHER_BLOCK], bool pad)
{
	struct cipher *cipher = secret_alloc(sizeof *cipher);

	if (!cipher)
		return NULL;
	cipher->decrypt = set_key(&cipher->aes, key);
	memcpy(cipher->iv, iv, CIPHER_BLOCK);
	cipher->pad = pad;
	return cipher;
}

void cipher_free(struct cipher *cipher)
{
	if (cipher)
		secret_release(cipher, sizeof *cipher);
}

size_t cipher_room(const struct cipher *cipher, size_t length)
{
	size_t all = cipher->held_length + length;

	/* With padding, a block that may be the last one waits. */
	if (cipher->pad)
		return all ? (all - 1) / CIPHER_BLOCK * CIPHER_BLOCK : 0;
	return all / CIPHER_BLOCK * CIPHER_BLOCK;
}

static void decrypt(struct cipher *cipher, const uint8_t *data, size_t length, uint8_t *into)
{
	cbc_decrypt(&cipher->aes, cipher->decrypt, CIPHER_BLOCK, cipher->iv, length, into, data);
}

/* Data may be where the result goes, and that is ahead of it by what was held: each block is read before
 * the one in front of it is written, and what is held next before any. */
static void decrypt_behind(struct cipher *cipher, const uint8_t *data, size_t total, uint8_t *into)
{
	size_t held = cipher->held_length;
	uint8_t block[CIPHER_BLOCK], next[CIPHER_BLOCK];

	memcpy(block, cipher->held, held);
	memcpy(block + held, data, CIPHER_BLOCK - held);
	for (size_t at = 0; at < total; at += CIPHER_BLOCK) {
		if (at + CIPHER_BLOCK < total)
			memcpy(next, data + at + CIPHER_BLOCK - held, CIPHER_BLOCK);
		decrypt(cipher, block, CIPHER_BLOCK, into + at);
		memcpy(block, next, CIPHER_BLOCK);
	}
}

size_t cipher_update(struct cipher *cipher, const uint8_t *data, size_t length, uint8_t *into)
{
	size_t total = cipher_room(cipher, length), used = total ? total - cipher->held_length : 0;
	uint8_t rest[CIPHER_BLOCK] = {0};
	size_t rest_length = length - used;

	if (rest_length)
		memcpy(rest, data + used, rest_length);
	if (total && cipher->held_length)
		decrypt_behind(cipher, data, total, into);
	else if (total)
		decrypt(cipher, data, total, into);
	if (total)
		cipher->held_length = 0;
	memcpy(cipher->held + cipher->held_length, rest, rest_length);
	cipher->held_length += rest_length;
	return total;
}

int cipher_final(struct cipher *cipher, uint8_t *into, size_t *ret_length)
{
	uint8_t block[CIPHER_BLOCK];
	size_t padding;
	int rc = 0;

	*ret_length = 0;
	if (!cipher->pad)
		return cipher->held_length ? ERR_DECRYPT : 0;
	if (cipher->held_length != CIPHER_BLOCK)
		return ERR_DECRYPT;
	decrypt(cipher, cipher->held, CIPHER_BLOCK, block);
	padding = block[CIPHER_BLOCK - 1];
	if (!padding || padding > CIPHER_BLOCK)
		rc = ERR_DECRYPT;
	for (size_t i = 0; i < padding && !rc; i++)
		if (block[CIPHER_BLOCK - 1 - i] != padding)
			rc = ERR_DECRYPT;
	if (!rc) {
		*ret_length = CIPHER_BLOCK - padding;
		memcpy(into, block, *ret_length);
	}
	secret_wipe(block, sizeof block);
	return rc;
}

int cipher_unwrap(struct view key, const uint8_t *iv, struct view wrapped, struct buf *into)
{
	static const uint8_t default_iv[UNWRAP_BLOCK] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};
	nettle_cipher_func *function;
	union aes aes;
	size_t length;
	int rc;

	if (wrapped.length % UNWRAP_BLOCK || wrapped.length < 3 * UNWRAP_BLOCK)
		return ERR_DECRYPT;
	length = wrapped.length - UNWRAP_BLOCK;
	rc = buf_reserve(into, length);
	if (rc)
		return rc;
	function = set_key(&aes, key);
	if (nist_keyunwrap16(&aes, function, iv ? iv : default_iv, length, into->data + into->length, wrapped.data))
		into->length += length;
	else
		rc = ERR_DECRYPT;
	secret_wipe(&aes, sizeof aes);
	return rc;
}
