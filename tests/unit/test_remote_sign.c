/* SPDX-License-Identifier: ISC
 *
 * Signing through the provider, with the fuzzers' broker: with a token that is there, and with one that went when the keys
 * were listed, whose card is back by the time that it is asked.
 */
#include "fixture.h"
#include "keys.h"
#include "pki.h"
#include "stub_ask.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#define THERE (TOKEN_LOGGED_IN | TOKEN_INITIALISED | TOKEN_ECDH)

static struct key *list_rsa_key(uint32_t flags)
{
	struct key *key = NULL;

	stub_ask_open(STUB_KEY);
	stub_ask_flags = flags;
	assert_int_equal(keys_refresh(LIST_TOKENS), 0);
	assert_int_equal(keys_select("rsa", CERT_USE_SIGN, &key), 0);
	return key;
}

/* The provider verifies what the token gave; so does this. */
static void check_pss(uint32_t flags)
{
	static const unsigned char text[] = "Hello Bob";
	struct key *key = list_rsa_key(flags);
	unsigned char signature[512];
	size_t length = sizeof signature;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;

	assert_int_equal(EVP_DigestSignInit_ex(ctx, &options, "SHA256", NULL, NULL, keys_remote(key), NULL), 1);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) > 0);
	assert_int_equal(EVP_DigestSign(ctx, signature, &length, text, sizeof text), 1);
	EVP_MD_CTX_free(ctx);
	ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit(ctx, &options, EVP_sha256(), NULL, X509_get0_pubkey(key->cert)), 1);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) > 0);
	assert_int_equal(EVP_DigestVerify(ctx, signature, length, text, sizeof text), 1);
	EVP_MD_CTX_free(ctx);
}

static void token_does_pss(void **state)
{
	(void)state;
	check_pss(THERE | TOKEN_RSA_PSS | TOKEN_RSA_RAW);
	check_pss(THERE | TOKEN_RSA_PSS);
	check_pss(THERE | TOKEN_RSA_PSS | TOKEN_ABSENT);
}

static void token_does_raw_rsa_alone(void **state)
{
	(void)state;
	check_pss(THERE | TOKEN_RSA_RAW);
	check_pss(THERE | TOKEN_RSA_RAW | TOKEN_ABSENT);
}

/* A CA's certificate that lies on the token goes into the signature whether the card is there when that is begun or not. */
static void issuer_on_a_token_is_found(void **state)
{
	static const uint32_t flags[] = {THERE | TOKEN_RSA_PSS, THERE | TOKEN_RSA_PSS | TOKEN_ABSENT};
	EVP_PKEY *ca_key = pki_key("EC"), *key = pki_key("EC");
	X509 *ca = pki_cert(&(struct pki_spec){.subject = "/CN=CA", .key = ca_key, .extensions = {{"basicConstraints", "CA:TRUE"}}});
	X509 *cert = pki_cert(&(struct pki_spec){.subject = "/CN=Alice", .key = key, .issuer = ca, .issuer_key = ca_key});
	unsigned char *der = NULL;
	int length = i2d_X509(ca, &der);

	(void)state;
	assert_true(length > 0);
	stub_ask_cert = (struct view){der, (size_t)length};
	for (size_t i = 0; i < 2; i++) {
		STACK_OF(X509) *pool = sk_X509_new_null();
		bool pooled = false;

		list_rsa_key(flags[i]);
		assert_non_null(keys_issuer(cert));
		assert_int_equal(X509_cmp(keys_issuer(cert), ca), 0);
		assert_true(keys_add_issuers(pool));
		for (int n = 0; n < sk_X509_num(pool); n++)
			pooled = pooled || !X509_cmp(sk_X509_value(pool, n), ca);
		assert_true(pooled);
		sk_X509_free(pool);
	}
	stub_ask_cert = (struct view){NULL, 0};
	OPENSSL_free(der);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_does_pss),
		cmocka_unit_test(token_does_raw_rsa_alone),
		cmocka_unit_test(issuer_on_a_token_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
