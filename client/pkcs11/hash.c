/* SPDX-License-Identifier: ISC
 *
 * One table of the digests that PKCS#11's mechanisms name.
 */
#include "hash.h"

#include "secret.h"

#include <nettle/nettle-meta.h>
#include <stdlib.h>
#include <string.h>

/* The header's names for these come with PKCS#11 2.40, and not all of them. */
#ifndef CKG_MGF1_SHA224
#define CKG_MGF1_SHA224 5UL
#endif

static const struct {
	const struct nettle_hash *nettle;
	CK_MECHANISM_TYPE mechanism;
	CK_RSA_PKCS_MGF_TYPE mgf;
	CK_ULONG kdf;
	uint8_t prefix[19]; /* DigestInfo, up to the digest */
	size_t prefix_length;
} hashes[HASH_LIMIT] = {
	[HASH_SHA1] = {&nettle_sha1, CKM_SHA_1, CKG_MGF1_SHA1, CKD_SHA1_KDF,
		       {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}, 15},
	[HASH_SHA224] = {&nettle_sha224, CKM_SHA224, CKG_MGF1_SHA224, CKD_SHA224_KDF,
			 {0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
			  0x04, 0x05, 0x00, 0x04, 0x1c}, 19},
	[HASH_SHA256] = {&nettle_sha256, CKM_SHA256, CKG_MGF1_SHA256, CKD_SHA256_KDF,
			 {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
			  0x01, 0x05, 0x00, 0x04, 0x20}, 19},
	[HASH_SHA384] = {&nettle_sha384, CKM_SHA384, CKG_MGF1_SHA384, CKD_SHA384_KDF,
			 {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
			  0x02, 0x05, 0x00, 0x04, 0x30}, 19},
	[HASH_SHA512] = {&nettle_sha512, CKM_SHA512, CKG_MGF1_SHA512, CKD_SHA512_KDF,
			 {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
			  0x03, 0x05, 0x00, 0x04, 0x40}, 19},
};

struct hash_state {
	const struct nettle_hash *nettle;
	max_align_t context[];
};

size_t hash_size(enum hash hash)
{
	return hash ? hashes[hash].nettle->digest_size : 0;
}

struct hash_state *hash_new(enum hash hash)
{
	const struct nettle_hash *nettle = hashes[hash].nettle;
	struct hash_state *state = malloc(sizeof *state + nettle->context_size);

	if (!state)
		return NULL;
	state->nettle = nettle;
	nettle->init(state->context);
	return state;
}

void hash_update(struct hash_state *state, const void *data, size_t length)
{
	state->nettle->update(state->context, length, data);
}

void hash_final(struct hash_state *state, uint8_t *into)
{
	state->nettle->digest(state->context, state->nettle->digest_size, into);
}

void hash_free(struct hash_state *state)
{
	if (!state)
		return;
	secret_wipe(state->context, state->nettle->context_size);
	free(state);
}

int hash_digest_info(enum hash hash, const uint8_t *digest, struct buf *into)
{
	int rc = buf_add(into, hashes[hash].prefix, hashes[hash].prefix_length);

	return rc ? rc : buf_add(into, digest, hash_size(hash));
}

enum hash hash_of_mechanism(CK_MECHANISM_TYPE mechanism)
{
	for (enum hash hash = HASH_SHA1; hash < HASH_LIMIT; hash++)
		if (hashes[hash].mechanism == mechanism)
			return hash;
	return HASH_NONE;
}

enum hash hash_of_mgf(CK_RSA_PKCS_MGF_TYPE mgf)
{
	for (enum hash hash = HASH_SHA1; hash < HASH_LIMIT; hash++)
		if (hashes[hash].mgf == mgf)
			return hash;
	return HASH_NONE;
}

enum hash hash_of_kdf(CK_ULONG kdf)
{
	for (enum hash hash = HASH_SHA1; hash < HASH_LIMIT; hash++)
		if (hashes[hash].kdf == kdf)
			return hash;
	return HASH_NONE;
}

int hash_x963(enum hash hash, struct view secret, struct view shared, struct buf *into, size_t length)
{
	struct hash_state *state = hash_new(hash);
	uint8_t digest[HASH_BYTES_MAX];
	int rc = state ? 0 : ERR_NO_MEMORY;

	for (uint32_t counter = 1; length && !rc; counter++) {
		uint8_t count[] = {(uint8_t)(counter >> 24), (uint8_t)(counter >> 16), (uint8_t)(counter >> 8),
				   (uint8_t)counter};
		size_t part = length < hash_size(hash) ? length : hash_size(hash);

		hash_update(state, secret.data, secret.length);
		hash_update(state, count, sizeof count);
		hash_update(state, shared.data, shared.length);
		hash_final(state, digest);
		rc = buf_add(into, digest, part);
		length -= part;
	}
	secret_wipe(digest, sizeof digest);
	hash_free(state);
	return rc;
}
