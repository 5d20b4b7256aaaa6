/* SPDX-License-Identifier: ISC
 *
 * AES and digests of the PKCS#11 module, beside published examples.
 */
#include "cipher.h"

#include "fixture.h"
#include "hash.h"

#include <stdio.h>
#include <string.h>

static size_t bytes(const char *hex, uint8_t *into)
{
	size_t length = 0;
	unsigned int byte;

	for (; *hex; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		into[length++] = (uint8_t)byte;
	}
	return length;
}

/* NIST SP 800-38A, F.2.2. */
static const char *const key_text = "2b7e151628aed2a6abf7158809cf4f3c";
static const char *const iv_text = "000102030405060708090a0b0c0d0e0f";
static const char *const encrypted = "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
				     "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7";
static const char *const plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
				 "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

/* In pieces of every size, into another place and into the same. */
static void cbc_in_pieces(void **state)
{
	uint8_t key[16], iv[16], data[64], wanted[64], out[96];

	(void)state;
	bytes(key_text, key);
	bytes(iv_text, iv);
	bytes(plain, wanted);
	for (size_t piece = 1; piece <= 64; piece++)
		for (int in_place = 0; in_place < 2; in_place++) {
			struct cipher *cipher = cipher_new((struct view){key, 16}, iv, false);
			size_t done = 0, last;

			bytes(encrypted, data);
			for (size_t at = 0; at < 64; at += piece) {
				uint8_t copy[64];
				size_t length = 64 - at < piece ? 64 - at : piece, room = cipher_room(cipher, length);
				uint8_t *into = in_place ? copy : out + done;

				memcpy(copy, data + at, length);
				assert_int_equal(cipher_update(cipher, copy, length, into), room);
				if (in_place)
					memcpy(out + done, copy, room);
				done += room;
			}
			assert_int_equal(cipher_final(cipher, out + done, &last), 0);
			assert_int_equal(done + last, 64);
			assert_memory_equal(out, wanted, 64);
			cipher_free(cipher);
		}
}

/* With padding, the last block waits for the end, whatever comes in between; in place as well. */
static void cbc_padding_waits(void **state)
{
	uint8_t key[16], iv[16], data[64], wanted[64], out[64];
	size_t last;

	(void)state;
	bytes(key_text, key);
	bytes(iv_text, iv);
	bytes(plain, wanted);
	for (size_t piece = 1; piece <= 64; piece++) {
		struct cipher *cipher = cipher_new((struct view){key, 16}, iv, true);
		size_t done = 0;

		bytes(encrypted, data);
		for (size_t at = 0; at < 64; at += piece) {
			uint8_t copy[64];
			size_t length = 64 - at < piece ? 64 - at : piece, got;

			assert_int_equal(cipher_room(cipher, 0), 0);
			assert_int_equal(cipher_update(cipher, data, 0, out), 0);
			memcpy(copy, data + at, length);
			got = cipher_update(cipher, copy, length, copy);
			memcpy(out + done, copy, got);
			done += got;
		}
		assert_int_equal(done, 48);
		assert_memory_equal(out, wanted, 48);
		assert_int_equal(cipher_final(cipher, out, &last), ERR_DECRYPT); /* the example has no padding */
		cipher_free(cipher);
	}
}

static void cbc_ends(void **state)
{
	uint8_t key[16], iv[16], data[64], out[64];
	size_t last;

	(void)state;
	bytes(key_text, key);
	bytes(iv_text, iv);
	bytes(encrypted, data);
	for (int pad = 0; pad < 2; pad++) {
		struct cipher *cipher = cipher_new((struct view){key, 16}, iv, pad);

		cipher_update(cipher, data, 17, out);
		assert_int_equal(cipher_final(cipher, out, &last), ERR_DECRYPT);
		cipher_free(cipher);
		/* The example's last byte is 10, which is no padding here: the bytes before it are others. */
		cipher = cipher_new((struct view){key, 16}, iv, pad);
		cipher_update(cipher, data, 64, out);
		assert_int_equal(cipher_final(cipher, out, &last), pad ? ERR_DECRYPT : 0);
		cipher_free(cipher);
	}
}

/* RFC 3394 sections 4.1 and 4.6. */
static void unwrap(void **state)
{
	static const struct {
		const char *key, *wrapped, *plain;
	} table[] = {
		{"000102030405060708090a0b0c0d0e0f", "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
		 "00112233445566778899aabbccddeeff"},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		 "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
		 "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint8_t key[32], wrapped[40], wanted[32];
		size_t key_length = bytes(table[i].key, key), length = bytes(table[i].wrapped, wrapped);
		CLEAN_BUF struct buf got = BUF_SECRET(64);

		assert_int_equal(cipher_unwrap((struct view){key, key_length}, NULL, (struct view){wrapped, length}, &got), 0);
		assert_int_equal(got.length, bytes(table[i].plain, wanted));
		assert_memory_equal(got.data, wanted, got.length);
		wrapped[3] ^= 1;
		assert_int_equal(cipher_unwrap((struct view){key, key_length}, NULL, (struct view){wrapped, length}, &got),
				 ERR_DECRYPT);
		assert_int_equal(cipher_unwrap((struct view){key, key_length}, NULL, (struct view){wrapped, 16}, &got),
				 ERR_DECRYPT);
	}
}

/* NIST's CAVS example for ANSI X9.63 with SHA-1, and one over two rounds against the definition. */
static void x963(void **state)
{
	CLEAN_BUF struct buf got = BUF_SECRET(64);
	uint8_t secret[24], wanted[64], input[24 + 4 + 3];
	struct hash_state *hashing = hash_new(HASH_SHA256);

	(void)state;
	bytes("1c7d7b5f0597b03d06a018466ed1a93e30ed4b04dc64ccdd", secret);
	bytes("bf71dffd8f4d99223936beb46fee8ccc", wanted);
	assert_int_equal(hash_x963(HASH_SHA1, (struct view){secret, 24}, (struct view){NULL, 0}, &got, 16), 0);
	assert_memory_equal(got.data, wanted, 16);
	buf_clear(&got);
	assert_int_equal(hash_x963(HASH_SHA256, (struct view){secret, 24}, view_string("abc"), &got, 40), 0);
	memcpy(input, secret, 24);
	memcpy(input + 28, "abc", 3);
	for (uint8_t round = 1; round <= 2; round++) {
		memcpy(input + 24, (uint8_t[]){0, 0, 0, round}, 4);
		hash_update(hashing, input, sizeof input);
		hash_final(hashing, wanted + 32 * (round - 1));
	}
	assert_int_equal(got.length, 40);
	assert_memory_equal(got.data, wanted, 40);
	hash_free(hashing);
}

/* FIPS 180's "abc" in a DigestInfo of RFC 8017. */
static void digest_info(void **state)
{
	CLEAN_BUF struct buf got = BUF_INIT(100);
	uint8_t digest[HASH_BYTES_MAX], wanted[51];
	struct hash_state *hashing = hash_new(HASH_SHA256);

	(void)state;
	hash_update(hashing, "abc", 3);
	hash_final(hashing, digest);
	hash_free(hashing);
	bytes("3031300d060960864801650304020105000420"
	      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", wanted);
	assert_int_equal(hash_digest_info(HASH_SHA256, digest, &got), 0);
	assert_int_equal(got.length, sizeof wanted);
	assert_memory_equal(got.data, wanted, sizeof wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cbc_in_pieces), cmocka_unit_test(cbc_padding_waits), cmocka_unit_test(cbc_ends), cmocka_unit_test(unwrap),
		cmocka_unit_test(x963),		 cmocka_unit_test(digest_info),
	};

	return cmocka_run_group_tests_name("cipher", tests, NULL, NULL);
}
