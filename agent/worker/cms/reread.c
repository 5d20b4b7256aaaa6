/* SPDX-License-Identifier: ISC
 *
 * The chunks are compared by Poly1305 under a key that nobody sees, nor the tags: faster than the
 * cipher, and 16 bytes for 64 KiB.
 */
#include "reread.h"

#include "ask.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define TAG_SIZE 16
/* Content of 256 GiB. */
#define TAGS_MAX (64u << 20)

int reread_begin(struct reread *reread, struct envelope *envelope, struct input *input)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", "provider=default");

	*reread = (struct reread){.envelope = envelope,
				.input = input,
				.spool = -1,
				.tags = BUF_INIT(TAGS_MAX),
				.first = true};
	reread->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (!reread->mac || RAND_bytes(reread->key, sizeof reread->key) != 1)
		return ERR_INTERNAL;
	if (!input->seekable)
		return ask_spool(&reread->spool, &reread->spool_left);
	reread->ber = envelope->ber;
	reread->mark = input_mark(input);
	return reread->mark ? 0 : ERR_NO_MEMORY;
}

int reread_again(struct reread *reread)
{
	reread->first = false;
	reread->next_tag = 0;
	if (reread->spool >= 0)
		return lseek(reread->spool, 0, SEEK_SET) ? ERR_READ : 0;
	reread->envelope->ber = reread->ber;
	return input_return(reread->input, reread->mark);
}

static int read_some(struct reread *reread, uint8_t *into, size_t size, size_t *ret_length)
{
	ssize_t got;

	if (reread->first || reread->spool < 0)
		return envelope_read(reread->envelope, into, size, ret_length);
	got = read(reread->spool, into, size);
	if (got < 0)
		return ERR_READ;
	*ret_length = (size_t)got;
	return 0;
}

static int write_spool(struct reread *reread, const uint8_t *data, size_t length)
{
	if (length > reread->spool_left)
		return ERR_TOO_LARGE;
	reread->spool_left -= length;
	while (length) {
		ssize_t written = write(reread->spool, data, length);

		if (written <= 0)
			return ERR_NO_SPACE;
		data += written;
		length -= (size_t)written;
	}
	return 0;
}

/* Keeps the chunk's tag, or compares it with the one that was kept. */
static int check_chunk(struct reread *reread, const uint8_t *data, size_t length)
{
	uint8_t tag[TAG_SIZE];
	size_t size = 0;

	if (!EVP_MAC_init(reread->mac, reread->key, sizeof reread->key, NULL) ||
	    !EVP_MAC_update(reread->mac, data, length) || !EVP_MAC_final(reread->mac, tag, &size, sizeof tag) ||
	    size != sizeof tag)
		return ERR_INTERNAL;
	if (reread->first)
		return buf_add(&reread->tags, tag, sizeof tag);
	if (reread->next_tag + TAG_SIZE > reread->tags.length ||
	    CRYPTO_memcmp(reread->tags.data + reread->next_tag, tag, sizeof tag))
		return ERR_DECRYPT;
	reread->next_tag += TAG_SIZE;
	return 0;
}

int reread_read(struct reread *reread, uint8_t into[REREAD_CHUNK], size_t *ret_length)
{
	size_t length = 0, got = 1;
	int rc = 0;

	while (!rc && got && length < REREAD_CHUNK) {
		rc = read_some(reread, into + length, REREAD_CHUNK - length, &got);
		length += rc ? 0 : got;
	}
	if (!rc && length)
		rc = check_chunk(reread, into, length);
	if (!rc && reread->first && reread->spool >= 0)
		rc = write_spool(reread, into, length);
	*ret_length = length;
	return rc;
}

void reread_done(struct reread *reread)
{
	free(reread->mark);
	if (reread->spool >= 0)
		close(reread->spool);
	EVP_MAC_CTX_free(reread->mac);
	buf_done(&reread->tags);
	OPENSSL_cleanse(reread->key, sizeof reread->key);
}
