/* SPDX-License-Identifier: ISC
 *
 * What SMIMECapabilities say, and the cipher that follows.
 */
#include "capabilities.h"

#include "fixture.h"

#include <openssl/cms.h>
#include <string.h>

#define ALL_CBC ((unsigned int)(CAPABILITY_AES_128_CBC | CAPABILITY_AES_192_CBC | CAPABILITY_AES_256_CBC))

static unsigned int bits_of(const int *nids, size_t count)
{
	STACK_OF(X509_ALGOR) *list = sk_X509_ALGOR_new_null();
	unsigned char *der = NULL;
	unsigned int bits;
	int length;

	for (size_t i = 0; i < count; i++)
		assert_true(CMS_add_simple_smimecap(&list, nids[i], nids[i] == NID_rc2_cbc ? 128 : -1));
	length = i2d_X509_ALGORS(list, &der);
	assert_true(length > 0);
	bits = capabilities_read((struct view){der, (size_t)length});
	OPENSSL_free(der);
	sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
	return bits;
}

#define BITS(...) bits_of((const int[]){__VA_ARGS__}, sizeof(const int[]){__VA_ARGS__} / sizeof(int))

static void known(void **state)
{
	(void)state;
	assert_int_equal(BITS(NID_aes_256_cbc, NID_aes_128_cbc, NID_des_ede3_cbc),
			 CAPABILITY_AES_256_CBC | CAPABILITY_AES_128_CBC);
	assert_int_equal(BITS(NID_aes_256_gcm), CAPABILITY_AES_256_GCM);
	assert_int_equal(BITS(NID_rsaesOaep, NID_aes_128_gcm), CAPABILITY_RSA_OAEP | CAPABILITY_AES_128_GCM);
	/* Nothing that is good enough: what RFC 8551 wants of all. */
	assert_int_equal(BITS(NID_des_ede3_cbc, NID_rc2_cbc), CAPABILITY_AES_128_CBC);
	assert_int_equal(BITS(NID_rsaesOaep), CAPABILITY_RSA_OAEP | CAPABILITY_AES_128_CBC);
}

static void not_known(void **state)
{
	static const uint8_t damaged[] = {0x30, 0x82, 0xff, 0xff, 0x30};
	static const uint8_t empty[] = {0x30, 0x00};
	static uint8_t large[CAPABILITIES_MAX + 1];

	(void)state;
	assert_int_equal(capabilities_read((struct view){NULL, 0}), ALL_CBC);
	assert_int_equal(capabilities_read((struct view){damaged, sizeof damaged}), ALL_CBC);
	assert_int_equal(capabilities_read((struct view){large, sizeof large}), ALL_CBC);
	assert_int_equal(capabilities_read((struct view){empty, sizeof empty}), CAPABILITY_AES_128_CBC);
}

static void own(void **state)
{
	(void)state;
	assert_true(capabilities_own(true).length);
	assert_int_equal(capabilities_read(capabilities_own(false)),
			 CAPABILITY_AES_256_CBC | CAPABILITY_AES_192_CBC | CAPABILITY_AES_128_CBC);
	assert_int_equal(capabilities_read(capabilities_own(true)),
			 CAPABILITIES_OWN & ~(unsigned int)CAPABILITY_AES_192_GCM);
}

static void choices(void **state)
{
	(void)state;
	assert_int_equal(capabilities_cipher(CAPABILITIES_OWN), NID_aes_256_gcm);
	assert_int_equal(capabilities_cipher(CAPABILITIES_OWN & ALL_CBC), NID_aes_256_cbc);
	assert_int_equal(capabilities_cipher(CAPABILITY_AES_128_GCM | CAPABILITY_AES_256_CBC), NID_aes_256_cbc);
	assert_int_equal(capabilities_cipher(CAPABILITY_AES_128_GCM | CAPABILITY_AES_128_CBC), NID_aes_128_gcm);
	assert_int_equal(capabilities_cipher(CAPABILITY_AES_128_CBC), NID_aes_128_cbc);
	/* One reads GCM alone, another CBC alone: each has to take AES-128-CBC. */
	assert_int_equal(capabilities_cipher(0), NID_aes_128_cbc);
	assert_int_equal(capabilities_cipher(CAPABILITY_RSA_OAEP), NID_aes_128_cbc);
}

static void names(void **state)
{
	static const char *const bad[] = {"", "aes-256", "des-ede3-cbc", "rc2-cbc", "AES-256-GCM", "aes-256-gcm "};

	(void)state;
	assert_int_equal(capabilities_cipher_by_name("aes-256-gcm"), NID_aes_256_gcm);
	assert_int_equal(capabilities_cipher_by_name("aes-128-cbc"), NID_aes_128_cbc);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(capabilities_cipher_by_name(bad[i]), NID_undef);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known), cmocka_unit_test(not_known), cmocka_unit_test(own),
		cmocka_unit_test(choices), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
