/* SPDX-License-Identifier: ISC
 *
 * Digests of content in both forms, whatever the pieces in which it comes.
 */
#include "digests.h"

#include "fixture.h"

#include <string.h>

static bool is_digest_of(const EVP_MD_CTX *running, const char *text)
{
	unsigned char got[EVP_MAX_MD_SIZE], wanted[EVP_MAX_MD_SIZE];
	unsigned int length = 0, wanted_length = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_non_null(running);
	assert_true(EVP_MD_CTX_copy_ex(ctx, running) && EVP_DigestFinal_ex(ctx, got, &length));
	assert_true(EVP_Digest(text, strlen(text), wanted, &wanted_length, EVP_MD_CTX_get0_md(running), NULL));
	EVP_MD_CTX_free(ctx);
	return length == wanted_length && !memcmp(got, wanted, length);
}

static void check(const char *text, const char *canonical)
{
	for (size_t step = 1; step <= strlen(text) + 1; step++) {
		CLEAN_DIGESTS struct digests digests;

		digests_init(&digests, true);
		assert_int_equal(digests_add(&digests, NID_sha256), 0);
		assert_int_equal(digests_add(&digests, NID_sha1), 0);
		for (size_t at = 0; at < strlen(text); at += step) {
			size_t left = strlen(text) - at;

			assert_int_equal(digests_update(&digests, text + at, left < step ? left : step), 0);
		}
		assert_true(is_digest_of(digests_get(&digests, NID_sha256, DIGESTS_EXACT), text));
		assert_true(is_digest_of(digests_get(&digests, NID_sha256, DIGESTS_CANONICAL), canonical));
		assert_true(is_digest_of(digests_get(&digests, NID_sha1, DIGESTS_CANONICAL), canonical));
		assert_int_equal(digests.differ, strcmp(text, canonical) != 0);
	}
}

static void both_forms(void **state)
{
	(void)state;
	check("", "");
	check("one\r\ntwo\r\n", "one\r\ntwo\r\n");
	check("one\ntwo\n", "one\r\ntwo\r\n");
	check("one\r\ntwo\nthree\r\n\n\r\r\n", "one\r\ntwo\r\nthree\r\n\r\n\r\r\n");
	check("\n", "\r\n");
	check("bare\rreturn\r", "bare\rreturn\r");
}

static unsigned int named(const char *micalg)
{
	CLEAN_DIGESTS struct digests digests;

	digests_init(&digests, true);
	assert_int_equal(digests_add_micalg(&digests, micalg), 0);
	assert_non_null(digests_get(&digests, NID_sha256, DIGESTS_EXACT));
	return digests.count;
}

static void micalg_names_digests(void **state)
{
	(void)state;
	assert_int_equal(named("sha-256"), 1);
	assert_int_equal(named("SHA256"), 1);
	assert_int_equal(named("sha-512"), 2);
	assert_int_equal(named("sha384, sha-512"), 3);
	/* What old programs say of new signatures, and what says nothing: all are kept ready. */
	assert_int_equal(named("sha1"), 6);
	assert_int_equal(named(""), 6);
	assert_int_equal(named("unknown,sha-2567"), 6);
}

static void unknown_digests_are_passed_over(void **state)
{
	CLEAN_DIGESTS struct digests digests;

	(void)state;
	digests_init(&digests, false);
	assert_int_equal(digests_add(&digests, NID_aes_128_cbc), 0);
	assert_int_equal(digests_add(&digests, NID_undef), 0);
	assert_int_equal(digests.count, 0);
	assert_null(digests_get(&digests, NID_sha256, DIGESTS_EXACT));
	assert_true(digests_is_weak(NID_md5) && digests_is_weak(NID_sha1) && digests_is_weak(NID_undef));
	assert_false(digests_is_weak(NID_sha256) || digests_is_weak(NID_sha512));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms),
		cmocka_unit_test(micalg_names_digests),
		cmocka_unit_test(unknown_digests_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
