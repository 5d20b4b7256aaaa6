/* SPDX-License-Identifier: ISC
 *
 * The PK commands, as the PKCS#11 module or anybody else may send them, and what comes of each answer that a
 * token may give; with the broker and the keys that the fuzzers have.
 */
#include "fixture.h"
#include "key_command.h"
#include "messages.h"
#include "stub_ask.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define RSA_KEY "1"
#define EC_KEY "2"
#define X25519_KEY "3"
#define NO_KEY "4"
#define FIELD 32

static int run(enum message_type type, const char *line, struct buf *into)
{
	char text[200];

	snprintf(text, sizeof text, "%s", line);
	buf_clear(into);
	return key_command_run(type, text, -1, into);
}

static void set_data(size_t length)
{
	char hex[1025] = "";

	assert_true(2 * length < sizeof hex);
	memset(hex, '0', 2 * length);
	assert_int_equal(key_command_data(hex), 0);
}

static void mechanisms_are_for_their_operation(void **state)
{
	static const struct {
		enum message_type type;
		const char *line;
	} wrong[] = {
		{MSG_SIGN, RSA_KEY " rsa-oaep --hash=sha1 --mgf=sha1"}, {MSG_SIGN, EC_KEY " ecdh"},
		{MSG_DECRYPT, RSA_KEY " rsa-pss --hash=sha1 --mgf=sha1"}, {MSG_DECRYPT, EC_KEY " ecdh"},
		{MSG_DERIVE, EC_KEY " ecdsa"}, {MSG_DERIVE, RSA_KEY " rsa-pkcs1"},
		{MSG_SIGN, RSA_KEY " rsa-pss --salt=1025"}, {MSG_SIGN, RSA_KEY " rsa-pss --hash=md5"},
		{MSG_SIGN, RSA_KEY " rsa-pkcs1 more"}, {MSG_SIGN, RSA_KEY}, {MSG_SIGN, ""}, {MSG_SIGN, "-1 ecdsa"},
	};
	CLEAN_BUF struct buf result = BUF_INIT(KEY_RESULT_MAX);

	(void)state;
	stub_ask_open(STUB_KEY);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		set_data(FIELD);
		assert_int_equal(run(wrong[i].type, wrong[i].line, &result), ERR_USAGE);
		assert_int_equal(result.length, 0);
	}
	set_data(FIELD);
	assert_int_equal(run(MSG_SIGN, EC_KEY " ecdsa", &result), 0);
	assert_int_equal(run(MSG_SIGN, RSA_KEY " rsa-pss --hash=sha256 --mgf=sha256 --salt=1024", &result), 0);
	assert_int_equal(run(MSG_SIGN, X25519_KEY " eddsa", &result), ERR_KEY_UNUSABLE);
	assert_int_equal(run(MSG_SIGN, NO_KEY " ecdsa", &result), ERR_KEY_STALE);
}

static void broken_data_is_not_signed(void **state)
{
	CLEAN_BUF struct buf result = BUF_INIT(KEY_RESULT_MAX);

	(void)state;
	stub_ask_open(STUB_KEY);
	set_data(FIELD);
	assert_int_equal(key_command_data("--append 0g"), ERR_USAGE);
	assert_int_equal(key_command_data("--append 00"), 0);
	assert_int_equal(run(MSG_SIGN, RSA_KEY " rsa-pkcs1", &result), ERR_USAGE);
	set_data(FIELD);
	assert_int_equal(run(MSG_SIGN, RSA_KEY " rsa-pkcs1", &result), 0);
}

/* The P-256 key's own point is as good as any. */
static void set_point(void)
{
	const char *srcdir = getenv("srcdir");
	unsigned char *point = NULL;
	char path[4096], hex[200] = "";
	FILE *file;
	EVP_PKEY *key;
	size_t length;

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus-key/p256.pem", srcdir ? srcdir : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	length = EVP_PKEY_get1_encoded_public_key(key, &point);
	assert_int_equal(length, 2 * FIELD + 1);
	for (size_t i = 0; i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", point[i]);
	OPENSSL_free(point);
	EVP_PKEY_free(key);
	assert_int_equal(key_command_data(hex), 0);
}

/* SEC 1 section 2.3.5: as long as the field, whatever the token left out. */
static void secrets_have_their_zeros(void **state)
{
	CLEAN_BUF struct buf result = BUF_INIT(KEY_RESULT_MAX);

	(void)state;
	for (enum stub_answer answer = STUB_KEY; answer <= STUB_SHORT; answer++) {
		int wanted = answer == STUB_KEY || answer == STUB_SHORT ? 0 : answer == STUB_EMPTY ? ERR_TOKEN : ERR_DECRYPT;

		stub_ask_open(answer);
		set_point();
		assert_int_equal(run(MSG_DERIVE, EC_KEY " ecdh", &result), wanted);
		assert_int_equal(result.length, wanted ? 0 : FIELD);
		/* The point was for one use. */
		assert_int_equal(run(MSG_DERIVE, EC_KEY " ecdh", &result), ERR_MECHANISM);
	}
	stub_ask_open(STUB_LONG);
	set_point();
	assert_int_equal(run(MSG_DERIVE, EC_KEY " ecdh", &result), ERR_TOKEN);
	set_data(2 * FIELD + 1);
	assert_int_equal(run(MSG_DERIVE, EC_KEY " ecdh", &result), ERR_MECHANISM);
}

/* 32 bytes, be they as they may, but none of small order (RFC 7748 section 6.1). */
static void x25519_points(void **state)
{
	static const struct {
		const char *point;
		int err;
	} cases[] = {
		{"0900000000000000000000000000000000000000000000000000000000000000", 0},
		{"041e000000000000000000000000000000000000000000000000000000000000", 0}, /* as the header of 30 bytes */
		{"0000000000000000000000000000000000000000000000000000000000000000", ERR_MECHANISM},
		{"0100000000000000000000000000000000000000000000000000000000000000", ERR_MECHANISM},
		{"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", ERR_MECHANISM},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", ERR_MECHANISM},
		{"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", ERR_MECHANISM},
		{"09000000000000000000000000000000000000000000000000000000000000", ERR_MECHANISM},
		{"090000000000000000000000000000000000000000000000000000000000000000", ERR_MECHANISM},
	};
	CLEAN_BUF struct buf result = BUF_INIT(KEY_RESULT_MAX);

	(void)state;
	stub_ask_open(STUB_KEY);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(key_command_data(cases[i].point), 0);
		assert_int_equal(run(MSG_DERIVE, X25519_KEY " ecdh", &result), cases[i].err);
		assert_int_equal(result.length, cases[i].err ? 0 : FIELD);
	}
}

/* A token that does not say why is as one that found the padding wrong; one that is gone is gone. */
static void failures_of_decryption(void **state)
{
	CLEAN_BUF struct buf result = BUF_INIT(KEY_RESULT_MAX);
	static const struct {
		enum stub_answer answer;
		int err;
	} table[] = {{STUB_BLOCK, ERR_DECRYPT}, {STUB_REFUSE, ERR_DECRYPT}, {STUB_UNCLEAR, ERR_DECRYPT},
		     {STUB_REMOVED, ERR_TOKEN_REMOVED}};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		stub_ask_open(table[i].answer);
		set_data(256);
		assert_int_equal(run(MSG_DECRYPT, RSA_KEY " rsa-pkcs1", &result), table[i].err);
		assert_int_equal(result.length, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mechanisms_are_for_their_operation),
		cmocka_unit_test(broken_data_is_not_signed),
		cmocka_unit_test(secrets_have_their_zeros), cmocka_unit_test(x25519_points),
		cmocka_unit_test(failures_of_decryption),
	};

	return cmocka_run_group_tests_name("key_command", tests, NULL, NULL);
}
