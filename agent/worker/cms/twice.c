/* SPDX-License-Identifier: ISC
 *
 * The chunks are compared by Poly1305 under a key that nobody sees, nor the tags: faster than the
 * cipher, and 16 bytes for 64 KiB.
 */
#include "twice.h"

#include "ask.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define TAG_SIZE 16
/* Content of 256 GiB. */
#define TAGS_MAX (64u << 20)

int twice_begin(struct twice *twice, struct envelope *envelope, struct input *input)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", "provider=default");

	*twice = (struct twice){.envelope = envelope,
				.input = input,
				.spool = -1,
				.tags = BUF_INIT(TAGS_MAX),
				.first = true};
	twice->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (!twice->mac || RAND_bytes(twice->key, sizeof twice->key) != 1)
		return ERR_INTERNAL;
	if (!input->seekable)
		return ask_spool(&twice->spool, &twice->spool_left);
	twice->ber = envelope->ber;
	twice->mark = input_mark(input);
	return twice->mark ? 0 : ERR_NO_MEMORY;
}

int twice_again(struct twice *twice)
{
	twice->first = false;
	twice->next_tag = 0;
	if (twice->spool >= 0)
		return lseek(twice->spool, 0, SEEK_SET) ? ERR_READ : 0;
	twice->envelope->ber = twice->ber;
	return input_return(twice->input, twice->mark);
}

static int read_some(struct twice *twice, uint8_t *into, size_t size, size_t *ret_length)
{
	ssize_t got;

	if (twice->first || twice->spool < 0)
		return envelope_read(twice->envelope, into, size, ret_length);
	got = read(twice->spool, into, size);
	if (got < 0)
		return ERR_READ;
	*ret_length = (size_t)got;
	return 0;
}

static int write_spool(struct twice *twice, const uint8_t *data, size_t length)
{
	if (length > twice->spool_left)
		return ERR_TOO_LARGE;
	twice->spool_left -= length;
	while (length) {
		ssize_t written = write(twice->spool, data, length);

		if (written <= 0)
			return ERR_NO_SPACE;
		data += written;
		length -= (size_t)written;
	}
	return 0;
}

/* Keeps the chunk's tag, or compares it with the one that was kept. */
static int check_chunk(struct twice *twice, const uint8_t *data, size_t length)
{
	uint8_t tag[TAG_SIZE];
	size_t size = 0;

	if (!EVP_MAC_init(twice->mac, twice->key, sizeof twice->key, NULL) ||
	    !EVP_MAC_update(twice->mac, data, length) || !EVP_MAC_final(twice->mac, tag, &size, sizeof tag) ||
	    size != sizeof tag)
		return ERR_INTERNAL;
	if (twice->first)
		return buf_add(&twice->tags, tag, sizeof tag);
	if (twice->next_tag + TAG_SIZE > twice->tags.length ||
	    CRYPTO_memcmp(twice->tags.data + twice->next_tag, tag, sizeof tag))
		return ERR_DECRYPT;
	twice->next_tag += TAG_SIZE;
	return 0;
}

int twice_read(struct twice *twice, uint8_t into[TWICE_CHUNK], size_t *ret_length)
{
	size_t length = 0, got = 1;
	int rc = 0;

	while (!rc && got && length < TWICE_CHUNK) {
		rc = read_some(twice, into + length, TWICE_CHUNK - length, &got);
		length += rc ? 0 : got;
	}
	if (!rc && length)
		rc = check_chunk(twice, into, length);
	if (!rc && twice->first && twice->spool >= 0)
		rc = write_spool(twice, into, length);
	*ret_length = length;
	return rc;
}

void twice_done(struct twice *twice)
{
	free(twice->mark);
	if (twice->spool >= 0)
		close(twice->spool);
	EVP_MAC_CTX_free(twice->mac);
	buf_done(&twice->tags);
	OPENSSL_cleanse(twice->key, sizeof twice->key);
}
